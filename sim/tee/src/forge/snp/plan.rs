//! How a report and what comes with it are to be made.

use boop_platform::EvidenceKind;

use crate::authority::{AmdLine, Product};
use crate::certificate::Validity;
use crate::chip::leaf::{EndorsementLeaf, LeafKind};
use crate::chip::snp::{BODY_BYTES, Firmware, SnpChip, at, sign_with};
use crate::forge::{DAY_MS, Forge, Specimen, around};
use crate::key::{P384Key, SigningError};

/// A report in the making.
pub(super) struct Plan {
    pub(super) product: Product,
    pub(super) now_ms: u64,
    /// The signed part.
    pub(super) body: [u8; BODY_BYTES],
    pub(super) leaf: EndorsementLeaf,
    /// Who signs the leaf.
    pub(super) leaf_by: Maker,
    pub(super) leaf_offer: Offer,
    /// Whose intermediate is handed over.
    pub(super) intermediate: Maker,
    pub(super) intermediate_offer: Offer,
    pub(super) crl: Option<List>,
    pub(super) signer: Signer,
    /// What happens to the report once it is signed.
    pub(super) damage: Option<fn(&mut Vec<u8>)>,
}

/// Who makes a certificate.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Maker {
    /// The vendor.
    Vendor,
    /// The vendor, who forbids it to issue anything.
    PowerlessVendor,
    /// The forger, under the vendor's names.
    Rogue,
}

/// How something is handed over.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Offer {
    Whole,
    CutShort,
    Withheld,
}

/// What kind of revocation list is handed over.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum List {
    Good,
    CutShort,
    Stale,
    NotYetValid,
    RevokesAsk,
    SignedByAsk,
    OfOtherProduct,
}

/// Whose key signs the report.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Signer {
    Chip,
    /// A provider's, which the leaf is then about.
    Fleet,
    /// One that nobody certified.
    Stranger,
}

impl Plan {
    /// Sets bits of the guest policy.
    pub(super) fn or_policy(&mut self, bits: u64) {
        let policy = u64::from_le_bytes(self.read(at::POLICY)) | bits;
        self.put(at::POLICY, &policy.to_le_bytes());
    }

    pub(super) fn put(&mut self, at: usize, bytes: &[u8]) {
        self.body[at..at + bytes.len()].copy_from_slice(bytes);
    }

    fn read<const N: usize>(&self, at: usize) -> [u8; N] {
        core::array::from_fn(|index| self.body[at + index])
    }

    /// Gives chip and certificate this firmware level, everywhere.
    pub(super) fn set_firmware(&mut self, firmware: Firmware) {
        self.leaf.firmware = firmware;
        let places = [
            at::CURRENT_TCB,
            at::REPORTED_TCB,
            at::COMMITTED_TCB,
            at::LAUNCH_TCB,
        ];
        for place in places {
            self.put(place, &firmware.tcb(self.product));
        }
    }

    /// Carries the plan out.
    pub(super) fn make(
        mut self,
        forge: &Forge<'_>,
        chip: &SnpChip,
    ) -> Result<Specimen, SigningError> {
        let stranger = match self.signer {
            Signer::Chip => None,
            Signer::Fleet | Signer::Stranger => Some(P384Key::generate()?),
        };
        let key = stranger.as_ref().unwrap_or(&chip.key);
        if self.signer == Signer::Fleet {
            self.leaf.public_key_info = key.public_key_info();
        }
        let mut evidence = sign_with(key, &self.body)?;
        if let Some(damage) = self.damage {
            damage(&mut evidence);
        }
        let rogue = match (self.leaf_by, self.intermediate) {
            (Maker::Rogue, _) | (_, Maker::Rogue) => {
                Some(forge.rogue_line(self.product, self.now_ms)?)
            }
            (Maker::Vendor | Maker::PowerlessVendor, Maker::Vendor | Maker::PowerlessVendor) => {
                None
            }
        };
        let line = forge.line(self.product);
        let rogue = rogue.as_ref().unwrap_or(line);
        Ok(Specimen {
            kind: EvidenceKind::Snp,
            evidence,
            leaf: self.leaf_offer.of(self.certify_leaf(line, rogue)?),
            intermediate: self
                .intermediate_offer
                .of(self.certify_intermediate(line, rogue)?),
            crl: self
                .crl
                .map(|list| self.revocation_list(forge, list))
                .transpose()?,
        })
    }

    fn certify_leaf(&self, line: &AmdLine, rogue: &AmdLine) -> Result<Vec<u8>, SigningError> {
        match self.leaf_by {
            Maker::Vendor | Maker::PowerlessVendor => self.leaf.certify(&line.keys.ask),
            Maker::Rogue => self.leaf.certify(&rogue.keys.ask),
        }
    }

    fn certify_intermediate(
        &self,
        line: &AmdLine,
        rogue: &AmdLine,
    ) -> Result<Vec<u8>, SigningError> {
        let line = match self.intermediate {
            Maker::Vendor => line,
            Maker::Rogue => rogue,
            Maker::PowerlessVendor => {
                return line.powerless_ask(self.product, around(self.now_ms));
            }
        };
        Ok(match self.leaf.issued_as {
            LeafKind::Vcek => line.ask.clone(),
            LeafKind::Vlek => line.asvk.clone(),
        })
    }

    fn revocation_list(&self, forge: &Forge<'_>, list: List) -> Result<Vec<u8>, SigningError> {
        let from = |days: u64| self.now_ms.saturating_sub(days * DAY_MS);
        let until = |days: u64| self.now_ms.saturating_add(days * DAY_MS);
        let (from_ms, until_ms) = match list {
            List::Stale => (from(400), from(35)),
            List::NotYetValid => (until(1), until(365)),
            List::Good
            | List::CutShort
            | List::RevokesAsk
            | List::SignedByAsk
            | List::OfOtherProduct => (from(30), until(335)),
        };
        let product = match (list, self.product) {
            (List::OfOtherProduct, Product::Turin) => Product::Milan,
            (List::OfOtherProduct, _) => Product::Turin,
            (_, product) => product,
        };
        let line = forge.line(product);
        let by = match list {
            List::SignedByAsk => &line.keys.ask,
            List::Good
            | List::CutShort
            | List::Stale
            | List::NotYetValid
            | List::RevokesAsk
            | List::OfOtherProduct => &line.keys.ark,
        };
        let validity = Validity { from_ms, until_ms };
        let mut der = line.revocation_list(product, validity, list == List::RevokesAsk, by)?;
        if list == List::CutShort {
            der.truncate(der.len() / 2);
        }
        Ok(der)
    }
}

impl Offer {
    fn of(self, mut der: Vec<u8>) -> Option<Vec<u8>> {
        match self {
            Self::Whole => Some(der),
            Self::CutShort => {
                der.truncate(der.len() / 2);
                Some(der)
            }
            Self::Withheld => None,
        }
    }
}
