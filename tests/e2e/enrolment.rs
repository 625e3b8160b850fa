//! A palm that is enrolled over REST: sealed by the scanner, taken as a job, good for a payment.

use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use boop_wire::codec::to_canonical;
use boop_wire::job::{Capture, Subject};
use boop_wire::{PartyIndex, UserId};
use boop_world::visitor;
use serde_json::{Value, json};
use tokio::time::Instant;

use crate::bench::{Bench, SEED};
use crate::raw::gateway_request;
use crate::scanner::split;
use crate::shop::{CREDIT, PRICE, Shop};

const PATIENCE: Duration = Duration::from_secs(20);

#[tokio::test(flavor = "multi_thread")]
async fn a_palm_enrolled_over_rest_pays_and_both_are_jobs() {
    let bench = Bench::start().await;
    let mut shop = Shop::open(&bench).await;
    let palm = visitor(SEED, 0).unwrap();
    let user = UserId::new([7; 16]);
    let split = split(&palm.enrolment, &Subject::Enrol { user });
    let capture = split.seal(&bench.view().await).unwrap();
    let body = enrolment(&shop, user, &capture).to_string();
    let scanner_key = shop.scanner_login.scanner_key.to_string();

    let created = request(&bench, "POST /api/v1/mpc/users/create", &scanner_key, &body).await;
    let ended = ended(&bench, &created, &scanner_key).await;

    assert_eq!(ended["user_id"], json!(user), "{ended}");
    assert_eq!(ended["mpc-result"]["result"], "ok");
    assert_eq!(PartyIndex::ALL.map(|party| bench.records(party)), [1; 3]);
    shop.credit(user).await;
    let paid = shop.pay(&bench, &palm.probe).await;
    assert!(paid.result.success, "{:?}", paid.result.code);
    assert_eq!(shop.balance(user).await, CREDIT - PRICE);
    let vendor_key = shop.vendor_login.api_key.to_string();
    let line = "GET /api/v1/auth/ctx-1/status";
    let status = request(&bench, line, &vendor_key, "").await;
    let job = json!({ "job-id": status["data"]["job_id"] });
    let job = self::ended(&bench, &job, &vendor_key).await;
    let found = json!({ "type": "authentication", "code": "ok" });
    assert_eq!(
        (&job["mpc-result"], &job["ledger-result"]),
        (&found, &json!("ok"))
    );
}

fn enrolment(shop: &Shop, user: UserId, capture: &Capture) -> Value {
    let shares = capture.boxes.iter();
    let shares = shares.map(|sealed| STANDARD.encode(to_canonical(sealed)));
    json!({
        "create-shares": shares.collect::<Vec<_>>(),
        "user_id": user,
        "metadata": {
            "device-id": shop.scanner_login.scanner_id,
            "timestamp": "2026-11-24T10:00:00Z",
            "quality": capture.quality,
            "side": capture.side,
            "request-id": capture.request,
            "expires-at": capture.expires_at_ms,
        },
    })
}

/// Asks about a job until it has an end.
async fn ended(bench: &Bench, job: &Value, key: &str) -> Value {
    let line = format!("GET /api/v1/mpc/jobs/{}", job["job-id"].as_str().unwrap());
    let until = Instant::now() + PATIENCE;
    loop {
        let state = request(bench, &line, key, "").await;
        if state["status"] == "completed" || state["status"] == "failed" {
            return state;
        }
        assert!(Instant::now() < until, "{state}");
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
}

async fn request(bench: &Bench, line: &str, key: &str, body: &str) -> Value {
    let answer = gateway_request(
        bench,
        line,
        &[
            &format!("x-api-key: {key}"),
            "content-type: application/json",
        ],
        body.as_bytes(),
    )
    .await;
    serde_json::from_slice(&answer.body).unwrap()
}
