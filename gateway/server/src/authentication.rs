//! From a capture to a result: the three parties decide, the ledger records and pays, and both
//! vendor and scanner hear the same.
//!
//! Each step can be repeated: the parties by request id, the ledger by outcome and transaction,
//! the result by context. What the parties agreed on is kept before the ledger hears of it, so
//! that a retry, another capture or the clock all continue from there.

use std::collections::BTreeMap;
use std::time::Duration;

use boop_bridge::StreamName;
use boop_wire::api::{AuthReceipt, AuthResult, Timing, ToScanner, ToVendor};
use boop_wire::codec::to_canonical;
use boop_wire::id::ContextId;
use boop_wire::job::{Capture, Decision, Subject};
use boop_wire::ledger::{Detail, LedgerRequest};
use boop_wire::{Digest, Refusal, RequestId};
use serde::{Deserialize, Serialize};
use tokio::time::Instant;

use crate::app::App;
use crate::contexts::context_key;
use crate::ledger_link::recorded;
use crate::payment::{Payer, pay};
use crate::problem::Failure;
use crate::store::{Answer, Closing, ContextStore as _, Scanner, StoredContext};
use crate::submission::{Agreed, Submission, submit};
use crate::text;
use crate::validation::{check_capture, read_capture};

/// The final answer to a capture, as it is kept and repeated.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct CaptureAnswer {
    /// Whether the palm was recognised and paid, or enrolled.
    pub success: bool,
    /// Refusal code if not.
    pub code: Option<String>,
}

impl CaptureAnswer {
    pub(crate) const GOOD: Self = Self {
        success: true,
        code: None,
    };

    pub(crate) fn refused(refusal: Refusal) -> Self {
        Self {
            success: false,
            code: Some(refusal.code().into()),
        }
    }

    fn of(result: &AuthResult) -> Self {
        Self {
            success: result.success,
            code: result.code.clone(),
        }
    }
}

/// When the steps of one authentication were done.
#[derive(Debug, Clone, Copy)]
pub struct Measured {
    arrived: Instant,
    agreed: Instant,
}

impl Measured {
    /// Starts with the capture's arrival.
    pub fn start() -> Self {
        let arrived = Instant::now();
        Self {
            arrived,
            agreed: arrived,
        }
    }

    fn agreed(self) -> Self {
        Self {
            agreed: Instant::now(),
            ..self
        }
    }

    fn timing(&self) -> Timing {
        let micros = |time: Duration| u64::try_from(time.as_micros()).unwrap_or(u64::MAX);
        Timing {
            match_us: micros(self.agreed - self.arrived),
            ledger_us: micros(self.agreed.elapsed()),
            total_us: micros(self.arrived.elapsed()),
        }
    }
}

impl App {
    /// Takes a scanner's capture for a context and tells everybody what became of it.
    pub async fn authenticate(&self, scanner: &Scanner, context: &ContextId, capture: &str) {
        let measured = Measured::start();
        let stream = StreamName::Scanner(scanner.id.clone());
        let capture = match read_capture(capture) {
            Ok(capture) => capture,
            Err(refusal) => {
                self.saw_bad_capture(&scanner.id, refusal);
                let failure = Failure::from(refusal);
                let error = failure.message(Some(context.clone()), self.now());
                return self.publish(stream, &ToScanner::Error(error)).await;
            }
        };
        let request_id = capture.request;
        let answer = self
            .try_authenticate(scanner, context, capture, measured)
            .await;
        self.saw_capture_answer(&scanner.id, context.as_str(), &answer);
        self.publish(stream, &capture_result(request_id, answer))
            .await;
    }

    async fn try_authenticate(
        &self,
        scanner: &Scanner,
        context: &ContextId,
        capture: Capture,
        measured: Measured,
    ) -> Result<CaptureAnswer, Refusal> {
        let key = context_key(&scanner.vendor, context);
        let _lock = self.locks.try_lock(key).ok_or(Refusal::Busy)?;
        let request = capture.request;
        if let Some(answer) = self.answered(request, key).await? {
            return Ok(answer);
        }
        let stored = self.store.context(&scanner.vendor, context).await?;
        let stored = stored.ok_or(Refusal::NotFound)?;
        if let Some(answer) = check_open(&stored, scanner, request, self.now())? {
            return Ok(answer);
        }
        let answer = self.work_on(&stored, capture, measured).await;
        if let Err(refusal) = answer
            && refusal.retryable()
        {
            let vendor = StreamName::Vendor(stored.body.vendor.clone());
            let failure = Failure::from(refusal);
            let error = failure.vendor_message(Some(context.clone()), self.now());
            self.publish(vendor, &ToVendor::Error(error)).await;
        }
        answer
    }

    async fn work_on(
        &self,
        stored: &StoredContext,
        capture: Capture,
        measured: Measured,
    ) -> Result<CaptureAnswer, Refusal> {
        let request = capture.request;
        if let Some(agreed) = &stored.agreed {
            return self.settle(stored, agreed, request, measured).await;
        }
        let capture = check_capture(capture, self.network.quality_min, self.now())
            .inspect_err(|refusal| self.saw_bad_capture(&stored.scanner, *refusal))?;
        let submission = Submission {
            network: self.network.id,
            subject: Subject::Identify(stored.body.clone()),
            capture,
            time_max: Duration::from_millis(self.settings.deadline_ms),
        };
        let submitted = submit(&*self.parties, submission).await;
        self.saw_capture(&stored.scanner, &submitted);
        let agreed = match submitted {
            Ok(agreed) => agreed,
            Err(refusal) if refusal.retryable() => return Err(refusal),
            Err(refusal) => {
                let refused = AuthResult::refused(refusal);
                return self
                    .end_with(stored, request, Closing::Unsettled, refused)
                    .await;
            }
        };
        let measured = measured.agreed();
        // Another gateway may have been first, for another capture or at the end of its time.
        let kept = self.store.agree_context(&stored.body, &agreed).await?;
        let agreed = kept.ok_or(Refusal::ContextExpired)?;
        self.settle(stored, &agreed, request, measured).await
    }

    /// Records what the parties agreed on, pays if that is the matter, and ends the context.
    ///
    /// # Errors
    /// A retryable refusal of the ledger; the context stays open, and this can be repeated.
    pub(crate) async fn settle(
        &self,
        stored: &StoredContext,
        agreed: &Agreed,
        request: RequestId,
        measured: Measured,
    ) -> Result<CaptureAnswer, Refusal> {
        let result = match self.try_settle(stored, agreed).await {
            Ok(settled) => AuthResult {
                timing: Some(measured.timing()),
                ..settled
            },
            Err(refusal) if refusal.retryable() => return Err(refusal),
            Err(refusal) => AuthResult::refused(refusal),
        };
        self.end_with(stored, request, Closing::Settled, result)
            .await
    }

    async fn try_settle(
        &self,
        stored: &StoredContext,
        agreed: &Agreed,
    ) -> Result<AuthResult, Refusal> {
        let outcome = &agreed.outcome.outcome;
        let payer = match outcome.decision {
            Decision::Matched { who, .. } => {
                let user = agreed.user.ok_or(Refusal::Internal)?;
                Ok(Payer { who, user })
            }
            Decision::NotMatched => Err(Refusal::UserNotFound),
            Decision::Ambiguous => Err(Refusal::Ambiguous),
            Decision::Enrolled { .. } | Decision::AlreadyEnrolled => Err(Refusal::Internal),
        };
        let record = LedgerRequest::Record {
            id: outcome.digest(),
            detail: Detail::Authentication {
                vendor: stored.body.vendor.clone(),
                context: stored.body.context.clone(),
                matched: payer.is_ok(),
                outcome: outcome.digest(),
            },
        };
        let authentication = recorded(&*self.ledger, record).await?;
        let payer = payer?;
        if !stored.body.attributes_required.is_empty() {
            // No attribute is kept for anybody yet, so what is required is not there.
            return Ok(AuthResult {
                missing: stored.body.attributes_required.clone(),
                ..AuthResult::refused(Refusal::MissingAttributes)
            });
        }
        let payment = pay(self, stored, agreed, payer).await?;
        let paid = payment.is_some();
        let receipt = AuthReceipt {
            context: stored.body.clone(),
            outcome: agreed.outcome.clone(),
            parties: agreed.parties.clone(),
            authentication,
            payment,
        };
        Ok(AuthResult {
            success: true,
            user_id: Some(payer.who.to_user_text()),
            attributes: BTreeMap::new(),
            missing: Vec::new(),
            code: None,
            retry_allowed: false,
            transaction_id: paid.then(|| stored.transaction.to_string()),
            receipt: Some(text::base64url(&to_canonical(&receipt))),
            timing: None,
        })
    }

    async fn end_with(
        &self,
        stored: &StoredContext,
        request: RequestId,
        closing: Closing,
        result: AuthResult,
    ) -> Result<CaptureAnswer, Refusal> {
        let answer = CaptureAnswer::of(&result);
        let key = context_key(&stored.body.vendor, &stored.body.context);
        let kept = Answer {
            request,
            subject: key,
            text: to_text(&answer)?,
        };
        if self
            .end_context(stored, closing, &result, Some(&kept))
            .await?
        {
            return Ok(answer);
        }
        // Another gateway was first, and what it wrote is the answer.
        let body = &stored.body;
        let now = self.store.context(&body.vendor, &body.context).await?;
        let result = now.and_then(|now| now.result).ok_or(Refusal::Busy)?;
        Ok(CaptureAnswer::of(&result))
    }

    /// Returns the final answer that a request about `subject` has had. A request id that was
    /// used for something else is the parties' to refuse: they know what the boxes were sealed for.
    pub(crate) async fn answered(
        &self,
        request: RequestId,
        subject: Digest,
    ) -> Result<Option<CaptureAnswer>, Refusal> {
        let answer = self.store.answer(request).await?;
        let Some(answer) = answer.filter(|answer| answer.subject == subject) else {
            return Ok(None);
        };
        let answer = serde_json::from_str(&answer.text).map_err(|_| Refusal::Internal)?;
        Ok(Some(answer))
    }
}

/// Checks that a scanner may capture for a context now. Gives the answer if this very request
/// ended it.
fn check_open(
    stored: &StoredContext,
    scanner: &Scanner,
    request: RequestId,
    now_ms: u64,
) -> Result<Option<CaptureAnswer>, Refusal> {
    if stored.scanner != scanner.id {
        return Err(Refusal::Forbidden);
    }
    let agreed = stored.agreed.as_ref();
    if let Some(result) = &stored.result {
        let own = agreed.is_some_and(|agreed| agreed.outcome.outcome.request == request);
        let expired = result.code.as_deref() == Some(Refusal::ContextExpired.code());
        return match (own, expired) {
            (true, _) => Ok(Some(CaptureAnswer::of(result))),
            (false, true) => Err(Refusal::ContextExpired),
            (false, false) => Err(Refusal::Unexpected),
        };
    }
    if agreed.is_none() && stored.body.expires_at_ms <= now_ms {
        return Err(Refusal::ContextExpired);
    }
    Ok(None)
}

/// Returns an answer as it is kept.
pub(crate) fn to_text(answer: &CaptureAnswer) -> Result<String, Refusal> {
    serde_json::to_string(answer).map_err(|_| Refusal::Internal)
}

/// Returns what the scanner hears.
pub(crate) fn capture_result(
    request_id: RequestId,
    answer: Result<CaptureAnswer, Refusal>,
) -> ToScanner {
    let retry_allowed = answer.as_ref().is_err_and(|refusal| refusal.retryable());
    let answer = answer.unwrap_or_else(CaptureAnswer::refused);
    ToScanner::CaptureResult {
        request_id,
        success: answer.success,
        code: answer.code,
        retry_allowed,
    }
}
