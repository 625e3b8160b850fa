//! How the public API turns a request down: one failure, shown in the form of each surface.

use axum::Json;
use axum::http::{HeaderMap, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use boop_wire::Refusal;
use boop_wire::api::{ErrorDetails, ErrorMessage, Meta, Problem, PublishedError};
use boop_wire::id::ContextId;

mod catalogue;

pub use catalogue::{Entry, entry, page, published_of};

/// A request that was turned down.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Failure {
    /// Why.
    pub refusal: Refusal,
    /// What to do, or which field.
    pub detail: Option<String>,
    /// The status, where it is not the refusal's own.
    pub status: Option<StatusCode>,
    /// Seconds until the same request may succeed, where that is known.
    pub retry_after_s: Option<u64>,
    /// What is wrong with an access token or its proof.
    pub challenge: Option<Box<Challenge>>,
    /// The published code, where the endpoint has codes of its own.
    pub published: Option<&'static str>,
}

/// What is wrong with an access token or its proof (RFC 9449 §7.1).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Challenge {
    /// As registered.
    pub error: &'static str,
    /// The nonce that the next proof needs.
    pub nonce: Option<String>,
}

impl From<Refusal> for Failure {
    fn from(refusal: Refusal) -> Self {
        Self {
            refusal,
            detail: None,
            status: None,
            retry_after_s: None,
            challenge: None,
            published: None,
        }
    }
}

impl Failure {
    /// Returns a failure that names a field or a remedy.
    pub fn new(refusal: Refusal, detail: impl Into<String>) -> Self {
        Self {
            detail: Some(detail.into()),
            ..refusal.into()
        }
    }

    /// Returns the failure with a code that is published for its endpoint.
    #[must_use]
    pub fn published_as(self, code: &'static str) -> Self {
        Self {
            published: Some(code),
            ..self
        }
    }

    /// Returns the HTTP status.
    pub fn status(&self) -> StatusCode {
        self.status.unwrap_or(entry(self.refusal).status)
    }

    /// Returns the title, with the detail if there is one.
    fn message_text(&self) -> String {
        let title = entry(self.refusal).title;
        match &self.detail {
            Some(detail) => format!("{title}: {detail}"),
            None => title.into(),
        }
    }

    /// Returns the answer's body.
    pub fn problem(&self, meta: Meta) -> Problem {
        Problem {
            kind: format!("urn:boop:problem:{}", self.refusal.code()),
            title: entry(self.refusal).title.into(),
            status: self.status().as_u16(),
            code: self.refusal.code().into(),
            detail: self.detail.clone(),
            request_id: meta.request_id.clone(),
            retry_allowed: self.refusal.retryable(),
            success: false,
            message: self.published.map(|_| self.message_text()),
            error: PublishedError {
                code: self.published.unwrap_or(published_of(self.status())).into(),
                message: self.message_text(),
            },
            meta,
        }
    }

    /// Returns the failure as a message of a scanner's or a user's socket.
    pub fn message(&self, context_id: Option<ContextId>, now_ms: u64) -> ErrorMessage {
        ErrorMessage {
            code: self.refusal.code().into(),
            message: self.message_text(),
            details: ErrorDetails {
                context_id,
                timestamp: now_ms,
                retry_allowed: self.refusal.retryable(),
                refusal: None,
            },
        }
    }

    /// Returns the failure as a message of a vendor's socket, with its published code.
    pub fn vendor_message(&self, context_id: Option<ContextId>, now_ms: u64) -> ErrorMessage {
        let mut message = self.message(context_id, now_ms);
        message.code = entry(self.refusal).socket.into();
        message.details.refusal = Some(self.refusal.code().into());
        message
    }

    /// Returns the response for a request.
    pub fn response(&self, meta: Meta) -> Response {
        let mut response = (self.status(), Json(self.problem(meta))).into_response();
        let headers = response.headers_mut();
        headers.insert(
            header::CONTENT_TYPE,
            HeaderValue::from_static("application/problem+json"),
        );
        if self.status() == StatusCode::UNAUTHORIZED {
            self.challenge(headers);
        }
        if self.refusal.retryable() {
            let seconds = self.retry_after_s.unwrap_or(1);
            headers.insert(header::RETRY_AFTER, HeaderValue::from(seconds));
        }
        response
    }
}

impl Failure {
    fn challenge(&self, headers: &mut HeaderMap) {
        let Some(Challenge { error, nonce }) = self.challenge.as_deref() else {
            let plain = HeaderValue::from_static("Bearer realm=\"boop\"");
            headers.insert(header::WWW_AUTHENTICATE, plain);
            return;
        };
        let text = format!("DPoP error=\"{error}\", algs=\"ES256 EdDSA Ed25519\"");
        if let Ok(value) = HeaderValue::try_from(text) {
            headers.insert(header::WWW_AUTHENTICATE, value);
        }
        let nonce = nonce.as_ref().and_then(|nonce| nonce.parse().ok());
        if let Some(nonce) = nonce {
            headers.insert("dpop-nonce", nonce);
            let no_store = HeaderValue::from_static("no-store");
            headers.insert(header::CACHE_CONTROL, no_store);
        }
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

#[cfg(test)]
mod tests {
    use super::*;

    fn meta() -> Meta {
        Meta {
            request_id: "req_1".into(),
            timestamp: "2026-11-23T00:00:00.000Z".into(),
        }
    }

    #[test]
    fn a_problem_names_code_request_and_remedy_in_both_published_forms() {
        let failure = Failure::new(Refusal::Invalid, "amount");

        assert_eq!(
            failure.problem(meta()),
            Problem {
                kind: "urn:boop:problem:invalid".into(),
                title: "a field is not valid".into(),
                status: 400,
                code: "invalid".into(),
                detail: Some("amount".into()),
                request_id: "req_1".into(),
                retry_allowed: false,
                success: false,
                message: None,
                error: PublishedError {
                    code: "INVALID_REQUEST".into(),
                    message: "a field is not valid: amount".into(),
                },
                meta: meta(),
            }
        );
    }

    #[test]
    fn a_vendors_socket_hears_the_published_code_and_ours() {
        let failure = Failure::from(Refusal::UserNotFound);

        let message = failure.vendor_message(None, 5);

        assert_eq!(message.code, "AUTH_USER_NOT_FOUND");
        assert_eq!(message.details.refusal.as_deref(), Some("user-not-found"));
        assert_eq!(failure.message(None, 5).code, "user-not-found");
    }

    #[test]
    fn a_known_wait_is_told_in_seconds() {
        let failure = Failure {
            retry_after_s: Some(7),
            ..Refusal::Busy.into()
        };

        let response = failure.response(meta());

        assert_eq!(response.headers()[header::RETRY_AFTER], "7");
    }
}
