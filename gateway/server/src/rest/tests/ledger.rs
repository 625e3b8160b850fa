//! What the ledger's endpoints say of a payment.

use axum::http::StatusCode;
use boop_wire::api::BalanceResponse;
use boop_wire::ledger::user_account;
use serde_json::{Value, json};

use super::http::{api_key, bearer, get};
use super::{HistoryResponse, pay_for};
use crate::fixture::{API_KEY, Gateway, SESSION_TOKEN, USER};

#[tokio::test]
async fn row_16_a_payment_tells_payee_user_and_nobody_else_the_same() {
    let gateway = Gateway::start().await;
    let paid = pay_for(&gateway).await;

    let path = format!("/api/v1/ledger/transactions/{USER}?from=0");
    let mut told = Vec::new();
    for request in [
        bearer(get(&path), SESSION_TOKEN),
        api_key(get(&path), API_KEY),
    ] {
        let history: HistoryResponse = gateway.ok(request, StatusCode::OK).await;
        let [transaction] = <[String; 1]>::try_from(history.transactions).unwrap();
        let transaction = hex::decode(transaction).unwrap();
        told.push(serde_json::from_slice::<Value>(&transaction).unwrap());
    }

    let time = told[0]["time"].clone();
    let payment = json!({
        "id": paid.transaction,
        "vendor_id": "ven_1",
        "context_id": "c1",
        "amount": 500,
        "currency": "EUR",
        "result": "ok",
        "time": time,
    });
    assert!(time.is_u64());
    assert_eq!(told, [payment.clone(), payment]);
}

#[tokio::test]
async fn row_10_an_account_is_named_by_a_hash_of_its_user_and_no_share_enters_it() {
    let gateway = Gateway::start().await;
    let account = user_account(USER).to_string();

    // SHA-256 over the domain and the user's id, whatever the user's shares are and become.
    assert_eq!(
        account,
        "21a2aeb4c40bfbe3181d45a10d2ee2ee0df4557447c1b59c5bd3234d36c1b7d5"
    );
    let path = format!("/api/v1/ledger/tokens/{account}");
    let balance: BalanceResponse = gateway
        .ok(bearer(get(&path), SESSION_TOKEN), StatusCode::OK)
        .await;
    assert_eq!(balance.balance, 0);
}
