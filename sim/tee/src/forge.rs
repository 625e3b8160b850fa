//! Evidence as an attacker or a broken machine would offer it.
//!
//! Each [`Fault`] is one thing wrong, everything else genuine: a fault in what is signed is
//! really signed, so that a refusal shows the check at work and not a bad signature. An
//! [`Oddity`] is rare and nothing wrong at all. Both are changes of a plan, which is then carried
//! out.

mod fault;
mod nitro;
mod oddity;
mod snp;

use std::sync::{Arc, OnceLock};

use boop_platform::{EvidenceKind, NONCE_BYTES, RawEvidence, USER_DATA_BYTES};

use crate::authority::{AmdKeys, AmdLine, Authority, NitroRoot, Product};
use crate::certificate::Validity;
use crate::chip::{Chip, ChipModel, Hardware};
use crate::key::{RsaKey, SigningError};
use crate::measure::Launch;
pub use fault::Fault;
pub use oddity::Oddity;
pub(crate) use snp::PROVIDER;

const DAY_MS: u64 = 24 * 60 * 60 * 1000;

/// A departure from the plainest genuine evidence.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Change {
    /// A verifier must refuse the evidence.
    Fault(Fault),
    /// A verifier must accept it, as far as its policy does.
    Oddity(Oddity),
}

impl Change {
    /// Says whether chips of `model` can show it.
    #[must_use]
    pub fn applies_to(self, model: ChipModel) -> bool {
        match model.snp() {
            Some((_, version)) => snp::can_have(self, version),
            None => nitro::can_have(self),
        }
    }
}

impl From<Fault> for Change {
    fn from(fault: Fault) -> Self {
        Self::Fault(fault)
    }
}

impl From<Oddity> for Change {
    fn from(oddity: Oddity) -> Self {
        Self::Oddity(oddity)
    }
}

/// Evidence with the certificates beside it, all DER.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Specimen {
    /// Platform.
    pub kind: EvidenceKind,
    /// The report or the document.
    pub evidence: Vec<u8>,
    /// SEV-SNP: certificate of the signing key.
    pub leaf: Option<Vec<u8>>,
    /// SEV-SNP: certificate of its issuer.
    pub intermediate: Option<Vec<u8>>,
    /// SEV-SNP: revocation list of the root.
    pub crl: Option<Vec<u8>>,
}

impl From<Specimen> for RawEvidence {
    /// Keeps what a machine's host hands out, which is no revocation list.
    fn from(specimen: Specimen) -> Self {
        let endorsements = [specimen.leaf, specimen.intermediate];
        Self {
            kind: specimen.kind,
            evidence: specimen.evidence,
            endorsements: endorsements.into_iter().flatten().collect(),
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
    rogue_key: Arc<OnceLock<Arc<RsaKey>>>,
}

impl<'a> Forge<'a> {
    /// Prepares forgeries of chips that `authority` certified.
    #[must_use]
    pub fn new(authority: &'a Authority) -> Self {
        Self::sharing(authority, Arc::default())
    }

    /// Prepares forgeries with a key that other forgers use as well, once it is made.
    pub(crate) fn sharing(authority: &'a Authority, rogue_key: Arc<OnceLock<Arc<RsaKey>>>) -> Self {
        Self {
            authority,
            rogue_key,
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
        Ok(self.specimen(chip, &[fault.into()], request)?.into())
    }

    /// Returns evidence of `chip` with these changes, one after the other; with none of them it is
    /// genuine.
    ///
    /// # Errors
    /// [`ForgeError::NotApplicable`] when the platform's evidence cannot have one of them.
    pub fn specimen(
        &self,
        chip: &Chip,
        changes: &[Change],
        request: &ForgeRequest,
    ) -> Result<Specimen, ForgeError> {
        match &chip.hardware {
            Hardware::Snp(chip) => snp::specimen(self, chip, changes, request),
            Hardware::Nitro(module) => nitro::specimen(self, module, changes, request),
        }
    }

    fn line(&self, product: Product) -> &AmdLine {
        self.authority.line(product)
    }

    fn nitro_root(&self) -> &NitroRoot {
        &self.authority.nitro
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
