//! The frames themselves, and the limits on them.

use alloc::vec::Vec;

use boop_wire::{PartyIndex, Refusal};
use minicbor::{Decode, Encode};

use crate::phase::Phase;

/// Largest frame, in bytes.
pub const FRAME_BYTES_MAX: usize = 256 * 1024;
/// Largest piece of a stream in one frame, in bytes.
pub const PIECE_BYTES_MAX: usize = 64 * 1024;
/// Largest sealed blob, in bytes.
pub const BLOB_BYTES_MAX: usize = 128 * 1024;
/// Most streams that a host may have open at once.
pub const STREAMS_MAX: usize = 64;

/// Number of a byte stream. The host gives even numbers, the enclave odd ones; none is used twice
/// in one life of an enclave.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Encode, Decode)]
#[cbor(transparent)]
pub struct StreamId(#[n(0)] pub u32);

/// Who is at the far end of a stream, by the host's word. The enclave believes evidence alone.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Encode, Decode)]
pub enum FarEnd {
    /// Another party's enclave.
    #[n(0)]
    Party(#[n(0)] PartyIndex),
    /// A gateway.
    #[n(1)]
    Gateway,
    /// This party's custodian.
    #[n(2)]
    Custodian,
}

/// Number of a sealed blob.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Encode, Decode)]
#[cbor(transparent)]
pub struct Slot(#[n(0)] pub u64);

/// What a host may say to its enclave.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
pub enum FromHost {
    /// Versions of the signed manifest, oldest first, one after the other: first of all what the
    /// enclave starts under, and later what follows.
    #[n(0)]
    Manifest(#[cbor(n(0), with = "minicbor::bytes")] Vec<u8>),
    /// A connection came in.
    #[n(1)]
    StreamOpened {
        /// Its number, even.
        #[n(0)]
        stream: StreamId,
        /// Who is said to be there.
        #[n(1)]
        from: FarEnd,
    },
    /// Bytes of a stream.
    #[n(2)]
    StreamData {
        /// Which stream.
        #[n(0)]
        stream: StreamId,
        /// At most [`PIECE_BYTES_MAX`].
        #[cbor(n(1), with = "minicbor::bytes")]
        bytes: Vec<u8>,
    },
    /// The stream is over, or could not be opened.
    #[n(3)]
    StreamClosed {
        /// Which stream.
        #[n(0)]
        stream: StreamId,
    },
    /// Answer to [`ToHost::BlobGet`].
    #[n(4)]
    Blob {
        /// Which blob.
        #[n(0)]
        slot: Slot,
        /// Its bytes, if there is one.
        #[cbor(n(1), with = "minicbor::bytes")]
        bytes: Option<Vec<u8>>,
    },
    /// Answer to [`ToHost::BlobPut`] and [`ToHost::BlobDelete`]: it is durable.
    #[n(5)]
    BlobDone {
        /// Which blob.
        #[n(0)]
        slot: Slot,
    },
    /// Finish what runs, take nothing new, stop.
    #[n(6)]
    Drain,
    /// Refresh all records, if this is party 0 [REF-1].
    #[n(16)]
    Refresh,
}

/// What an enclave may say to its host.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
pub enum ToHost {
    /// Canonical bytes of a fresh `EvidenceBundle`; hosts show it to each other.
    #[n(0)]
    Evidence(#[cbor(n(0), with = "minicbor::bytes")] Vec<u8>),
    /// Please connect to this far end.
    #[n(1)]
    OpenStream {
        /// The number the stream shall have, odd.
        #[n(0)]
        stream: StreamId,
        /// Whither.
        #[n(1)]
        to: FarEnd,
    },
    /// Bytes of a stream.
    #[n(2)]
    StreamData {
        /// Which stream.
        #[n(0)]
        stream: StreamId,
        /// At most [`PIECE_BYTES_MAX`].
        #[cbor(n(1), with = "minicbor::bytes")]
        bytes: Vec<u8>,
    },
    /// The stream is over.
    #[n(3)]
    CloseStream {
        /// Which stream.
        #[n(0)]
        stream: StreamId,
    },
    /// Please read a blob.
    #[n(4)]
    BlobGet {
        /// Which blob.
        #[n(0)]
        slot: Slot,
    },
    /// Please write a blob, durably, then say so.
    #[n(5)]
    BlobPut {
        /// Which blob.
        #[n(0)]
        slot: Slot,
        /// Sealed bytes, at most [`BLOB_BYTES_MAX`].
        #[cbor(n(1), with = "minicbor::bytes")]
        bytes: Vec<u8>,
    },
    /// Please delete a blob, durably, then say so.
    #[n(6)]
    BlobDelete {
        /// Which blob.
        #[n(0)]
        slot: Slot,
    },
    /// Something worth a line in the host's log.
    #[n(7)]
    Event(#[n(0)] Event),
    /// Canonical bytes of a `SignedStatement` about a job that ended, for the host to keep. At most
    /// `STATEMENT_BYTES_MAX`.
    #[n(8)]
    Statement(#[cbor(n(0), with = "minicbor::bytes")] Vec<u8>),
}

/// What an enclave tells its host about itself: closed codes and counts, no names, no text.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Encode, Decode)]
pub enum Event {
    /// It entered a phase of its life.
    #[n(0)]
    Phase(#[n(0)] Phase),
    /// A session was refused.
    #[n(1)]
    SessionRefused {
        /// The stream it was on.
        #[n(0)]
        stream: StreamId,
        /// Why.
        #[n(1)]
        refusal: Refusal,
    },
    /// A call was refused or a job aborted.
    #[n(2)]
    JobRefused(#[n(0)] Refusal),
    /// A job ended with a decision.
    #[n(3)]
    JobDone {
        /// The job's number.
        #[n(0)]
        job: u64,
        /// Templates searched.
        #[n(1)]
        searched: u64,
        /// Milliseconds from the call to the job's beginning.
        #[n(2)]
        waited_ms: u64,
        /// Milliseconds from the job's beginning to its answer.
        #[n(3)]
        took_ms: u64,
    },
    /// How far it is: with reading its store while it is [`Phase::Leased`], with preparing it
    /// together with the peers afterwards.
    #[n(5)]
    Progress {
        /// Records that are done.
        #[n(0)]
        done: u64,
        /// Records that there are.
        #[n(1)]
        of: u64,
    },
    /// A check of the matching failed, which ended a job [MPC-4].
    #[n(6)]
    CheckFailed {
        /// The job's number.
        #[n(0)]
        job: u64,
        /// Which one.
        #[n(1)]
        check: Check,
        /// Whom it points at. It need not be who deviated.
        #[n(2)]
        accused: Option<PartyIndex>,
    },
    /// While it is [`Phase::Serving`]: whether it takes calls. It begins with taking them.
    #[n(7)]
    Ready(#[n(0)] bool),
    /// It took a version of the manifest while it runs.
    #[n(8)]
    ManifestTaken {
        /// Which one.
        #[n(0)]
        version: u64,
    },
    /// It goes on under the version that it has.
    #[n(9)]
    ManifestRefused(#[n(0)] Refusal),
}

/// A check of the matching.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Encode, Decode)]
#[cbor(index_only)]
pub enum Check {
    /// A message is the one that is due, in length, step and number.
    #[n(0)]
    Message,
    /// All three mean the same job.
    #[n(1)]
    Preface,
    /// Both holders of an opened value open the same.
    #[n(2)]
    Opening,
    /// A party proves what it sent.
    #[n(3)]
    Proof,
    /// A prover was asked the same by both others.
    #[n(4)]
    Challenge,
    /// A party's products are those of its shares.
    #[n(5)]
    Audit,
    /// This party keeps to the limits of a run itself.
    #[n(6)]
    Own,
}
