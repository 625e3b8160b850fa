//! Contexts over REST, for a vendor without a socket: a key that is tried, a context that is
//! opened, asked about and cancelled. Answers come in the published envelope.

use std::sync::Arc;

use axum::Json;
use axum::extract::{Extension, Path, State};
use axum::http::StatusCode;
use boop_wire::Refusal;
use boop_wire::api::{AuthResult, Envelope, Requirements};
use boop_wire::id::{ContextId, VendorId};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use uuid::Uuid;

use super::caller::{Proofs, vendor};
use super::document::{Problems, RequirementsSchema};
use super::{Body, Named};
use crate::app::App;
use crate::oauth::Scope;
use crate::problem::Failure;
use crate::store::{ContextStore as _, StoredContext, Vendor};
use crate::validation::Asked;

/// Answer of `POST /api/v1/auth`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub(super) struct VendorName {
    /// Whose key it is.
    pub vendor_id: VendorId,
    /// As customers see it.
    pub name: String,
}

/// Body of `POST /api/v1/auth/create`: what `create_context` of the socket takes.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct ContextRequest {
    /// Chosen by the vendor; used once.
    pub context_id: ContextId,
    /// What is asked.
    #[schema(value_type = RequirementsSchema)]
    pub requirements: Requirements,
    /// In milliseconds, 1,000 to 120,000; 30,000 if left out.
    #[serde(default)]
    #[schema(minimum = 1000, maximum = 120_000)]
    pub timeout: Option<u64>,
}

/// A context's state.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct StatusResponse {
    /// The context.
    pub context_id: ContextId,
    /// "pending", "completed" or "failed".
    pub status: String,
    /// The parties' work for it: `/api/v1/mpc/jobs/{job_id}` tells what they found.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub job_id: Option<Uuid>,
    /// While it is open, where it was just opened: a signed reference to it, to show as a QR code.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub qr_code: Option<String>,
    /// How it ended.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub result: Option<AuthResult>,
}

impl StatusResponse {
    fn of(stored: StoredContext) -> Self {
        let status = match &stored.result {
            None => "pending",
            Some(result) if result.success => "completed",
            Some(_) => "failed",
        };
        Self {
            context_id: stored.body.context,
            status: status.into(),
            job_id: stored.job,
            qr_code: None,
            result: stored.result,
        }
    }
}

/// Tells whose key it is.
#[utoipa::path(
    post,
    path = "/api/v1/auth",
    operation_id = "check_key",
    tag = "contexts",
    security(("vendor_key" = []), ("access_token" = ["contexts"])),
    responses(
        (status = 200, body = Envelope<VendorName>, description = "The key is good"),
        Problems,
    ),
)]
pub(super) async fn check(
    State(app): State<Arc<App>>,
    Extension(named): Extension<Named>,
    proofs: Proofs,
) -> Result<Json<Envelope<VendorName>>, Failure> {
    let Vendor { id, name, .. } = vendor(&app, &proofs, Scope::Contexts).await?;
    let known = VendorName {
        vendor_id: id,
        name,
    };
    Ok(named.envelope(&app, known))
}

/// Opens a context; repeating it changes nothing and tells how it stands.
#[utoipa::path(
    post,
    path = "/api/v1/auth/create",
    operation_id = "create_context",
    tag = "contexts",
    request_body = ContextRequest,
    security(("vendor_key" = []), ("access_token" = ["contexts"])),
    responses(
        (
            status = 201, body = Envelope<StatusResponse>,
            description = "The context is open, or was before",
        ),
        Problems,
    ),
)]
pub(super) async fn create(
    State(app): State<Arc<App>>,
    Extension(named): Extension<Named>,
    proofs: Proofs,
    Body(request): Body<ContextRequest>,
) -> Result<(StatusCode, Json<Envelope<StatusResponse>>), Failure> {
    let vendor = vendor(&app, &proofs, Scope::Contexts).await?;
    let _work = app.work.begin().ok_or(Refusal::Busy)?;
    let asked = Asked {
        vendor: vendor.id.clone(),
        context: request.context_id,
        requirements: request.requirements,
        timeout: request.timeout,
    };
    let stored = app.create_context(&vendor, asked).await?;
    let qr_code = stored.result.is_none().then(|| app.reference(&stored.body));
    let state = StatusResponse {
        qr_code,
        ..StatusResponse::of(stored)
    };
    Ok((StatusCode::CREATED, named.envelope(&app, state)))
}

/// Returns a context's state to its vendor.
#[utoipa::path(
    get,
    path = "/api/v1/auth/{context_id}/status",
    operation_id = "context_status",
    tag = "contexts",
    params(("context_id" = ContextId, Path, description = "The vendor's own id")),
    security(("vendor_key" = []), ("access_token" = ["contexts"])),
    responses(
        (status = 200, body = Envelope<StatusResponse>, description = "How the context stands"),
        Problems,
    ),
)]
pub(super) async fn status(
    State(app): State<Arc<App>>,
    Extension(named): Extension<Named>,
    Path(context_id): Path<String>,
    proofs: Proofs,
) -> Result<Json<Envelope<StatusResponse>>, Failure> {
    let vendor = vendor(&app, &proofs, Scope::Contexts).await?;
    let state = state_of(&app, &vendor, context_of(&context_id)?).await?;
    Ok(named.envelope(&app, state))
}

/// Ends a context that has no result yet.
#[utoipa::path(
    post,
    path = "/api/v1/auth/{context_id}/cancel",
    operation_id = "cancel_context",
    tag = "contexts",
    params(("context_id" = ContextId, Path, description = "The vendor's own id")),
    security(("vendor_key" = []), ("access_token" = ["contexts"])),
    responses(
        (status = 200, body = Envelope<StatusResponse>, description = "The context has ended"),
        Problems,
    ),
)]
pub(super) async fn cancel(
    State(app): State<Arc<App>>,
    Extension(named): Extension<Named>,
    Path(context_id): Path<String>,
    proofs: Proofs,
) -> Result<Json<Envelope<StatusResponse>>, Failure> {
    let vendor = vendor(&app, &proofs, Scope::Contexts).await?;
    let context_id = context_of(&context_id)?;
    app.cancel_context(&vendor.id, &context_id).await?;
    let state = state_of(&app, &vendor, context_id).await?;
    Ok(named.envelope(&app, state))
}

fn context_of(text: &str) -> Result<ContextId, Failure> {
    text.parse()
        .map_err(|_| Failure::new(Refusal::Invalid, "context_id"))
}

async fn state_of(
    app: &App,
    vendor: &Vendor,
    context_id: ContextId,
) -> Result<StatusResponse, Refusal> {
    let stored = app.store.context(&vendor.id, &context_id).await?;
    let stored = stored.ok_or(Refusal::NotFound)?;
    Ok(StatusResponse::of(stored))
}
