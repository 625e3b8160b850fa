//! Why an edge ends otherwise than by the enclave closing it.

use std::io::ErrorKind;

use boop_wire::codec::CodecError;
use boop_wire::frame::FrameTooLarge;

use crate::blobs::BlobError;

/// How an enclave broke the protocol of its edge.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub(crate) enum Violation {
    #[error("the enclave chose an even stream number")]
    EvenStream,
    #[error("the enclave chose a stream number that it used before")]
    StreamReused,
    #[error("the enclave named a stream that never was")]
    UnknownStream,
    #[error("the enclave asked for a stream to a far end that it cannot call")]
    FarEnd,
    #[error("the enclave sent a piece above the limit")]
    PieceTooLarge,
    #[error("the enclave sent a blob above the limit")]
    BlobTooLarge,
    #[error("the enclave sent a statement above the limit")]
    StatementTooLarge,
    #[error("the enclave asks and does not read the answers")]
    NotReading,
}

/// Why an edge ended otherwise than by the enclave closing it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub(crate) enum EdgeError {
    #[error("the enclave announced too large a frame")]
    Frame(#[from] FrameTooLarge),
    #[error("the enclave sent a frame that does not decode")]
    Malformed(#[from] CodecError),
    #[error("the enclave broke the protocol")]
    Violation(#[from] Violation),
    #[error("the blob store failed")]
    Blob(#[from] BlobError),
    #[error("the connection to the enclave failed: {0}")]
    Io(ErrorKind),
    #[error("there are no more stream numbers")]
    NumbersExhausted,
    #[error("the enclave did not finish in time")]
    DrainTime,
    #[error("a task of the host failed")]
    Task,
}
