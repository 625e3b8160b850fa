//! Balances and transactions. A user reads its own account, a vendor what it was paid, the
//! administrator everything.

use std::sync::Arc;

use axum::Json;
use axum::extract::{Path, Query, State};
use boop_wire::api::{BalanceResponse, TransactionCheckResponse};
use boop_wire::id::{AccountId, ContextId, TransactionId, VendorId};
use boop_wire::ledger::{
    Currency, Detail, LedgerRequest, LedgerResponse, Receipt, user_account, vendor_account,
};
use boop_wire::{Refusal, UserId};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::caller::{Caller, Proofs, caller, out_of};
use super::document::Problems;
use crate::app::App;
use crate::oauth::Scope;
use crate::problem::Failure;
use crate::store::ContextStore as _;

/// Answer of `GET /api/v1/ledger/transactions/{user_id}`: each is the hexadecimal of a
/// [`Transaction`]'s JSON.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct HistoryResponse {
    /// Oldest first.
    pub transactions: Vec<String>,
}

/// A transaction of an account.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Transaction {
    /// Its id.
    pub id: TransactionId,
    /// Who was paid; none for a credit.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub vendor_id: Option<VendorId>,
    /// What was paid for; none for a credit.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub context_id: Option<ContextId>,
    /// In the smallest unit.
    pub amount: u64,
    /// ISO 4217 code.
    pub currency: String,
    /// Always "ok": what was refused moved nothing.
    pub result: String,
    /// When, Unix milliseconds.
    pub time: u64,
}

/// Query of a balance.
#[derive(Debug, Deserialize)]
pub(super) struct BalanceQuery {
    currency: Option<String>,
}

/// Query of a history, in Unix seconds.
#[derive(Debug, Deserialize)]
pub(super) struct HistoryQuery {
    from: Option<String>,
    to: Option<String>,
}

/// Latest time that a query may name, Unix seconds: some 285,000 years from now.
const SECONDS_MAX: u64 = 9_000_000_000_000;

/// Returns what an account may spend.
#[utoipa::path(
    get,
    path = "/api/v1/ledger/tokens/{user_id}",
    operation_id = "balance",
    tag = "ledger",
    params(
        (
            "user_id" = String, Path,
            description = "A user's id or an account's, hexadecimal",
            pattern = "^([0-9a-fA-F]{32}|[0-9a-fA-F]{64})$",
        ),
        (
            "currency" = Option<String>, Query,
            description = "ISO 4217; the network's own if left out",
            pattern = "^[A-Z]{3}$",
        ),
    ),
    security(("vendor_key" = []), ("user_token" = []), ("admin_token" = [])),
    responses(
        (status = 200, body = BalanceResponse, description = "What may be spent"),
        Problems,
    ),
)]
pub(super) async fn balance(
    State(app): State<Arc<App>>,
    Path(user_id): Path<String>,
    Query(query): Query<BalanceQuery>,
    proofs: Proofs,
) -> Result<Json<BalanceResponse>, Failure> {
    let caller = reader(&app, &proofs).await?;
    let account = account_of(&user_id)?;
    match &caller {
        Caller::Admin => {}
        Caller::User(user) if user_account(*user) == account => {}
        Caller::Vendor(vendor, _) if vendor_account(&vendor.id) == account => {}
        Caller::User(_) | Caller::Vendor(..) | Caller::Scanner(_) => {
            return Err(Refusal::Forbidden.into());
        }
    }
    let currency = match query.currency {
        Some(code) => {
            Currency::new(&code).ok_or_else(|| Failure::new(Refusal::Invalid, "currency"))?
        }
        None => app.settings.currency,
    };
    let request = LedgerRequest::Balance { account, currency };
    match app.ledger.request(request).await? {
        LedgerResponse::Balance { available, .. } => {
            Ok(Json(BalanceResponse { balance: available }))
        }
        _ => Err(Refusal::Internal.into()),
    }
}

/// Returns an account's transactions; to a vendor, those that paid it.
#[utoipa::path(
    get,
    path = "/api/v1/ledger/transactions/{user_id}",
    operation_id = "transactions",
    tag = "ledger",
    params(
        (
            "user_id" = String, Path,
            description = "A user's id or an account's, hexadecimal",
            pattern = "^([0-9a-fA-F]{32}|[0-9a-fA-F]{64})$",
        ),
        (
            "from" = u64, Query,
            description = "Unix seconds",
            maximum = 9_000_000_000_000u64,
        ),
        (
            "to" = Option<u64>, Query,
            description = "Unix seconds; now if left out",
            maximum = 9_000_000_000_000u64,
        ),
    ),
    security(("vendor_key" = []), ("user_token" = []), ("admin_token" = [])),
    responses(
        (
            status = 200, body = HistoryResponse,
            description = "Transactions, each hexadecimal of its JSON",
        ),
        Problems,
    ),
)]
pub(super) async fn history(
    State(app): State<Arc<App>>,
    Path(user_id): Path<String>,
    Query(query): Query<HistoryQuery>,
    proofs: Proofs,
) -> Result<Json<HistoryResponse>, Failure> {
    let caller = reader(&app, &proofs).await?;
    let account = account_of(&user_id)?;
    if let Caller::User(user) = &caller
        && user_account(*user) != account
    {
        return Err(Refusal::Forbidden.into());
    }
    let from_ms = millis(query.from.as_deref())
        .ok_or_else(|| Failure::new(Refusal::Invalid, "from: Unix seconds"))?;
    let to_ms = match query.to.as_deref() {
        None => app.now().saturating_add(1),
        to => millis(to).ok_or_else(|| Failure::new(Refusal::Invalid, "to: Unix seconds"))?,
    };
    let request = LedgerRequest::History {
        account,
        from_ms,
        to_ms,
    };
    let LedgerResponse::History(receipts) = app.ledger.request(request).await? else {
        return Err(Refusal::Internal.into());
    };
    let transactions = receipts
        .iter()
        .filter_map(transaction)
        .filter(|transaction| match &caller {
            Caller::Admin | Caller::User(_) => true,
            Caller::Scanner(_) => false,
            Caller::Vendor(vendor, _) => transaction.vendor_id.as_ref() == Some(&vendor.id),
        })
        .map(|transaction| serde_json::to_vec(&transaction).map(hex::encode))
        .collect::<Result<_, _>>()
        .map_err(|_| Refusal::Internal)?;
    Ok(Json(HistoryResponse { transactions }))
}

/// Tells whether a transaction moved money.
#[utoipa::path(
    get,
    path = "/api/v1/ledger/transactions/check/{transaction_id}",
    operation_id = "check_transaction",
    tag = "ledger",
    params(
        (
            "transaction_id" = TransactionId, Path,
            description = "SHA-256 of vendor_id and context_id as texts",
        ),
    ),
    security(("vendor_key" = []), ("admin_token" = [])),
    responses(
        (status = 200, body = TransactionCheckResponse, description = "Whether money moved"),
        Problems,
    ),
)]
pub(super) async fn check(
    State(app): State<Arc<App>>,
    Path(transaction_id): Path<String>,
    proofs: Proofs,
) -> Result<Json<TransactionCheckResponse>, Failure> {
    let caller = reader(&app, &proofs).await?;
    let transaction: TransactionId = transaction_id
        .parse()
        .map_err(|_| Failure::new(Refusal::Invalid, "transaction_id"))?;
    let own = match &caller {
        Caller::Admin => true,
        Caller::User(_) | Caller::Scanner(_) => return Err(Refusal::Forbidden.into()),
        Caller::Vendor(vendor, _) => {
            let stored = app.store.context_of_transaction(&transaction).await;
            let stored = stored.map_err(Refusal::from)?;
            stored.is_some_and(|stored| stored.body.vendor == vendor.id)
        }
    };
    let request = LedgerRequest::Transaction { transaction };
    match app.ledger.request(request).await? {
        // A transaction of another vendor is as unknown as one that never was.
        LedgerResponse::Transaction { success, receipt } if own || paid(&caller, &receipt) => {
            Ok(Json(TransactionCheckResponse { success }))
        }
        LedgerResponse::Transaction { .. } => Err(Refusal::NotFound.into()),
        _ => Err(Refusal::Internal.into()),
    }
}

/// Finds out who reads; an access token must be for it.
async fn reader(app: &App, proofs: &Proofs) -> Result<Caller, Failure> {
    match caller(app, proofs).await? {
        Caller::Vendor(_, scopes) if !scopes.hold(Scope::Transactions) => {
            Err(out_of(Scope::Transactions))
        }
        caller => Ok(caller),
    }
}

fn paid(caller: &Caller, receipt: &Option<Receipt>) -> bool {
    let detail = receipt.as_ref().map(|receipt| &receipt.opening.detail);
    match (caller, detail) {
        (Caller::Vendor(vendor, _), Some(Detail::Payment(payment))) => payment.vendor == vendor.id,
        _ => false,
    }
}

/// Reads a user's id or an account's.
fn account_of(text: &str) -> Result<AccountId, Failure> {
    let account = text.parse::<UserId>().map(user_account);
    account
        .or_else(|_| text.parse())
        .map_err(|_| Failure::new(Refusal::Invalid, "user_id"))
}

fn millis(seconds: Option<&str>) -> Option<u64> {
    let seconds: u64 = seconds?.parse().ok()?;
    (seconds <= SECONDS_MAX).then(|| seconds * 1000)
}

fn transaction(receipt: &Receipt) -> Option<Transaction> {
    let time = receipt.entry.time_ms;
    let result = "ok".to_owned();
    match &receipt.opening.detail {
        Detail::Payment(payment) => Some(Transaction {
            id: payment.transaction,
            vendor_id: Some(payment.vendor.clone()),
            context_id: Some(payment.context.clone()),
            amount: payment.amount,
            currency: payment.currency.as_str().to_owned(),
            result,
            time,
        }),
        Detail::Credit(credit) => Some(Transaction {
            id: credit.transaction,
            vendor_id: None,
            context_id: None,
            amount: credit.amount,
            currency: credit.currency.as_str().to_owned(),
            result,
            time,
        }),
        Detail::Registration { .. }
        | Detail::Authentication { .. }
        | Detail::Custody(_)
        | Detail::Boot { .. }
        | Detail::Consent { .. }
        | Detail::Manifest(_) => None,
    }
}
