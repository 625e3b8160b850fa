//! Jobs: enrolments that a scanner asks for over REST, and how they and authentications stand.
//!
//! A job's end is the answer to its request, so a gateway that dies in the middle loses nothing:
//! asking for the same again goes on from where the parties and the ledger are.

use std::sync::Arc;

use boop_wire::api::AuthResult;
use boop_wire::codec::digest_of;
use boop_wire::job::{Capture, ContextKind};
use boop_wire::{Digest, Refusal, UserId};
use uuid::{Builder, Uuid};

use crate::app::App;
use crate::authentication::CaptureAnswer;
use crate::enrolment::enrolment_key;
use crate::problem::Failure;
use crate::store::{
    DirectoryStore as _, Job, JobStore as _, ReplayStore as _, RevocationStore as _, Scanner,
    StoreError, StoredContext, TokenStore as _, UserStore as _,
};
use crate::text;
use crate::validation::check_capture;

/// How long after its capture's time an enrolment without an answer has failed, in milliseconds:
/// the parties may work until then.
const AFTER_MS: u64 = 60_000;

/// An enrolment as a scanner asks for it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Enrolment {
    /// Whose palm.
    pub user: UserId,
    /// For a user that registered before.
    pub session_token: Option<String>,
    /// The capture.
    pub capture: Capture,
    /// Digest of all that was asked.
    pub asked: Digest,
}

/// How a job stands.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum State {
    /// Nothing has reached the parties.
    Created,
    /// The parties or the ledger are at work.
    Processing,
    /// An enrolment has its answer.
    Enrolled {
        /// Whose palm.
        user: UserId,
        /// Nothing, or why it is not enrolled.
        refused: Option<String>,
    },
    /// An authentication has its result.
    Authenticated {
        /// What it is.
        result: Box<AuthResult>,
        /// Whether money was to move.
        payment: bool,
    },
    /// It ended without an answer, by this code.
    Failed(String),
}

/// Who may hear of a job.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Reader<'a> {
    /// Whoever has its id, and no more than whether it is done.
    Holder,
    /// The operator.
    Admin,
    /// A vendor: what its scanners asked for, and its own contexts.
    Vendor(&'a boop_wire::id::VendorId),
    /// A scanner: what it asked for, and contexts at its terminal.
    Scanner(&'a boop_wire::id::ScannerId),
}

/// Returns a fresh id.
///
/// # Errors
/// [`Refusal::Internal`] if the system has no randomness.
pub(crate) fn fresh_job() -> Result<Uuid, Refusal> {
    Ok(Builder::from_random_bytes(text::random()?).into_uuid())
}

impl App {
    /// Takes an enrolment and works on it; asking for the same again changes nothing, and goes on
    /// with one that has no answer.
    ///
    /// # Errors
    /// [`Refusal::Conflict`] for a request with other content, what [`check_capture`] says of a
    /// capture, [`Refusal::UserExists`], [`Refusal::Unauthenticated`] or [`Refusal::Expired`] for
    /// a user that is known, [`Refusal::Busy`].
    pub async fn enrol_as_job(
        self: &Arc<Self>,
        scanner: &Scanner,
        asked: Enrolment,
    ) -> Result<Uuid, Failure> {
        let request = asked.capture.request;
        let known = self.store.job_of_request(request).await;
        let job = match known.map_err(Refusal::from)? {
            Some(job) => job,
            None => self.new_job(scanner, &asked).await?,
        };
        if job.asked != asked.asked || job.scanner != scanner.id {
            return Err(Failure::new(Refusal::Conflict, "metadata.request-id"));
        }
        let answered = self.answered(request, enrolment_key(job.user)).await?;
        if answered.is_none() {
            self.work_on_job(scanner.clone(), job.clone(), asked.capture)?;
        }
        Ok(job.id)
    }

    async fn new_job(&self, scanner: &Scanner, asked: &Enrolment) -> Result<Job, Failure> {
        check_capture(asked.capture.clone(), self.network.quality_min, self.now())
            .inspect_err(|refusal| self.saw_bad_capture(&scanner.id, *refusal))?;
        let known = self.store.user(asked.user).await.map_err(Refusal::from)?;
        match (known, &asked.session_token) {
            (None, None) => {}
            (Some(user), _) if user.enrolled => {
                return Err(Failure::new(Refusal::UserExists, "user_id"));
            }
            (_, Some(token)) => self.check_session(asked.user, token).await?,
            (Some(_), None) => {
                let detail = "the user registered before: session-token";
                return Err(Failure::new(Refusal::Forbidden, detail));
            }
        }
        let job = Job {
            id: fresh_job()?,
            scanner: scanner.id.clone(),
            request: asked.capture.request,
            asked: asked.asked,
            user: asked.user,
            expires_at_ms: asked.capture.expires_at_ms,
            failure: None,
        };
        Ok(self.store.add_job(&job).await.map_err(Refusal::from)?)
    }

    /// Works on an enrolment in a task of its own.
    fn work_on_job(
        self: &Arc<Self>,
        scanner: Scanner,
        job: Job,
        capture: Capture,
    ) -> Result<(), Refusal> {
        let running = self.work.begin().ok_or(Refusal::Busy)?;
        let app = Arc::clone(self);
        tokio::spawn(async move {
            if let Err(error) = app.try_job(&scanner, &job, capture).await {
                // It goes on when it is asked for again; until then it is seen as under way.
                tracing::error!(%error, "how a job ended is not kept");
            }
            drop(running);
        });
        Ok(())
    }

    async fn try_job(
        &self,
        scanner: &Scanner,
        job: &Job,
        capture: Capture,
    ) -> Result<(), StoreError> {
        if job.failure.is_some() {
            self.store.note_failure(job.id, None).await?;
        }
        match self.enrol_checked(scanner, job.user, capture).await {
            // An earlier try is at it.
            Ok(_) | Err(Refusal::Busy) => Ok(()),
            Err(refusal) => {
                let code = Some(refusal.code());
                self.store.note_failure(job.id, code).await
            }
        }
    }

    /// Tells how a job stands to somebody who may hear of it.
    ///
    /// # Errors
    /// [`Refusal::NotFound`] if there is none for this reader.
    pub async fn job_state(&self, id: Uuid, reader: Reader<'_>) -> Result<State, Refusal> {
        if let Some(job) = self.store.job(id).await? {
            self.check_reader(&job, reader).await?;
            return self.enrolment_state(job).await;
        }
        let stored = self.store.context_of_job(id).await?;
        let stored = stored.ok_or(Refusal::NotFound)?;
        let theirs = match reader {
            Reader::Holder | Reader::Admin => true,
            Reader::Vendor(vendor) => stored.body.vendor == *vendor,
            Reader::Scanner(scanner) => stored.scanner == *scanner,
        };
        theirs
            .then(|| authentication_state(stored))
            .ok_or(Refusal::NotFound)
    }

    async fn check_reader(&self, job: &Job, reader: Reader<'_>) -> Result<(), Refusal> {
        let theirs = match reader {
            Reader::Holder | Reader::Admin => true,
            Reader::Scanner(scanner) => job.scanner == *scanner,
            Reader::Vendor(vendor) => {
                let scanner = self.store.scanner(&job.scanner).await?;
                scanner.is_some_and(|scanner| scanner.vendor == *vendor)
            }
        };
        theirs.then_some(()).ok_or(Refusal::NotFound)
    }

    async fn enrolment_state(&self, job: Job) -> Result<State, Refusal> {
        let answer = self.answered(job.request, enrolment_key(job.user)).await?;
        let late = job.expires_at_ms.saturating_add(AFTER_MS) < self.now();
        Ok(match (answer, job.failure) {
            (Some(CaptureAnswer { code, .. }), _) => State::Enrolled {
                user: job.user,
                refused: code,
            },
            (None, Some(code)) => State::Failed(code),
            (None, None) if late => State::Failed(Refusal::DeadlineExceeded.code().into()),
            (None, None) => State::Processing,
        })
    }

    /// Forgets what is over: tokens, uses, answers, and jobs that ended before.
    ///
    /// # Errors
    /// If the store does not answer.
    pub async fn forget(&self, jobs_before_ms: u64) -> Result<(), StoreError> {
        self.store.forget_tokens(self.now()).await?;
        self.store.forget_requests(self.now()).await?;
        self.store.forget_revocations(jobs_before_ms).await?;
        self.store.forget_jobs(jobs_before_ms).await
    }
}

fn authentication_state(stored: StoredContext) -> State {
    let of_parties = |code: &str| {
        [
            Refusal::UserNotFound,
            Refusal::Ambiguous,
            Refusal::NotConsented,
            Refusal::MissingAttributes,
        ]
        .iter()
        .any(|refusal| refusal.code() == code)
    };
    let agreed = stored.agreed.is_some();
    match stored.result {
        None if agreed => State::Processing,
        None => State::Created,
        Some(result) if agreed || result.code.as_deref().is_none_or(of_parties) => {
            State::Authenticated {
                payment: matches!(stored.body.kind, ContextKind::Payment { .. }),
                result: Box::new(result),
            }
        }
        Some(result) => State::Failed(result.code.unwrap_or_default()),
    }
}

/// Returns the digest of an enrolment as it was asked for.
pub(crate) fn asked_digest(capture: &Capture, user: UserId) -> Digest {
    digest_of("asked-enrolment", &(capture, user))
}
