//! Second step: follow the signatures to a pinned root and note what the evidence says.

#[cfg(feature = "aws-lc")]
use crate::crypto::AwsLc;
use crate::{
    crypto::Crypto,
    evidence::{Endorsements, Evidence, UnixTime},
    facts::Facts,
    nitro,
    record::Record,
    roots::Roots,
    snp,
    step::Step,
};

/// Evidence whose signatures were followed; only `authenticate` makes it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Authenticated {
    pub(crate) authentic: bool,
    pub(crate) facts: Facts,
    pub(crate) record: Record,
}

impl Authenticated {
    /// Says whether every step up to here passed.
    pub fn is_authentic(&self) -> bool {
        self.authentic
    }

    /// Gives what the evidence says.
    pub fn facts(&self) -> &Facts {
        &self.facts
    }

    /// Gives the steps taken so far.
    pub fn steps(&self) -> &[Step] {
        &self.record.steps
    }
}

/// Follows the signatures of evidence to one of the roots, going on after a failure when it can.
#[cfg(feature = "aws-lc")]
pub fn authenticate(
    evidence: &Evidence,
    endorsements: &Endorsements,
    roots: &Roots,
    now: UnixTime,
) -> Authenticated {
    authenticate_with(&AwsLc, evidence, endorsements, roots, now)
}

/// Follows the signatures of evidence with a given implementation of the signature checks.
pub fn authenticate_with(
    crypto: &impl Crypto,
    evidence: &Evidence,
    endorsements: &Endorsements,
    roots: &Roots,
    now: UnixTime,
) -> Authenticated {
    match evidence {
        Evidence::Snp(report) => {
            snp::authenticate::authenticate(crypto, report, endorsements, roots, now)
        }
        Evidence::Nitro(document) => {
            nitro::authenticate::authenticate(crypto, document, roots, now)
        }
    }
}
