//! The bridge: named streams of messages to vendors, scanners and users, and what waits for them
//! while their socket is away.
//!
//! A stream is an [`Outbox`] with offsets and the sockets that read it. A message stays until one
//! socket has taken it to the wire; a socket that comes back continues after the last message
//! that was taken. What does not fit is dropped oldest first, and the reader is told how much.
//!
//! The crate knows texts and names, no sockets and no clock.

mod hub;
mod outbox;

pub use hub::{AttachError, Attachment, Delivery, Hub, Limits, PublishError, StreamName};
pub use outbox::{Next, Outbox};
