//! The two things that a client of the key server needs from outside: requests and time.

use std::{io, time::Duration};

/// Makes one request. It follows no redirection and repeats nothing: that is decided above it.
pub trait Fetch {
    /// Gets what stands at an address, whatever status comes with it.
    ///
    /// # Errors
    ///
    /// Returns [`FetchError`] when no complete answer came.
    fn get(&self, url: &str) -> Result<Response, FetchError>;
}

impl<F: Fetch + ?Sized> Fetch for &F {
    fn get(&self, url: &str) -> Result<Response, FetchError> {
        (**self).get(url)
    }
}

/// An answer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Response {
    /// HTTP status.
    pub status: u16,
    /// `Retry-After` where it is a number of seconds; the form with a date is not read.
    pub retry_after_seconds: Option<u64>,
    /// The body; that of a refusal may be left out.
    pub body: Vec<u8>,
}

/// Says why no complete answer came.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum FetchError {
    /// It took longer than allowed.
    #[error("no answer in time")]
    Timeout,
    /// The answer is longer than allowed.
    #[error("answer is longer than {bytes_max} bytes")]
    TooLarge {
        /// The limit.
        bytes_max: usize,
    },
    /// The connection was refused or broke.
    #[error("connection failed: {0}")]
    Connection(io::ErrorKind),
    /// The address, the name, the certificate or the protocol of the server is at fault.
    #[error("{0}")]
    Other(String),
}

impl FetchError {
    /// Says whether the same request may have luck a little later.
    pub fn may_pass(&self) -> bool {
        match self {
            Self::Timeout | Self::Connection(_) => true,
            Self::TooLarge { .. } | Self::Other(_) => false,
        }
    }
}

/// Time that passes, for pauses between requests.
pub trait Clock {
    /// Gives the time since some fixed moment; it never goes back.
    fn now(&self) -> Duration;

    /// Waits.
    fn sleep(&self, pause: Duration);
}

impl<C: Clock + ?Sized> Clock for &C {
    fn now(&self) -> Duration {
        (**self).now()
    }

    fn sleep(&self, pause: Duration) {
        (**self).sleep(pause);
    }
}
