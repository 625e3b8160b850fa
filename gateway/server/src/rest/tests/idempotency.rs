//! Requests that are sent again under their `Idempotency-Key`.

use axum::body::Body;
use axum::http::{Request, StatusCode};
use boop_wire::Refusal;
use boop_wire::api::{Problem, VendorResponse};
use serde_json::{Value, json};
use tower::ServiceExt as _;

use super::http::{api_key, bearer, body_of, post};
use crate::fixture::{ADMIN_TOKEN, API_KEY, Gateway};

const VENDORS: &str = "/api/v1/admin/vendors";

fn keyed(mut request: Request<Body>, key: &str) -> Request<Body> {
    let headers = request.headers_mut();
    headers.insert("idempotency-key", key.parse().unwrap());
    request
}

fn add(name: &str, key: &str) -> Request<Body> {
    let request = bearer(post(VENDORS, &json!({ "name": name })), ADMIN_TOKEN);
    keyed(request, key)
}

async fn status_of(gateway: &Gateway, request: Request<Body>) -> (StatusCode, String) {
    let response = gateway.router().oneshot(request).await.unwrap();
    let status = response.status();
    let problem: Problem = body_of(response).await;
    (status, problem.code)
}

#[tokio::test]
async fn a_request_that_is_sent_again_has_the_first_answer_with_the_key_that_is_shown_once() {
    let gateway = Gateway::start().await;
    let first: VendorResponse = gateway.ok(add("Bakery", "k-1"), StatusCode::CREATED).await;

    let again = gateway.router().oneshot(add("Bakery", "\"k-1\"")).await;

    let again = again.unwrap();
    assert_eq!(again.status(), StatusCode::CREATED);
    assert_eq!(again.headers()["idempotency-replayed"], "true");
    let again: VendorResponse = body_of(again).await;
    assert_eq!(again, first);
    let other: VendorResponse = gateway.ok(add("Bakery", "k-2"), StatusCode::CREATED).await;
    assert_ne!(other.vendor_id, first.vendor_id);
}

#[tokio::test]
async fn a_key_is_for_one_request_of_one_caller() {
    let gateway = Gateway::start().await;
    let _: VendorResponse = gateway.ok(add("Bakery", "k-1"), StatusCode::CREATED).await;

    let (status, code) = status_of(&gateway, add("Butcher", "k-1")).await;
    assert_eq!(
        (status, &*code),
        (StatusCode::UNPROCESSABLE_ENTITY, "conflict")
    );
    let vendors = api_key(post("/api/v1/auth", &Value::Null), API_KEY);
    let _: Value = gateway.ok(keyed(vendors, "k-1"), StatusCode::OK).await;
}

#[tokio::test]
async fn strangers_do_not_share_an_answer() {
    let gateway = Gateway::start().await;
    let register = || keyed(post("/api/v1/register", &json!({})), "k-1");

    let one: Value = gateway.ok(register(), StatusCode::CREATED).await;
    let other: Value = gateway.ok(register(), StatusCode::CREATED).await;

    assert_ne!(one["session_token"], other["session_token"]);
}

#[tokio::test]
async fn two_at_a_time_are_worked_on_once() {
    let gateway = Gateway::start().await;

    let (one, other) = tokio::join!(
        gateway.router().oneshot(add("Bakery", "k-1")),
        gateway.router().oneshot(add("Bakery", "k-1")),
    );

    let mut statuses = [one.unwrap().status(), other.unwrap().status()];
    statuses.sort();
    assert_eq!(statuses[0], StatusCode::CREATED);
    // The second came in the middle, or after the end.
    let second = [StatusCode::CONFLICT, StatusCode::CREATED];
    assert!(second.contains(&statuses[1]), "{statuses:?}");
    let mut all = Vec::new();
    for _ in 0..2 {
        let again: VendorResponse = gateway.ok(add("Bakery", "k-1"), StatusCode::CREATED).await;
        all.push(again.vendor_id);
    }
    assert_eq!(all[0], all[1]);
}

#[tokio::test]
async fn after_an_error_the_same_key_is_free() {
    let gateway = Gateway::start().await;

    gateway.refuses(add("", "k-1"), Refusal::Invalid).await;

    let _: VendorResponse = gateway.ok(add("Bakery", "k-1"), StatusCode::CREATED).await;
}

#[tokio::test]
async fn a_key_of_another_form_is_refused() {
    let gateway = Gateway::start().await;
    for key in ["", "a b", "\"a", "a\\b", &"x".repeat(65)] {
        let refused = add("Bakery", key);
        gateway.refuses(refused, Refusal::Invalid).await;
    }
}

#[tokio::test]
async fn the_database_does_not_hold_a_key_that_is_shown_once() {
    let gateway = Gateway::start().await;
    let shown: VendorResponse = gateway.ok(add("Bakery", "k-1"), StatusCode::CREATED).await;

    let files = gateway.files();

    let key = shown.api_key.as_bytes();
    for (name, bytes) in files {
        let found = bytes.windows(key.len()).any(|window| window == key);
        assert!(!found, "{name} holds the key");
    }
}
