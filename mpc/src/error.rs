//! What can go wrong in a protocol run and when reading a share.

use crate::step::Step;
use boop_wire::id::PartyIndex;

/// Why a protocol run ended without a result [MPC-4].
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum MpcError {
    /// A message is shorter or longer than its step demands.
    #[error("message from party {from} has {found} bytes, expected {expected}")]
    WrongLength {
        /// Who sent it.
        from: PartyIndex,
        /// The only length allowed here.
        expected: usize,
        /// The length it has.
        found: usize,
    },
    /// A message belongs to another step.
    #[error("message from party {from} carries step {found}, expected {expected:?}")]
    UnexpectedStep {
        /// Who sent it.
        from: PartyIndex,
        /// The step this party is in.
        expected: Step,
        /// The tag the message carries.
        found: u8,
    },
    /// A message is repeated, or an earlier one is missing.
    #[error("message from party {from} has number {found}, expected {expected}")]
    OutOfOrder {
        /// Who sent it.
        from: PartyIndex,
        /// The number of the next message from that party.
        expected: u32,
        /// The number it carries.
        found: u32,
    },
    /// A message exceeds what any step may send.
    #[error("message from party {from} has {bytes} bytes, more than any step sends")]
    MessageTooLong {
        /// Who sent it.
        from: PartyIndex,
        /// The length it has.
        bytes: usize,
    },
    /// A party ran further ahead than the protocol lets it.
    #[error("party {from} is too many messages ahead")]
    TooManyEarlyMessages {
        /// Who sent them.
        from: PartyIndex,
    },
    /// The protocol is over, but a message was left.
    #[error("party {from} sent a message nobody asked for")]
    SurplusMessage {
        /// Who sent it.
        from: PartyIndex,
    },
    /// The sender of a message is this party itself.
    #[error("party {from} cannot send a message to itself")]
    NotAPeer {
        /// The sender given.
        from: PartyIndex,
    },
    /// The two parties that hold an opened component disagree about it.
    #[error("the two holders of an opened value disagree")]
    InconsistentOpening,
    /// A party did not compute a message as the protocol says, or a neighbour says so.
    #[error("party {prover} did not prove its messages")]
    ProofRejected {
        /// Whose proof it is.
        prover: PartyIndex,
    },
    /// A prover and the party that asked it do not agree about what was asked.
    #[error("party {prover} or the party after it changed a challenge")]
    ChallengesDiffer {
        /// Who was asked.
        prover: PartyIndex,
    },
    /// The dot products of a party are not those of its shares, or an auditor says so.
    #[error("party {party} did not pass the audit of its products")]
    AuditRejected {
        /// Whose products they are.
        party: PartyIndex,
    },
    /// The audit does not cover the database.
    #[error("the audit does not cover the database")]
    NotAudited,
    /// The parties do not speak of the same run.
    #[error("party {from} starts from something else")]
    PrefacesDiffer {
        /// Whose preface differs.
        from: PartyIndex,
    },
    /// A client's share was made for another party.
    #[error("the share is meant for party {meant_for}")]
    ForeignShare {
        /// The party it was made for.
        meant_for: PartyIndex,
    },
    /// The database has more templates than one run takes.
    #[error("{templates} templates are more than one run takes")]
    DatabaseTooLarge {
        /// How many there are.
        templates: usize,
    },
    /// An encoding of the palm has fewer valid cells than the least count [MPC-15]. All parties
    /// learn it, and nothing else of the palm; nobody deviated.
    #[error("the palm has too few valid cells")]
    TooFewValidCells,
    /// The driver handed in work that the job did not ask for, or the same work twice.
    #[error("the job did not ask for this work")]
    NotAsked,
    /// The job was started twice.
    #[error("the job has already been started")]
    AlreadyStarted,
    /// The job has already given its result.
    #[error("the job is over")]
    Finished,
}

impl MpcError {
    /// Returns which check failed, as a word for a log.
    pub const fn name(&self) -> &'static str {
        match self {
            Self::WrongLength { .. } => "wrong-length",
            Self::UnexpectedStep { .. } => "unexpected-step",
            Self::OutOfOrder { .. } => "out-of-order",
            Self::MessageTooLong { .. } => "message-too-long",
            Self::TooManyEarlyMessages { .. } => "too-many-early-messages",
            Self::SurplusMessage { .. } => "surplus-message",
            Self::NotAPeer { .. } => "not-a-peer",
            Self::InconsistentOpening => "inconsistent-opening",
            Self::ProofRejected { .. } => "proof-rejected",
            Self::ChallengesDiffer { .. } => "challenges-differ",
            Self::AuditRejected { .. } => "audit-rejected",
            Self::NotAudited => "not-audited",
            Self::PrefacesDiffer { .. } => "prefaces-differ",
            Self::ForeignShare { .. } => "foreign-share",
            Self::DatabaseTooLarge { .. } => "database-too-large",
            Self::TooFewValidCells => "too-few-valid-cells",
            Self::NotAsked => "not-asked",
            Self::AlreadyStarted => "already-started",
            Self::Finished => "finished",
        }
    }

    /// Returns whom the check points at, which need not be who deviated [MPC-4].
    pub const fn accused(&self) -> Option<PartyIndex> {
        match self {
            Self::WrongLength { from, .. }
            | Self::UnexpectedStep { from, .. }
            | Self::OutOfOrder { from, .. }
            | Self::MessageTooLong { from, .. }
            | Self::TooManyEarlyMessages { from }
            | Self::SurplusMessage { from }
            | Self::PrefacesDiffer { from } => Some(*from),
            Self::ProofRejected { prover } | Self::ChallengesDiffer { prover } => Some(*prover),
            Self::AuditRejected { party } => Some(*party),
            Self::InconsistentOpening
            | Self::NotAPeer { .. }
            | Self::NotAudited
            | Self::ForeignShare { .. }
            | Self::DatabaseTooLarge { .. }
            | Self::TooFewValidCells
            | Self::NotAsked
            | Self::AlreadyStarted
            | Self::Finished => None,
        }
    }
}

/// Why bytes are not a share.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ShareDecodeError {
    /// There are no bytes.
    #[error("the share is empty")]
    Empty,
    /// The first byte names no party.
    #[error("there is no party {index}")]
    NoSuchParty {
        /// The number found.
        index: u8,
    },
    /// The share is shorter or longer than its kind.
    #[error("the share has {found} bytes, expected {expected}")]
    WrongLength {
        /// The only length allowed.
        expected: usize,
        /// The length it has.
        found: usize,
    },
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_error_has_a_name_of_its_own_and_points_at_whom_its_check_points() {
        let from = PartyIndex::ALL[1];
        let (party, prover, meant_for) = (from, from, from);
        let (bytes, expected, found, templates) = (9, 1, 2, 3);
        let step = crate::Step::Open;
        let pointing = [
            MpcError::WrongLength {
                from,
                expected,
                found,
            },
            MpcError::UnexpectedStep {
                from,
                expected: step,
                found: 2,
            },
            MpcError::OutOfOrder {
                from,
                expected: 1,
                found: 2,
            },
            MpcError::MessageTooLong { from, bytes },
            MpcError::TooManyEarlyMessages { from },
            MpcError::SurplusMessage { from },
            MpcError::ProofRejected { prover },
            MpcError::ChallengesDiffer { prover },
            MpcError::AuditRejected { party },
            MpcError::PrefacesDiffer { from },
        ];
        let own = [
            MpcError::NotAPeer { from },
            MpcError::InconsistentOpening,
            MpcError::NotAudited,
            MpcError::ForeignShare { meant_for },
            MpcError::DatabaseTooLarge { templates },
            MpcError::TooFewValidCells,
            MpcError::NotAsked,
            MpcError::AlreadyStarted,
            MpcError::Finished,
        ];

        assert!(pointing.iter().all(|error| error.accused() == Some(from)));
        assert!(own.iter().all(|error| error.accused().is_none()));
        let all = pointing.iter().chain(&own);
        let names: alloc::collections::BTreeSet<_> = all.map(MpcError::name).collect();
        assert_eq!(names.len(), pointing.len() + own.len());
    }
}
