//! Enrolments over REST, and how jobs stand.

use std::time::Duration;

use axum::body::Body;
use axum::http::{Request, StatusCode};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use boop_wire::codec::to_canonical;
use boop_wire::job::{Capture, Decision, SealedBox, Subject, generated_user};
use boop_wire::{PartyIndex, Refusal, RequestId};
use serde_json::{Value, json};

use super::http::{api_key, bearer, get, post};
use super::pay_for;
use crate::fixture::{
    ADMIN_TOKEN, API_KEY, Gateway, Plan, SCANNER_KEY, SESSION_TOKEN, USER, capture, scanner,
};
use crate::jobs::fresh_job;
use crate::store::{
    Closing, ContextStore as _, DirectoryStore as _, Scanner, StoredContext, UserStore as _,
};

const CREATE: &str = "/api/v1/mpc/users/create";

/// Returns the body for a capture, of a user that the gateway names.
fn body(capture: &Capture) -> Value {
    let shares = capture
        .boxes
        .iter()
        .map(|sealed| STANDARD.encode(to_canonical(sealed)));
    json!({
        "create-shares": shares.collect::<Vec<_>>(),
        "metadata": {
            "device-id": scanner().id,
            "timestamp": "2026-11-24T10:00:00Z",
            "quality": capture.quality,
            "side": "left",
            "request-id": capture.request,
            "expires-at": capture.expires_at_ms,
        },
    })
}

fn create(body: &Value) -> Request<Body> {
    api_key(post(CREATE, body), SCANNER_KEY)
}

fn job(id: &Value, key: &str) -> Request<Body> {
    let path = format!("/api/v1/mpc/jobs/{}", id.as_str().unwrap());
    api_key(get(&path), key)
}

impl Gateway {
    /// Asks for a job until it has an end.
    async fn ended(&self, id: &Value) -> Value {
        for _ in 0..200 {
            let state: Value = self.ok(job(id, SCANNER_KEY), StatusCode::OK).await;
            if state["status"] != "processing" {
                return state;
            }
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
        panic!("the job has no end");
    }

    async fn created(&self, body: &Value) -> Value {
        self.ok(create(body), StatusCode::CREATED).await
    }
}

#[tokio::test]
async fn row_6_creating_a_job_gives_201_and_its_end_comes_with_asking() {
    let gateway = Gateway::start().await;

    let created = gateway.created(&body(&capture(1))).await;

    let id = &created["job-id"];
    let begun = json!({ "type": "job-status", "job-id": id, "status": "created" });
    assert_eq!(created, begun);
    let user = generated_user(RequestId::new([1; 16]));
    let ended = json!({
        "type": "job-status",
        "job-id": id,
        "status": "completed",
        "user_id": user,
        "mpc-result": { "type": "create", "result": "ok" },
    });
    assert_eq!(gateway.ended(id).await, ended);
    assert!(
        gateway
            .app
            .store
            .user(user)
            .await
            .unwrap()
            .unwrap()
            .enrolled
    );
}

#[tokio::test]
async fn row_5_both_paths_tell_of_a_job_in_one_set_of_words() {
    let gateway = Gateway::start().await;
    gateway.parties.plan(0, Plan::Late);
    let created = gateway.created(&body(&capture(1))).await;
    let short = format!(
        "/api/v1/jobs/{}/status",
        created["job-id"].as_str().unwrap()
    );

    let open: Value = gateway.ok(get(&short), StatusCode::OK).await;
    assert_eq!(open, json!({ "status": "processing" }));
    let ended = gateway.ended(&created["job-id"]).await;

    let short: Value = gateway.ok(get(&short), StatusCode::OK).await;
    assert_eq!(ended["status"], "completed");
    let same = json!({ "status": ended["status"], "user_id": ended["user_id"] });
    assert_eq!(short, same);
}

#[tokio::test]
async fn row_8_an_enrolment_has_a_share_for_each_party_and_no_other() {
    let gateway = Gateway::start().await;
    for number in [0, 1, 2, 4] {
        let mut few = body(&capture(1));
        let share = few["create-shares"][0].clone();
        few["create-shares"] = vec![share; number].into();
        gateway.refuses(create(&few), Refusal::Invalid).await;
    }
    assert_eq!(gateway.parties.calls(), 0);
}

#[tokio::test]
async fn row_9_each_share_goes_to_its_party_as_the_scanner_sealed_it() {
    let gateway = Gateway::start().await;
    let mut sealed = capture(1);
    for (number, share) in (1..).zip(&mut sealed.boxes) {
        *share = SealedBox {
            enc: [number; 32],
            ciphertext: vec![number; 70],
        };
    }

    let created = gateway.created(&body(&sealed)).await;
    gateway.ended(&created["job-id"]).await;

    let mut came = gateway.parties.boxes();
    came.sort_by_key(|(party, _)| *party);
    let expected: Vec<_> = PartyIndex::ALL.into_iter().zip(sealed.boxes).collect();
    assert_eq!(came, expected);
}

#[tokio::test]
async fn the_same_enrolment_again_is_the_same_job_and_another_under_its_id_is_none() {
    let gateway = Gateway::start().await;
    let asked = body(&capture(1));
    let first = gateway.created(&asked).await;
    let ended = gateway.ended(&first["job-id"]).await;

    assert_eq!(gateway.created(&asked).await, ended);
    assert_eq!(gateway.parties.calls(), 3);
    let mut other = asked;
    other["metadata"]["quality"] = 95.into();
    gateway.refuses(create(&other), Refusal::Conflict).await;
}

#[tokio::test]
async fn a_job_that_failed_says_why_and_goes_on_when_it_is_asked_for_again() {
    let gateway = Gateway::start().await;
    gateway.parties.plan(1, Plan::Away);
    let asked = body(&capture(1));
    let created = gateway.created(&asked).await;

    let failed = gateway.ended(&created["job-id"]).await;
    assert_eq!(failed["status"], "failed");
    assert_eq!(failed["error"], "party-unavailable");
    assert_eq!(failed.get("mpc-result"), None);
    gateway.parties.plan(1, Plan::Honest);
    gateway.created(&asked).await;

    for _ in 0..200 {
        let state: Value = gateway
            .ok(job(&created["job-id"], SCANNER_KEY), StatusCode::OK)
            .await;
        if state["status"] == "completed" {
            return;
        }
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    panic!("the job does not go on");
}

#[tokio::test]
async fn a_palm_that_is_enrolled_already_completes_the_job_without_a_user() {
    let gateway = Gateway::start().await;
    gateway.parties.decide(Decision::AlreadyEnrolled);

    let created = gateway.created(&body(&capture(1))).await;
    let ended = gateway.ended(&created["job-id"]).await;

    let result = json!({ "type": "create", "result": "user-exists" });
    assert_eq!(ended["mpc-result"], result);
    assert_eq!(ended.get("user_id"), None);
}

#[tokio::test]
async fn a_user_that_registered_is_enrolled_with_its_token_alone_and_once() {
    let gateway = Gateway::start().await;
    let mut asked = body(&capture(1));
    asked["user_id"] = json!(USER);
    gateway.refuses(create(&asked), Refusal::Forbidden).await;
    asked["session-token"] = "another".into();
    gateway
        .refuses(create(&asked), Refusal::Unauthenticated)
        .await;

    asked["session-token"] = SESSION_TOKEN.into();
    let created = gateway.created(&asked).await;
    let ended = gateway.ended(&created["job-id"]).await;

    assert_eq!(ended["user_id"], json!(USER));
    let mut again = body(&capture(2));
    again["user_id"] = json!(USER);
    gateway.refuses(create(&again), Refusal::UserExists).await;
}

#[tokio::test]
async fn what_is_no_good_enrolment_is_refused_before_any_party_hears_of_it() {
    let gateway = Gateway::start().await;
    let with = |path: &str, value: Value| {
        let mut changed = body(&capture(1));
        *changed.pointer_mut(path).unwrap() = value;
        changed
    };
    let metadata = |member: &str, value: Value| with(&format!("/metadata/{member}"), value);
    let named = |user: &str| {
        let mut changed = body(&capture(1));
        changed["user_id"] = user.into();
        changed
    };
    for (changed, refusal) in [
        (with("/create-shares/1", json!("AAAA")), Refusal::Invalid),
        (with("/create-shares/1", json!("?")), Refusal::Invalid),
        (with("/create-shares", json!("AAAA")), Refusal::Malformed),
        (metadata("device-id", json!("scn_2")), Refusal::Invalid),
        (metadata("timestamp", json!("yesterday")), Refusal::Invalid),
        (metadata("quality", json!(79)), Refusal::QualityTooLow),
        (metadata("quality", json!(101)), Refusal::Invalid),
        (metadata("side", json!("both")), Refusal::Malformed),
        (metadata("expires-at", json!(1)), Refusal::Expired),
        (metadata("request-id", json!("xy")), Refusal::Malformed),
        (named("not an id"), Refusal::Invalid),
    ] {
        gateway.refuses(create(&changed), refusal).await;
    }
    let asked = body(&capture(1));
    let vendors = api_key(post(CREATE, &asked), API_KEY);
    gateway.refuses(vendors, Refusal::Forbidden).await;
    gateway
        .refuses(post(CREATE, &asked), Refusal::Unauthenticated)
        .await;
    assert_eq!(gateway.parties.calls(), 0);
}

#[tokio::test]
async fn row_14_a_job_is_told_to_those_it_is_about() {
    let gateway = Gateway::start().await;
    let other = Scanner {
        id: "scn_2".parse().unwrap(),
        terminal: "till-2".parse().unwrap(),
        key: boop_wire::codec::plain_digest(b"pk_test_other"),
        ..scanner()
    };
    gateway.app.store.add_scanner(&other).await.unwrap();
    let created = gateway.created(&body(&capture(1))).await;
    let id = &created["job-id"];
    gateway.ended(id).await;

    let theirs: Value = gateway.ok(job(id, API_KEY), StatusCode::OK).await;
    assert_eq!(theirs["status"], "completed");
    let _: Value = gateway.ok(job(id, ADMIN_TOKEN), StatusCode::OK).await;
    gateway
        .refuses(job(id, "pk_test_other"), Refusal::NotFound)
        .await;
    let users = bearer(job(id, API_KEY), SESSION_TOKEN);
    let mut users = users;
    users.headers_mut().remove("x-api-key");
    gateway.refuses(users, Refusal::Forbidden).await;
    let unknown = json!(fresh_job().unwrap());
    gateway
        .refuses(job(&unknown, API_KEY), Refusal::NotFound)
        .await;
    gateway
        .refuses(job(&json!("7"), API_KEY), Refusal::Invalid)
        .await;
}

/// Opens a context with a job, and ends it as its result says.
async fn context(gateway: &Gateway, result: Option<boop_wire::api::AuthResult>) -> Value {
    let id = fresh_job().unwrap();
    let stored = StoredContext {
        job: Some(id),
        ..pay_for(gateway).await
    };
    let body = boop_wire::job::AuthContext {
        context: "c2".parse().unwrap(),
        terminal: "till-9".parse().unwrap(),
        ..stored.body.clone()
    };
    let stored = StoredContext { body, ..stored };
    let store = &gateway.app.store;
    store.open_context(&stored, &[]).await.unwrap();
    if let Some(result) = result {
        // What the ledger refuses, the parties have agreed on.
        let unpaid = Some(Refusal::InsufficientFunds.code());
        let closing = if result.code.as_deref() == unpaid {
            let subject = Subject::Identify(stored.body.clone());
            let agreed = crate::fixture::agreed_on(&subject);
            store.agree_context(&stored.body, &agreed).await.unwrap();
            Closing::Settled
        } else {
            Closing::Unsettled
        };
        let closed = store
            .close_context(&stored.body, closing, &result, None, &[])
            .await;
        assert_eq!(closed, Ok(true));
    }
    gateway.ok(job(&json!(id), API_KEY), StatusCode::OK).await
}

#[tokio::test]
async fn an_authentication_is_a_job_with_what_parties_and_ledger_found() {
    use boop_wire::api::AuthResult;
    let paid = AuthResult {
        success: true,
        code: None,
        ..AuthResult::refused(Refusal::Internal)
    };
    let of = |code: &str| Some(json!({ "type": "authentication", "code": code }));
    for (result, status, mpc, ledger) in [
        (None, "created", None, None),
        (Some(paid), "completed", of("ok"), Some("ok")),
        (
            Some(AuthResult::refused(Refusal::InsufficientFunds)),
            "completed",
            of("ok"),
            Some("failed"),
        ),
        (
            Some(AuthResult::refused(Refusal::UserNotFound)),
            "completed",
            of("user-not-found"),
            None,
        ),
        (
            Some(AuthResult::refused(Refusal::ContextExpired)),
            "failed",
            None,
            None,
        ),
    ] {
        let gateway = Gateway::start().await;

        let found = context(&gateway, result).await;

        assert_eq!(found["status"], status, "{found}");
        assert_eq!(found.get("mpc-result").cloned(), mpc);
        assert_eq!(
            found.get("ledger-result").cloned(),
            ledger.map(|word| json!(word))
        );
    }
}
