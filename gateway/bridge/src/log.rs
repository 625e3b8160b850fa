//! What keeps the messages of all streams.

use std::error::Error;
use std::future::Future;

use crate::stream::StreamName;

/// A message of a stream.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Message {
    /// Counts from one within its stream, without a hole.
    pub offset: u64,
    /// A JSON object.
    pub text: String,
}

/// A piece of a stream.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Page {
    /// Offset of the oldest message that is still kept; one above the newest if none is.
    pub first: u64,
    /// The messages that were asked for, in order, as many as fit.
    pub messages: Vec<Message>,
}

/// A log of streams.
pub trait Log: Send + Sync {
    /// Why it cannot be read now.
    type Error: Error + Send + Sync;

    /// Reads messages after an offset, up to so many bytes of text, and one at least if there is
    /// one.
    fn read(
        &self,
        stream: &StreamName,
        after: u64,
        bytes_max: usize,
    ) -> impl Future<Output = Result<Page, Self::Error>> + Send;
}
