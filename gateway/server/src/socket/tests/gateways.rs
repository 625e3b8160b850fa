//! Another gateway over the same store is faster: what it wrote holds.

use std::time::Duration;

use boop_wire::api::{AuthReceipt, AuthResult};
use boop_wire::codec::from_canonical;
use boop_wire::job::Subject;
use boop_wire::ledger::user_account;
use boop_wire::{Refusal, RequestId};
use tokio::time::sleep;

use super::{Till, id};
use crate::fixture::{Plan, USER, agreed_on, capture, vendor};
use crate::store::{Closing, ContextStore as _, StoredContext};
use crate::text::from_base64url;

/// How long after a capture the other gateway writes: the parties have not answered yet.
const MEANWHILE: Duration = Duration::from_millis(40);

/// Sends a capture, and returns the context while the parties work on it.
async fn under_way(till: &mut Till) -> StoredContext {
    till.gateway.parties.plan(0, Plan::Late);
    till.scanner.capture("c1", &capture(1)).await;
    sleep(MEANWHILE).await;
    let store = &till.gateway.app.store;
    let context = store.context(&vendor().id, &id("c1")).await;
    context.unwrap().unwrap()
}

#[tokio::test]
async fn a_context_that_another_gateway_ended_takes_no_agreement_and_no_money() {
    let mut till = Till::with("c1").await;
    let context = under_way(&mut till).await;
    let ended = AuthResult::refused(Refusal::ContextExpired);
    let store = &till.gateway.app.store;
    let closed = store.close_context(&context.body, Closing::Unsettled, &ended, None, &[]);
    assert_eq!(closed.await, Ok(true));

    let refused = (false, Some("context-expired".to_owned()), false);
    assert_eq!(till.scanner.capture_result().await, refused);
    assert_eq!(till.gateway.ledger.payments_made(), 0);
    assert_eq!(till.gateway.ledger.balance(user_account(USER)), 1000);
}

#[tokio::test]
async fn what_another_gateway_heard_the_parties_agree_on_first_is_what_is_paid() {
    let mut till = Till::with("c1").await;
    let context = under_way(&mut till).await;
    let first = agreed_on(&Subject::Identify(context.body.clone()));
    let store = &till.gateway.app.store;
    store.agree_context(&context.body, &first).await.unwrap();

    till.scanner.expect("context_closed").await;
    assert!(till.scanner.capture_result().await.0);
    let result = till.vendor.auth_result().await;

    let receipt = from_base64url(result["receipt"].as_str().unwrap()).unwrap();
    let receipt: AuthReceipt = from_canonical(&receipt).unwrap();
    assert_eq!(receipt.outcome, first.outcome);
    assert_eq!(receipt.outcome.outcome.request, RequestId::new([7; 16]));
    assert_eq!(till.gateway.ledger.payments_made(), 1);
}

#[tokio::test]
async fn a_context_that_has_an_agreement_is_not_ended_without_it() {
    let mut till = Till::with("c1").await;
    let context = under_way(&mut till).await;
    let first = agreed_on(&Subject::Identify(context.body.clone()));
    let app = &till.gateway.app;
    app.store
        .agree_context(&context.body, &first)
        .await
        .unwrap();
    let ended = AuthResult::refused(Refusal::ContextExpired);

    let closed = app
        .store
        .close_context(&context.body, Closing::Unsettled, &ended, None, &[]);

    assert_eq!(closed.await, Ok(false));
    till.scanner.expect("context_closed").await;
    assert!(till.scanner.capture_result().await.0);
    assert_eq!(till.vendor.auth_result().await["success"], true);
}
