//! How often anybody may ask, over REST.

use axum::http::StatusCode;
use boop_wire::Refusal;
use serde_json::{Value, json};
use tower::ServiceExt as _;

use super::http::{api_key, post};
use crate::config::LimitSettings;
use crate::fixture::{API_KEY, Gateway};

#[tokio::test]
async fn an_address_registers_so_many_users_a_minute() {
    let gateway = Gateway::with(LimitSettings::default()).await;
    let body = json!({});
    for left in (0..50).rev() {
        let request = post("/api/v1/register", &body);
        let response = gateway.router().oneshot(request).await.unwrap();
        assert_eq!(response.status(), StatusCode::CREATED);
        let headers = response.headers();
        assert_eq!(headers["x-ratelimit-limit"], "50");
        assert_eq!(headers["x-ratelimit-remaining"], left.to_string());
    }

    let refused = gateway
        .router()
        .oneshot(post("/api/v1/register", &body))
        .await;
    assert!(refused.unwrap().headers().contains_key("retry-after"));
    gateway
        .refuses(post("/v1/register", &body), Refusal::Busy)
        .await;
}

#[tokio::test]
async fn keys_that_are_not_good_use_up_their_own_patience_and_nobody_elses() {
    let gateway = Gateway::with(LimitSettings::default()).await;
    // One key, so that nobody takes it for guessing.
    let wrong = || api_key(post("/api/v1/auth", &Value::Null), "wrong");
    for _ in 0..20 {
        gateway.refuses(wrong(), Refusal::Unauthenticated).await;
    }

    gateway.refuses(wrong(), Refusal::Busy).await;
    let good = api_key(post("/api/v1/auth", &Value::Null), API_KEY);
    let _: Value = gateway.ok(good, StatusCode::OK).await;
}
