//! What anybody may ask: health, the network, a new user.

use std::sync::Arc;

use axum::Json;
use axum::extract::{Extension, State};
use axum::http::StatusCode;
use boop_wire::api::{
    HealthResponse, ManifestResponse, NetworkResponse, RegisterRequest, RegisterResponse,
};
use boop_wire::codec::{plain_digest, to_canonical};
use boop_wire::{PartyIndex, Refusal, UserId};

use super::Body;
use crate::app::App;
use crate::problem::Failure;
use crate::serve::Connection;
use crate::store::{Session, UserStore as _};
use crate::text::{base64url, random};

/// Life of a session token, in milliseconds.
const SESSION_MS: u64 = 15 * 60 * 1000;
/// Longest free text of an app, in bytes.
const TEXT_BYTES_MAX: usize = 128;

/// Tells whether everything is there that the gateway needs.
pub(super) async fn health(State(app): State<Arc<App>>) -> Json<HealthResponse> {
    Json(HealthResponse {
        status: if app.is_whole() { "ok" } else { "degraded" }.into(),
        version: env!("CARGO_PKG_VERSION").into(),
        parties: app.parties_here().into(),
        preparing: app.parties_preparing().into(),
    })
}

/// Returns the manifest, whether or not the parties are here.
pub(super) async fn manifest(State(app): State<Arc<App>>) -> Json<ManifestResponse> {
    Json(ManifestResponse {
        network_id: app.network.id,
        simulated: app.network.simulated,
        manifest: base64url(&app.identity.versions()),
    })
}

/// Returns the manifest and the evidence of the three parties.
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
pub(super) async fn register(
    State(app): State<Arc<App>>,
    Extension(connection): Extension<Connection>,
    Body(request): Body<RegisterRequest>,
) -> Result<(StatusCode, Json<RegisterResponse>), Failure> {
    check_texts(&request)?;
    let now_ms = app.now();
    let max = app.settings.limits.registrations_per_ip_minute;
    if !app
        .registrations_limiter
        .allow(connection.address, max, now_ms)
    {
        let detail = "registrations of this address";
        return Err(Failure::new(Refusal::Busy, detail));
    }
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

fn check_texts(request: &RegisterRequest) -> Result<(), Failure> {
    let texts = [
        ("device_id", &request.device_id),
        ("platform", &request.platform),
        ("app_version", &request.app_version),
    ];
    for (field, text) in texts {
        if text
            .as_ref()
            .is_some_and(|text| text.len() > TEXT_BYTES_MAX)
        {
            return Err(Failure::new(Refusal::Invalid, field));
        }
    }
    Ok(())
}
