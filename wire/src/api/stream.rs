//! Where a socket stands on its stream. Every message that comes over a stream has a member
//! `offset`; whoever keeps it can go on after it.

use alloc::string::String;

use serde::{Deserialize, Serialize};

/// Where a stream begins for a socket, told with the welcome.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct StreamStart {
    /// Which life of the log counts, 16 hexadecimal digits. Offsets of another one mean nothing.
    pub epoch: String,
    /// Messages after this offset follow.
    pub offset: u64,
    /// False if the socket asked for a place that does not exist: the log was put back to an
    /// earlier state, so ask for the state of what is open.
    pub recovered: bool,
}

/// Where a socket was before, in its login. Without it, a stream goes on after what has reached
/// any socket of the same name.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Resume {
    /// From [`StreamStart`].
    pub epoch: String,
    /// Of the last message that was worked on.
    pub offset: u64,
}
