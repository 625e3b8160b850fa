//! The router: every path of the public API, and the layer that gives each request an id, a
//! deadline and its errors a body.

use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::extract::{FromRequest, Request};
use axum::http::{HeaderName, HeaderValue, StatusCode};
use axum::middleware::{Next, from_fn};
use axum::response::{IntoResponse as _, Response};
use axum::routing::{get, post};
use boop_wire::Refusal;
use boop_wire::api::BODY_BYTES_MAX;
use serde::de::DeserializeOwned;
use tokio::time::timeout;

use crate::app::App;
use crate::problem::Failure;
use crate::{socket, text};

mod admin;
mod attestation;
mod auth;
mod caller;
mod ledger;
mod public;
#[cfg(test)]
mod tests;

pub use admin::CreditResponse;
pub use auth::StatusResponse;
pub use ledger::{HistoryResponse, Transaction};

/// Longest time for a request, its body included.
const REQUEST_TIME_MAX: Duration = Duration::from_secs(15);

/// Returns the whole public API.
pub fn router(app: Arc<App>) -> Router {
    let not_found = || async { Failure::from(Refusal::NotFound) };
    let not_allowed = || async {
        Failure {
            status: Some(StatusCode::METHOD_NOT_ALLOWED),
            ..Failure::new(Refusal::Unexpected, "method")
        }
    };
    Router::new()
        .route("/.well-known/attestation", get(attestation::attest))
        .route("/health", get(public::health))
        .route("/api/v1/status", get(public::health))
        .route("/api/v1/manifest", get(public::manifest))
        .route("/api/v1/network", get(public::network))
        .route("/api/v1/register", post(public::register))
        .route("/v1/register", post(public::register))
        .route("/api/v1/admin/vendors", post(admin::add_vendor))
        .route("/api/v1/admin/scanners", post(admin::add_scanner))
        .route("/api/v1/admin/credits", post(admin::credit))
        .route("/api/v1/ledger/tokens/{user_id}", get(ledger::balance))
        .route(
            "/api/v1/ledger/transactions/{user_id}",
            get(ledger::history),
        )
        .route(
            "/api/v1/ledger/transactions/check/{transaction_id}",
            get(ledger::check),
        )
        .route("/api/v1/auth/{context_id}/status", get(auth::status))
        .route("/ws/vendor", get(socket::vendor))
        .route("/ws/pvs", get(socket::scanner))
        .route("/ws/user", get(socket::user))
        .fallback(not_found)
        .method_not_allowed_fallback(not_allowed)
        .layer(from_fn(frame))
        .with_state(app)
}

/// Gives a request its id and its deadline, and a failure its body.
async fn frame(request: Request, next: Next) -> Response {
    let Ok(random) = text::random::<12>() else {
        return Failure::from(Refusal::Internal).response("req_0");
    };
    let request_id = format!("req_{}", hex::encode(random));
    let (method, path) = (request.method().clone(), route_of(&request));
    let mut response = match timeout(REQUEST_TIME_MAX, next.run(request)).await {
        Ok(response) => response,
        Err(_) => Failure::from(Refusal::DeadlineExceeded).into_response(),
    };
    if let Some(failure) = failure_of(&mut response) {
        response = failure.response(&request_id);
    }
    tracing::info!(
        %method,
        path,
        status = response.status().as_u16(),
        request_id,
        "request"
    );
    if let Ok(value) = HeaderValue::from_str(&request_id) {
        response
            .headers_mut()
            .insert(HeaderName::from_static("x-request-id"), value);
    }
    response
}

/// Returns the path without what may name a person.
fn route_of(request: &Request) -> String {
    request
        .extensions()
        .get::<axum::extract::MatchedPath>()
        .map_or_else(|| "-".into(), |path| path.as_str().into())
}

/// Takes the failure out of a response; what the framework refused by itself, a WebSocket without
/// its headers for one, becomes a failure too.
fn failure_of(response: &mut Response) -> Option<Failure> {
    let status = response.status();
    let of_framework = |refusal: Refusal| Failure {
        status: Some(status),
        ..refusal.into()
    };
    let failure = response.extensions_mut().remove::<Failure>();
    failure.or_else(|| {
        if status.is_client_error() {
            Some(of_framework(Refusal::Malformed))
        } else if status.is_server_error() {
            Some(of_framework(Refusal::Internal))
        } else {
            None
        }
    })
}

/// A JSON body, with our own errors.
struct Body<T>(T);

impl<T: DeserializeOwned, S: Send + Sync> FromRequest<S> for Body<T> {
    type Rejection = Failure;

    async fn from_request(request: Request, _: &S) -> Result<Self, Failure> {
        let bytes = axum::body::to_bytes(request.into_body(), BODY_BYTES_MAX)
            .await
            .map_err(|_| Failure::from(Refusal::TooLarge))?;
        serde_json::from_slice(&bytes)
            .map(Self)
            .map_err(|error| Failure::new(Refusal::Malformed, error.to_string()))
    }
}
