//! Requests that are answered once, whoever sends them again.

use std::future::Future;

use boop_wire::Digest;

use super::StoreError;

/// What became of beginning a request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Begun {
    /// It is begun.
    Now,
    /// It was begun before.
    Before {
        /// Digest of what was asked then.
        content: Digest,
        /// The sealed answer, if there is one by now.
        answer: Option<Vec<u8>>,
    },
}

/// Requests by the name of their key.
pub trait ReplayStore: Send + Sync {
    /// Begins a request, unless one of the name is there whose time is not over.
    fn begin_request(
        &self,
        name: &Digest,
        content: &Digest,
        now_ms: u64,
        until_ms: u64,
    ) -> impl Future<Output = Result<Begun, StoreError>> + Send;

    /// Keeps the answer to a request.
    fn end_request(
        &self,
        name: &Digest,
        answer: &[u8],
        until_ms: u64,
    ) -> impl Future<Output = Result<(), StoreError>> + Send;

    /// Lets a request without an answer be begun anew.
    fn abandon_request(&self, name: &Digest)
    -> impl Future<Output = Result<(), StoreError>> + Send;

    /// Forgets requests whose time was over before.
    fn forget_requests(
        &self,
        before_ms: u64,
    ) -> impl Future<Output = Result<(), StoreError>> + Send;
}
