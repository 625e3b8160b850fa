//! The bridge: named streams of messages to vendors, scanners and users, which outlive sockets and
//! processes.
//!
//! ```text
//!  change + messages --one transaction--> log ---read---> Reader ---> socket
//!                                          ^                |
//!          hub: who is attached, wake-ups --'    acks <-----'
//! ```
//!
//! The truth is in a [`Log`], which a database keeps: each message of a stream has an offset, and
//! the log's [`Epoch`] says which life of the log counted it. A wake-up says no more than that
//! there is something to read, so a lost one costs time and no message. A reader that comes back
//! continues after the last message that was acknowledged, or where it says; what is no longer
//! there is named as a gap.
//!
//! The crate knows texts and names, no sockets, no clock and no database.

mod hub;
mod log;
mod reader;
mod stream;
mod tail;

pub use hub::{AttachError, Hub, Limits, Place};
pub use log::{Log, Message, Page};
pub use reader::{Delivery, Reader};
pub use stream::{Epoch, ParseKeyError, StreamName};
