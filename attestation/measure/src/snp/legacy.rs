//! Digests of guests without nested pages: SEV and SEV-ES hash all that is loaded in one go.

use sha2::{Digest as _, Sha256};

use super::launch::{Launch, LaunchError, VCPUS_MAX};
use crate::Hex;

/// Computes the launch digest of an SEV guest from the firmware's file.
///
/// # Errors
/// If a kernel is given that the firmware would not check; `launch` gives firmware and kernel.
pub fn sev_digest(file: &[u8], launch: &Launch<'_>) -> Result<Hex<32>, LaunchError> {
    Ok(Hex(loaded(file, launch)?.finalize().into()))
}

/// Computes the launch digest of an SEV-ES guest, in which the processors' states count too.
///
/// # Errors
/// As [`sev_digest`], or if the number of processors is not possible.
pub fn sev_es_digest(file: &[u8], launch: &Launch<'_>) -> Result<Hex<32>, LaunchError> {
    if launch.vcpus == 0 || launch.vcpus > VCPUS_MAX {
        let vcpus = launch.vcpus;
        return Err(LaunchError::Vcpus { vcpus });
    }
    // SEV_FEATURES are a matter of SEV-SNP.
    let processors = Launch {
        guest_features: 0,
        ..*launch
    }
    .processors()?;
    let mut hash = loaded(file, launch)?;
    for page in processors.pages(launch.vcpus) {
        hash.update(page);
    }
    Ok(Hex(hash.finalize().into()))
}

fn loaded(file: &[u8], launch: &Launch<'_>) -> Result<Sha256, LaunchError> {
    let mut hash = Sha256::new_with_prefix(file);
    if let Some(kernel) = &launch.kernel {
        if launch.firmware.hashes_address.is_none() {
            return Err(LaunchError::NoKernelHashes);
        }
        hash.update(kernel.table());
    }
    Ok(hash)
}

#[cfg(test)]
mod tests {
    use super::super::firmware::tests::Builder;
    use super::super::{CpuSignature, Firmware, KernelHashes, Vmm};
    use super::*;

    #[test]
    fn what_is_loaded_and_the_processors_of_sev_es_count() {
        let file = Builder::default().build();
        let firmware = Firmware::parse(&file).unwrap();
        let launch = launch(&firmware);
        let more = Launch { vcpus: 2, ..launch };
        let bare = Launch {
            kernel: None,
            ..launch
        };
        let features = Launch {
            guest_features: 0x21,
            ..launch
        };

        assert_eq!(sev_digest(&file, &launch), sev_digest(&file, &more));
        assert_ne!(sev_digest(&file, &launch), sev_digest(&file, &bare));
        assert_ne!(sev_digest(&file, &launch), sev_es_digest(&file, &launch));
        assert_ne!(sev_es_digest(&file, &launch), sev_es_digest(&file, &more));
        assert_eq!(
            sev_es_digest(&file, &launch),
            sev_es_digest(&file, &features)
        );
        assert_eq!(
            sev_digest(&file, &bare),
            Ok(Hex(Sha256::digest(&file).into()))
        );
    }

    #[test]
    fn what_does_not_go_together_is_refused() {
        let file = Builder::default().build();
        let mut firmware = Firmware::parse(&file).unwrap();
        let vcpus = 0;
        let none = Launch {
            vcpus,
            ..launch(&firmware)
        };
        assert_eq!(
            sev_es_digest(&file, &none),
            Err(LaunchError::Vcpus { vcpus })
        );

        firmware.hashes_address = None;
        firmware.reset_address = None;
        let one = launch(&firmware);
        let two = Launch { vcpus: 2, ..one };
        assert_eq!(sev_digest(&file, &one), Err(LaunchError::NoKernelHashes));
        assert_eq!(sev_es_digest(&file, &one), Err(LaunchError::NoKernelHashes));
        assert_eq!(sev_es_digest(&file, &two), Err(LaunchError::NoResetAddress));
    }

    fn launch(firmware: &Firmware) -> Launch<'_> {
        Launch {
            firmware,
            kernel: Some(KernelHashes::of(b"kernel", None, "")),
            vmm: Vmm::Qemu,
            vcpus: 1,
            signature: CpuSignature::of(23, 1, 2),
            guest_features: 1,
        }
    }
}
