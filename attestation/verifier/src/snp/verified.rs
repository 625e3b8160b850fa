//! A chain that was followed once, for the reports of a machine that come after the first.
//!
//! The certificates of a chip change with its firmware, not with every report. Who asks the same
//! machine again keeps its [`VerifiedChain`] and pays for one signature check per report.

use alloc::vec::Vec;

use super::{
    Report, authenticate,
    chain::{Chain, NoLeaf, note},
};
#[cfg(feature = "aws-lc")]
use crate::crypto::AwsLc;
use crate::{
    authenticate::Authenticated,
    crypto::Crypto,
    evidence::{Endorsements, UnixTime},
    reason::Reason,
    record::Record,
    roots::Roots,
};

/// A chain from a pinned root to the key of a chip or a fleet, whose signatures hold.
///
/// It remembers what the certificates say, their periods of validity and the revocation list, and
/// each report is held against the time it is checked at. It says nothing of roots that were
/// dropped since, so it is kept no longer than the [`Roots`] it was made with.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct VerifiedChain {
    chain: Chain,
    endorsements: Endorsements,
}

/// Says why endorsements make no chain that could be kept.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("certificates lead to no pinned root: {reasons:?}")]
pub struct ChainError {
    /// Each thing that is wrong with them at any time.
    pub reasons: Vec<Reason>,
}

impl VerifiedChain {
    /// Follows certificates to one of the roots.
    ///
    /// # Errors
    /// [`ChainError`] when they would refuse every report, whatever the time.
    #[cfg(feature = "aws-lc")]
    pub fn follow(endorsements: &Endorsements, roots: &Roots) -> Result<Self, ChainError> {
        Self::follow_with(&AwsLc, endorsements, roots)
    }

    /// Does what `follow` does with another implementation of the signature checks.
    ///
    /// # Errors
    /// [`ChainError`] when they would refuse every report, whatever the time.
    pub fn follow_with(
        crypto: &impl Crypto,
        endorsements: &Endorsements,
        roots: &Roots,
    ) -> Result<Self, ChainError> {
        let mut record = Record::default();
        let chain = Chain::follow(endorsements, roots, crypto);
        match &chain {
            Ok(chain) => chain.note_lasting(&mut record),
            // Without a leaf the steps are the same at any time.
            Err(error) => {
                note(&mut record, Err(*error), UnixTime(0));
            }
        }
        let mut reasons = record.reasons;
        reasons.extend(chain.as_ref().ok().and_then(Chain::lasting_revocation));
        match chain {
            Ok(chain) if reasons.is_empty() => Ok(Self {
                chain,
                endorsements: endorsements.clone(),
            }),
            Ok(_) | Err(NoLeaf::Missing | NoLeaf::Unusable(_)) => Err(ChainError { reasons }),
        }
    }

    /// Says whether these are the very bytes that the chain was made from.
    pub fn is_of(&self, endorsements: &Endorsements) -> bool {
        self.endorsements == *endorsements
    }

    /// Gives the endorsements that the chain was made from.
    pub fn endorsements(&self) -> &Endorsements {
        &self.endorsements
    }

    /// Authenticates a report under this chain, with the same outcome as under its endorsements.
    #[cfg(feature = "aws-lc")]
    pub fn authenticate(&self, report: &Report, now: UnixTime) -> Authenticated {
        self.authenticate_with(&AwsLc, report, now)
    }

    /// Does what `authenticate` does with another implementation of the signature checks.
    pub fn authenticate_with(
        &self,
        crypto: &impl Crypto,
        report: &Report,
        now: UnixTime,
    ) -> Authenticated {
        authenticate::authenticate_under(crypto, report, Ok(&self.chain), now)
    }
}
