//! Why the program ends.

use boop_party::BootError;
use boop_wire::Refusal;
use boop_wire::codec::CodecError;
use boop_wire::frame::FrameTooLarge;

/// Why a party's process ended.
#[derive(Debug, thiserror::Error)]
pub enum EntryError {
    /// Standard input or the host's socket failed.
    #[error("no connection to the host, or no configuration")]
    Io(#[from] std::io::Error),
    /// The configuration or a frame is malformed.
    #[error("the host sent what is not a frame")]
    Codec(#[from] CodecError),
    /// A frame is too large.
    #[error("the host sent too large a frame")]
    Frame(#[from] FrameTooLarge),
    /// The party did not boot.
    #[error("the party did not boot")]
    Boot(#[from] BootError),
    /// A check of the party's own state failed.
    #[error("{0}")]
    Stopped(Refusal),
}
