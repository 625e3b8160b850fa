//! What a report needs beside it, read from the report alone.

use boop_verifier::{
    Endorsements, Evidence, Product, Roots, Tcb, UnixTime, authenticate,
    snp::{Report, SigningKey},
};

/// Bytes of a chip id that Turin uses; the others are zero.
const TURIN_CHIP_ID_BYTES: usize = 8;
/// Products whose firmware made version 2 reports, which do not name the product.
const VERSION_2_PRODUCTS: [Product; 2] = [Product::Milan, Product::Genoa];

/// Names the collateral of one report.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Wanted {
    /// The product.
    pub product: Product,
    /// The key that signed.
    pub key: WantedKey,
}

/// Names the key whose certificate is wanted.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum WantedKey {
    /// The key of one chip at one firmware level.
    Vcek {
        /// Chip id as the report states it.
        chip_id: [u8; 64],
        /// Firmware level that the report states.
        tcb: Tcb,
    },
    /// The key of a provider's fleet.
    Vlek,
}

/// Says why a report names no collateral.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum WantedError {
    /// Nitro documents carry their own chain.
    #[error("a nitro document carries its own chain")]
    NotSnp,
    /// The report names no key that could have signed it.
    #[error("the report is not signed by a vcek or vlek")]
    NotSigned,
    /// No product has the CPU family and model of the report.
    #[error("the report names no known product")]
    ProductUnknown,
    /// The host hides which chip it is.
    #[error("the report hides its chip id, so its vcek cannot be asked for")]
    ChipIdMasked,
}

impl Wanted {
    /// Reads what a report wants, when it says so without doubt.
    pub fn of(evidence: &Evidence) -> Option<Self> {
        match Self::candidates(evidence).ok()?.as_slice() {
            [wanted] => Some(wanted.clone()),
            _ => None,
        }
    }

    /// Reads what a report may want, the likeliest first: more than one for version 2 alone.
    ///
    /// # Errors
    ///
    /// Returns [`WantedError`] when nothing can be asked for.
    pub fn candidates(evidence: &Evidence) -> Result<Vec<Self>, WantedError> {
        let report = snp(evidence)?;
        if report.cpuid().is_none() {
            let each = VERSION_2_PRODUCTS.into_iter();
            return each
                .map(|product| Self::of_report(report, product))
                .collect();
        }
        // The verifier knows the products; without roots it only reads.
        let (nothing, nobody) = (Endorsements::default(), Roots::empty());
        let read = authenticate(evidence, &nothing, &nobody, UnixTime(0));
        let product = read.facts().product.ok_or(WantedError::ProductUnknown)?;
        Ok(vec![Self::of_report(report, product)?])
    }

    /// Reads what a report wants when somebody else says the product.
    ///
    /// # Errors
    ///
    /// Returns [`WantedError`] when nothing can be asked for.
    pub fn of_product(evidence: &Evidence, product: Product) -> Result<Self, WantedError> {
        Self::of_report(snp(evidence)?, product)
    }

    /// Reads what stands above a leaf that is there already. Neither the intermediate nor the
    /// revocation list needs the chip id, so a report that hides it has both.
    ///
    /// # Errors
    ///
    /// Returns [`WantedError`] when nothing can be asked for.
    pub fn above_leaf(evidence: &Evidence, product: Product) -> Result<Self, WantedError> {
        Self::named(snp(evidence)?, product)
    }

    fn of_report(report: &Report, product: Product) -> Result<Self, WantedError> {
        if report.signing_key() == SigningKey::Vcek && report.chip_id() == [0; 64] {
            return Err(WantedError::ChipIdMasked);
        }
        Self::named(report, product)
    }

    fn named(report: &Report, product: Product) -> Result<Self, WantedError> {
        let key = match report.signing_key() {
            SigningKey::Vlek => WantedKey::Vlek,
            SigningKey::Vcek => WantedKey::Vcek {
                chip_id: report.chip_id(),
                tcb: report.reported_tcb().read(product),
            },
            SigningKey::None | SigningKey::Reserved => return Err(WantedError::NotSigned),
        };
        Ok(Self { product, key })
    }

    /// Gives the product whose chain and addresses are used: Siena and Bergamo stand under Genoa.
    pub(crate) fn chain_name(&self) -> &'static str {
        self.product.chain().as_str()
    }

    /// Gives `vcek` or `vlek`.
    pub(crate) fn key_name(&self) -> &'static str {
        match self.key {
            WantedKey::Vcek { .. } => "vcek",
            WantedKey::Vlek => "vlek",
        }
    }

    /// Writes the hardware id of a chip as the key server takes it.
    pub(crate) fn hardware_id(&self, chip_id: &[u8; 64]) -> String {
        match self.product.chain() {
            Product::Turin => hex::encode(&chip_id[..TURIN_CHIP_ID_BYTES]),
            Product::Milan | Product::Genoa | Product::SienaBergamo => hex::encode(chip_id),
        }
    }
}

fn snp(evidence: &Evidence) -> Result<&Report, WantedError> {
    match evidence {
        Evidence::Snp(report) => Ok(report),
        Evidence::Nitro(_) => Err(WantedError::NotSnp),
    }
}
