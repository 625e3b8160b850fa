//! What the administrator does: vendors, scanners, credits.

use std::sync::Arc;

use axum::Json;
use axum::extract::{Path, State};
use axum::http::StatusCode;
use boop_wire::Refusal;
use boop_wire::api::{
    CreditRequest, ScannerRequest, ScannerResponse, VendorRequest, VendorResponse,
};
use boop_wire::codec::{digest_of, plain_digest, to_canonical};
use boop_wire::id::{TransactionId, VendorId};
use boop_wire::ledger::{AMOUNT_MAX, Credit, Currency, LedgerRequest, user_account};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use utoipa::ToSchema;

use super::Body;
use super::caller::{Proofs, admin};
use super::document::Problems;
use crate::app::App;
use crate::ledger_link::recorded;
use crate::oauth::ClientKeys;
use crate::problem::Failure;
use crate::store::{
    DirectoryStore as _, RevocationStore as _, Scanner, TokenStore as _, UserStore as _, Vendor,
};
use crate::text::{base64url, random};
use crate::validation::is_shown_name;

/// Answer of `POST /api/v1/admin/credits`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct CreditResponse {
    /// The credit's transaction.
    pub transaction_id: TransactionId,
    /// Its entry in the log, base64url.
    pub receipt: String,
}

/// Adds a vendor; its key is shown this once.
#[utoipa::path(
    post,
    path = "/api/v1/admin/vendors",
    operation_id = "add_vendor",
    tag = "admin",
    request_body = VendorRequest,
    security(("admin_token" = [])),
    responses(
        (
            status = 201, body = VendorResponse,
            description = "The vendor, and its key, shown this once",
        ),
        Problems,
    ),
)]
pub(super) async fn add_vendor(
    State(app): State<Arc<App>>,
    proofs: Proofs,
    Body(request): Body<VendorRequest>,
) -> Result<(StatusCode, Json<VendorResponse>), Failure> {
    admin(&app, &proofs).await?;
    if !is_shown_name(&request.name) {
        return Err(Failure::new(Refusal::Invalid, "name"));
    }
    // Ids have one length, so that id and context run together in one way alone.
    let id = format!("ven_{}", hex::encode(random::<12>()?));
    let vendor_id = id.parse().map_err(|_| Refusal::Internal)?;
    let api_key = fresh_key(&app, "sk")?;
    let vendor = Vendor {
        id: vendor_id,
        name: request.name,
        key: plain_digest(api_key.as_bytes()),
    };
    app.store.add_vendor(&vendor).await.map_err(Refusal::from)?;
    tracing::info!(vendor = %vendor.id, "vendor added");
    let response = VendorResponse {
        vendor_id: vendor.id,
        api_key,
    };
    Ok((StatusCode::CREATED, Json(response)))
}

/// Body of `PUT /api/v1/admin/vendors/{vendor_id}/keys`: a JWK set (RFC 7517).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub(super) struct KeySetRequest {
    /// One to eight public keys on P-256 or of Ed25519, each with a `kid`; with an `x5c`, its
    /// certificate is good for mutual TLS.
    #[schema(value_type = Vec<Object>, min_items = 1, max_items = 8)]
    keys: Vec<Value>,
}

/// Puts the keys in place that a vendor proves itself with, and ends its access tokens.
#[utoipa::path(
    put,
    path = "/api/v1/admin/vendors/{vendor_id}/keys",
    operation_id = "put_keys",
    tag = "admin",
    params(("vendor_id" = VendorId, Path, description = "The vendor")),
    request_body = KeySetRequest,
    security(("admin_token" = [])),
    responses(
        (status = 204, description = "These keys are good, and no others"),
        Problems,
    ),
)]
pub(super) async fn put_keys(
    State(app): State<Arc<App>>,
    Path(vendor_id): Path<String>,
    proofs: Proofs,
    Body(request): Body<KeySetRequest>,
) -> Result<StatusCode, Failure> {
    admin(&app, &proofs).await?;
    let vendor: VendorId = vendor_id
        .parse()
        .map_err(|_| Failure::new(Refusal::Invalid, "vendor_id"))?;
    if app
        .store
        .vendor(&vendor)
        .await
        .map_err(Refusal::from)?
        .is_none()
    {
        return Err(Failure::new(Refusal::NotFound, "vendor_id"));
    }
    let text = serde_json::to_string(&request).map_err(|_| Refusal::Internal)?;
    ClientKeys::read(text.as_bytes())
        .map_err(|error| Failure::new(Refusal::Invalid, error.to_string()))?;
    let put = app.store.put_client_keys(&vendor, &text).await;
    put.map_err(Refusal::from)?;
    let ended = app.store.revoke_tokens(&vendor, app.now()).await;
    let ended = ended.map_err(Refusal::from)?;
    tracing::info!(%vendor, ended, "the vendor's keys are replaced");
    Ok(StatusCode::NO_CONTENT)
}

/// Adds a scanner at a terminal that has none; its key is shown this once.
#[utoipa::path(
    post,
    path = "/api/v1/admin/scanners",
    operation_id = "add_scanner",
    tag = "admin",
    request_body = ScannerRequest,
    security(("admin_token" = [])),
    responses(
        (
            status = 201, body = ScannerResponse,
            description = "The scanner, and its key, shown this once",
        ),
        Problems,
    ),
)]
pub(super) async fn add_scanner(
    State(app): State<Arc<App>>,
    proofs: Proofs,
    Body(request): Body<ScannerRequest>,
) -> Result<(StatusCode, Json<ScannerResponse>), Failure> {
    admin(&app, &proofs).await?;
    let vendor = app.store.vendor(&request.vendor_id).await;
    if vendor.map_err(Refusal::from)?.is_none() {
        return Err(Failure::new(Refusal::NotFound, "vendor_id"));
    }
    let id = format!("scn_{}", hex::encode(random::<12>()?));
    let scanner_key = fresh_key(&app, "pk")?;
    let scanner = Scanner {
        id: id.parse().map_err(|_| Refusal::Internal)?,
        vendor: request.vendor_id,
        terminal: request.terminal_id,
        key: plain_digest(scanner_key.as_bytes()),
    };
    let added = app.store.add_scanner(&scanner).await;
    if !added.map_err(Refusal::from)? {
        return Err(Failure::new(Refusal::Conflict, "terminal_id"));
    }
    tracing::info!(vendor = %scanner.vendor, scanner = %scanner.id, "scanner added");
    let response = ScannerResponse {
        scanner_id: scanner.id,
        scanner_key,
    };
    Ok((StatusCode::CREATED, Json(response)))
}

/// Puts money on a user's account; the same request id does it once.
#[utoipa::path(
    post,
    path = "/api/v1/admin/credits",
    operation_id = "credit",
    tag = "admin",
    request_body = CreditRequest,
    security(("admin_token" = [])),
    responses(
        (status = 201, body = CreditResponse, description = "The credit and its receipt"),
        Problems,
    ),
)]
pub(super) async fn credit(
    State(app): State<Arc<App>>,
    proofs: Proofs,
    Body(request): Body<CreditRequest>,
) -> Result<(StatusCode, Json<CreditResponse>), Failure> {
    admin(&app, &proofs).await?;
    let invalid = |field: &str| Failure::new(Refusal::Invalid, field);
    let currency = Currency::new(&request.currency).ok_or_else(|| invalid("currency"))?;
    if !(1..=AMOUNT_MAX).contains(&request.amount) {
        return Err(invalid("amount"));
    }
    let user = app.store.user(request.user_id).await;
    if user.map_err(Refusal::from)?.is_none() {
        return Err(Failure::new(Refusal::NotFound, "user_id"));
    }
    let digest = digest_of("credit-transaction", &request.request_id);
    let transaction = TransactionId::new(*digest.as_bytes());
    let credit = Credit {
        transaction,
        account: user_account(request.user_id),
        amount: request.amount,
        currency,
    };
    let receipt = recorded(&*app.ledger, LedgerRequest::Credit(credit)).await?;
    let response = CreditResponse {
        transaction_id: transaction,
        receipt: base64url(&to_canonical(&receipt)),
    };
    Ok((StatusCode::CREATED, Json(response)))
}

pub(super) fn fresh_key(app: &App, prefix: &str) -> Result<String, Refusal> {
    let environment = if app.network.simulated {
        "test"
    } else {
        "live"
    };
    let secret = base64url(&random::<32>()?);
    Ok(format!("{prefix}_{environment}_{secret}"))
}
