//! Enrolment, from the scanner's message to the user's receipt.

use boop_wire::api::{EnrolReceipt, FromScanner, FromUser};
use boop_wire::codec::{from_canonical, to_canonical};
use boop_wire::job::{Capture, Decision};
use boop_wire::ledger::Detail;
use boop_wire::{Refusal, UserId};

use super::Client;
use crate::fixture::{Gateway, Plan, SESSION_TOKEN, USER, capture};
use crate::store::UserStore as _;
use crate::text::{base64url, from_base64url};

const GOOD: (bool, Option<String>, bool) = (true, None, false);

#[tokio::test]
async fn a_palm_is_enrolled_and_the_user_gets_the_receipt() {
    let gateway = Gateway::start().await;
    let mut scanner = Client::scanner(&gateway).await;
    let mut user = user(&gateway).await;

    enrol(&mut scanner, &capture(1)).await;

    assert_eq!(scanner.capture_result().await, GOOD);
    let message = user.expect("registered").await;
    let receipt = from_base64url(message["receipt"].as_str().unwrap()).unwrap();
    let receipt: EnrolReceipt = from_canonical(&receipt).unwrap();
    assert_eq!(receipt.user, USER);
    let detail = receipt.registration.opening.detail;
    assert!(matches!(detail, Detail::Registration { user: USER, .. }));
    assert!(
        gateway
            .app
            .store
            .user(USER)
            .await
            .unwrap()
            .unwrap()
            .enrolled
    );
}

#[tokio::test]
async fn row_28_a_token_enrols_once_and_the_same_request_has_the_same_answer() {
    let gateway = Gateway::start().await;
    let mut scanner = Client::scanner(&gateway).await;
    enrol(&mut scanner, &capture(1)).await;
    assert_eq!(scanner.capture_result().await, GOOD);

    enrol(&mut scanner, &capture(1)).await;
    assert_eq!(scanner.capture_result().await, GOOD);
    enrol(&mut scanner, &capture(2)).await;

    let used = (false, Some("conflict".to_owned()), false);
    assert_eq!(scanner.capture_result().await, used);
    assert_eq!(gateway.parties.calls(), 3);
}

#[tokio::test]
async fn news_of_an_enrolment_waits_for_a_user_that_is_away() {
    let gateway = Gateway::start().await;
    let mut scanner = Client::scanner(&gateway).await;
    enrol(&mut scanner, &capture(1)).await;
    assert_eq!(scanner.capture_result().await, GOOD);

    let mut user = user(&gateway).await;

    user.expect("registered").await;
}

#[tokio::test]
async fn row_25_a_palm_that_is_enrolled_already_is_refused_and_the_token_stays_good() {
    let gateway = Gateway::start().await;
    let mut scanner = Client::scanner(&gateway).await;
    let mut user = user(&gateway).await;
    gateway.parties.decide(Decision::AlreadyEnrolled);

    enrol(&mut scanner, &capture(1)).await;

    let exists = (false, Some("user-exists".to_owned()), false);
    assert_eq!(scanner.capture_result().await, exists);
    let failed = user.expect("registration_failed").await;
    assert_eq!(failed["code"], "user-exists");
    assert!(gateway.ledger.details().is_empty());
    gateway.parties.decide(Decision::Enrolled { user: USER });
    enrol(&mut scanner, &capture(1)).await;
    assert_eq!(scanner.capture_result().await, exists);
    enrol(&mut scanner, &capture(2)).await;
    assert_eq!(scanner.capture_result().await, GOOD);
}

#[tokio::test]
async fn a_wrong_token_or_user_enrols_nobody() {
    let gateway = Gateway::start().await;
    let mut scanner = Client::scanner(&gateway).await;
    let refused = (false, Some("unauthenticated".to_owned()), false);

    send(&mut scanner, USER, "wrong", &capture(1)).await;
    assert_eq!(scanner.capture_result().await, refused);
    send(
        &mut scanner,
        UserId::new([2; 16]),
        SESSION_TOKEN,
        &capture(1),
    )
    .await;
    assert_eq!(scanner.capture_result().await, refused);
    assert_eq!(gateway.parties.calls(), 0);
}

#[tokio::test]
async fn a_token_that_is_over_enrols_nobody() {
    let gateway = Gateway::start().await;
    let user = UserId::new([8; 16]);
    let session = crate::store::Session {
        token: boop_wire::codec::plain_digest(b"old"),
        user,
        expires_at_ms: 1,
        used: false,
    };
    gateway.app.store.add_user(&session).await.unwrap();
    let mut scanner = Client::scanner(&gateway).await;

    send(&mut scanner, user, "old", &capture(1)).await;

    let over = (false, Some("expired".to_owned()), false);
    assert_eq!(scanner.capture_result().await, over);
    let mut client = Client::open(&gateway, "/ws/user").await;
    client
        .send(&FromUser::Hello {
            session_token: "old".into(),
            resume: None,
        })
        .await;
    assert_eq!(client.error().await, "expired");
    client.closed().await;
}

#[tokio::test]
async fn a_ledger_that_fails_after_the_enrolment_is_asked_again_without_the_parties() {
    let gateway = Gateway::start().await;
    let mut scanner = Client::scanner(&gateway).await;
    gateway.ledger.refuse(&[Refusal::DeadlineExceeded]);
    enrol(&mut scanner, &capture(1)).await;
    let late = (false, Some("deadline-exceeded".to_owned()), true);
    assert_eq!(scanner.capture_result().await, late);

    enrol(&mut scanner, &capture(2)).await;

    assert_eq!(scanner.capture_result().await, GOOD);
    assert_eq!(gateway.parties.calls(), 3);
    assert_eq!(gateway.ledger.details().len(), 1);
}

#[tokio::test]
async fn a_party_that_is_away_lets_the_user_try_again() {
    let gateway = Gateway::start().await;
    let mut scanner = Client::scanner(&gateway).await;
    let mut user = user(&gateway).await;
    gateway.parties.plan(0, Plan::Away);

    enrol(&mut scanner, &capture(1)).await;

    let away = (false, Some("party-unavailable".to_owned()), true);
    assert_eq!(scanner.capture_result().await, away);
    let failed = user.expect("registration_failed").await;
    assert_eq!(failed["retry_allowed"], true);
    gateway.parties.plan(0, Plan::Honest);
    enrol(&mut scanner, &capture(1)).await;
    assert_eq!(scanner.capture_result().await, GOOD);
}

#[tokio::test]
async fn a_bad_capture_enrols_nobody() {
    let gateway = Gateway::start().await;
    let mut scanner = Client::scanner(&gateway).await;
    let mut bad = capture(1);
    bad.quality = 10;

    enrol(&mut scanner, &bad).await;
    let refused = (false, Some("quality-too-low".to_owned()), false);
    assert_eq!(scanner.capture_result().await, refused);

    scanner
        .send(&FromScanner::Enrol {
            user_id: USER,
            session_token: SESSION_TOKEN.into(),
            capture: "????".into(),
        })
        .await;
    assert_eq!(scanner.error().await, "malformed");
}

#[tokio::test]
async fn a_socket_has_so_many_captures_worked_on_at_a_time() {
    let gateway = Gateway::start().await;
    let mut scanner = Client::scanner(&gateway).await;
    gateway.parties.plan(0, Plan::Silent);
    for number in 20..25 {
        let user = UserId::new([number; 16]);
        let session = crate::store::Session {
            token: boop_wire::codec::plain_digest(&[number]),
            user,
            expires_at_ms: u64::MAX / 2,
            used: false,
        };
        gateway.app.store.add_user(&session).await.unwrap();
    }

    for number in 20..25_u8 {
        let token = char::from(number).to_string();
        let user = UserId::new([number; 16]);
        send(&mut scanner, user, &token, &capture(number)).await;
    }

    assert_eq!(scanner.error().await, "busy");
    let late = (false, Some("deadline-exceeded".to_owned()), true);
    for _ in 0..4 {
        assert_eq!(scanner.capture_result().await, late);
    }
}

async fn user(gateway: &Gateway) -> Client {
    let mut client = Client::open(gateway, "/ws/user").await;
    client
        .send(&FromUser::Hello {
            session_token: SESSION_TOKEN.into(),
            resume: None,
        })
        .await;
    client.expect("welcome").await;
    client
}

async fn enrol(scanner: &mut Client, capture: &Capture) {
    send(scanner, USER, SESSION_TOKEN, capture).await;
}

async fn send(scanner: &mut Client, user_id: UserId, token: &str, capture: &Capture) {
    scanner
        .send(&FromScanner::Enrol {
            user_id,
            session_token: token.into(),
            capture: base64url(&to_canonical(capture)),
        })
        .await;
}
