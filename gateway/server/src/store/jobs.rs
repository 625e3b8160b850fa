//! Enrolments that scanners ask for over REST.

use std::future::Future;

use boop_wire::id::ScannerId;
use boop_wire::{Digest, RequestId, UserId};
use uuid::Uuid;

use super::{StoreError, StoredContext};

/// An enrolment on its way; how it ended is the answer to its request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Job {
    /// Its id, random.
    pub id: Uuid,
    /// Who asked.
    pub scanner: ScannerId,
    /// The capture's request.
    pub request: RequestId,
    /// Digest of what was asked.
    pub asked: Digest,
    /// Whose palm.
    pub user: UserId,
    /// When its capture is no longer good, Unix milliseconds.
    pub expires_at_ms: u64,
    /// Refusal code of the last try, if it ended without an answer.
    pub failure: Option<String>,
}

/// Jobs.
pub trait JobStore: Send + Sync {
    /// Keeps a job and, unless it is known, its user; returns the job that is kept for the
    /// request: the first stays.
    fn add_job(&self, job: &Job) -> impl Future<Output = Result<Job, StoreError>> + Send;

    /// Finds a job.
    fn job(&self, id: Uuid) -> impl Future<Output = Result<Option<Job>, StoreError>> + Send;

    /// Finds the job of a request.
    fn job_of_request(
        &self,
        request: RequestId,
    ) -> impl Future<Output = Result<Option<Job>, StoreError>> + Send;

    /// Notes why a try ended without an answer, or that another one is under way.
    fn note_failure(
        &self,
        id: Uuid,
        failure: Option<&str>,
    ) -> impl Future<Output = Result<(), StoreError>> + Send;

    /// Finds the context whose work has this id.
    fn context_of_job(
        &self,
        id: Uuid,
    ) -> impl Future<Output = Result<Option<StoredContext>, StoreError>> + Send;

    /// Forgets jobs whose time was over before.
    fn forget_jobs(&self, before_ms: u64) -> impl Future<Output = Result<(), StoreError>> + Send;
}
