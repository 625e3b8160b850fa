//! EAT attestation results, draft-ietf-rats-ear.
//!
//! The claims are those of revision -04 (26 May 2026), whose profile is [`EAT_PROFILE`]; earlier
//! revisions spell them with dots and hyphens and are not written. One submodule, `snp` or
//! `nitro` (`evidence` when the bytes could not be read), carries the status, the AR4SI vector of
//! [`vector`], the policy, and under `ear_verifier_claims` one member `boop` with our own
//! [`Findings`]: what a relying party needs to see why. Among them is `judged_at`, the time for
//! which the evidence was judged, in seconds since 1970 as `iat` is: evidence can be judged as of
//! another day, when a certificate was still valid or a list still current, and `iat` does not
//! say so. A result that was issued more than [`JUDGED_SECONDS_MAX`] seconds before or after has
//! at most the status `warning`. Evidence that could not be read was never judged and has none.
//!
//! | claim | JSON | CBOR |
//! |---|---|---|
//! | profile | `eat_profile` | 265 |
//! | issued at | `iat` | 6 |
//! | nonce of the asking party | `eat_nonce` | 10 |
//! | status, also in the submodule | `ear_status` | 1000 |
//! | trustworthiness vector | `ear_trustworthiness_vector` | 1001 |
//! | policies | `ear_appraisal_policy_ids` | 1003 |
//! | verifier | `ear_verifier_id` | 1004 |
//! | our findings | `ear_verifier_claims` | 1006 |
//! | submodules | `submods` | 266 |

mod cbor;
mod json;
pub(super) mod vector;

use boop_verifier::{EvidenceKind, UnixTime, Verdict};

use self::vector::{TrustVector, TrustworthinessTier};
use super::json::codes;

/// The profile that results state.
pub const EAT_PROFILE: &str = "tag:ietf.org,2026:rats/ear#04";

/// Who develops the verifier, as results state it.
pub const DEVELOPER: &str = "boop";

/// How far a result of the status `affirming` may be issued from the time of judgement.
pub const JUDGED_SECONDS_MAX: u64 = 300;

/// The lengths that a nonce may have, RFC 9711 section 4.1.
pub const NONCE_BYTES: core::ops::RangeInclusive<usize> = 8..=64;

/// What a result states beside the verdict.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct EarContext {
    /// Name of the policy by which the evidence was judged.
    pub policy_id: String,
    /// SHA-256 of the policy's file, if it came from one.
    pub policy_digest: Option<[u8; 32]>,
    /// The nonce of the party that asked for the result, if it sent one.
    pub nonce: Option<Vec<u8>>,
    /// SHA-256 of the evidence, byte for byte.
    pub evidence_digest: [u8; 32],
    /// The time of the result.
    pub issued_at: UnixTime,
    /// The build of the verifier.
    pub build: String,
}

impl EarContext {
    /// Gives the policy in a result: its name, and the digest that makes it unmistakable.
    fn policy(&self) -> String {
        match self.policy_digest {
            Some(digest) => format!("{};sha-256={}", self.policy_id, hex::encode(digest)),
            None => self.policy_id.clone(),
        }
    }
}

/// An attestation result.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Ear {
    /// The time of the result.
    pub issued_at: UnixTime,
    /// Who develops the verifier.
    pub developer: String,
    /// The build of the verifier.
    pub build: String,
    /// The nonce of the party that asked. Whoever asked compares it.
    pub nonce: Option<Vec<u8>>,
    /// The overall status.
    pub status: TrustworthinessTier,
    /// The result of the one attester.
    pub submodule: Submodule,
}

/// The result of one attester.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Submodule {
    /// Its label: `snp`, `nitro` or `evidence`.
    pub label: String,
    /// Its status.
    pub status: TrustworthinessTier,
    /// Its trustworthiness, aspect by aspect.
    pub vector: TrustVector,
    /// The policies by which it was judged.
    pub policy_ids: Vec<String>,
    /// What we found, in our own words.
    pub findings: Findings,
}

/// Our own claims in a result.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Findings {
    /// The time for which the evidence was judged; `None` if it could not be read.
    pub judged_at: Option<UnixTime>,
    /// SHA-256 of the evidence that was judged, in hexadecimal.
    pub evidence: String,
    /// Launch measurement of SEV-SNP or PCR0 of Nitro, in hexadecimal; empty if there is none.
    pub measurement: String,
    /// The evidence is accepted.
    pub accepted: bool,
    /// The vendor's hardware made it.
    pub authentic: bool,
    /// The policy allows what it says.
    pub acceptable: bool,
    /// It belongs to the conversation that was stated.
    pub bound: bool,
    /// It ends at a simulated root.
    pub simulated: bool,
    /// One line of plain words.
    pub summary: String,
    /// Codes of the reasons for a refusal.
    pub reasons: Vec<String>,
    /// Codes of what is worth a look.
    pub flags: Vec<String>,
}

/// Why a result cannot be made or read.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum EarError {
    /// The nonce is shorter or longer than an EAT may carry.
    #[error("the nonce has {bytes} bytes instead of 8 to 64")]
    NonceLength {
        /// Length that was given.
        bytes: usize,
    },
    /// The result is of another profile.
    #[error("the profile is not {EAT_PROFILE}")]
    Profile,
    /// A claim is missing, or is not of its type.
    #[error("the claim {claim:?} is missing or not of its type")]
    Claim {
        /// Name of the claim.
        claim: &'static str,
    },
    /// The result states an end of its validity, which this profile's results do not.
    #[error("it states an expiry, which is not read here")]
    Expiry,
    /// The status promises more than the vector or the submodule holds.
    #[error("the status promises more than the vector holds")]
    Status,
    /// The status is `affirming`, but the evidence was judged for another time.
    #[error(
        "the status is affirming, but the result was not issued within {JUDGED_SECONDS_MAX} s of \
         the time for which the evidence was judged"
    )]
    Times,
}

impl Ear {
    /// Makes the result of a verdict.
    ///
    /// # Errors
    ///
    /// Returns [`EarError::NonceLength`] when the nonce cannot be carried.
    pub fn of(verdict: &Verdict, context: &EarContext) -> Result<Self, EarError> {
        if let Some(nonce) = &context.nonce {
            check_nonce(nonce)?;
        }
        let vector = TrustVector::of(verdict);
        let judged_at = verdict.facts.as_ref().map(|facts| facts.checked_at);
        let measurement = verdict.facts.as_ref().and_then(|facts| facts.measurement);
        let status = match vector::status(verdict, &vector) {
            TrustworthinessTier::Affirming if !is_timely(context.issued_at, judged_at) => {
                TrustworthinessTier::Warning
            }
            status => status,
        };
        let label = match verdict.facts.as_ref().map(|facts| facts.kind) {
            Some(EvidenceKind::Snp) => "snp",
            Some(EvidenceKind::Nitro) => "nitro",
            None => "evidence",
        };
        Ok(Self {
            issued_at: context.issued_at,
            developer: DEVELOPER.into(),
            build: context.build.clone(),
            nonce: context.nonce.clone(),
            status,
            submodule: Submodule {
                label: label.into(),
                status,
                vector,
                policy_ids: vec![context.policy()],
                findings: Findings {
                    judged_at,
                    evidence: hex::encode(context.evidence_digest),
                    measurement: measurement.map(hex::encode).unwrap_or_default(),
                    accepted: verdict.accepted,
                    authentic: verdict.authentic,
                    acceptable: verdict.acceptable,
                    bound: verdict.bound,
                    simulated: verdict.simulated,
                    summary: verdict.summary(),
                    reasons: codes(&verdict.reasons),
                    flags: codes(&verdict.flags),
                },
            },
        })
    }

    /// Refuses a result whose statuses contradict its vector or its times.
    fn checked(self) -> Result<Self, EarError> {
        if let Some(nonce) = &self.nonce {
            check_nonce(nonce)?;
        }
        let worst = self.submodule.vector.worst();
        if self.submodule.status < worst || self.status < self.submodule.status {
            return Err(EarError::Status);
        }
        let affirms =
            [self.status, self.submodule.status].contains(&TrustworthinessTier::Affirming);
        if affirms && !is_timely(self.issued_at, self.submodule.findings.judged_at) {
            return Err(EarError::Times);
        }
        Ok(self)
    }
}

/// Says whether a result was issued about when the evidence was judged.
fn is_timely(issued_at: UnixTime, judged_at: Option<UnixTime>) -> bool {
    judged_at.is_some_and(|judged_at| issued_at.0.abs_diff(judged_at.0) <= JUDGED_SECONDS_MAX)
}

fn check_nonce(nonce: &[u8]) -> Result<(), EarError> {
    let bytes = nonce.len();
    if NONCE_BYTES.contains(&bytes) {
        return Ok(());
    }
    Err(EarError::NonceLength { bytes })
}
