//! Where scanners are: a gateway that has a scanner's socket says so in the store, so that all
//! gateways over the store know that the scanner is there, and one alone reads its stream.

use boop_bridge::StreamName;

use crate::app::App;
use crate::store::{PresenceStore as _, StoreError};

/// How long a gateway has a stream that it does not hold again, in milliseconds.
pub const HOLD_MS: u64 = 15_000;

impl App {
    /// Takes a stream that one socket alone may read, from whichever gateway had it.
    ///
    /// # Errors
    /// If the store does not answer.
    pub(crate) async fn take(&self, stream: &StreamName) -> Result<(), StoreError> {
        if stream.is_exclusive() {
            let until_ms = self.now() + HOLD_MS;
            self.store.take_stream(stream, self.own, until_ms).await?;
            self.wakeups.taken(stream, self.own);
        }
        Ok(())
    }

    /// Leaves a stream whose socket is over, unless another socket here has it.
    pub(crate) async fn leave(&self, stream: &StreamName) {
        if stream.is_exclusive()
            && !self.hub.is_attached(stream)
            && let Err(error) = self.store.leave_stream(stream, self.own).await
        {
            // It ends by itself, later.
            tracing::warn!(%error, "a stream is not left");
        }
    }

    /// Tells whether somebody reads a stream, here or at another gateway.
    ///
    /// # Errors
    /// If the store does not answer.
    pub(crate) async fn is_present(&self, stream: &StreamName) -> Result<bool, StoreError> {
        if self.hub.is_attached(stream) {
            return Ok(true);
        }
        self.store.is_held(stream, self.now()).await
    }

    /// Holds the streams of the sockets that are here for longer. One that another gateway has
    /// taken is read there from now on.
    ///
    /// # Errors
    /// If the store does not answer.
    pub async fn hold_streams(&self) -> Result<(), StoreError> {
        for stream in self.hub.exclusive() {
            let until_ms = self.now() + HOLD_MS;
            if !self.store.keep_stream(&stream, self.own, until_ms).await? {
                self.hub.evict(&stream);
            }
        }
        Ok(())
    }
}
