//! When, in the course of a request, something is made to crash.

use std::time::Duration;

use tokio::time::sleep;

/// A moment in the course of a request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Moment {
    /// Before the request is sent.
    Before,
    /// So many milliseconds after it was sent.
    After(u64),
}

impl Moment {
    /// Waits from the sending of a request until this moment.
    pub(crate) async fn wait(self) {
        if let Self::After(ms) = self
            && ms > 0
        {
            sleep(Duration::from_millis(ms)).await;
        }
    }
}
