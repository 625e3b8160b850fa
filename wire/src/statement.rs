//! What each party signs at the end of a job of the matching: how it ended, and what was said
//! [JOB-9]. Hosts keep the statements; whoever has the three of a job can compare them.

mod compare;

use alloc::vec::Vec;

use minicbor::{Decode, Encode};

use crate::codec::{domain_separated, to_canonical};
use crate::id::{Digest, NetworkId, PartyIndex};
use crate::refusal::Refusal;
use crate::session::Signature;

pub use compare::{CompareError, Difference, compare};

/// Largest encoded [`SignedStatement`], in bytes.
pub const STATEMENT_BYTES_MAX: usize = 512;

/// A party's view of one job that it started.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
pub struct JobStatement {
    /// The network.
    #[n(0)]
    pub network: NetworkId,
    /// The session of the three.
    #[n(1)]
    pub session: Digest,
    /// The job's number in it.
    #[n(2)]
    pub job: u64,
    /// Who says so.
    #[n(3)]
    pub party: PartyIndex,
    /// What the job was for.
    #[n(4)]
    pub kind: JobKind,
    /// How it ended.
    #[n(5)]
    pub ending: JobEnding,
    /// What went to and came from the next party.
    #[n(6)]
    pub with_next: Exchange,
    /// What went to and came from the previous party.
    #[n(7)]
    pub with_previous: Exchange,
}

/// What a job was for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Encode, Decode)]
#[cbor(index_only)]
pub enum JobKind {
    /// Recognising a palm.
    #[n(0)]
    Identify,
    /// Enrolling a palm.
    #[n(1)]
    Enrol,
    /// Preparing records for searches.
    #[n(2)]
    Prepare,
    /// Refreshing all records.
    #[n(3)]
    Refresh,
}

/// How a job ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Encode, Decode)]
pub enum JobEnding {
    /// As it should. What was found is not said here.
    #[n(0)]
    Done,
    /// Without a result.
    #[n(1)]
    Refused(#[n(0)] Refusal),
}

/// The messages between a party and a neighbour, both ways.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
pub struct Exchange {
    /// To the neighbour.
    #[n(0)]
    pub sent: Said,
    /// From the neighbour.
    #[n(1)]
    pub received: Said,
}

/// The messages of one way.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
pub struct Said {
    /// How many.
    #[n(0)]
    pub messages: u64,
    /// Commitment to them, which the two ends alone can open [MPC-6].
    #[n(1)]
    pub commitment: Digest,
}

/// A statement under its party's identity key.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
pub struct SignedStatement {
    /// What is stated.
    #[n(0)]
    pub statement: JobStatement,
    /// Over [`JobStatement::signed_bytes`].
    #[n(1)]
    pub signature: Signature,
}

impl JobStatement {
    /// Returns the bytes that the party signs.
    pub fn signed_bytes(&self) -> Vec<u8> {
        domain_separated("job-statement", &to_canonical(self))
    }

    /// Returns what was exchanged with `other`; none with oneself.
    pub fn exchange(&self, other: PartyIndex) -> Option<&Exchange> {
        if other == self.party.next() {
            Some(&self.with_next)
        } else if other == self.party.previous() {
            Some(&self.with_previous)
        } else {
            None
        }
    }
}
