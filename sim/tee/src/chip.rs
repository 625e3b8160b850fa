//! One simulated machine's hardware: an SNP chip with its endorsement key, or a Nitro module.

pub(crate) mod document;
pub(crate) mod leaf;
pub(crate) mod nitro;
pub(crate) mod snp;
mod storage;

use boop_platform::{EvidenceKind, NONCE_BYTES, RawEvidence, USER_DATA_BYTES};
use serde::{Deserialize, Serialize};

use crate::authority::{Authority, Product};
use crate::key::SigningError;
use crate::measure::Launch;
use nitro::NitroModule;
pub use nitro::NitroRequest;
use snp::SnpChip;
pub use snp::{Firmware, SnpRequest};

/// The hardware that a simulated machine is made of.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum ChipModel {
    /// AMD EPYC Milan whose reports have version 2, without a processor id.
    MilanV2,
    /// AMD EPYC Milan whose reports have version 3.
    MilanV3,
    /// AMD EPYC Genoa whose reports have version 3.
    GenoaV3,
    /// AMD EPYC Genoa whose reports have version 5.
    GenoaV5,
    /// AMD EPYC Siena or Bergamo, under the root of Genoa, whose reports have version 5.
    SienaBergamoV5,
    /// AMD EPYC Turin whose reports have version 5.
    TurinV5,
    /// AWS Nitro.
    Nitro,
}

impl ChipModel {
    /// Every model.
    pub const ALL: [Self; 7] = [
        Self::MilanV2,
        Self::MilanV3,
        Self::GenoaV3,
        Self::GenoaV5,
        Self::SienaBergamoV5,
        Self::TurinV5,
        Self::Nitro,
    ];

    /// Returns the platform that chips of this model speak for.
    #[must_use]
    pub fn platform(self) -> EvidenceKind {
        match self.snp() {
            Some(_) => EvidenceKind::Snp,
            None => EvidenceKind::Nitro,
        }
    }

    /// Returns the product and the version of its reports, for SEV-SNP.
    pub(crate) fn snp(self) -> Option<(Product, u32)> {
        match self {
            Self::MilanV2 => Some((Product::Milan, 2)),
            Self::MilanV3 => Some((Product::Milan, 3)),
            Self::GenoaV3 => Some((Product::Genoa, 3)),
            Self::GenoaV5 => Some((Product::Genoa, 5)),
            Self::SienaBergamoV5 => Some((Product::SienaBergamo, 5)),
            Self::TurinV5 => Some((Product::Turin, 5)),
            Self::Nitro => None,
        }
    }
}

/// A simulated machine's hardware with its keys.
#[derive(Debug)]
pub struct Chip {
    pub(crate) model: ChipModel,
    pub(crate) hardware: Hardware,
}

#[derive(Debug)]
pub(crate) enum Hardware {
    Snp(SnpChip),
    Nitro(NitroModule),
}

/// Why a chip gave no evidence.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum ChipError {
    /// The chip makes evidence of the other platform.
    #[error("this chip makes evidence of the other platform")]
    WrongModel,
    /// The chip could not sign.
    #[error("the chip could not sign")]
    Signing(#[from] SigningError),
}

impl Chip {
    /// Makes the hardware that `seed` names, certified by `authority` from `now_ms` on.
    ///
    /// The same seed gives the same chip id and instance; keys are always fresh.
    ///
    /// # Errors
    /// [`SigningError`] when a key cannot be made.
    pub fn provision(
        authority: &Authority,
        model: ChipModel,
        seed: &str,
        now_ms: u64,
    ) -> Result<Self, SigningError> {
        let hardware = match model.snp() {
            Some((product, version)) => {
                let line = authority.line(product);
                Hardware::Snp(SnpChip::provision(line, product, version, seed, now_ms)?)
            }
            None => Hardware::Nitro(NitroModule::provision(&authority.nitro, seed, now_ms)?),
        };
        Ok(Self { model, hardware })
    }

    /// Returns the model.
    #[must_use]
    pub fn model(&self) -> ChipModel {
        self.model
    }

    /// Returns the CHIP_ID of an SNP chip.
    #[must_use]
    pub fn chip_id(&self) -> Option<[u8; 64]> {
        match &self.hardware {
            Hardware::Snp(chip) => Some(chip.chip_id),
            Hardware::Nitro(_) => None,
        }
    }

    /// Returns the module id of a Nitro module.
    #[must_use]
    pub fn module_id(&self) -> Option<&str> {
        match &self.hardware {
            Hardware::Snp(_) => None,
            Hardware::Nitro(module) => Some(module.module_id()),
        }
    }

    /// Returns what evidence names the machine by: the chip id of SEV-SNP, PCR4 of Nitro.
    #[must_use]
    pub fn machine_id(&self) -> Vec<u8> {
        match &self.hardware {
            Hardware::Snp(chip) => chip.chip_id.to_vec(),
            Hardware::Nitro(module) => {
                let id = module.module_id();
                let host = id.rsplit_once('-').map_or(id, |(host, _)| host);
                crate::measure::instance_pcr(host).to_vec()
            }
        }
    }

    /// Signs a SEV-SNP report of 1184 bytes.
    ///
    /// # Errors
    /// [`ChipError::WrongModel`] on a Nitro module.
    pub fn snp_report(&self, request: &SnpRequest) -> Result<Vec<u8>, ChipError> {
        match &self.hardware {
            Hardware::Snp(chip) => Ok(chip.sign(&chip.body(request))?),
            Hardware::Nitro(_) => Err(ChipError::WrongModel),
        }
    }

    /// Signs a Nitro attestation document.
    ///
    /// # Errors
    /// [`ChipError::WrongModel`] on an SNP chip.
    pub fn nitro_document(&self, request: &NitroRequest) -> Result<Vec<u8>, ChipError> {
        match &self.hardware {
            Hardware::Snp(_) => Err(ChipError::WrongModel),
            Hardware::Nitro(module) => Ok(module.document(request)?),
        }
    }

    /// Returns the certificates that a host hands out with the evidence, in DER: for SNP the
    /// VCEK and the ASK, for Nitro none.
    #[must_use]
    pub fn endorsements(&self) -> Vec<Vec<u8>> {
        match &self.hardware {
            Hardware::Snp(chip) => vec![chip.vcek.clone(), chip.ask.clone()],
            Hardware::Nitro(_) => Vec::new(),
        }
    }

    /// Signs evidence for a program that this machine launched.
    ///
    /// # Errors
    /// [`ChipError::Signing`] when the chip cannot sign.
    pub fn attest(
        &self,
        launch: &Launch,
        user_data: &[u8; USER_DATA_BYTES],
        nonce: &[u8; NONCE_BYTES],
        now_ms: u64,
    ) -> Result<RawEvidence, ChipError> {
        let (kind, evidence) = match &self.hardware {
            Hardware::Snp(chip) => {
                let request = SnpRequest::new(launch, *user_data);
                (EvidenceKind::Snp, chip.sign(&chip.body(&request))?)
            }
            Hardware::Nitro(module) => {
                let request = module.request(launch, user_data, nonce, now_ms);
                (EvidenceKind::Nitro, module.document(&request)?)
            }
        };
        Ok(RawEvidence {
            kind,
            evidence,
            endorsements: self.endorsements(),
        })
    }

    /// Signs evidence for a program that this machine launched, which also names a public key.
    ///
    /// # Errors
    /// [`ChipError::WrongModel`] on an SNP chip, whose reports have no place for one.
    pub fn attest_to(
        &self,
        launch: &Launch,
        user_data: &[u8; USER_DATA_BYTES],
        nonce: &[u8; NONCE_BYTES],
        public_key: &[u8],
        now_ms: u64,
    ) -> Result<RawEvidence, ChipError> {
        let Hardware::Nitro(module) = &self.hardware else {
            return Err(ChipError::WrongModel);
        };
        let request = NitroRequest {
            public_key: Some(public_key.to_vec()),
            ..module.request(launch, user_data, nonce, now_ms)
        };
        Ok(RawEvidence {
            kind: EvidenceKind::Nitro,
            evidence: module.document(&request)?,
            endorsements: self.endorsements(),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::forge::tests::{NOW_MS, authority};
    use crate::measure::nitro_pcrs;

    #[test]
    fn chip_refuses_to_sign_for_the_other_platform() {
        let launch = Launch {
            measurement: [1; 48],
            config_hash: [2; 32],
            instance: [3; 32],
        };
        let snp = Chip::provision(authority(), ChipModel::GenoaV3, "a", NOW_MS).unwrap();
        let nitro = Chip::provision(authority(), ChipModel::Nitro, "a", NOW_MS).unwrap();
        let request = NitroRequest {
            pcrs: nitro_pcrs(&[1; 48], &[2; 32], "i-1"),
            user_data: None,
            nonce: None,
            public_key: None,
            timestamp_ms: NOW_MS,
        };

        let document = snp.nitro_document(&request);
        let report = nitro.snp_report(&SnpRequest::new(&launch, [0; 64]));

        assert_eq!(
            (document, report),
            (Err(ChipError::WrongModel), Err(ChipError::WrongModel))
        );
    }

    #[test]
    fn seed_names_the_chip() {
        let chip = |seed| Chip::provision(authority(), ChipModel::TurinV5, seed, NOW_MS).unwrap();

        assert_eq!(chip("a").chip_id(), chip("a").chip_id());
        assert_ne!(chip("a").chip_id(), chip("b").chip_id());
        assert_eq!(chip("a").chip_id().unwrap()[8..], [0; 56]);
    }
}
