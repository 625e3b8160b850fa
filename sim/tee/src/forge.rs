//! Evidence as an attacker or a broken machine would offer it.
//!
//! Each [`Fault`] is one thing wrong, everything else genuine: a fault in what is signed is
//! really signed, so that a refusal shows the check at work and not a bad signature.

mod nitro;
mod snp;

use std::sync::{Arc, OnceLock};

use boop_platform::{NONCE_BYTES, RawEvidence, USER_DATA_BYTES};

use crate::authority::{AmdKeys, AmdLine, Authority, NitroRoot, Product};
use crate::certificate::Validity;
use crate::chip::{Chip, ChipModel, Hardware};
use crate::key::{RsaKey, SigningError};
use crate::measure::Launch;

const DAY_MS: u64 = 24 * 60 * 60 * 1000;

macro_rules! faults {
    ($($(#[$meaning:meta])+ $name:ident,)+) => {
        /// One thing wrong with a piece of evidence.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
        pub enum Fault {
            $($(#[$meaning])+ $name,)+
        }

        impl Fault {
            /// Every fault, in the order of the list.
            pub const ALL: &'static [Self] = &[$(Self::$name,)+];
        }
    };
}

faults! {
    /// A complete self-made chain with the names of the genuine one.
    WrongRoot,
    /// The genuine chain down to a leaf that somebody else issued.
    SplicedChain,
    /// Signed by another key than the one that is certified.
    SwappedKey,
    /// A leaf certificate that ended yesterday.
    Expired,
    /// A leaf certificate that starts tomorrow.
    NotYetValid,
    /// The last byte is missing.
    Truncated,
    /// A byte follows the evidence.
    TrailingByte,
    /// One bit of the signature is flipped.
    SignatureFlipped,
    /// A guest or enclave whose memory its host may read.
    Debug,
    /// Another program was launched.
    WrongMeasurement,
    /// The program was launched with another configuration.
    WrongHostData,
    /// Bound to other data, such as another key.
    WrongReportData,
    /// Made for an earlier challenge.
    ReplayedNonce,
    /// Made by another chip or instance than the certificate or policy names.
    WrongChip,
    /// SEV-SNP: a migration agent may take the guest elsewhere.
    MigrationAgent,
    /// SEV-SNP: a chip with genuine but old firmware.
    OldFirmware,
    /// SEV-SNP: a firmware level that the certificate does not vouch for.
    TcbMismatch,
    /// SEV-SNP: the chip id is all zero.
    MaskedChipId,
    /// SEV-SNP: the processor is of the other product line.
    WrongProduct,
    /// SEV-SNP: less privileged software of the guest asked.
    Vmpl1,
    /// SEV-SNP: the host asked.
    HostReport,
    /// SEV-SNP: a reserved byte of the signed part is set.
    ReservedBits,
    /// SEV-SNP: a reserved bit of the guest policy is set.
    PolicyReservedBit,
    /// SEV-SNP: a report version that nobody has defined.
    UnknownVersion,
    /// SEV-SNP: another signature algorithm is named.
    SigAlgo,
    /// SEV-SNP: a byte beside the signature is set, where no signature protects it.
    SignaturePadding,
    /// Nitro: one of the three image registers alone is zero.
    ZeroPcrs,
    /// Nitro: an image register is left out.
    MissingPcr,
    /// Nitro: an unsigned header beside the signed one.
    UnprotectedHeader,
    /// Nitro: the nonce twice, with two values.
    DuplicateKey,
    /// Nitro: the nonce is null.
    MissingNonce,
    /// Nitro: the signed header names another algorithm.
    AlgEs256,
    /// Nitro: the document is two hours ahead.
    TimestampFuture,
    /// Nitro: the document says no time.
    TimestampZero,
}

impl Fault {
    /// Says whether chips of `model` can show this fault.
    #[must_use]
    pub fn applies_to(self, model: ChipModel) -> bool {
        match model {
            ChipModel::GenoaV3 | ChipModel::TurinV5 => snp::trick(self).is_some(),
            ChipModel::Nitro => nitro::trick(self).is_some(),
        }
    }
}

/// What genuine evidence would be about.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ForgeRequest {
    /// What the machine launched.
    pub launch: Launch,
    /// What the evidence should bind.
    pub user_data: [u8; USER_DATA_BYTES],
    /// The challenge it should answer.
    pub nonce: [u8; NONCE_BYTES],
    /// The time at which it is made.
    pub now_ms: u64,
}

/// Why a forgery could not be made.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum ForgeError {
    /// Evidence of this chip's platform cannot have the fault.
    #[error("this platform's evidence cannot have the fault")]
    NotApplicable,
    /// A key failed.
    #[error("the forger could not sign")]
    Signing(#[from] SigningError),
}

/// A forger with access to the simulated vendor, and keys of his own.
#[derive(Debug)]
pub struct Forge<'a> {
    authority: &'a Authority,
    rogue_key: OnceLock<Arc<RsaKey>>,
}

impl<'a> Forge<'a> {
    /// Prepares forgeries of chips that `authority` certified.
    #[must_use]
    pub fn new(authority: &'a Authority) -> Self {
        Self {
            authority,
            rogue_key: OnceLock::new(),
        }
    }

    /// Returns evidence of `chip` that has `fault`, with its endorsements.
    ///
    /// # Errors
    /// [`ForgeError::NotApplicable`] when the platform's evidence cannot have the fault.
    pub fn forge(
        &self,
        chip: &Chip,
        fault: Fault,
        request: &ForgeRequest,
    ) -> Result<RawEvidence, ForgeError> {
        match &chip.hardware {
            Hardware::Snp(chip) => {
                let trick = snp::trick(fault).ok_or(ForgeError::NotApplicable)?;
                Ok(snp::forge(self, chip, trick, request)?)
            }
            Hardware::Nitro(module) => {
                let trick = nitro::trick(fault).ok_or(ForgeError::NotApplicable)?;
                Ok(nitro::forge(module, trick, request)?)
            }
        }
    }

    fn line(&self, product: Product) -> &AmdLine {
        self.authority.line(product)
    }

    /// Returns a self-made product line; one RSA key, made once, plays both of its keys.
    fn rogue_line(&self, product: Product, now_ms: u64) -> Result<AmdLine, SigningError> {
        if self.rogue_key.get().is_none() {
            // Another thread may have been faster; either key serves.
            let _ = self.rogue_key.set(Arc::new(RsaKey::generate()?));
        }
        let key = self.rogue_key.get().ok_or(SigningError)?;
        let keys = AmdKeys {
            ark: Arc::clone(key),
            ask: Arc::clone(key),
        };
        AmdLine::certify(product, around(now_ms), &keys)
    }
}

/// Returns a self-made Nitro root.
fn rogue_nitro(now_ms: u64) -> Result<NitroRoot, SigningError> {
    NitroRoot::generate(around(now_ms))
}

fn around(now_ms: u64) -> Validity {
    Validity {
        from_ms: now_ms.saturating_sub(DAY_MS),
        until_ms: now_ms.saturating_add(365 * DAY_MS),
    }
}

/// When a forged leaf is valid.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Life {
    Ended,
    NotBegun,
}

impl Life {
    fn validity(self, now_ms: u64) -> Validity {
        match self {
            Self::Ended => Validity {
                from_ms: now_ms.saturating_sub(2 * DAY_MS),
                until_ms: now_ms.saturating_sub(DAY_MS),
            },
            Self::NotBegun => Validity {
                from_ms: now_ms.saturating_add(DAY_MS),
                until_ms: now_ms.saturating_add(2 * DAY_MS),
            },
        }
    }
}

#[cfg(test)]
pub(crate) mod tests;
