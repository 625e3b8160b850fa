//! The registry of attributes.

use axum::body::Body;
use axum::http::{Request, StatusCode};
use boop_wire::Refusal;
use boop_wire::api::Problem;
use serde_json::{Value, json};
use tower::ServiceExt as _;

use super::http::{api_key, bearer, body_of, get, post};
use crate::fixture::{ADMIN_TOKEN, API_KEY, Gateway};

const PATH: &str = "/api/v1/attributes";

fn add(attribute: &Value) -> Request<Body> {
    bearer(post(PATH, attribute), ADMIN_TOKEN)
}

fn remove(name: &str) -> Request<Body> {
    let request = Request::delete(format!("{PATH}/{name}")).body(Body::empty());
    bearer(request.unwrap(), ADMIN_TOKEN)
}

fn attribute(name: &str) -> Value {
    json!({ "name": name, "data-format": "integer", "attestation-required": false })
}

async fn error_of(gateway: &Gateway, request: Request<Body>) -> (StatusCode, String) {
    let response = gateway.router().oneshot(request).await.unwrap();
    let status = response.status();
    let problem: Problem = body_of(response).await;
    assert_eq!(problem.message, Some(problem.error.message));
    (status, problem.error.code)
}

#[tokio::test]
async fn row_38_an_attribute_that_is_added_is_answered_with_a_message_and_found_by_anybody() {
    let gateway = Gateway::start().await;
    let added = attribute("loyalty-points");

    // The administrator's token is good as a key too, as the published samples have it.
    let request = api_key(post(PATH, &added), ADMIN_TOKEN);
    let answer: Value = gateway.ok(request, StatusCode::CREATED).await;

    let message = json!({ "message": "loyalty-points is in the registry" });
    assert_eq!(answer, message);
    let shown: Value = gateway
        .ok(get("/api/v1/attributes/loyalty-points"), StatusCode::OK)
        .await;
    let whole = json!({
        "name": "loyalty-points",
        "data-format": "integer",
        "context-format": null,
        "attestation-required": false,
    });
    assert_eq!(shown, whole);
}

#[tokio::test]
async fn the_registry_is_read_in_pages_by_name() {
    let gateway = Gateway::start().await;
    let names = |page: &Value| {
        let attributes = page["attributes"].as_array().unwrap().iter();
        let names = attributes.map(|one| one["name"].as_str().unwrap().to_owned());
        names.collect::<Vec<_>>()
    };

    let first: Value = gateway
        .ok(get("/api/v1/attributes?limit=3"), StatusCode::OK)
        .await;
    assert_eq!(names(&first), ["age-verify", "email", "payment-method"]);
    assert_eq!(first["next"], "payment-method");

    let path = "/api/v1/attributes?limit=3&after=payment-method";
    let last: Value = gateway.ok(get(path), StatusCode::OK).await;
    assert_eq!(names(&last), ["pseudonym"]);
    assert_eq!(last.get("next"), None);
    for query in ["limit=0", "limit=101", "limit=x", "after=A", "page=2"] {
        let path = format!("{PATH}?{query}");
        gateway.refuses(get(&path), Refusal::Invalid).await;
    }
}

#[tokio::test]
async fn an_attribute_is_removed_once_and_what_the_network_asks_for_stays() {
    let gateway = Gateway::start().await;
    let _: Value = gateway
        .ok(add(&attribute("tier")), StatusCode::CREATED)
        .await;

    let removed = gateway.router().oneshot(remove("tier")).await.unwrap();

    assert_eq!(removed.status(), StatusCode::NO_CONTENT);
    gateway.refuses(remove("tier"), Refusal::NotFound).await;
    gateway
        .refuses(get("/api/v1/attributes/tier"), Refusal::NotFound)
        .await;
    let (status, _) = error_of(&gateway, remove("age-verify")).await;
    assert_eq!(status, StatusCode::CONFLICT);
}

#[tokio::test]
async fn what_is_no_good_attribute_is_refused_with_the_published_code() {
    let gateway = Gateway::start().await;
    let with = |member: &str, value: Value| {
        let mut changed = attribute("tier");
        changed[member] = value;
        changed
    };
    let long = "x".repeat(65);

    for (body, code) in [
        (json!({ "name": "tier" }), "invalid-request"),
        (with("colour", json!("red")), "invalid-request"),
        (with("data-format", json!("date")), "invalid-request"),
        (with("name", json!("email")), "attribute-exists"),
        (with("name", json!("Tier")), "invalid-format"),
        (with("name", json!("9-lives")), "invalid-format"),
        (with("name", json!("a--b")), "invalid-format"),
        (with("name", json!("")), "invalid-format"),
        (with("name", json!(long)), "invalid-format"),
        (with("context-format", json!("xml")), "invalid-request"),
    ] {
        let (_, found) = error_of(&gateway, add(&body)).await;
        assert_eq!(found, code, "{body}");
    }
    for request in [
        post(PATH, &attribute("tier")),
        api_key(post(PATH, &attribute("tier")), API_KEY),
    ] {
        let (_, found) = error_of(&gateway, request).await;
        assert_eq!(found, "unauthorized");
    }
}
