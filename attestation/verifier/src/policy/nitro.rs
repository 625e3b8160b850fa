//! Rules for Nitro documents.

use alloc::{string::String, vec, vec::Vec};

use super::{Permission, Tier};
use crate::rule::Rule;

/// PCRs that every set must name: image, kernel with its command line, application.
const MANDATORY_PCRS: [u8; 3] = [0, 1, 2];

/// Rules for Nitro documents.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NitroPolicy {
    /// How far enclaves under these rules are trusted.
    pub tier: Tier,
    /// Releases that are accepted. A document fits when one whole set fits; without a set, or
    /// with an incomplete one, the policy refuses everything.
    pub pcr_sets: Vec<PcrSet>,
    /// Name of the instance and enclave.
    pub module_id: Rule<String>,
    /// Enclaves in debug mode, whose PCR0 to PCR2 are zero.
    pub debug: Permission,
    /// Greatest age of the document.
    pub age: AgeLimit,
    /// Seconds that the document's time may run ahead of ours.
    pub ahead_seconds_max: u64,
}

/// Rules by PCR index that belong together, usually the registers of one release.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PcrSet(pub Vec<(u8, Rule<[u8; 48]>)>);

/// Greatest age of a document.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum AgeLimit {
    /// At most so many seconds.
    Seconds(u64),
    /// Any age within the life of its certificate.
    Any,
}

impl NitroPolicy {
    /// Gives the Nitro half of [`Policy::p0`](super::Policy::p0), called N0.
    pub fn n0() -> Self {
        Self {
            tier: Tier::Affirming,
            pcr_sets: vec![PcrSet::any()],
            module_id: Rule::Any,
            debug: Permission::Refuse,
            age: AgeLimit::Any,
            ahead_seconds_max: 60,
        }
    }

    /// Says whether there is a set, and each names the registers that make up an image.
    pub fn is_complete(&self) -> bool {
        !self.pcr_sets.is_empty() && self.pcr_sets.iter().all(PcrSet::is_complete)
    }
}

impl PcrSet {
    /// Leaves the mandatory registers open.
    pub fn any() -> Self {
        Self(MANDATORY_PCRS.map(|index| (index, Rule::Any)).to_vec())
    }

    /// Says whether PCR0, PCR1 and PCR2 are named.
    pub fn is_complete(&self) -> bool {
        let names = |index| self.0.iter().any(|(named, _)| *named == index);
        MANDATORY_PCRS.into_iter().all(names)
    }

    /// Says whether the set tells one program from another: it closes PCR0, which covers the
    /// whole image, or PCR1 and PCR2 together.
    pub fn names_program(&self) -> bool {
        let closes = |index| {
            let mut rules = self.0.iter();
            rules.any(|(named, rule)| *named == index && !rule.is_any())
        };
        closes(0) || (closes(1) && closes(2))
    }
}
