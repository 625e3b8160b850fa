//! Learning the parties' keys: from their own evidence, whoever brings it.

use boop_channel::{Expectation, JudgeError, Trust};
use boop_wire::Refusal;
use boop_wire::binding::Role;
use boop_wire::evidence::EvidenceBundle;
use boop_wire::id::PartyIndex;
use ed25519_dalek::VerifyingKey;

/// Why the parties are not known now.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum IntroduceError {
    /// There is not one bundle for each party.
    #[error("{found} bundles of evidence, not 3")]
    Count {
        /// How many there are.
        found: usize,
    },
    /// The evidence of a party was not accepted.
    #[error("the evidence of party {party} was not accepted")]
    Evidence {
        /// Whose.
        party: PartyIndex,
        /// Why.
        source: JudgeError,
    },
    /// The evidence vouches for something that signs nothing.
    #[error("the identity key of party {0} is not a sound Ed25519 key")]
    Key(PartyIndex),
}

impl IntroduceError {
    /// Returns the code that may cross the trust edge.
    pub const fn refusal(&self) -> Refusal {
        match self {
            Self::Count { .. } => Refusal::Invalid,
            Self::Evidence { source, .. } => source.refusal(),
            Self::Key(_) => Refusal::EvidenceRefused,
        }
    }
}

/// Judges one bundle of boot evidence for each party, in order, and returns their identity keys.
///
/// # Errors
/// The first thing that is wrong; then none of the keys is to be believed.
pub fn judge_parties(
    trust: &Trust,
    bundles: &[EvidenceBundle],
    now_ms: u64,
) -> Result<Vec<(PartyIndex, VerifyingKey)>, IntroduceError> {
    if bundles.len() != PartyIndex::COUNT {
        return Err(IntroduceError::Count {
            found: bundles.len(),
        });
    }
    let judge = |(party, bundle)| {
        let expect = Expectation::boot(Role::Party, Some(party));
        let judged = trust
            .judge(bundle, &expect, now_ms)
            .map_err(|source| IntroduceError::Evidence { party, source })?;
        let key = VerifyingKey::from_bytes(&judged.binding.keys.identity)
            .ok()
            .filter(|key| !key.is_weak())
            .ok_or(IntroduceError::Key(party))?;
        Ok((party, key))
    };
    PartyIndex::ALL
        .into_iter()
        .zip(bundles)
        .map(judge)
        .collect()
}
