//! Problem details (RFC 9457) of the public side. `code` is stable; `detail` is for people.

use axum::Json;
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use serde::Serialize;

/// Why a public request is turned down.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Problem {
    /// The path names nothing.
    #[error("there is nothing at this path")]
    NotFound,
    /// The path is there and the method is not.
    #[error("only GET and HEAD are served")]
    MethodNotAllowed,
    /// A number in the path is not one.
    #[error("an index or size is a decimal number without leading zeroes")]
    InvalidNumber,
    /// The log has no such entry.
    #[error("the log has no such entry yet")]
    NoSuchEntry,
    /// The sizes admit no proof.
    #[error("sizes go from one up to the size of the log, the earlier first")]
    NoSuchSizes,
    /// The log has no such tile.
    #[error("the log has no such tile yet")]
    NoSuchTile,
    /// Too many requests at once.
    #[error("too many requests at once")]
    Busy,
    /// The request took too long.
    #[error("the request took too long")]
    Timeout,
    /// The service failed.
    #[error("the service failed")]
    Internal,
}

#[derive(Serialize)]
struct Body {
    r#type: String,
    title: &'static str,
    status: u16,
    code: &'static str,
    detail: String,
}

impl Problem {
    /// Returns the stable code.
    pub const fn code(self) -> &'static str {
        match self {
            Self::NotFound => "not-found",
            Self::MethodNotAllowed => "method-not-allowed",
            Self::InvalidNumber => "invalid-number",
            Self::NoSuchEntry => "no-such-entry",
            Self::NoSuchSizes => "no-such-sizes",
            Self::NoSuchTile => "no-such-tile",
            Self::Busy => "busy",
            Self::Timeout => "timeout",
            Self::Internal => "internal",
        }
    }

    /// Returns the HTTP status.
    pub const fn status(self) -> StatusCode {
        match self {
            Self::NotFound | Self::NoSuchEntry | Self::NoSuchSizes | Self::NoSuchTile => {
                StatusCode::NOT_FOUND
            }
            Self::MethodNotAllowed => StatusCode::METHOD_NOT_ALLOWED,
            Self::InvalidNumber => StatusCode::BAD_REQUEST,
            Self::Busy | Self::Timeout => StatusCode::SERVICE_UNAVAILABLE,
            Self::Internal => StatusCode::INTERNAL_SERVER_ERROR,
        }
    }
}

impl IntoResponse for Problem {
    fn into_response(self) -> Response {
        let status = self.status();
        let body = Body {
            r#type: format!("urn:boop:problem:{}", self.code()),
            title: status.canonical_reason().unwrap_or("Problem"),
            status: status.as_u16(),
            code: self.code(),
            detail: self.to_string(),
        };
        let kind = HeaderValue::from_static("application/problem+json");
        (status, [(header::CONTENT_TYPE, kind)], Json(body)).into_response()
    }
}
