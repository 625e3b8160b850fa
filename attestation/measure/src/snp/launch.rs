//! The launch digest from the inputs of a launch.

use sha2::{Digest as _, Sha384};

use super::chain::{Chain, PAGE_BYTES, PageType};
use super::cpu::{CpuSignature, Vmm};
use super::firmware::{Firmware, FirmwareError, Section, SectionKind};
use super::kernel::KernelHashes;
use super::vmsa::{FIRST_ADDRESS, FirstState};
use crate::Hex;

/// Most processors of a guest.
pub const VCPUS_MAX: u32 = 4096;

/// Everything that decides a launch digest.
#[derive(Debug, Clone, Copy)]
pub struct Launch<'a> {
    /// The firmware.
    pub firmware: &'a Firmware,
    /// Hashes of a direct boot; `None` if the firmware finds its system elsewhere.
    pub kernel: Option<KernelHashes>,
    /// Who starts the guest.
    pub vmm: Vmm,
    /// How many processors it starts with.
    pub vcpus: u32,
    /// Signature of the processors; counts under QEMU alone.
    pub signature: CpuSignature,
    /// SEV_FEATURES of the processors: 1 is SEV-SNP alone.
    pub guest_features: u64,
}

/// Why there is no launch digest for some inputs.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum LaunchError {
    /// The facts of the firmware are not sound.
    #[error(transparent)]
    Firmware(#[from] FirmwareError),
    /// The firmware lists no pages for SEV-SNP.
    #[error("the firmware has no SEV metadata: it cannot start an SEV-SNP guest")]
    NoMetadata,
    /// A kernel is given, and the firmware would start it without looking at its hash.
    #[error("a kernel is given, but the firmware does not measure kernel hashes")]
    NoKernelHashes,
    /// The table of hashes does not fit where the firmware expects it.
    #[error("the table of kernel hashes at {address:#x} does not fit into its page")]
    TableOutside {
        /// Where it is expected.
        address: u32,
    },
    /// There must be a processor, and not more than the limit.
    #[error("{vcpus} vCPUs: not 1 to {VCPUS_MAX}")]
    Vcpus {
        /// How many were given.
        vcpus: u32,
    },
    /// The firmware does not say where further processors begin.
    #[error("the firmware does not say where vCPUs other than the first begin")]
    NoResetAddress,
}

impl Launch<'_> {
    /// Computes the launch digest, which is the report's MEASUREMENT.
    ///
    /// # Errors
    /// If the inputs do not go together.
    pub fn digest(&self) -> Result<Hex<48>, LaunchError> {
        if self.vcpus == 0 || self.vcpus > VCPUS_MAX {
            return Err(LaunchError::Vcpus { vcpus: self.vcpus });
        }
        let mut chain = self.before_processors()?;
        for page in self.processors()?.hashes(self.vcpus) {
            chain.vmsa(&page);
        }
        Ok(Hex(chain.0))
    }

    /// The chain after firmware and metadata.
    pub(crate) fn before_processors(&self) -> Result<Chain, LaunchError> {
        self.firmware.check()?;
        let sections = self.firmware.sections.as_ref();
        let sections = sections.ok_or(LaunchError::NoMetadata)?;
        if self.kernel.is_some() && !self.firmware.takes_kernel_hashes() {
            return Err(LaunchError::NoKernelHashes);
        }
        // EC2 adds the CPUID page after all others.
        let last = |section: &Section| {
            section.kind == SectionKind::Cpuid
                && matches!(self.vmm, Vmm::Ec2 | Vmm::Ec2Before202604)
        };
        let (late, early): (Vec<&Section>, Vec<&Section>) =
            sections.iter().partition(|section| last(section));
        let mut chain = Chain(self.firmware.pages_digest.0);
        for section in early.into_iter().chain(late) {
            self.add(section, &mut chain)?;
        }
        Ok(chain)
    }

    fn add(&self, section: &Section, chain: &mut Chain) -> Result<(), LaunchError> {
        let (address, pages) = (u64::from(section.address), section.pages());
        let kind = match section.kind {
            SectionKind::Memory if self.vmm == Vmm::Gce => PageType::Unmeasured,
            SectionKind::Memory | SectionKind::SvsmCallingArea => PageType::Zero,
            SectionKind::Secrets => PageType::Secrets,
            SectionKind::Cpuid => PageType::Cpuid,
            SectionKind::KernelHashes => match self.hashes_page()? {
                Some(page) => {
                    chain.normal_pages(address, &[page]);
                    return Ok(());
                }
                None => PageType::Zero,
            },
        };
        chain.empty_pages(kind, address, pages);
        Ok(())
    }

    fn hashes_page(&self) -> Result<Option<[u8; PAGE_BYTES]>, LaunchError> {
        let Some(kernel) = &self.kernel else {
            return Ok(None);
        };
        let address = self.firmware.hashes_address;
        let address = address.ok_or(LaunchError::NoKernelHashes)?;
        let offset = usize::try_from(address).map(|address| address % PAGE_BYTES);
        let page = offset.ok().and_then(|offset| kernel.page(offset));
        page.map(Some).ok_or(LaunchError::TableOutside { address })
    }

    /// The processors' pages.
    pub(crate) fn processors(&self) -> Result<Processors, LaunchError> {
        let further = self.firmware.reset_address.filter(|address| *address != 0);
        if further.is_none() && self.vcpus > 1 {
            return Err(LaunchError::NoResetAddress);
        }
        let state = |address| FirstState {
            address,
            signature: self.signature,
            guest_features: self.guest_features,
            vmm: self.vmm,
        };
        let first = state(FIRST_ADDRESS).page();
        Ok(Processors {
            first,
            further: further.map_or(first, |address| state(address).page()),
        })
    }
}

/// The pages with which processors begin.
pub(crate) struct Processors {
    first: [u8; PAGE_BYTES],
    further: [u8; PAGE_BYTES],
}

impl Processors {
    /// The pages of a number of processors.
    pub(crate) fn pages(&self, vcpus: u32) -> impl Iterator<Item = &[u8; PAGE_BYTES]> {
        (0..vcpus).map(|index| {
            if index == 0 {
                &self.first
            } else {
                &self.further
            }
        })
    }

    /// The SHA-384 of those pages.
    pub(crate) fn hashes(&self, vcpus: u32) -> impl Iterator<Item = [u8; 48]> {
        let first: [u8; 48] = Sha384::digest(self.first).into();
        let further: [u8; 48] = Sha384::digest(self.further).into();
        (0..vcpus).map(move |index| if index == 0 { first } else { further })
    }
}

#[cfg(test)]
mod tests {
    use super::super::firmware::tests::{Builder, small};
    use super::*;

    fn launch(firmware: &Firmware) -> Launch<'_> {
        Launch {
            firmware,
            kernel: Some(KernelHashes::of(
                b"kernel",
                Some(b"initrd"),
                "console=ttyS0",
            )),
            vmm: Vmm::Qemu,
            vcpus: 1,
            signature: CpuSignature::of(23, 1, 2),
            guest_features: 1,
        }
    }

    #[test]
    fn every_input_changes_the_digest() {
        let firmware = small();
        let base = launch(&firmware);
        let other = Firmware::parse(&Builder::default().code(7).build()).unwrap();

        let changed = [
            base,
            Launch {
                firmware: &other,
                ..base
            },
            Launch {
                kernel: None,
                ..base
            },
            Launch {
                kernel: Some(KernelHashes::of(
                    b"Kernel",
                    Some(b"initrd"),
                    "console=ttyS0",
                )),
                ..base
            },
            Launch {
                kernel: Some(KernelHashes::of(b"kernel", None, "console=ttyS0")),
                ..base
            },
            Launch {
                kernel: Some(KernelHashes::of(
                    b"kernel",
                    Some(b"initrd"),
                    "console=ttyS0 ",
                )),
                ..base
            },
            Launch {
                vmm: Vmm::Ec2,
                ..base
            },
            Launch {
                vmm: Vmm::Ec2Before202604,
                ..base
            },
            Launch {
                vmm: Vmm::Gce,
                ..base
            },
            Launch { vcpus: 2, ..base },
            Launch { vcpus: 3, ..base },
            Launch {
                signature: CpuSignature::of(25, 1, 1),
                ..base
            },
            Launch {
                guest_features: 0x21,
                ..base
            },
        ];

        let mut digests: Vec<_> = changed
            .iter()
            .map(|launch| launch.digest().unwrap())
            .collect();
        digests.sort();
        digests.dedup();
        assert_eq!(digests.len(), changed.len());
    }

    #[test]
    fn the_signature_counts_under_qemu_alone() {
        let firmware = small();
        for vmm in Vmm::ALL {
            let one = Launch {
                vmm,
                ..launch(&firmware)
            };
            let other = Launch {
                signature: CpuSignature(0),
                ..one
            };

            let same = one.digest() == other.digest();

            assert_eq!(same, !vmm.measures_signature(), "{vmm}");
        }
    }

    #[test]
    fn inputs_that_do_not_go_together_are_refused() {
        let firmware = small();
        let refused = |change: &dyn Fn(&mut Firmware), vcpus, error: LaunchError| {
            let mut firmware = firmware.clone();
            change(&mut firmware);
            let launch = Launch {
                vcpus,
                ..launch(&firmware)
            };
            assert_eq!(launch.digest(), Err(error));
        };
        let same = |_: &mut Firmware| {};

        refused(&same, 0, LaunchError::Vcpus { vcpus: 0 });
        refused(&same, 4097, LaunchError::Vcpus { vcpus: 4097 });
        refused(
            &|it| it.reset_address = None,
            2,
            LaunchError::NoResetAddress,
        );
        refused(&|it| it.sections = None, 1, LaunchError::NoMetadata);
        refused(
            &|it| it.hashes_address = None,
            1,
            LaunchError::NoKernelHashes,
        );
        refused(
            &|it| it.sections = Some(vec![]),
            1,
            LaunchError::NoKernelHashes,
        );
        let address = 0x80_0f60;
        refused(
            &|it| it.hashes_address = Some(address),
            1,
            LaunchError::TableOutside { address },
        );
        let section = Section {
            kind: SectionKind::Memory,
            address: 1,
            bytes: 4096,
        };
        refused(
            &|it| it.sections = Some(vec![section]),
            1,
            LaunchError::Firmware(FirmwareError::SectionPages {
                kind: SectionKind::Memory,
                address: 1,
                bytes: 4096,
            }),
        );
    }

    #[test]
    fn one_processor_needs_no_reset_address() {
        let mut firmware = small();
        let digest = launch(&firmware).digest();
        firmware.reset_address = None;

        assert_eq!(launch(&firmware).digest(), digest);
    }
}
