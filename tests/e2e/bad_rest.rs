//! Bad input to the gateway's REST endpoints.

use boop_wire::api::BODY_BYTES_MAX;
use serde_json::json;

use crate::bench::Bench;
use crate::raw::gateway_request;
use crate::shop::Shop;

const REGISTER: &str = "POST /api/v1/register";
const VENDORS: &str = "POST /api/v1/admin/vendors";
const CREDITS: &str = "POST /api/v1/admin/credits";

#[tokio::test(flavor = "multi_thread")]
async fn bad_requests_over_http_are_refused_by_status_and_code_and_harm_nothing() {
    let mut bench = Bench::start().await;
    let mut shop = Shop::open(&bench).await;
    let customer = shop.enrol(&bench, 0).await;
    let pids = bench.pids();

    bodies(&bench).await;
    callers(&bench, &shop).await;
    values(&bench, &shop).await;

    assert_eq!(bench.pids(), pids, "a process has ended");
    shop.check_payment(&bench, &customer).await;
}

/// Anybody may register, with a body that reads.
async fn bodies(bench: &Bench) {
    let padded = |bytes: usize| format!("{{}}{}", " ".repeat(bytes - 2));
    let (largest, too_large) = (padded(BODY_BYTES_MAX), padded(BODY_BYTES_MAX + 1));
    let long = json!({ "device_id": "x".repeat(200) }).to_string();
    let table = [
        (REGISTER, "{}", 201, ""),
        (REGISTER, largest.as_str(), 201, ""),
        (REGISTER, too_large.as_str(), 413, "too-large"),
        (REGISTER, "{", 400, "malformed"),
        (REGISTER, "", 400, "malformed"),
        (REGISTER, "[1]", 400, "malformed"),
        (REGISTER, r#"{"colour":"red"}"#, 400, "malformed"),
        (REGISTER, r#"{"device_id":7}"#, 400, "malformed"),
        (REGISTER, long.as_str(), 400, "invalid"),
        ("GET /api/v1/register", "", 405, "unexpected"),
        ("GET /api/v1/nothing", "", 404, "not-found"),
        ("GET /../../etc/passwd", "", 404, "not-found"),
        ("GET /.well-known/attestation", "", 400, "invalid"),
        ("GET /.well-known/attestation?nonce=AA", "", 400, "invalid"),
        ("GET /ws/pvs", "", 400, "malformed"),
    ];
    for (line, body, status, code) in table {
        let answer = gateway_request(bench, line, &[], body.as_bytes()).await;
        let shown = format!("{line} {body:.40}");
        assert_eq!(answer.refusal(), (status, code.to_owned()), "{shown}");
    }
}

/// Who may do what.
async fn callers(bench: &Bench, shop: &Shop) {
    let (_stream, registration) = shop.register(bench).await;
    let wrong = format!("authorization: Bearer {}", "0".repeat(64));
    let basic = format!("authorization: Basic {}", bench.admin_token());
    let user = format!("authorization: Bearer {}", registration.session_token);
    let vendor = format!("x-api-key: {}", &*shop.vendor_login.api_key);
    let balance = format!("GET /api/v1/ledger/tokens/{}", "00".repeat(16));
    let body = r#"{"name":"Intruder"}"#;
    let table: [(&str, &[&str], u16, &str); 9] = [
        (VENDORS, &[], 401, "unauthenticated"),
        (VENDORS, &[&wrong], 401, "unauthenticated"),
        (VENDORS, &[&basic], 401, "unauthenticated"),
        (VENDORS, &[&user], 403, "forbidden"),
        (VENDORS, &[&vendor], 403, "forbidden"),
        (VENDORS, &["x-api-key: wrong"], 401, "unauthenticated"),
        (&balance, &[], 401, "unauthenticated"),
        (&balance, &[&user], 403, "forbidden"),
        ("GET /api/v1/auth/ctx-1/status", &[&user], 403, "forbidden"),
    ];
    for (line, headers, status, code) in table {
        let answer = gateway_request(bench, line, headers, body.as_bytes()).await;
        assert_eq!(
            answer.refusal(),
            (status, code.to_owned()),
            "{line} {headers:?}"
        );
    }
}

/// What even the administrator may not say.
async fn values(bench: &Bench, shop: &Shop) {
    let admin = format!("authorization: Bearer {}", bench.admin_token());
    let vendor = shop.vendor_login.vendor_id.as_str();
    let credit = |user: &str, amount: u64, currency: &str| {
        let request = "11".repeat(16);
        json!({ "user_id": user, "amount": amount, "currency": currency, "request_id": request })
    };
    let scanner =
        |vendor: &str, terminal: &str| json!({ "vendor_id": vendor, "terminal_id": terminal });
    let nobody = "00".repeat(16);
    let scanners = "POST /api/v1/admin/scanners";
    let table = [
        (VENDORS, json!({ "name": "" }), 400, "invalid"),
        (VENDORS, json!({ "name": "a\u{7}b" }), 400, "invalid"),
        (CREDITS, credit(&nobody, 1, "EUR"), 404, "not-found"),
        (CREDITS, credit(&nobody, 0, "EUR"), 400, "invalid"),
        (CREDITS, credit(&nobody, 1, "euro"), 400, "invalid"),
        (CREDITS, credit("short", 1, "EUR"), 400, "malformed"),
        (scanners, scanner(vendor, "till-1"), 409, "conflict"),
        (scanners, scanner("ven_none", "till-2"), 404, "not-found"),
        (scanners, scanner(vendor, "a b"), 400, "malformed"),
    ];
    for (line, body, status, code) in table {
        let body = body.to_string();
        let answer = gateway_request(bench, line, &[&admin], body.as_bytes()).await;
        assert_eq!(answer.refusal(), (status, code.to_owned()), "{line} {body}");
    }
}
