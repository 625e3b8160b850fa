//! The endpoint's certificate: a request for a CA, and the chain that the CA gave.

use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use boop_wire::Refusal;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::Body;
use super::caller::{Proofs, admin};
use super::document::Problems;
use crate::app::App;
use crate::problem::Failure;

/// Answer of `GET /api/v1/admin/certificate/request`.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct CertificateRequest {
    /// A request for a certificate (RFC 2986), PEM. Its key is in this process and nowhere else.
    request: String,
}

/// Body of `PUT /api/v1/admin/certificate`.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct CertificateChain {
    /// One to four certificates, PEM, the gateway's own first.
    chain: String,
}

/// Returns a request for a certificate, for a CA to sign.
#[utoipa::path(
    get,
    path = "/api/v1/admin/certificate/request",
    operation_id = "certificate_request",
    tag = "admin",
    security(("admin_token" = [])),
    responses(
        (status = 200, body = CertificateRequest, description = "The request"),
        Problems,
    ),
)]
pub(super) async fn request(
    State(app): State<Arc<App>>,
    proofs: Proofs,
) -> Result<Json<CertificateRequest>, Failure> {
    admin(&app, &proofs).await?;
    let request = app.public.request().map_err(|_| Refusal::Internal)?;
    Ok(Json(CertificateRequest { request }))
}

/// Shows a chain of certificates on every connection from now on, until this process ends.
#[utoipa::path(
    put,
    path = "/api/v1/admin/certificate",
    operation_id = "show_certificate",
    tag = "admin",
    request_body = CertificateChain,
    security(("admin_token" = [])),
    responses(
        (status = 204, description = "The next handshake shows it"),
        Problems,
    ),
)]
pub(super) async fn show(
    State(app): State<Arc<App>>,
    proofs: Proofs,
    Body(CertificateChain { chain }): Body<CertificateChain>,
) -> Result<StatusCode, Failure> {
    admin(&app, &proofs).await?;
    let shown = app.public.show(&chain, app.now());
    shown.map_err(|error| Failure::new(Refusal::Invalid, error.to_string()))?;
    tracing::info!("another chain of certificates is shown");
    Ok(StatusCode::NO_CONTENT)
}
