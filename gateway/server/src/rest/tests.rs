//! Every path of the public API, and every way in which it turns a request down.

mod attributes;
mod findings;
mod http;
mod idempotency;
mod jobs;
mod ledger;
mod limits;

use axum::body::Body;
use axum::http::{Request, StatusCode};
use boop_channel::verify_statement;
use boop_wire::Refusal;
use boop_wire::api::{
    AttestationResponse, AuthResult, BalanceResponse, Envelope, HealthResponse, HttpProof,
    MEDIA_BUNDLE, ManifestResponse, NetworkResponse, Problem, RegisterResponse, ScannerResponse,
    TransactionCheckResponse, VendorResponse,
};
use boop_wire::evidence::EvidenceBundle;
use boop_wire::job::Progress;
use boop_wire::ledger::{user_account, vendor_account};
use boop_wire::session::{ProofStatement, Side};
use serde::de::DeserializeOwned;
use serde_json::{Value, json};
use tower::ServiceExt as _;

use http::{api_key, bearer, body_of, decode, get, post};

use super::{CreditResponse, HistoryResponse, StatusResponse, Transaction};
use crate::contexts::transaction_id;
use crate::fixture::{
    ADMIN_TOKEN, API_KEY, Gateway, MANIFEST, NETWORK, Plan, SESSION_TOKEN, USER, bundle, scanner,
    vendor,
};
use crate::store::{ContextStore as _, StoredContext};
use crate::text::base64url;

#[tokio::test]
async fn the_attestation_endpoint_proves_this_connection() {
    let gateway = Gateway::start().await;
    let nonce = [7; 32];
    let path = format!("/.well-known/attestation?nonce={}", base64url(&nonce));

    let response: AttestationResponse = gateway.ok(get(&path), StatusCode::OK).await;

    assert_eq!(response.bundle.0, MEDIA_BUNDLE);
    let evidence: EvidenceBundle = decode(&response.bundle.1);
    let proof: HttpProof = decode(&response.proof.1);
    let statement = ProofStatement {
        network: NETWORK,
        manifest: MANIFEST,
        side: Side::Server,
        exporter: [9; 32],
        own: evidence.binding_digest(),
        peer: None,
        own_nonce: proof.nonce,
        peer_nonce: nonce,
    };
    let identity = gateway.keys.identity();
    assert_eq!(
        verify_statement(&identity, &statement, &proof.signature),
        Ok(())
    );
}

#[tokio::test]
async fn a_missing_or_wrong_nonce_is_refused() {
    let gateway = Gateway::start().await;

    for query in ["", "?nonce=", "?nonce=AAAA", "?nonce=!"] {
        let path = format!("/.well-known/attestation{query}");
        gateway.refuses(get(&path), Refusal::Invalid).await;
    }
}

#[tokio::test]
async fn health_says_which_parties_are_here() {
    let gateway = Gateway::start().await;
    let health: HealthResponse = gateway.ok(get("/health"), StatusCode::OK).await;
    assert_eq!(health.status, "ok");

    gateway.parties.plan(1, Plan::Away);

    let health: HealthResponse = gateway.ok(get("/api/v1/status"), StatusCode::OK).await;
    assert_eq!(health.status, "degraded");
    assert_eq!(health.parties, [true, false, true]);
}

#[tokio::test]
async fn health_says_how_far_parties_are_that_have_records_left() {
    let gateway = Gateway::start().await;
    let progress = |done| Progress { done, of: 10_000 };
    let health: HealthResponse = gateway.ok(get("/health"), StatusCode::OK).await;
    assert_eq!(health.preparing, [None; 3]);

    gateway.parties.tell_progress(0, progress(4_096));
    gateway.parties.tell_progress(2, progress(10_000));

    let health: HealthResponse = gateway.ok(get("/health"), StatusCode::OK).await;
    assert_eq!(health.preparing, [Some(progress(4_096)), None, None]);
}

#[tokio::test]
async fn the_network_needs_all_parties() {
    let gateway = Gateway::start().await;
    let network: NetworkResponse = gateway.ok(get("/api/v1/network"), StatusCode::OK).await;
    assert_eq!(network.network_id, NETWORK);
    assert!(network.simulated);
    let first: EvidenceBundle = decode(&network.parties[0]);
    assert_eq!(
        first.evidence,
        bundle(boop_wire::binding::Role::Party, [0; 32]).evidence
    );

    gateway.parties.plan(2, Plan::Away);

    gateway
        .refuses(get("/api/v1/network"), Refusal::PartyUnavailable)
        .await;
}

#[tokio::test]
async fn the_manifest_is_there_while_parties_are_away() {
    let gateway = Gateway::start().await;
    gateway.parties.plan(2, Plan::Away);

    let response: ManifestResponse = gateway.ok(get("/api/v1/manifest"), StatusCode::OK).await;

    let expected = ManifestResponse {
        network_id: NETWORK,
        simulated: true,
        manifest: "bWFuaWZlc3Q".into(),
    };
    assert_eq!(response, expected);
}

#[tokio::test]
async fn registration_gives_a_token_for_fifteen_minutes_on_both_paths() {
    let gateway = Gateway::start().await;

    for path in ["/api/v1/register", "/v1/register"] {
        let body = json!({ "device_id": "d", "platform": "ios", "app_version": "1" });
        let response: RegisterResponse = gateway.ok(post(path, &body), StatusCode::CREATED).await;
        assert_eq!(response.action, "register");
        assert_eq!(response.expires_at - response.timestamp, 900_000);
    }
}

#[tokio::test]
async fn a_registration_with_wrong_fields_is_refused() {
    let gateway = Gateway::start().await;

    let long = json!({ "device_id": "x".repeat(129) });
    gateway
        .refuses(post("/api/v1/register", &long), Refusal::Invalid)
        .await;
    let unknown = json!({ "colour": "red" });
    gateway
        .refuses(post("/api/v1/register", &unknown), Refusal::Malformed)
        .await;
    let huge = json!({ "device_id": "x".repeat(300 * 1024) });
    gateway
        .refuses(post("/api/v1/register", &huge), Refusal::TooLarge)
        .await;
}

#[tokio::test]
async fn the_administrator_adds_vendors_and_scanners() {
    let gateway = Gateway::start().await;

    let body = json!({ "name": "Bakery" });
    let request = bearer(post("/api/v1/admin/vendors", &body), ADMIN_TOKEN);
    let vendor: VendorResponse = gateway.ok(request, StatusCode::CREATED).await;
    assert_eq!(vendor.vendor_id.as_str().len(), 28);
    assert!(vendor.api_key.starts_with("sk_test_"));

    let body = json!({ "vendor_id": vendor.vendor_id, "terminal_id": "till-1" });
    let request = || bearer(post("/api/v1/admin/scanners", &body), ADMIN_TOKEN);
    let _: ScannerResponse = gateway.ok(request(), StatusCode::CREATED).await;
    gateway.refuses(request(), Refusal::Conflict).await;

    let known = gateway.app.vendor(&vendor.vendor_id, &vendor.api_key).await;
    assert_eq!(known.unwrap().name, "Bakery");
}

#[tokio::test]
async fn what_the_administrator_gets_wrong_is_named() {
    let gateway = Gateway::start().await;
    let table = [
        ("vendors", json!({ "name": "" }), Refusal::Invalid),
        (
            "scanners",
            json!({ "vendor_id": "ven_9", "terminal_id": "t" }),
            Refusal::NotFound,
        ),
        (
            "scanners",
            json!({ "vendor_id": "no spaces", "terminal_id": "t" }),
            Refusal::Malformed,
        ),
        ("credits", credit(USER, 0, "EUR"), Refusal::Invalid),
        ("credits", credit(USER, 5, "euro"), Refusal::Invalid),
        (
            "credits",
            credit(boop_wire::UserId::new([9; 16]), 5, "EUR"),
            Refusal::NotFound,
        ),
    ];

    for (what, body, refusal) in table {
        let path = format!("/api/v1/admin/{what}");
        let request = bearer(post(&path, &body), ADMIN_TOKEN);
        gateway.refuses(request, refusal).await;
    }
}

#[tokio::test]
async fn only_the_administrators_token_administers() {
    let gateway = Gateway::start().await;
    let body = json!({ "name": "Bakery" });
    let request = || post("/api/v1/admin/vendors", &body);

    gateway.refuses(request(), Refusal::Unauthenticated).await;
    gateway
        .refuses(bearer(request(), "wrong"), Refusal::Unauthenticated)
        .await;
    gateway
        .refuses(bearer(request(), SESSION_TOKEN), Refusal::Forbidden)
        .await;
    gateway
        .refuses(api_key(request(), API_KEY), Refusal::Forbidden)
        .await;
    gateway
        .refuses(api_key(request(), "wrong"), Refusal::Unauthenticated)
        .await;
}

#[tokio::test]
async fn row_7_a_documented_answer_is_bare_and_an_error_or_a_context_has_the_envelope() {
    let gateway = Gateway::start().await;
    let path = format!("/api/v1/ledger/tokens/{USER}");
    let bare: Value = gateway
        .ok(bearer(get(&path), SESSION_TOKEN), StatusCode::OK)
        .await;
    assert_eq!(bare, json!({ "balance": 0 }));

    let known: Value = gateway
        .ok(
            api_key(post("/api/v1/auth", &json!({})), API_KEY),
            StatusCode::OK,
        )
        .await;
    assert_eq!(known["success"], true);
    assert_eq!(known["data"]["vendor_id"], "ven_1");
    assert!(known["meta"]["request_id"].is_string());

    let refused = gateway.router().oneshot(get(&path)).await.unwrap();
    let refused: Value = body_of(refused).await;
    assert_eq!(refused["success"], false);
    assert_eq!(refused["error"]["code"], "UNAUTHORIZED");
    assert!(refused["meta"]["request_id"].is_string());
}

#[tokio::test]
async fn row_15_a_credit_shows_in_balance_and_history() {
    let gateway = Gateway::start().await;
    let request = bearer(
        post("/api/v1/admin/credits", &credit(USER, 700, "EUR")),
        ADMIN_TOKEN,
    );
    let credited: CreditResponse = gateway.ok(request, StatusCode::CREATED).await;

    let path = format!("/api/v1/ledger/tokens/{USER}");
    let balance: BalanceResponse = gateway
        .ok(bearer(get(&path), SESSION_TOKEN), StatusCode::OK)
        .await;
    let path = format!("/api/v1/ledger/transactions/{USER}?from=0");
    let history: HistoryResponse = gateway
        .ok(bearer(get(&path), SESSION_TOKEN), StatusCode::OK)
        .await;

    assert_eq!(balance.balance, 700);
    let first = hex::decode(&history.transactions[0]).unwrap();
    let first: Transaction = serde_json::from_slice(&first).unwrap();
    assert_eq!((first.id, first.amount), (credited.transaction_id, 700));
}

#[tokio::test]
async fn row_14_an_account_is_read_by_those_it_belongs_to() {
    let gateway = Gateway::start().await;
    let own = format!("/api/v1/ledger/tokens/{USER}");
    let account = format!("/api/v1/ledger/tokens/{}", user_account(USER));
    let vendors = format!("/api/v1/ledger/tokens/{}", vendor_account(&vendor().id));

    for (path, request) in [
        (&own, bearer(get(&own), ADMIN_TOKEN)),
        (&account, bearer(get(&account), SESSION_TOKEN)),
        (&vendors, api_key(get(&vendors), API_KEY)),
    ] {
        let balance: BalanceResponse = gateway.ok(request, StatusCode::OK).await;
        assert_eq!(balance.balance, 0, "{path}");
    }
    gateway.refuses(get(&own), Refusal::Unauthenticated).await;
    gateway
        .refuses(api_key(get(&own), API_KEY), Refusal::Forbidden)
        .await;
    gateway
        .refuses(bearer(get(&vendors), SESSION_TOKEN), Refusal::Forbidden)
        .await;
    let odd = bearer(get("/api/v1/ledger/tokens/nobody"), ADMIN_TOKEN);
    gateway.refuses(odd, Refusal::Invalid).await;
    let odd = format!("{own}?currency=euro");
    gateway
        .refuses(bearer(get(&odd), ADMIN_TOKEN), Refusal::Invalid)
        .await;
}

#[tokio::test]
async fn a_history_needs_a_span_and_its_owner() {
    let gateway = Gateway::start().await;
    let path = format!("/api/v1/ledger/transactions/{USER}");

    for query in [
        "",
        "?from=yesterday",
        "?from=0&to=x",
        "?from=99999999999999999",
    ] {
        let request = bearer(get(&format!("{path}{query}")), ADMIN_TOKEN);
        gateway.refuses(request, Refusal::Invalid).await;
    }
    let foreign = format!(
        "/api/v1/ledger/transactions/{}?from=0",
        vendor_account(&vendor().id)
    );
    gateway
        .refuses(bearer(get(&foreign), SESSION_TOKEN), Refusal::Forbidden)
        .await;
}

#[tokio::test]
async fn row_13_a_transaction_that_never_was_is_not_found() {
    let gateway = Gateway::start().await;
    let unknown = format!("/api/v1/ledger/transactions/check/{}", "00".repeat(32));

    gateway
        .refuses(api_key(get(&unknown), API_KEY), Refusal::NotFound)
        .await;
    gateway
        .refuses(bearer(get(&unknown), ADMIN_TOKEN), Refusal::NotFound)
        .await;
    gateway
        .refuses(bearer(get(&unknown), SESSION_TOKEN), Refusal::Forbidden)
        .await;
    let odd = api_key(get("/api/v1/ledger/transactions/check/xyz"), API_KEY);
    gateway.refuses(odd, Refusal::Invalid).await;
}

#[tokio::test]
async fn a_vendor_sees_its_own_context_and_transaction_alone() {
    let gateway = Gateway::start().await;
    let body = json!({ "name": "Other" });
    let request = bearer(post("/api/v1/admin/vendors", &body), ADMIN_TOKEN);
    let other: VendorResponse = gateway.ok(request, StatusCode::CREATED).await;
    let stored = pay_for(&gateway).await;
    let status = "/api/v1/auth/c1/status";
    let check = format!("/api/v1/ledger/transactions/check/{}", stored.transaction);

    let known: Envelope<StatusResponse> = gateway
        .ok(api_key(get(status), API_KEY), StatusCode::OK)
        .await;
    assert_eq!(known.data.status, "pending");
    let known: TransactionCheckResponse = gateway
        .ok(api_key(get(&check), API_KEY), StatusCode::OK)
        .await;
    assert!(known.success);

    for path in [status, &check] {
        let request = api_key(get(path), &other.api_key);
        gateway.refuses(request, Refusal::NotFound).await;
    }
}

#[tokio::test]
async fn the_status_of_a_context_tells_how_it_ended() {
    let gateway = Gateway::start().await;
    let stored = pay_for(&gateway).await;
    let result = AuthResult {
        code: Some("ambiguous".into()),
        ..AuthResult::refused(Refusal::Ambiguous)
    };
    let closed = gateway.app.store.close_context(
        &stored.body,
        crate::store::Closing::Settled,
        &result,
        None,
        &[],
    );
    assert_eq!(closed.await, Ok(true));

    let known: Envelope<StatusResponse> = gateway
        .ok(
            api_key(get("/api/v1/auth/c1/status"), API_KEY),
            StatusCode::OK,
        )
        .await;

    assert_eq!(
        (known.data.status.as_str(), known.data.result),
        ("failed", Some(result))
    );
    let odd = api_key(get("/api/v1/auth/a%20b/status"), API_KEY);
    gateway.refuses(odd, Refusal::Invalid).await;
    let admin = bearer(get("/api/v1/auth/c1/status"), ADMIN_TOKEN);
    gateway.refuses(admin, Refusal::Forbidden).await;
}

#[tokio::test]
async fn unknown_paths_and_methods_have_problems_too() {
    let gateway = Gateway::start().await;

    gateway.refuses(get("/nothing"), Refusal::NotFound).await;

    let response = gateway.router().oneshot(get("/api/v1/register")).await;
    let response = response.unwrap();
    assert_eq!(response.status(), StatusCode::METHOD_NOT_ALLOWED);
    let problem: Problem = body_of(response).await;
    assert_eq!(problem.code, "unexpected");

    let response = gateway.router().oneshot(get("/ws/vendor")).await.unwrap();
    assert!(response.status().is_client_error());
    let problem: Problem = body_of(response).await;
    assert_eq!(problem.code, "malformed");
}

#[tokio::test]
async fn a_ledger_that_is_away_is_a_retryable_problem() {
    let gateway = Gateway::start().await;
    gateway.ledger.refuse(&[Refusal::DeadlineExceeded]);
    let path = format!("/api/v1/ledger/tokens/{USER}");

    gateway
        .refuses(bearer(get(&path), ADMIN_TOKEN), Refusal::DeadlineExceeded)
        .await;
}

impl Gateway {
    async fn ok<T: DeserializeOwned>(&self, request: Request<Body>, status: StatusCode) -> T {
        let response = self.router().oneshot(request).await.unwrap();
        assert_eq!(response.status(), status);
        assert!(response.headers().contains_key("x-request-id"));
        body_of(response).await
    }

    async fn refuses(&self, request: Request<Body>, refusal: Refusal) {
        let response = self.router().oneshot(request).await.unwrap();
        let status = response.status();
        let kind = response.headers()["content-type"].clone();
        let request_id = response.headers()["x-request-id"].clone();
        let problem: Problem = body_of(response).await;

        assert_eq!(problem.code, refusal.code(), "{:?}", problem.detail);
        assert_eq!(status, crate::problem::entry(refusal).status);
        assert_eq!(problem.status, status.as_u16());
        assert_eq!(problem.retry_allowed, refusal.retryable());
        assert_eq!(kind, "application/problem+json");
        assert_eq!(problem.request_id, request_id.to_str().unwrap());
    }
}

/// Opens context `c1` and pays for it behind the gateway's back.
async fn pay_for(gateway: &Gateway) -> StoredContext {
    let body = crate::fixture::context("c1");
    let stored = StoredContext {
        transaction: transaction_id(&body.vendor, &body.context),
        job: None,
        scanner: scanner().id,
        asked: boop_wire::Digest::new([0; 32]),
        body,
        agreed: None,
        result: None,
    };
    gateway.app.store.open_context(&stored, &[]).await.unwrap();
    gateway.ledger.put(user_account(USER), 1000);
    let subject = boop_wire::job::Subject::Identify(stored.body.clone());
    let agreed = crate::fixture::agreed_on(&subject);
    let who = boop_wire::job::pairwise_id(USER, &stored.body.vendor);
    let payer = crate::payment::Payer { who, user: USER };
    crate::payment::pay(&gateway.app, &stored, &agreed, payer)
        .await
        .unwrap();
    stored
}

fn credit(user: boop_wire::UserId, amount: u64, currency: &str) -> Value {
    json!({
        "user_id": user,
        "amount": amount,
        "currency": currency,
        "request_id": "01".repeat(16),
    })
}
