//! The PCRs that follow from an image.

use sha2::{Digest as _, Sha384};

use super::Image;
use super::signature::{SignatureError, SignatureSection};
use crate::Hex;

/// The registers that an image decides.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Pcrs {
    /// Kernel, command line and all ramdisks.
    pub pcr0: Hex<48>,
    /// Kernel, command line and the first ramdisk.
    pub pcr1: Hex<48>,
    /// The other ramdisks.
    pub pcr2: Hex<48>,
    /// The signing certificate; zeros in the document of an image that is not signed.
    pub pcr8: Option<Hex<48>>,
}

impl Image<'_> {
    /// Computes the PCRs.
    ///
    /// # Errors
    /// If there is a signature section whose certificate cannot be read.
    pub fn pcrs(&self) -> Result<Pcrs, SignatureError> {
        let section = self.signature.map(SignatureSection::parse).transpose()?;
        let pcr8 = section.map(|section| pcr8(&section.certificate));
        Ok(Pcrs {
            pcr8,
            ..self.measured()
        })
    }

    /// Computes the PCRs that depend on no signature.
    pub fn measured(&self) -> Pcrs {
        let boot = [self.kernel, self.command_line];
        let first = self.ramdisks.len().min(1);
        let (first, others) = self.ramdisks.split_at(first);
        let all = boot.iter().chain(first).chain(others);
        Pcrs {
            pcr0: pcr(all.copied()),
            pcr1: pcr(boot.iter().chain(first).copied()),
            pcr2: pcr(others.iter().copied()),
            pcr8: None,
        }
    }
}

/// Computes the PCR of a signing certificate in DER.
pub fn pcr8(certificate: &[u8]) -> Hex<48> {
    pcr([certificate])
}

/// Computes the PCR of data that lie in parts: a register of zeros extended once.
pub fn pcr<'a>(parts: impl IntoIterator<Item = &'a [u8]>) -> Hex<48> {
    let mut data = Sha384::new();
    parts.into_iter().for_each(|part| data.update(part));
    let extended = Sha384::new_with_prefix([0; 48]);
    Hex(extended.chain_update(data.finalize()).finalize().into())
}
