//! Collateral: certificates and revocation lists that stand beside an SEV-SNP report.
//!
//! A [`Provider`] brings them: a [`Bundle`] that came with the evidence, AMD's key server
//! ([`Kds`]), or a [`FileCache`] in front of either. None of them is trusted and none verifies
//! anything: they hand over what parses, and the verifier checks it against its own roots every
//! time. Nitro documents carry their chain and want nothing.

mod bundle;
mod cache;
mod content;
mod fetch;
#[cfg(feature = "kds")]
mod https;
mod kds;
mod wanted;

use std::{io, path::PathBuf};

use boop_verifier::{Endorsements, Evidence};

pub use bundle::{Bundle, Offline};
pub use cache::FileCache;
pub use content::CrlDates;
pub use fetch::{Clock, Fetch, FetchError, Response};
#[cfg(feature = "kds")]
pub use https::{HttpsFetch, HttpsOptions, SystemClock};
pub use kds::{Kds, KdsOptions};
pub use wanted::{Wanted, WantedError, WantedKey};

/// Longest certificate, chain or list that is taken from anywhere.
pub const COLLATERAL_BYTES_MAX: usize = 64 * 1024;

/// Brings the collateral of one report, all DER.
pub trait Provider {
    /// Brings the VCEK or VLEK certificate.
    ///
    /// # Errors
    ///
    /// Returns [`CollateralError`] when it has none.
    fn leaf(&self, wanted: &Wanted) -> Result<Vec<u8>, CollateralError>;

    /// Brings the ASK or ASVK certificate.
    ///
    /// # Errors
    ///
    /// Returns [`CollateralError`] when it has none.
    fn intermediate(&self, wanted: &Wanted) -> Result<Vec<u8>, CollateralError>;

    /// Brings the revocation list of the product's root.
    ///
    /// # Errors
    ///
    /// Returns [`CollateralError`] when it has none.
    fn crl(&self, wanted: &Wanted) -> Result<Vec<u8>, CollateralError>;

    /// Brings all three.
    ///
    /// # Errors
    ///
    /// Returns the [`CollateralError`] of the first that is not there.
    fn endorsements(&self, wanted: &Wanted) -> Result<Endorsements, CollateralError> {
        Ok(Endorsements {
            leaf: Some(self.leaf(wanted)?),
            intermediate: Some(self.intermediate(wanted)?),
            crl: Some(self.crl(wanted)?),
        })
    }
}

impl<P: Provider + ?Sized> Provider for &P {
    fn leaf(&self, wanted: &Wanted) -> Result<Vec<u8>, CollateralError> {
        (**self).leaf(wanted)
    }

    fn intermediate(&self, wanted: &Wanted) -> Result<Vec<u8>, CollateralError> {
        (**self).intermediate(wanted)
    }

    fn crl(&self, wanted: &Wanted) -> Result<Vec<u8>, CollateralError> {
        (**self).crl(wanted)
    }
}

/// Says why collateral is not there.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum CollateralError {
    /// The evidence does not say what is wanted.
    #[error(transparent)]
    Wanted(#[from] WantedError),
    /// No server hands out fleet certificates.
    #[error(
        "amd's key server has no vlek certificates: the cloud provider gives the one of its \
         fleet to the guest, in the certificate table of an extended report"
    )]
    VlekNotServed,
    /// What came with the evidence lacks it.
    #[error("the bundle has no {0}")]
    NotInBundle(&'static str),
    /// There is no way to a server, and it is not on disk.
    #[error("no {0} on disk, and no server to ask")]
    Offline(&'static str),
    /// The key server has no such chip or firmware level.
    #[error("key server knows no such chip or firmware level: {url}")]
    NotThere {
        /// Address that was asked.
        url: String,
    },
    /// The key server asks for a longer pause than the options allow.
    #[error("key server asks to wait {seconds} s, longer than the limit: {url}")]
    WaitTooLong {
        /// Address that was asked.
        url: String,
        /// Pause that it asks for.
        seconds: u64,
    },
    /// The key server gave another answer than yes or no.
    #[error("key server answers with status {status}: {url}")]
    Status {
        /// Address that was asked.
        url: String,
        /// HTTP status of the last answer.
        status: u16,
    },
    /// The key server was not reached.
    #[error("key server was not reached: {url}")]
    Fetch {
        /// Address that was asked.
        url: String,
        /// What happened at the last attempt.
        source: FetchError,
    },
    /// The key server was asked as often as the options allow.
    #[error("key server was asked {requests} times already, the limit")]
    RequestsSpent {
        /// The limit.
        requests: u32,
    },
    /// The key server sent something else.
    #[error("key server does not send {expected}: {url}")]
    Malformed {
        /// Address that was asked.
        url: String,
        /// What it should have been.
        expected: &'static str,
    },
    /// The cache cannot be read or written.
    #[error("cache file {}: {kind}", path.display())]
    Cache {
        /// The file.
        path: PathBuf,
        /// What the system said.
        kind: io::ErrorKind,
    },
}

/// Fills in what `given` lacks: the leaf, and the revocation list when `with_crl` says so.
///
/// The intermediate stays as it is, for the verifier has AMD's compiled in. A version 2 report
/// does not name its product: those that made such reports are tried in turn.
///
/// # Errors
///
/// Returns [`CollateralError`] when something is lacking and the provider has none.
pub fn complete(
    provider: &impl Provider,
    evidence: &Evidence,
    mut given: Endorsements,
    with_crl: bool,
) -> Result<Endorsements, CollateralError> {
    let wants_crl = with_crl && given.crl.is_none();
    if matches!(evidence, Evidence::Nitro(_)) || (given.leaf.is_some() && !wants_crl) {
        return Ok(given);
    }
    let product = given.leaf.as_deref().and_then(content::product_of_leaf);
    let candidates = match product {
        Some(product) => vec![Wanted::of_product(evidence, product)?],
        None => Wanted::candidates(evidence)?,
    };
    let mut last = CollateralError::Wanted(WantedError::ProductUnknown);
    for wanted in candidates {
        let found = match given.leaf.take() {
            Some(leaf) => Ok(leaf),
            None => provider.leaf(&wanted),
        };
        match found {
            Ok(leaf) => {
                given.leaf = Some(leaf);
                if wants_crl {
                    given.crl = Some(provider.crl(&wanted)?);
                }
                return Ok(given);
            }
            Err(error @ CollateralError::NotThere { .. })
            | Err(error @ CollateralError::Offline(_)) => last = error,
            Err(error) => return Err(error),
        }
    }
    Err(last)
}
