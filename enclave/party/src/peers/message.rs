//! What parties say to each other.

use alloc::vec::Vec;

use boop_wire::{Digest, Refusal, RequestId};
use minicbor::{Decode, Encode};

use super::Stand;
use crate::secret::Secret;
use crate::vault::RecordFacts;

/// What parties say to each other.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
pub(crate) enum PeerMessage {
    /// How the sender sees the other edge, and its store.
    #[n(0)]
    Join(#[n(0)] Join),
    /// From party 0: this job begins.
    #[n(1)]
    Begin(#[n(0)] Begin),
    /// A message of the matching protocol.
    #[n(2)]
    Step {
        #[n(0)]
        job: JobName,
        #[cbor(n(1), with = "minicbor::bytes")]
        bytes: Vec<u8>,
    },
    /// The sender's record and head of this job are durable.
    #[n(4)]
    Written {
        #[n(0)]
        job: u64,
    },
    /// The job is over without a result.
    #[n(3)]
    Abort {
        #[n(0)]
        job: u64,
        #[n(1)]
        refusal: Refusal,
    },
    /// The sender is there.
    #[n(5)]
    Alive,
    /// Asks what the receiver keeps for the sender [KEY-5].
    #[n(6)]
    SecretAsk {
        #[n(0)]
        epoch: u32,
    },
    /// What the sender keeps for the receiver.
    #[n(7)]
    Secret {
        #[n(0)]
        epoch: u32,
        #[n(1)]
        secret: Option<Secret>,
    },
    /// Asks the receiver to keep the sender's secret.
    #[n(8)]
    SecretKeep {
        #[n(0)]
        epoch: u32,
        #[n(1)]
        secret: Secret,
    },
    /// The sender keeps the receiver's secret durably.
    #[n(9)]
    SecretKept {
        #[n(0)]
        epoch: u32,
    },
    /// From party 0: make ready for this epoch [REF-1].
    #[n(10)]
    Renew {
        #[n(0)]
        epoch: u32,
    },
    /// To party 0: the sender is ready for this epoch.
    #[n(11)]
    Ready {
        #[n(0)]
        epoch: u32,
    },
    /// The sender leaves [LIF-2].
    #[n(12)]
    Leaving,
    /// From party 0: no job begins any more in this session.
    #[n(13)]
    Closed,
    /// Every job of this session is over at the sender.
    #[n(14)]
    Finished,
    /// The sender helps the receiver to its store [REC-2].
    #[n(15)]
    Helps {
        #[n(0)]
        job: JobName,
        /// The refresh that made the epoch.
        #[n(1)]
        refresh: Option<Digest>,
    },
    /// Asks for what is known of records, after so many.
    #[n(16)]
    FactsAsk {
        #[n(0)]
        job: JobName,
        #[n(1)]
        after: u64,
    },
    /// What is known of the next records.
    #[n(17)]
    Facts {
        #[n(0)]
        job: JobName,
        #[n(1)]
        facts: Vec<RecordFacts>,
    },
    /// Asks for the shares.
    #[n(18)]
    SharesAsk {
        #[n(0)]
        job: JobName,
    },
}

/// A job among those of all sessions.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Encode, Decode)]
pub(crate) struct JobName {
    /// The beginning of the session's id: a neighbour may be in an earlier one still, without that
    /// an edge to it moves.
    #[n(0)]
    pub(crate) session: u64,
    /// The job's number in it.
    #[n(1)]
    pub(crate) number: u64,
}

impl JobName {
    /// Names a job of a session.
    pub(crate) fn of(session: Option<&Digest>, number: u64) -> Self {
        let start = session.and_then(|id| id.as_bytes().first_chunk().copied());
        Self {
            session: u64::from_be_bytes(start.unwrap_or_default()),
            number,
        }
    }
}

/// See [`PeerMessage::Join`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, Encode, Decode)]
pub(crate) struct Join {
    /// The edge between the sender and the party that the receiver is not.
    #[n(0)]
    pub(crate) edge: Digest,
    /// The sender's store.
    #[n(1)]
    pub(crate) stand: Stand,
    /// Whether the sender is forming and needs to be told the same.
    #[n(2)]
    pub(crate) asks: bool,
}

/// See [`PeerMessage::Begin`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, Encode, Decode)]
pub(crate) struct Begin {
    /// Number of the job, one more each time.
    #[n(0)]
    pub(crate) job: u64,
    /// How many records it is about: those that are searched, or prepared afterwards.
    #[n(1)]
    pub(crate) version: u64,
    /// The call that is served; none if records are prepared or refreshed.
    #[n(2)]
    pub(crate) asked: Option<Asked>,
    /// Whether the store is refreshed.
    #[n(3)]
    pub(crate) renews: bool,
}

/// The call of a job.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Encode, Decode)]
pub(crate) struct Asked {
    /// The request that is served.
    #[n(0)]
    pub(crate) request: RequestId,
    /// Digest of the call as party 0 has it.
    #[n(1)]
    pub(crate) call: Digest,
    /// Whether it may add a record: then no other such job runs beside it.
    #[n(2)]
    pub(crate) adds: bool,
}
