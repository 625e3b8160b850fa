//! From a user's QR code and a palm to an enrolled user with a receipt.

use std::time::Duration;

use boop_bridge::StreamName;
use boop_wire::api::{EnrolReceipt, ToScanner, ToUser};
use boop_wire::codec::{digest_of, plain_digest, to_canonical};
use boop_wire::job::{Capture, Decision, Subject};
use boop_wire::ledger::{Detail, LedgerRequest, registration_id};
use boop_wire::{Digest, Refusal, UserId};

use crate::app::App;
use crate::authentication::{CaptureAnswer, capture_result, to_text};
use crate::ledger_link::recorded;
use crate::problem::Failure;
use crate::store::{Answer, ContextStore as _, Scanner, UserStore as _};
use crate::submission::{Agreed, Submission, submit};
use crate::text;
use crate::validation::{check_capture, read_capture};

/// Who shall be enrolled, as the scanner read it from the QR code.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Registration {
    /// The user.
    pub user: UserId,
    /// The token.
    pub session_token: String,
}

impl App {
    /// Takes a scanner's capture for a registration and tells scanner and user what became of it.
    pub async fn enrol(&self, scanner: &Scanner, registration: &Registration, capture: &str) {
        let stream = StreamName::Scanner(scanner.id.clone());
        let capture = match read_capture(capture) {
            Ok(capture) => capture,
            Err(refusal) => {
                self.saw_bad_capture(&scanner.id, refusal);
                let error = Failure::from(refusal).message(None, self.now());
                return self.publish(stream, &ToScanner::Error(error)).await;
            }
        };
        let request_id = capture.request;
        let answer = self.try_enrol(scanner, registration, capture).await;
        let user = registration.user.to_string();
        self.saw_capture_answer(&scanner.id, &user, &answer);
        self.publish(stream, &capture_result(request_id, answer))
            .await;
    }

    async fn try_enrol(
        &self,
        scanner: &Scanner,
        registration: &Registration,
        capture: Capture,
    ) -> Result<CaptureAnswer, Refusal> {
        let user = registration.user;
        let key = enrolment_key(user);
        let _lock = self.locks.try_lock(key).ok_or(Refusal::Busy)?;
        if let Some(answer) = self.answered(capture.request, key).await? {
            return Ok(answer);
        }
        self.check_session(user, &registration.session_token)
            .await?;
        self.enrol_and_tell(scanner, user, capture).await
    }

    /// Enrols a palm for a user whose right to it has been checked, and tells the user.
    ///
    /// # Errors
    /// [`Refusal::Busy`] while another capture for the user is worked on, and what
    /// [`submit`] says.
    pub(crate) async fn enrol_checked(
        &self,
        scanner: &Scanner,
        user: UserId,
        capture: Capture,
    ) -> Result<CaptureAnswer, Refusal> {
        let key = enrolment_key(user);
        let _lock = self.locks.try_lock(key).ok_or(Refusal::Busy)?;
        match self.answered(capture.request, key).await? {
            Some(answer) => Ok(answer),
            None => self.enrol_and_tell(scanner, user, capture).await,
        }
    }

    async fn enrol_and_tell(
        &self,
        scanner: &Scanner,
        user: UserId,
        capture: Capture,
    ) -> Result<CaptureAnswer, Refusal> {
        let answer = self.enrol_palm(scanner, user, capture).await;
        if let Err(refusal) = answer {
            let failed = ToUser::RegistrationFailed {
                code: refusal.code().into(),
                // The token is still good: another capture may do.
                retry_allowed: true,
            };
            self.publish(StreamName::User(user), &failed).await;
        }
        answer
    }

    async fn enrol_palm(
        &self,
        scanner: &Scanner,
        user: UserId,
        capture: Capture,
    ) -> Result<CaptureAnswer, Refusal> {
        let known = self.store.user(user).await?.ok_or(Refusal::NotFound)?;
        let request = capture.request;
        let agreed = match known.agreed {
            Some(agreed) => agreed,
            None => {
                let capture = check_capture(capture, self.network.quality_min, self.now())
                    .inspect_err(|refusal| self.saw_bad_capture(&scanner.id, *refusal))?;
                let submission = Submission {
                    network: self.network.id,
                    subject: Subject::Enrol { user },
                    capture,
                    time_max: Duration::from_millis(self.settings.deadline_ms),
                };
                let submitted = submit(&*self.parties, submission).await;
                self.saw_capture(&scanner.id, &submitted);
                submitted?
            }
        };
        let answer = |answer: &CaptureAnswer| {
            Ok::<_, Refusal>(Answer {
                request,
                subject: enrolment_key(user),
                text: to_text(answer)?,
            })
        };
        match agreed.outcome.outcome.decision {
            Decision::Enrolled { .. } => {
                let kept = self.store.agree_user(user, &agreed).await?;
                let agreed = kept.ok_or(Refusal::Internal)?;
                let receipt = self.record(user, &agreed).await?;
                let kept = answer(&CaptureAnswer::GOOD)?;
                let posts = [self.post(StreamName::User(user), &receipt)?];
                self.store.enrol_user(user, &kept, &posts).await?;
                self.wake(&posts);
                tracing::info!("palm enrolled");
                Ok(CaptureAnswer::GOOD)
            }
            Decision::AlreadyEnrolled => {
                let refused = CaptureAnswer::refused(Refusal::UserExists);
                let failed = ToUser::RegistrationFailed {
                    code: Refusal::UserExists.code().into(),
                    retry_allowed: false,
                };
                let posts = [self.post(StreamName::User(user), &failed)?];
                self.store.put_answer(&answer(&refused)?, &posts).await?;
                self.wake(&posts);
                Ok(refused)
            }
            Decision::Matched { .. } | Decision::NotMatched | Decision::Ambiguous => {
                Err(Refusal::Internal)
            }
        }
    }

    async fn record(&self, user: UserId, agreed: &Agreed) -> Result<ToUser, Refusal> {
        let outcome = &agreed.outcome.outcome;
        let record = LedgerRequest::Record {
            id: registration_id(outcome.request),
            detail: Detail::Registration {
                user,
                outcome: outcome.digest(),
            },
        };
        let receipt = EnrolReceipt {
            user,
            outcome: agreed.outcome.clone(),
            parties: agreed.parties.clone(),
            registration: recorded(&*self.ledger, record).await?,
        };
        Ok(ToUser::Registered {
            user_id: user,
            receipt: text::base64url(&to_canonical(&receipt)),
        })
    }

    /// Checks a session token for the enrolment of a user.
    ///
    /// # Errors
    /// [`Refusal::Unauthenticated`], [`Refusal::Conflict`] if it is used, [`Refusal::Expired`].
    pub(crate) async fn check_session(&self, user: UserId, token: &str) -> Result<(), Refusal> {
        let token = plain_digest(token.as_bytes());
        let session = self.store.session(&token).await?;
        let session = session
            .filter(|session| session.user == user)
            .ok_or(Refusal::Unauthenticated)?;
        if session.used {
            return Err(Refusal::Conflict);
        }
        if session.expires_at_ms <= self.now() {
            return Err(Refusal::Expired);
        }
        Ok(())
    }
}

/// Names an enrolment among the locks, and as what requests are about.
pub(crate) fn enrolment_key(user: UserId) -> Digest {
    digest_of("gateway-enrolment", &user)
}
