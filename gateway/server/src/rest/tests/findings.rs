//! Intrusion detection over REST: what an attack leads to, what an operator sees of it and does,
//! and whom it leaves alone.

use std::net::{IpAddr, Ipv4Addr};

use axum::body::Body;
use axum::http::{Request, StatusCode};
use boop_wire::Refusal;
use boop_wire::api::{Problem, RegisterResponse, VendorResponse};
use serde_json::{Value, json};
use tower::ServiceExt as _;

use super::http::{api_key, bearer, body_of, get, post};
use super::pay_for;
use crate::config::{LimitSettings, Respond};
use crate::fixture::{ADMIN_TOKEN, API_KEY, Gateway, SESSION_TOKEN, USER, vendor};
use crate::intrusion::Who;
use crate::store::{Session, UserStore as _};

const FINDINGS: &str = "/api/v1/admin/findings";

#[tokio::test]
async fn who_guesses_keys_is_turned_away_until_a_time_and_who_has_one_at_the_same_address_is_not() {
    let gateway = Gateway::start().await;
    guess(&gateway, 12).await;

    let register = || post("/api/v1/register", &json!({}));
    let proof_of_nothing = [register(), get("/nothing")].map(|request| api_key(request, API_KEY));
    let strangers = [key_check("guess-13"), register(), get("/nothing")];
    for request in strangers.into_iter().chain(proof_of_nothing) {
        let (refusal, wait_s, detail) = refused(&gateway, request).await;
        assert_eq!((refusal, detail), (Refusal::Busy, turned_away(&wait_s)));
        assert!((890..=900).contains(&wait_s.parse::<u32>().unwrap()));
    }

    // Whoever proves itself, and what a client looks at before it does, are served.
    let _: Value = gateway.ok(key_check(API_KEY), StatusCode::OK).await;
    let balance = format!("/api/v1/ledger/tokens/{USER}");
    let request = bearer(get(&balance), SESSION_TOKEN);
    let _: Value = gateway.ok(request, StatusCode::OK).await;
    let _: Value = gateway.ok(get("/health"), StatusCode::OK).await;
    let _: Value = gateway.ok(get("/api/v1/manifest"), StatusCode::OK).await;

    let found = findings(&gateway, "").await;
    assert_eq!(found.len(), 1);
    assert_eq!(found[0]["rule"], "login-guessing");
    assert_eq!(found[0]["response"], "block for 15 min");
    assert_eq!(found[0]["standing"], "blocked");
    assert!(found[0]["until_ms"].as_u64() > found[0]["at_ms"].as_u64());
    assert_eq!(found[0]["subject"]["kind"], "address");
    assert!(found[0]["subject"].get("id").is_none());
    assert!(found[0]["runbook"].as_str().unwrap().starts_with("Look "));

    assert_eq!(lift(&gateway, &found[0]).await, StatusCode::NO_CONTENT);

    let _: RegisterResponse = gateway.ok(register(), StatusCode::CREATED).await;
    let wrong = key_check("guess-13");
    gateway.refuses(wrong, Refusal::Unauthenticated).await;
    let found = findings(&gateway, "").await;
    assert_eq!((found.len(), &found[0]["standing"]), (1, &json!("free")));
}

#[tokio::test]
async fn a_vendor_that_looks_for_other_contexts_is_slowed_down_and_no_other_vendor_is() {
    let gateway = Gateway::with(LimitSettings::default()).await;
    let body = json!({ "name": "Other" });
    let request = bearer(post("/api/v1/admin/vendors", &body), ADMIN_TOKEN);
    let other: VendorResponse = gateway.ok(request, StatusCode::CREATED).await;
    let guess = |key: &str, number: u32| {
        let path = format!("/api/v1/auth/guess-{number}/status");
        api_key(get(&path), key)
    };
    for number in 0..20 {
        gateway
            .refuses(guess(API_KEY, number), Refusal::NotFound)
            .await;
    }

    // Six requests are its minute's share.
    for number in 20..26 {
        gateway
            .refuses(guess(API_KEY, number), Refusal::NotFound)
            .await;
    }
    let (refusal, wait_s, detail) = refused(&gateway, guess(API_KEY, 26)).await;
    assert_eq!(refusal, Refusal::Busy);
    assert!((1..=10).contains(&wait_s.parse::<u32>().unwrap()));
    let (slowed, why) = detail.split_once(" s; ").unwrap();
    let for_s = slowed.strip_prefix("slowed down for ").unwrap();
    assert!((590..=600).contains(&for_s.parse::<u32>().unwrap()));
    assert_eq!(why, "the network's operator can say why");
    gateway.refuses(key_check(API_KEY), Refusal::Busy).await;

    let key = &other.api_key;
    for number in 0..12 {
        gateway.refuses(guess(key, number), Refusal::NotFound).await;
    }
    let found = findings(&gateway, "").await;
    assert_eq!(found.len(), 1);
    assert_eq!(found[0]["rule"], "enumeration");
    assert_eq!(found[0]["standing"], "slow");
    let subject = &found[0]["subject"];
    assert_eq!(
        (&subject["kind"], &subject["id"]),
        (&json!("vendor"), &json!("ven_1"))
    );

    assert_eq!(lift(&gateway, &found[0]).await, StatusCode::NO_CONTENT);
    let _: Value = gateway.ok(key_check(API_KEY), StatusCode::OK).await;
}

#[tokio::test]
async fn a_vendor_that_polls_makes_mistakes_and_asks_for_what_is_gone_is_left_alone() {
    let gateway = Gateway::start().await;
    pay_for(&gateway).await;
    let create = |body: Value| api_key(post("/api/v1/auth/create", &body), API_KEY);
    for number in 0..100 {
        let known = api_key(get("/api/v1/auth/c1/status"), API_KEY);
        let _: Value = gateway.ok(known, StatusCode::OK).await;
        let gone = api_key(get("/api/v1/auth/gone/status"), API_KEY);
        gateway.refuses(gone, Refusal::NotFound).await;
        if number % 4 == 0 {
            let wrong = create(json!({ "context_id": "c2" }));
            gateway.refuses(wrong, Refusal::Malformed).await;
            gateway
                .refuses(key_check("old"), Refusal::Unauthenticated)
                .await;
        }
        if number % 10 == 0 {
            let odd = format!("/api/v1/auth/odd-{number}/status");
            gateway
                .refuses(api_key(get(&odd), API_KEY), Refusal::NotFound)
                .await;
        }
    }

    assert_eq!(findings(&gateway, "").await, [] as [Value; 0]);
    let _: Value = gateway.ok(key_check(API_KEY), StatusCode::OK).await;
}

#[tokio::test]
async fn many_addresses_that_try_the_administrators_token_are_paged_and_shut_nobody_out() {
    let gateway = Gateway::start().await;
    let admin = || post("/api/v1/admin/vendors", &json!({ "name": "Bakery" }));
    for number in 1..=8 {
        let from = IpAddr::V4(Ipv4Addr::new(203, 0, 113, number));
        let request = bearer(admin(), &format!("guess-{number}"));
        let answer = gateway.router_from(from).oneshot(request).await.unwrap();
        assert_eq!(answer.status(), StatusCode::UNAUTHORIZED);
    }

    let found = findings(&gateway, "").await;
    assert_eq!(found.len(), 1);
    assert_eq!(found[0]["rule"], "login-guessing-from-many");
    assert_eq!(found[0]["subject"], json!({ "kind": "administrator" }));
    assert_eq!(found[0]["response"], "page");
    let request = bearer(admin(), ADMIN_TOKEN);
    let _: VendorResponse = gateway.ok(request, StatusCode::CREATED).await;
}

#[tokio::test]
async fn messages_that_do_not_read_slow_down_their_address_alone() {
    let gateway = Gateway::with(LimitSettings {
        scale: 2,
        ..LimitSettings::default()
    })
    .await;
    let wrong = || post("/api/v1/register", &json!({ "colour": "red" }));
    for _ in 0..60 {
        gateway.refuses(wrong(), Refusal::Malformed).await;
    }

    for _ in 0..12 {
        gateway.refuses(wrong(), Refusal::Malformed).await;
    }
    gateway.refuses(wrong(), Refusal::Busy).await;

    let _: Value = gateway.ok(key_check(API_KEY), StatusCode::OK).await;
    let found = findings(&gateway, "").await;
    assert_eq!(found[0]["rule"], "malformed-burst");
}

#[tokio::test]
async fn requests_for_tokens_with_one_wrong_key_after_the_other_are_guesses_too() {
    let gateway = Gateway::start().await;
    let ask = |number: u32| {
        let form = format!(
            "grant_type=client_credentials&client_id=ven_{number}&client_assertion=a.b.c&\
             client_assertion_type=urn:ietf:params:oauth:client-assertion-type:jwt-bearer"
        );
        let request = Request::post("/oauth2/token");
        let request = request.header("content-type", "application/x-www-form-urlencoded");
        request.body(Body::from(form)).unwrap()
    };
    for number in 0..12 {
        // The same client with the same key again has guessed nothing.
        for _ in 0..2 {
            let answer = gateway.router().oneshot(ask(number)).await.unwrap();
            let blocked = number == 11;
            let status = match blocked {
                false => StatusCode::UNAUTHORIZED,
                true => StatusCode::TOO_MANY_REQUESTS,
            };
            assert_eq!(answer.status(), status, "{number}");
        }
    }

    let found = findings(&gateway, "").await;
    let rules: Vec<_> = found.iter().map(|found| &found["rule"]).collect();
    assert_eq!(rules, ["login-guessing"]);
}

#[tokio::test]
async fn what_is_found_blocks_whom_the_configuration_says_and_is_shown_in_any_case() {
    for (respond, address, vendor) in [
        (Respond::ToProven, StatusCode::CREATED, Refusal::Busy),
        (Respond::ToNobody, StatusCode::CREATED, Refusal::NotFound),
    ] {
        let gateway = Gateway::with(LimitSettings {
            respond,
            ..LimitSettings::default()
        })
        .await;
        guess(&gateway, 15).await;
        let ask = |number: u32| {
            let path = format!("/api/v1/auth/guess-{number}/status");
            api_key(get(&path), API_KEY)
        };
        for number in 0..26 {
            gateway.refuses(ask(number), Refusal::NotFound).await;
        }

        let register = post("/api/v1/register", &json!({}));
        let _: RegisterResponse = gateway.ok(register, address).await;
        gateway.refuses(ask(26), vendor).await;

        let found = findings(&gateway, "").await;
        let rules: Vec<_> = found.iter().map(|found| &found["rule"]).collect();
        assert_eq!(rules, ["enumeration", "login-guessing"], "{respond:?}");
        assert_eq!(found[1]["standing"], "free");
    }
}

#[tokio::test]
async fn an_administrator_who_is_slowed_down_still_sees_why_and_ends_it() {
    let gateway = Gateway::with(LimitSettings::default()).await;
    let admin = |path: &str| bearer(get(path), ADMIN_TOKEN);
    for number in 0..26 {
        let path = format!("/api/v1/ledger/transactions/check/{number:064x}");
        gateway.refuses(admin(&path), Refusal::NotFound).await;
    }
    let balance = format!("/api/v1/ledger/tokens/{USER}");
    gateway.refuses(admin(&balance), Refusal::Busy).await;

    let found = findings(&gateway, "").await;
    assert_eq!(found[0]["subject"], json!({ "kind": "administrator" }));
    assert_eq!(lift(&gateway, &found[0]).await, StatusCode::NO_CONTENT);

    let _: Value = gateway.ok(admin(&balance), StatusCode::OK).await;
}

#[tokio::test]
async fn an_operator_asks_about_an_address_and_others_see_no_findings() {
    let gateway = Gateway::start().await;
    guess(&gateway, 12).await;

    let here = findings(&gateway, "?address=127.0.0.1").await;
    assert_eq!(here, findings(&gateway, "").await);
    assert_eq!(here.len(), 1);
    let there = findings(&gateway, "?address=203.0.113.7").await;
    assert_eq!(there, [] as [Value; 0]);

    let odd = bearer(get(&format!("{FINDINGS}?address=here")), ADMIN_TOKEN);
    gateway.refuses(odd, Refusal::Invalid).await;
    let unknown = format!("{FINDINGS}/fnd_{}/lift", "0".repeat(24));
    let unknown = bearer(post(&unknown, &Value::Null), ADMIN_TOKEN);
    gateway.refuses(unknown, Refusal::NotFound).await;
    let id = here[0]["finding_id"].as_str().unwrap();
    for request in [
        get(FINDINGS),
        post(&format!("{FINDINGS}/{id}/lift"), &Value::Null),
    ] {
        let by = |request: &Request<Body>| {
            let request = Request::builder()
                .method(request.method())
                .uri(request.uri());
            request.body(Body::empty()).unwrap()
        };
        gateway
            .refuses(api_key(by(&request), API_KEY), Refusal::Forbidden)
            .await;
        gateway
            .refuses(bearer(by(&request), SESSION_TOKEN), Refusal::Forbidden)
            .await;
        gateway
            .refuses(bearer(request, "wrong"), Refusal::Busy)
            .await;
    }
    assert_eq!(findings(&gateway, "").await[0]["standing"], "blocked");
}

#[tokio::test]
async fn whose_token_or_session_has_ended_has_guessed_nothing() {
    let gateway = Gateway::start().await;
    let now_ms = gateway.app.now();
    for number in 0..30 {
        let token = format!("ended-{number}");
        let session = Session {
            token: boop_wire::codec::plain_digest(token.as_bytes()),
            user: boop_wire::UserId::new([100 + number; 16]),
            expires_at_ms: now_ms - 1,
            used: false,
        };
        gateway.app.store.add_user(&session).await.unwrap();
        let balance = format!("/api/v1/ledger/tokens/{USER}");
        let request = bearer(get(&balance), &token);
        gateway.refuses(request, Refusal::Unauthenticated).await;
    }

    assert_eq!(findings(&gateway, "").await, [] as [Value; 0]);
}

#[tokio::test]
async fn what_is_shown_of_a_finding_names_no_person_no_key_and_no_address() {
    let gateway = Gateway::start().await;
    guess(&gateway, 12).await;
    for number in 0..20 {
        let path = format!("/api/v1/ledger/tokens/{number:032x}");
        let request = bearer(get(&path), SESSION_TOKEN);
        gateway.refuses(request, Refusal::Forbidden).await;
    }

    let found = findings(&gateway, "").await;

    assert_eq!(found[0]["rule"], "enumeration");
    assert_eq!(found[0]["subject"]["kind"], "user");
    assert!(found[0]["subject"].get("id").is_none());
    let shown = serde_json::to_string(&found).unwrap();
    for name in [&USER.to_string(), SESSION_TOKEN, "guess-", "127.0.0.1"] {
        assert!(!shown.contains(name), "{name} in {shown}");
    }
    let who = Who::User(USER);
    let known = gateway.app.intrusion.found(Some(&who), gateway.app.now());
    assert_eq!(known.len(), 1, "today's key still leads there");
    let who = Who::Vendor(vendor().id);
    let known = gateway.app.intrusion.found(Some(&who), gateway.app.now());
    assert_eq!(known, []);
}

/// Tries so many keys that nobody has.
async fn guess(gateway: &Gateway, keys: u32) {
    for number in 0..keys {
        let request = key_check(&format!("guess-{number}"));
        let response = gateway.router().oneshot(request).await.unwrap();
        assert!(response.status().is_client_error());
    }
}

fn key_check(key: &str) -> Request<Body> {
    api_key(post("/api/v1/auth", &Value::Null), key)
}

fn turned_away(seconds: &str) -> String {
    format!("turned away for {seconds} s; the network's operator can say why")
}

/// Returns why a request is refused, for how many seconds, and in which words.
async fn refused(gateway: &Gateway, request: Request<Body>) -> (Refusal, String, String) {
    let response = gateway.router().oneshot(request).await.unwrap();
    let retry_after = response.headers()["retry-after"]
        .to_str()
        .unwrap()
        .to_owned();
    let problem: Problem = body_of(response).await;
    let mut refusals = Refusal::ALL.iter().copied();
    let refusal = refusals.find(|refusal| refusal.code() == problem.code);
    (refusal.unwrap(), retry_after, problem.detail.unwrap())
}

async fn findings(gateway: &Gateway, query: &str) -> Vec<Value> {
    let request = bearer(get(&format!("{FINDINGS}{query}")), ADMIN_TOKEN);
    let mut answer: Value = gateway.ok(request, StatusCode::OK).await;
    match answer["findings"].take() {
        Value::Array(findings) => findings,
        other => panic!("{other}"),
    }
}

async fn lift(gateway: &Gateway, finding: &Value) -> StatusCode {
    let id = finding["finding_id"].as_str().unwrap();
    let path = format!("{FINDINGS}/{id}/lift");
    let request = bearer(post(&path, &Value::Null), ADMIN_TOKEN);
    gateway.router().oneshot(request).await.unwrap().status()
}
