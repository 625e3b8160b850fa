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

/// Says who chose the revocation list among what is given.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ListChosenBy {
    /// The caller named it. It is used as it is.
    Caller,
    /// It came with the evidence, from whoever handed that over, who may prefer a list from before
    /// a revocation. It is used only when the provider has none.
    Envelope,
}

/// What [`complete`] found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Completed {
    /// What was given and what was found.
    pub endorsements: Endorsements,
    /// Why the provider's revocation list is missing, when the one that came with the evidence
    /// stands in for it. Whoever reports the verdict says so.
    pub list_error: Option<CollateralError>,
}

/// Fills in what `given` lacks: the leaf, and the revocation list when `list` is not `None`.
///
/// A list in `given` spares the request only if the caller chose it: evidence does not decide by
/// which list it is judged. The intermediate stays as it is, for the verifier has AMD's compiled
/// in. A version 2 report does not name its product: those that made such reports are tried in
/// turn.
///
/// # Errors
///
/// Returns [`CollateralError`] when something is lacking and the provider has none.
pub fn complete(
    provider: &impl Provider,
    evidence: &Evidence,
    mut given: Endorsements,
    list: Option<ListChosenBy>,
) -> Result<Completed, CollateralError> {
    let wants_list = match list {
        None => false,
        Some(ListChosenBy::Caller) => given.crl.is_none(),
        Some(ListChosenBy::Envelope) => true,
    };
    if matches!(evidence, Evidence::Nitro(_)) || (given.leaf.is_some() && !wants_list) {
        return Ok(Completed {
            endorsements: given,
            list_error: None,
        });
    }
    let product = given.leaf.as_deref().and_then(content::product_of_leaf);
    let candidates = match product {
        Some(product) => vec![Wanted::above_leaf(evidence, product)?],
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
                return match wants_list {
                    true => with_list(provider, &wanted, given),
                    false => Ok(Completed {
                        endorsements: given,
                        list_error: None,
                    }),
                };
            }
            Err(error @ CollateralError::NotThere { .. })
            | Err(error @ CollateralError::Offline(_)) => last = error,
            Err(error) => return Err(error),
        }
    }
    Err(last)
}

/// Takes the provider's list, else the given one.
fn with_list(
    provider: &impl Provider,
    wanted: &Wanted,
    mut given: Endorsements,
) -> Result<Completed, CollateralError> {
    let list_error = match provider.crl(wanted) {
        Ok(list) => {
            given.crl = Some(list);
            None
        }
        Err(error) if given.crl.is_some() => Some(error),
        Err(error) => return Err(error),
    };
    Ok(Completed {
        endorsements: given,
        list_error,
    })
}
