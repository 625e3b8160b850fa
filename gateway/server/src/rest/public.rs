//! What anybody may ask: health, the network, a new user.

use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use boop_wire::api::{
    HealthResponse, ManifestResponse, NetworkResponse, RegisterRequest, RegisterResponse,
};
use boop_wire::codec::{plain_digest, to_canonical};
use boop_wire::{PartyIndex, Refusal, UserId};

use super::Body;
use super::document::Problems;
use crate::app::App;
use crate::problem::Failure;
use crate::store::{Session, UserStore as _};
use crate::text::{base64url, random};

/// Life of a session token, in milliseconds.
const SESSION_MS: u64 = 15 * 60 * 1000;
/// Longest free text of an app, in characters.
const TEXT_CHARACTERS_MAX: usize = 128;

/// Tells whether everything is there that the gateway needs.
#[utoipa::path(
    get,
    path = "/health",
    operation_id = "health",
    tag = "operation",
    security(()),
    responses((status = 200, body = HealthResponse, description = "It answers"), Problems),
)]
pub(super) async fn health(State(app): State<Arc<App>>) -> Json<HealthResponse> {
    health_of(&app)
}

/// The same under the published path.
#[utoipa::path(
    get,
    path = "/api/v1/status",
    operation_id = "status",
    tag = "operation",
    security(()),
    responses((status = 200, body = HealthResponse, description = "It answers"), Problems),
)]
pub(super) async fn status(State(app): State<Arc<App>>) -> Json<HealthResponse> {
    health_of(&app)
}

fn health_of(app: &App) -> Json<HealthResponse> {
    Json(HealthResponse {
        status: if app.is_whole() { "ok" } else { "degraded" }.into(),
        version: env!("CARGO_PKG_VERSION").into(),
        parties: app.parties_here().into(),
        preparing: app.parties_preparing().into(),
    })
}

/// Returns the manifest, whether or not the parties are here.
#[utoipa::path(
    get,
    path = "/api/v1/manifest",
    operation_id = "manifest",
    tag = "trust",
    security(()),
    responses(
        (
            status = 200, body = ManifestResponse,
            description = "The versions of the signed manifest",
        ),
        Problems,
    ),
)]
pub(super) async fn manifest(State(app): State<Arc<App>>) -> Json<ManifestResponse> {
    Json(ManifestResponse {
        network_id: app.network.id,
        simulated: app.network.simulated,
        manifest: base64url(&app.identity.versions()),
    })
}

/// Returns the manifest and the evidence of the three parties.
#[utoipa::path(
    get,
    path = "/api/v1/network",
    operation_id = "network",
    tag = "trust",
    security(()),
    responses(
        (
            status = 200, body = NetworkResponse,
            description = "Manifest and evidence of the three parties",
        ),
        Problems,
    ),
)]
pub(super) async fn network(State(app): State<Arc<App>>) -> Result<Json<NetworkResponse>, Failure> {
    let mut parties = Vec::with_capacity(PartyIndex::COUNT);
    for party in PartyIndex::ALL {
        let evidence = app.parties.evidence(party);
        let evidence = evidence
            .ok_or_else(|| Failure::new(app.parties.absence(party), format!("party {party}")))?;
        parties.push(base64url(&to_canonical(&evidence.bundle)));
    }
    Ok(Json(NetworkResponse {
        network_id: app.network.id,
        simulated: app.network.simulated,
        manifest: base64url(&app.identity.versions()),
        parties,
    }))
}

/// Makes a user with a session token that enrols one palm.
#[utoipa::path(
    post,
    path = "/api/v1/register",
    operation_id = "register",
    tag = "users",
    request_body = RegisterRequest,
    security(()),
    responses(
        (
            status = 201, body = RegisterResponse,
            description = "A new user, and a token that enrols one palm",
        ),
        Problems,
    ),
)]
pub(super) async fn register(
    State(app): State<Arc<App>>,
    Body(request): Body<RegisterRequest>,
) -> Result<(StatusCode, Json<RegisterResponse>), Failure> {
    check_texts(&request)?;
    let now_ms = app.now();
    let user_id = UserId::new(random()?);
    let session_token = base64url(&random::<32>()?);
    let session = Session {
        token: plain_digest(session_token.as_bytes()),
        user: user_id,
        expires_at_ms: now_ms.saturating_add(SESSION_MS),
        used: false,
    };
    app.store.add_user(&session).await.map_err(Refusal::from)?;
    let response = RegisterResponse {
        action: "register".into(),
        user_id,
        session_token,
        timestamp: now_ms,
        expires_at: session.expires_at_ms,
    };
    Ok((StatusCode::CREATED, Json(response)))
}

/// The same under the path that apps have been told.
#[utoipa::path(
    post,
    path = "/v1/register",
    operation_id = "register_app",
    tag = "users",
    request_body = RegisterRequest,
    security(()),
    responses((status = 201, body = RegisterResponse, description = "A new user"), Problems),
)]
pub(super) async fn register_published(
    app: State<Arc<App>>,
    body: Body<RegisterRequest>,
) -> Result<(StatusCode, Json<RegisterResponse>), Failure> {
    register(app, body).await
}

fn check_texts(request: &RegisterRequest) -> Result<(), Failure> {
    let texts = [
        ("device_id", &request.device_id),
        ("platform", &request.platform),
        ("app_version", &request.app_version),
    ];
    for (field, text) in texts {
        if text
            .as_ref()
            .is_some_and(|text| text.chars().count() > TEXT_CHARACTERS_MAX)
        {
            return Err(Failure::new(Refusal::Invalid, field));
        }
    }
    Ok(())
}
