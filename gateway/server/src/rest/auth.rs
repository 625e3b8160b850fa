//! What became of a context, for the vendor that opened it.

use std::sync::Arc;

use axum::Json;
use axum::extract::{Path, State};
use axum::http::HeaderMap;
use boop_wire::Refusal;
use boop_wire::api::AuthResult;
use boop_wire::id::ContextId;
use serde::{Deserialize, Serialize};

use super::caller::{Caller, caller};
use crate::app::App;
use crate::problem::Failure;
use crate::store::ContextStore as _;

/// Answer of `GET /api/v1/auth/{context_id}/status`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct StatusResponse {
    /// The context.
    pub context_id: ContextId,
    /// "pending", "completed" or "failed".
    pub status: String,
    /// How it ended.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub result: Option<AuthResult>,
}

/// Returns a context's state to its vendor.
pub(super) async fn status(
    State(app): State<Arc<App>>,
    Path(context_id): Path<String>,
    headers: HeaderMap,
) -> Result<Json<StatusResponse>, Failure> {
    let Caller::Vendor(vendor) = caller(&app, &headers).await? else {
        return Err(Refusal::Forbidden.into());
    };
    let context_id: ContextId = context_id
        .parse()
        .map_err(|_| Failure::new(Refusal::Invalid, "context_id"))?;
    let stored = app.store.context(&vendor.id, &context_id).await;
    let stored = stored.map_err(Refusal::from)?.ok_or(Refusal::NotFound)?;
    let status = match &stored.result {
        None => "pending",
        Some(result) if result.success => "completed",
        Some(_) => "failed",
    };
    Ok(Json(StatusResponse {
        context_id,
        status: status.into(),
        result: stored.result,
    }))
}
