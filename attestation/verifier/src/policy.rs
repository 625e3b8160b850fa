//! The written policy: what an appraisal accepts, field by field, without defaults.

mod nitro;
mod snp;

use alloc::vec::Vec;

pub use nitro::{AgeLimit, NitroPolicy, PcrSet};
pub use snp::{
    Floor, Floors, GuestPolicyRules, Mitigations, NoFloorYet, PlatformRules, ProductPolicy,
    Revocation, SnpPolicy, TcbRules, Vlek,
};

use crate::{evidence::EvidenceKind, facts::Facts, rule::Rule};

/// What a relying party accepts.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Policy {
    /// Whether evidence under a simulated root may be accepted.
    pub simulated: SimulatedEvidence,
    /// Whether evidence may be accepted that was compared with nothing of the caller's.
    pub binding: Demand,
    /// Rules for SEV-SNP.
    pub snp: Platform<SnpPolicy>,
    /// Rules for Nitro.
    pub nitro: Platform<NitroPolicy>,
}

/// Says whether evidence under a simulated root may be accepted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SimulatedEvidence {
    /// Accept it, as in a demonstration or a test.
    Allow,
    /// Refuse it, as in production.
    Refuse,
}

/// Says whether something must be there.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Demand {
    /// Evidence without it is refused.
    Required,
    /// It may be missing.
    Open,
}

/// A platform is refused as a whole or accepted under rules.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Platform<P> {
    /// No evidence of this platform is accepted.
    Refused,
    /// Evidence is accepted under these rules.
    Accepted(P),
}

/// Whether something undesirable is put up with.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Permission {
    /// It may be present.
    Allow,
    /// Its presence refuses the evidence.
    Refuse,
}

/// How far a relying party trusts hardware that it accepts, least worry first.
///
/// The words are those of AR4SI (draft-ietf-rats-ar4si); what is not accepted has no tier.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Tier {
    /// Nothing known speaks against it.
    Affirming,
    /// Accepted with a known reservation, such as a fleet key or a product with published attacks.
    Warning,
}

/// What the caller expects the evidence to be bound to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Expected {
    /// SEV-SNP: REPORT_DATA, 64 bytes. Nitro: the whole of user_data.
    pub report_data: Rule<Vec<u8>>,
    /// Nitro: the nonce field. SEV-SNP has none; there the nonce is inside REPORT_DATA.
    pub nonce: Rule<Vec<u8>>,
}

impl Policy {
    /// Gives the strict profile that the attestation vectors are judged by (P0 and N0).
    ///
    /// It accepts every product at every firmware level and every measurement, so it shows that a
    /// platform is genuine and closed to its host, not what runs on it.
    pub fn p0() -> Self {
        Self {
            simulated: SimulatedEvidence::Refuse,
            binding: Demand::Open,
            snp: Platform::Accepted(SnpPolicy::p0()),
            nitro: Platform::Accepted(NitroPolicy::n0()),
        }
    }

    /// Gives the tier of hardware with these facts, if the policy names one.
    pub(crate) fn tier_of(&self, facts: &Facts) -> Option<Tier> {
        let tier = match (facts.kind, &self.snp, &self.nitro) {
            (EvidenceKind::Snp, Platform::Accepted(rules), _) => rules.tier_of(facts)?,
            (EvidenceKind::Nitro, _, Platform::Accepted(rules)) => rules.tier,
            (EvidenceKind::Snp, Platform::Refused, _)
            | (EvidenceKind::Nitro, _, Platform::Refused) => return None,
        };
        Some(if facts.simulated { Tier::Warning } else { tier })
    }
}

impl Expected {
    /// Expects nothing: the verdict then never says that the evidence is bound.
    pub fn nothing() -> Self {
        Self {
            report_data: Rule::Any,
            nonce: Rule::Any,
        }
    }
}
