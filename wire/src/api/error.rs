//! Errors in JSON: of REST, of the sockets, and the envelope around both.

use alloc::string::String;
#[cfg(feature = "openapi")]
use alloc::vec::Vec;

use serde::{Deserialize, Serialize};

use crate::id::ContextId;

/// An error of a REST endpoint: the members of RFC 9457, and the published envelope's beside them.
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Problem {
    /// A stable URN of the code.
    #[serde(rename = "type")]
    pub kind: String,
    /// In words.
    pub title: String,
    /// The HTTP status.
    pub status: u16,
    /// The stable refusal code.
    pub code: String,
    /// What to do or which field.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub detail: Option<String>,
    /// Names the request in the logs.
    pub request_id: String,
    /// Whether the same request may succeed later.
    pub retry_allowed: bool,
    /// Always false.
    #[serde(default)]
    pub success: bool,
    /// In words, where an endpoint publishes its errors so.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub message: Option<String>,
    /// The error in the published form.
    #[serde(default)]
    pub error: PublishedError,
    /// About the answer.
    #[serde(default)]
    pub meta: Meta,
}

/// An error as boop's published envelope holds it.
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct PublishedError {
    /// "INVALID_REQUEST", "UNAUTHORIZED", "FORBIDDEN", "NOT_FOUND", "RATE_LIMITED" or
    /// "INTERNAL_ERROR".
    pub code: String,
    /// In words.
    pub message: String,
}

/// What the published envelope says about an answer.
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Meta {
    /// Names the request in the logs; also in the header `X-Request-Id`.
    pub request_id: String,
    /// When it was answered, RFC 3339 in UTC.
    pub timestamp: String,
}

/// A success in the published envelope, as the authentication endpoints answer it.
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Envelope<T> {
    /// Always true.
    pub success: bool,
    /// The answer.
    pub data: T,
    /// About the answer.
    pub meta: Meta,
}

/// An error on a WebSocket.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ErrorMessage {
    /// To scanners and users the refusal code; to vendors the published one.
    pub code: String,
    /// In words.
    pub message: String,
    /// More.
    pub details: ErrorDetails,
}

/// Details of an [`ErrorMessage`].
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ErrorDetails {
    /// The context, if the error is about one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub context_id: Option<ContextId>,
    /// When.
    pub timestamp: u64,
    /// Whether the same message may succeed later.
    pub retry_allowed: bool,
    /// The refusal code, where `code` is the published one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub refusal: Option<String>,
}
