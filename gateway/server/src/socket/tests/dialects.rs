//! A transcript of each published dialect, from login to a paid context, and over REST.

use axum::body::Body;
use axum::http::{Request, StatusCode};
use boop_channel::is_signed_by;
use boop_wire::codec::from_canonical;
use boop_wire::job::Subject;
use boop_wire::reference::{REFERENCE_PREFIX, SignedReference};
use http_body_util::BodyExt as _;
use serde_json::{Value, json};
use tower::ServiceExt as _;

use super::{Client, Till, id};
use crate::fixture::{API_KEY, Gateway, capture, vendor};
use crate::store::{ContextStore as _, DirectoryStore as _, Scanner};
use crate::text::from_base64url;

#[tokio::test]
async fn row_1_the_first_dialect_pays() {
    let mut till = Till::open().await;
    let socket = &mut till.vendor;

    socket
        .send(&json!({
            "type": "create_context", "context_id": "c1",
            "requirements": {
                "type": "payment", "amount": 500, "currency": "EUR", "terminal_id": "till-1",
            },
        }))
        .await;
    assert_eq!(
        socket.next().await,
        json!({ "type": "context_created", "context_id": "c1" })
    );
    till.scanner.expect("context").await;
    till.scanner.capture("c1", &capture(1)).await;

    let result = till.vendor.next().await;
    assert_eq!(result["type"], "auth_result");
    assert_eq!(result["context_id"], "c1");
    assert_eq!(result["result"]["success"], true);
    assert_eq!(result["result"]["attributes"], json!({}));
    assert!(result["result"]["user_id"].is_string());
    assert_eq!(till.balance(), 500);
}

#[tokio::test]
async fn row_1_the_second_dialect_pays() {
    let mut till = Till::open().await;
    let mut socket = Client::open(&till.gateway, "/ws/vendor").await;
    let hello = json!({ "type": "vendor_hello", "api_key": API_KEY, "vendor_id": "ven_1" });
    socket.send(&hello).await;
    let welcome = socket.expect("vendor_hello_response").await;
    assert_eq!(welcome["success"], true);

    socket
        .send(&json!({
            "type": "create_context", "context_id": "c1", "context_type": "payment",
            "attributes": [],
            "metadata": { "amount": 500, "currency": "EUR", "order": 17 },
        }))
        .await;
    let created = socket.expect("context_created").await;
    assert!(
        created["qr_code"]
            .as_str()
            .unwrap()
            .starts_with(REFERENCE_PREFIX)
    );
    till.scanner.expect("context").await;
    till.scanner.capture("c1", &capture(1)).await;

    let result = socket.next().await;
    assert_eq!(result["type"], "authentication_success");
    assert_eq!(result["context_id"], "c1");
    assert_eq!(result["attributes"], json!({}));
    assert!(result["user_id"].is_string());
    assert!(result["receipt"].is_string());
}

#[tokio::test]
async fn row_1_the_third_dialect_pays() {
    let mut till = Till::open().await;
    let login = [("x-vendor-id", "ven_1"), ("x-api-key", API_KEY)];
    let mut socket = Client::try_open(&till.gateway, "/vendor/connect", &login)
        .await
        .unwrap_or_else(|status| panic!("{status}"));

    socket
        .send(&json!({
            "type": "create_auth_context", "context_id": "c1", "auth_type": "payment",
            "requirements": {
                "amount": 500, "currency": "EUR", "merchant_name": "Shop",
                "terminal_id": "till-1", "attributes_required": [], "attributes_optional": [],
            },
            "timeout": 30_000, "timestamp": 1,
        }))
        .await;
    socket.expect("context_created").await;
    till.scanner.expect("context").await;
    till.scanner.capture("c1", &capture(1)).await;

    let result = socket.next().await;
    assert_eq!(result["type"], "auth_result");
    assert_eq!(result["success"], true);
    assert_eq!(result["attributes"], json!({}));
    socket.send(&json!({ "type": "ping" })).await;
    assert_eq!(socket.next().await, json!({ "type": "pong" }));
}

#[tokio::test]
async fn a_wrong_key_is_refused_in_each_dialects_way() {
    let gateway = Gateway::start().await;
    let mut second = Client::open(&gateway, "/ws/vendor").await;
    let hello = json!({ "type": "vendor_hello", "api_key": "wrong", "vendor_id": "ven_1" });
    second.send(&hello).await;
    assert_eq!(
        second.next().await,
        json!({
            "type": "vendor_hello_response", "success": false, "error": "VENDOR_INVALID_KEY",
        })
    );
    assert_eq!(second.error().await, "unauthenticated");
    second.closed().await;

    for login in [
        &[("x-vendor-id", "ven_1"), ("x-api-key", "wrong")][..],
        &[("x-vendor-id", "ven_1")],
        &[],
    ] {
        let refused = Client::try_open(&gateway, "/vendor/connect", login).await;
        assert_eq!(refused.err(), Some(StatusCode::UNAUTHORIZED));
    }
}

#[tokio::test]
async fn every_socket_of_a_vendor_hears_in_its_own_dialect() {
    let mut till = Till::with("c1").await;
    let login = [("x-vendor-id", "ven_1"), ("x-api-key", API_KEY)];
    let third = Client::try_open(&till.gateway, "/vendor/connect", &login).await;
    let mut third = third.unwrap_or_else(|status| panic!("{status}"));

    till.vendor
        .send(&json!({ "type": "cancel_context", "context_id": "c1" }))
        .await;

    assert_eq!(till.vendor.auth_result().await["code"], "context-expired");
    let flat = third.next().await;
    assert_eq!(flat["error"]["code"], "AUTH_CONTEXT_EXPIRED");
}

#[tokio::test]
async fn row_30_the_qr_code_is_a_signed_reference_to_the_context() {
    let till = Till::with("c1").await;
    let (vendor, context) = (vendor().id, id("c1"));
    let stored = till.gateway.app.store.context(&vendor, &context).await;
    let body = stored.unwrap().unwrap().body;

    let text = till.gateway.app.reference(&body);

    let bytes = from_base64url(text.strip_prefix(REFERENCE_PREFIX).unwrap()).unwrap();
    let mut signed: SignedReference = from_canonical(&bytes).unwrap();
    let identity = till.gateway.keys.identity();
    assert!(is_signed_by(&identity, &signed));
    assert_eq!(signed.reference.context, id("c1"));
    assert_eq!(signed.reference.subject, Subject::Identify(body).digest());
    signed.reference.terminal = "till-2".parse().unwrap();
    assert!(!is_signed_by(&identity, &signed));
}

#[tokio::test]
async fn row_29_a_context_goes_to_the_scanner_of_its_terminal() {
    let mut till = Till::open().await;
    till.vendor
        .send(&json!({
            "type": "create_context", "context_id": "c1",
            "requirements": { "type": "entrance", "venue_id": "hall" },
        }))
        .await;
    till.vendor.expect("context_created").await;
    assert_eq!(till.scanner.expect("context").await["context_id"], "c1");

    let second = Scanner {
        id: "scn_2".parse().unwrap(),
        terminal: "till-2".parse().unwrap(),
        key: boop_wire::Digest::new([2; 32]),
        ..crate::fixture::scanner()
    };
    till.gateway.app.store.add_scanner(&second).await.unwrap();
    till.vendor
        .send(&json!({
            "type": "create_context", "context_id": "c2", "requirements": { "type": "entrance" },
        }))
        .await;

    let error = till.vendor.expect("error").await;
    assert_eq!(error["details"]["refusal"], "unknown-terminal");
    assert!(error["message"].as_str().unwrap().contains("several"));
}

#[tokio::test]
async fn row_21_what_is_required_and_not_there_is_listed_and_nothing_is_paid() {
    let mut till = Till::open().await;
    till.vendor
        .send(&json!({
            "type": "create_context", "context_id": "c1",
            "requirements": {
                "type": "payment", "amount": 500, "currency": "EUR",
                "attributes_required": ["age_verified"], "attributes_optional": ["email"],
            },
        }))
        .await;
    till.vendor.expect("context_created").await;
    till.scanner.expect("context").await;

    till.scanner.capture("c1", &capture(1)).await;

    let result = till.vendor.auth_result().await;
    assert_eq!(result["code"], "missing-attributes");
    assert_eq!(result["missing"], json!(["age-verify"]));
    assert_eq!(till.balance(), 1000);
}

#[tokio::test]
async fn row_3_a_context_is_opened_asked_about_and_cancelled_over_rest() {
    let mut till = Till::open().await;
    let body = json!({
        "context_id": "c1",
        "requirements": { "type": "payment", "amount": 500, "currency": "EUR" },
        "timeout": 60_000,
    });

    for _ in 0..2 {
        let created = rest(&till.gateway, "POST", "/api/v1/auth/create", &body).await;
        assert_eq!(created.0, StatusCode::CREATED);
        assert_eq!(created.1["success"], true);
        assert_eq!(created.1["data"]["status"], "pending");
        assert!(created.1["data"]["qr_code"].is_string());
        assert!(
            created.1["meta"]["request_id"]
                .as_str()
                .unwrap()
                .starts_with("req_")
        );
    }
    till.scanner.expect("context").await;
    let (status, cancelled) = rest(
        &till.gateway,
        "POST",
        "/api/v1/auth/c1/cancel",
        &Value::Null,
    )
    .await;
    assert_eq!(status, StatusCode::OK);
    assert_eq!(cancelled["data"]["status"], "failed");
    let (_, known) = rest(&till.gateway, "GET", "/api/v1/auth/c1/status", &Value::Null).await;
    assert_eq!(known["data"], cancelled["data"]);
    let (_, key) = rest(&till.gateway, "POST", "/api/v1/auth", &Value::Null).await;
    assert_eq!(key["data"], json!({ "vendor_id": "ven_1", "name": "Shop" }));

    let (status, again) = rest(
        &till.gateway,
        "POST",
        "/api/v1/auth/c1/cancel",
        &Value::Null,
    )
    .await;
    assert_eq!(status, StatusCode::CONFLICT);
    assert_eq!(again["success"], false);
    assert_eq!(again["error"]["code"], "INVALID_REQUEST");
    assert_eq!(again["code"], "unexpected");
}

async fn rest(gateway: &Gateway, method: &str, path: &str, body: &Value) -> (StatusCode, Value) {
    let request = Request::builder()
        .method(method)
        .uri(path)
        .header("x-api-key", API_KEY)
        .body(Body::from(body.to_string()))
        .unwrap();
    let response = gateway.router().oneshot(request).await.unwrap();
    let status = response.status();
    let bytes = response.into_body().collect().await.unwrap().to_bytes();
    (status, serde_json::from_slice(&bytes).unwrap())
}
