//! The router: every path of the public API, and the layer that gives each request an id, a
//! deadline and its errors a body.

use std::sync::Arc;
use std::time::Duration;

use axum::extract::{FromRequest, Request, State};
use axum::http::header::AUTHORIZATION;
use axum::http::{HeaderName, HeaderValue, Method, StatusCode};
use axum::middleware::{Next, from_fn_with_state};
use axum::response::{IntoResponse as _, Response};
use axum::routing::get;
use axum::{Json, Router};
use boop_wire::Refusal;
use boop_wire::api::{BODY_BYTES_MAX, Envelope, Meta};
use boop_wire::codec::plain_digest;
use serde::de::DeserializeOwned;
use tokio::time::timeout;
use utoipa::openapi::OpenApi;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use crate::admission::{Asker, Class, Standing};
use crate::app::App;
use crate::problem::Failure;
use crate::serve::Connection;
use crate::{json, socket, text};

use oauth::Said;
use seen::Seen;

mod admin;
mod attestation;
mod attributes;
mod auth;
mod caller;
mod certificate;
mod document;
mod findings;
mod idempotency;
mod jobs;
mod ledger;
mod oauth;
mod public;
mod removal;
mod seen;
#[cfg(test)]
mod tests;

pub(crate) use caller::{Proofs, token_time, vendor};

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
    let documented: Router<Arc<App>> = documented().into();
    let documented = if app.network.simulated {
        documented.route("/ws/echo", get(socket::echo))
    } else {
        documented
    };
    documented
        .route(document::PATH, document::serving(&document()))
        .route("/ws/vendor", get(socket::vendor))
        .route("/vendor/connect", get(socket::vendor_connect))
        .route("/ws/pvs", get(socket::scanner))
        .route("/ws/user", get(socket::user))
        .fallback(not_found)
        .method_not_allowed_fallback(not_allowed)
        .layer(from_fn_with_state(Arc::clone(&app), idempotency::once))
        .layer(from_fn_with_state(Arc::clone(&app), frame))
        .with_state(app)
}

/// Returns the OpenAPI document of the REST API.
pub fn document() -> OpenApi {
    let mut document = documented().into_openapi();
    document::tidy(&mut document);
    document
}

/// Returns the operations that the document describes.
fn documented() -> OpenApiRouter<Arc<App>> {
    OpenApiRouter::with_openapi(document::frame())
        .routes(routes!(attestation::attest))
        .routes(routes!(public::health))
        .routes(routes!(public::status))
        .routes(routes!(public::manifest))
        .routes(routes!(public::network))
        .routes(routes!(public::register))
        .routes(routes!(public::register_published))
        .routes(routes!(admin::add_vendor))
        .routes(routes!(admin::add_scanner))
        .routes(routes!(removal::vendor))
        .routes(routes!(removal::scanner))
        .routes(routes!(removal::key))
        .routes(routes!(admin::put_keys))
        .routes(routes!(certificate::request))
        .routes(routes!(certificate::show))
        .routes(routes!(admin::credit))
        .routes(routes!(findings::list))
        .routes(routes!(findings::lift))
        .routes(routes!(ledger::balance))
        .routes(routes!(ledger::history))
        .routes(routes!(ledger::check))
        .routes(routes!(auth::check))
        .routes(routes!(auth::create))
        .routes(routes!(auth::status))
        .routes(routes!(auth::cancel))
        .routes(routes!(jobs::create_user))
        .routes(routes!(jobs::job))
        .routes(routes!(jobs::status))
        .routes(routes!(attributes::list, attributes::add))
        .routes(routes!(attributes::show, attributes::remove))
        .routes(routes!(oauth::metadata))
        .routes(routes!(oauth::keys))
        .routes(routes!(oauth::token))
}

/// A request's id, for its answer.
#[derive(Debug, Clone)]
struct Named(String);

impl Named {
    /// Returns what an envelope says about the answer.
    fn meta(&self, now_ms: u64) -> Meta {
        Meta {
            request_id: self.0.clone(),
            timestamp: text::rfc3339(now_ms),
        }
    }

    /// Puts a success in the published envelope.
    fn envelope<T>(&self, app: &App, data: T) -> Json<Envelope<T>> {
        Json(Envelope {
            success: true,
            data,
            meta: self.meta(app.now()),
        })
    }
}

/// Gives a request its id and its deadline, and a failure its body.
async fn frame(State(app): State<Arc<App>>, mut request: Request, next: Next) -> Response {
    let Ok(random) = text::random::<12>() else {
        let named = Named("req_0".into());
        return Failure::from(Refusal::Internal).response(named.meta(app.now()));
    };
    let request_id = format!("req_{}", hex::encode(random));
    request.extensions_mut().insert(Named(request_id.clone()));
    let (method, path) = (request.method().clone(), route_of(&request));
    let address = address_of(&request);
    let standing = address.map(|address| stand(&app, &request, &path, address));
    let seen = Seen::of(&mut request, &path);
    let admitted = standing.as_ref().map_or(Ok(()), Standing::admitted);
    let mut response = match admitted.and_then(|()| seen.welcome(&app)) {
        Ok(()) => match timeout(REQUEST_TIME_MAX, next.run(request)).await {
            Ok(response) => response,
            Err(_) => Failure::from(Refusal::DeadlineExceeded).into_response(),
        },
        Err(failure) => failure.into_response(),
    };
    if response.extensions().get::<Refusal>().is_some()
        && let Err(failure) = count_login(&app, address).and_then(|()| seen.not_blocked(&app))
    {
        response = failure.into_response();
    }
    let failure = failure_of(&mut response);
    let refusal = failure.as_ref().map(|failure| failure.refusal);
    seen.answered(&app, response.status(), refusal);
    if let Some(failure) = failure {
        let failure = standing_login(&app, address, failure);
        response = failure.response(Named(request_id.clone()).meta(app.now()));
    }
    log(&method, &path, response.status(), &request_id);
    if let Ok(value) = HeaderValue::from_str(&request_id) {
        response
            .headers_mut()
            .insert(HeaderName::from_static("x-request-id"), value);
    }
    if let Some(standing) = standing {
        standing.write(response.headers_mut(), app.now());
    }
    response
}

/// Logs a request. One that was served is detail: at ten thousand a second its line would be most
/// of the work.
fn log(method: &Method, path: &str, status: StatusCode, request_id: &str) {
    let status_code = status.as_u16();
    if status.is_client_error() || status.is_server_error() {
        tracing::info!(%method, path, status = status_code, request_id, "request");
    } else {
        tracing::debug!(%method, path, status = status_code, request_id, "request");
    }
}

fn address_of(request: &Request) -> Option<Asker> {
    let connection = request.extensions().get::<Connection>()?;
    Some(Asker::at(connection.address))
}

/// Counts a request against its address, and against its caller or address for what it asks.
fn stand(app: &App, request: &Request, path: &str, address: Asker) -> Standing {
    let all = app.admission.admit(Class::Address, address);
    if all.admitted().is_err() {
        return all;
    }
    let headers = request.headers();
    let proof = headers.get("x-api-key").or(headers.get(AUTHORIZATION));
    let asker = proof.map_or(address, |proof| {
        Asker::Caller(plain_digest(proof.as_bytes()))
    });
    app.admission.admit(Class::of(path), asker)
}

/// Counts a proof that was not good against its address. After too many, an address hears no more
/// than that; whoever has a good one at the same address does not notice.
fn standing_login(app: &App, address: Option<Asker>, failure: Failure) -> Failure {
    // Whoever lacks a nonce alone gets one, and has guessed nothing.
    let challenge = failure.challenge.as_ref();
    let waits = challenge.is_some_and(|challenge| challenge.nonce.is_some());
    if failure.refusal == Refusal::Unauthenticated && !waits {
        count_login(app, address).err().unwrap_or(failure)
    } else {
        failure
    }
}

fn count_login(app: &App, address: Option<Asker>) -> Result<(), Failure> {
    let standing = address.map(|address| app.admission.admit(Class::Logins, address));
    standing.as_ref().map_or(Ok(()), Standing::admitted)
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
    if response.extensions().get::<Said>().is_some() {
        return None;
    }
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
        json::object(&bytes).and_then(json::read).map(Self)
    }
}
