//! The one catalogue of what the public API answers when it turns a request down.

use axum::Json;
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use boop_wire::Refusal;
use boop_wire::api::{ErrorDetails, ErrorMessage, Problem};
use boop_wire::id::ContextId;

/// A request that was turned down.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Failure {
    /// Why.
    pub refusal: Refusal,
    /// What to do, or which field.
    pub detail: Option<String>,
    /// The status, where it is not the refusal's own.
    pub status: Option<StatusCode>,
}

impl From<Refusal> for Failure {
    fn from(refusal: Refusal) -> Self {
        Self {
            refusal,
            detail: None,
            status: None,
        }
    }
}

impl Failure {
    /// Returns a failure that names a field or a remedy.
    pub fn new(refusal: Refusal, detail: impl Into<String>) -> Self {
        Self {
            refusal,
            detail: Some(detail.into()),
            status: None,
        }
    }

    /// Returns the HTTP status.
    pub fn status(&self) -> StatusCode {
        self.status.unwrap_or(status_of(self.refusal))
    }

    /// Returns the answer's body.
    pub fn problem(&self, request_id: &str) -> Problem {
        Problem {
            kind: format!("urn:boop:problem:{}", self.refusal.code()),
            title: title_of(self.refusal).into(),
            status: self.status().as_u16(),
            code: self.refusal.code().into(),
            detail: self.detail.clone(),
            request_id: request_id.into(),
            retry_allowed: self.refusal.retryable(),
        }
    }

    /// Returns the failure as a message of a WebSocket.
    pub fn message(&self, context_id: Option<ContextId>, now_ms: u64) -> ErrorMessage {
        let title = title_of(self.refusal);
        ErrorMessage {
            code: self.refusal.code().into(),
            message: self
                .detail
                .as_ref()
                .map_or_else(|| title.into(), |detail| format!("{title}: {detail}")),
            details: ErrorDetails {
                context_id,
                timestamp: now_ms,
                retry_allowed: self.refusal.retryable(),
            },
        }
    }

    /// Returns the response for a request of this id.
    pub fn response(&self, request_id: &str) -> Response {
        let mut response = (self.status(), Json(self.problem(request_id))).into_response();
        let headers = response.headers_mut();
        headers.insert(
            header::CONTENT_TYPE,
            HeaderValue::from_static("application/problem+json"),
        );
        if self.status() == StatusCode::UNAUTHORIZED {
            headers.insert(
                header::WWW_AUTHENTICATE,
                HeaderValue::from_static("Bearer realm=\"boop\""),
            );
        }
        if self.refusal.retryable() {
            headers.insert(header::RETRY_AFTER, HeaderValue::from_static("1"));
        }
        response
    }
}

/// Leaves the failure for the layer that knows the request's id.
impl IntoResponse for Failure {
    fn into_response(self) -> Response {
        let mut response = self.status().into_response();
        response.extensions_mut().insert(self);
        response
    }
}

/// Returns the HTTP status of a refusal.
pub const fn status_of(refusal: Refusal) -> StatusCode {
    match refusal {
        Refusal::Malformed | Refusal::Invalid => StatusCode::BAD_REQUEST,
        Refusal::TooLarge => StatusCode::PAYLOAD_TOO_LARGE,
        Refusal::Unauthenticated => StatusCode::UNAUTHORIZED,
        Refusal::InsufficientFunds => StatusCode::PAYMENT_REQUIRED,
        Refusal::EvidenceRefused
        | Refusal::WrongRole
        | Refusal::WrongSession
        | Refusal::BadSignature
        | Refusal::Forbidden
        | Refusal::NotConsented => StatusCode::FORBIDDEN,
        Refusal::NotFound | Refusal::UserNotFound | Refusal::UnknownTerminal => {
            StatusCode::NOT_FOUND
        }
        Refusal::Unexpected
        | Refusal::WrongNetwork
        | Refusal::Replayed
        | Refusal::UserExists
        | Refusal::Ambiguous
        | Refusal::Conflict => StatusCode::CONFLICT,
        Refusal::Expired | Refusal::ContextExpired => StatusCode::GONE,
        Refusal::SealedBoxInvalid
        | Refusal::SharesInconsistent
        | Refusal::QualityTooLow
        | Refusal::MissingAttributes => StatusCode::UNPROCESSABLE_ENTITY,
        Refusal::Busy => StatusCode::TOO_MANY_REQUESTS,
        Refusal::Internal
        | Refusal::StateDiverged
        | Refusal::StoreDamaged
        | Refusal::SecondLockMissing
        | Refusal::StoreRolledBack
        | Refusal::CustodianBehind => StatusCode::INTERNAL_SERVER_ERROR,
        Refusal::PartyUnavailable
        | Refusal::ProtocolAborted
        | Refusal::ScannerUnavailable
        | Refusal::KeyNotReleased
        | Refusal::LedgerUnavailable
        | Refusal::ManifestUnlogged
        | Refusal::ManifestTooEarly
        | Refusal::Draining
        | Refusal::Stale => StatusCode::SERVICE_UNAVAILABLE,
        Refusal::DeadlineExceeded => StatusCode::GATEWAY_TIMEOUT,
    }
}

/// Returns a refusal in words.
pub const fn title_of(refusal: Refusal) -> &'static str {
    match refusal {
        Refusal::Malformed => "the message does not read",
        Refusal::TooLarge => "the message is too large",
        Refusal::Unexpected => "the message may not come now",
        Refusal::EvidenceRefused => "the evidence was not accepted",
        Refusal::WrongRole => "the evidence is of another role",
        Refusal::WrongNetwork => "the message belongs to another network",
        Refusal::WrongSession => "the proof is not of this session",
        Refusal::BadSignature => "a signature does not verify",
        Refusal::SealedBoxInvalid => "a sealed box does not open",
        Refusal::Expired => "its time is over",
        Refusal::Replayed => "the capture was used before",
        Refusal::SharesInconsistent => "the shares are not of one capture",
        Refusal::PartyUnavailable => "a party is not available",
        Refusal::DeadlineExceeded => "the work was not done in time",
        Refusal::ProtocolAborted => "the parties did not agree",
        Refusal::StateDiverged => "the parties' stores differ",
        Refusal::UserExists => "the palm is enrolled already",
        Refusal::UserNotFound => "no enrolled palm matches",
        Refusal::Ambiguous => "more than one enrolled palm matches",
        Refusal::QualityTooLow => "the capture is not good enough",
        Refusal::Unauthenticated => "the key or token is missing or not valid",
        Refusal::Forbidden => "this is not allowed",
        Refusal::NotFound => "there is no such thing",
        Refusal::Conflict => "the id is taken by something else",
        Refusal::InsufficientFunds => "the account has too little",
        Refusal::Invalid => "a field is not valid",
        Refusal::Busy => "too much for now",
        Refusal::Internal => "the gateway failed",
        Refusal::ScannerUnavailable => "there is no scanner at this terminal now",
        Refusal::UnknownTerminal => "the terminal is not known",
        Refusal::ContextExpired => "the context's time is over",
        Refusal::NotConsented => "the user did not consent",
        Refusal::MissingAttributes => "required attributes are not there",
        Refusal::KeyNotReleased => "a party's key was not released",
        Refusal::StoreDamaged => "a store is damaged",
        Refusal::SecondLockMissing => "no peer keeps the second secret of a store",
        Refusal::StoreRolledBack => "a store is older than its custodian's record of it",
        Refusal::Draining => "a party is being replaced, try again",
        Refusal::LedgerUnavailable => "the ledger cannot be reached",
        Refusal::CustodianBehind => "a custodian's files are an old copy",
        Refusal::ManifestUnlogged => "the manifest is not in the ledger",
        Refusal::ManifestTooEarly => "the manifest does not count yet",
        Refusal::Stale => "evidence or checkpoint is too old",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_refusal_may_be_retried_exactly_if_its_status_says_so() {
        for refusal in Refusal::ALL.iter().copied() {
            let status = status_of(refusal);
            assert!(status.is_client_error() || status.is_server_error());
            let inviting = matches!(
                status,
                StatusCode::TOO_MANY_REQUESTS
                    | StatusCode::SERVICE_UNAVAILABLE
                    | StatusCode::GATEWAY_TIMEOUT
            );
            let failed = status == StatusCode::INTERNAL_SERVER_ERROR;
            assert!(inviting == refusal.retryable() || failed, "{refusal}");
        }
    }

    #[test]
    fn every_refusal_has_its_own_words() {
        for (position, refusal) in Refusal::ALL.iter().enumerate() {
            let title = title_of(*refusal);
            let first = Refusal::ALL
                .iter()
                .position(|other| title_of(*other) == title);
            assert_eq!(first, Some(position), "{refusal}");
        }
    }

    #[test]
    fn a_problem_names_code_request_and_remedy() {
        let failure = Failure::new(Refusal::Invalid, "amount");

        assert_eq!(
            failure.problem("req_1"),
            Problem {
                kind: "urn:boop:problem:invalid".into(),
                title: "a field is not valid".into(),
                status: 400,
                code: "invalid".into(),
                detail: Some("amount".into()),
                request_id: "req_1".into(),
                retry_allowed: false,
            }
        );
    }
}
