//! What the administrator takes away: vendors, scanners, keys. Sockets that logged in with it end
//! within a second.

use std::sync::Arc;

use axum::Json;
use axum::extract::{Path, State};
use axum::http::StatusCode;
use boop_wire::Refusal;
use boop_wire::api::VendorResponse;
use boop_wire::codec::plain_digest;
use boop_wire::id::{ScannerId, VendorId};

use super::admin::fresh_key;
use super::caller::{Proofs, admin};
use super::document::Problems;
use crate::app::App;
use crate::problem::Failure;
use crate::store::RevocationStore as _;

/// Removes a vendor with its scanners, keys and tokens. What it was paid stays.
#[utoipa::path(
    delete,
    path = "/api/v1/admin/vendors/{vendor_id}",
    operation_id = "remove_vendor",
    tag = "admin",
    params(("vendor_id" = VendorId, Path, description = "The vendor")),
    security(("admin_token" = [])),
    responses((status = 204, description = "It is gone"), Problems),
)]
pub(super) async fn vendor(
    State(app): State<Arc<App>>,
    Path(vendor_id): Path<String>,
    proofs: Proofs,
) -> Result<StatusCode, Failure> {
    admin(&app, &proofs).await?;
    let vendor: VendorId = named(&vendor_id, "vendor_id")?;
    let removed = app.store.remove_vendor(&vendor, app.now()).await;
    done(removed.map_err(Refusal::from)?, "vendor_id")?;
    tracing::info!(%vendor, "vendor removed");
    Ok(StatusCode::NO_CONTENT)
}

/// Removes a scanner; its terminal is free for another.
#[utoipa::path(
    delete,
    path = "/api/v1/admin/scanners/{scanner_id}",
    operation_id = "remove_scanner",
    tag = "admin",
    params(("scanner_id" = ScannerId, Path, description = "The scanner")),
    security(("admin_token" = [])),
    responses((status = 204, description = "It is gone"), Problems),
)]
pub(super) async fn scanner(
    State(app): State<Arc<App>>,
    Path(scanner_id): Path<String>,
    proofs: Proofs,
) -> Result<StatusCode, Failure> {
    admin(&app, &proofs).await?;
    let scanner: ScannerId = named(&scanner_id, "scanner_id")?;
    let removed = app.store.remove_scanner(&scanner, app.now()).await;
    done(removed.map_err(Refusal::from)?, "scanner_id")?;
    tracing::info!(%scanner, "scanner removed");
    Ok(StatusCode::NO_CONTENT)
}

/// Gives a vendor another key, shown this once; the one before is good no more.
#[utoipa::path(
    post,
    path = "/api/v1/admin/vendors/{vendor_id}/key",
    operation_id = "replace_key",
    tag = "admin",
    params(("vendor_id" = VendorId, Path, description = "The vendor")),
    security(("admin_token" = [])),
    responses(
        (
            status = 201, body = VendorResponse,
            description = "The vendor, and its new key, shown this once",
        ),
        Problems,
    ),
)]
pub(super) async fn key(
    State(app): State<Arc<App>>,
    Path(vendor_id): Path<String>,
    proofs: Proofs,
) -> Result<(StatusCode, Json<VendorResponse>), Failure> {
    admin(&app, &proofs).await?;
    let vendor: VendorId = named(&vendor_id, "vendor_id")?;
    let api_key = fresh_key(&app, "sk")?;
    let digest = plain_digest(api_key.as_bytes());
    let replaced = app.store.replace_key(&vendor, &digest, app.now()).await;
    done(replaced.map_err(Refusal::from)?, "vendor_id")?;
    tracing::info!(%vendor, "the vendor has another key");
    let response = VendorResponse {
        vendor_id: vendor,
        api_key,
    };
    Ok((StatusCode::CREATED, Json(response)))
}

fn named<T: std::str::FromStr>(text: &str, field: &str) -> Result<T, Failure> {
    text.parse()
        .map_err(|_| Failure::new(Refusal::Invalid, field))
}

fn done(done: bool, field: &str) -> Result<(), Failure> {
    done.then_some(())
        .ok_or_else(|| Failure::new(Refusal::NotFound, field))
}
