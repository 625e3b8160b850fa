//! Intrusion detection over the sockets: what attacks lead to, and whom they leave alone.

use std::net::IpAddr;

use boop_wire::api::{FromScanner, FromVendor};
use boop_wire::codec::{plain_digest, to_canonical};
use boop_wire::job::Decision;
use boop_wire::ledger::user_account;
use boop_wire::{Refusal, UserId};
use serde_json::{Value, json};

use super::{Client, Till, create, id};
use crate::fixture::{
    Gateway, Plan, SCANNER_KEY, SESSION_TOKEN, USER, capture, matched_for, scanner, vendor,
};
use crate::intrusion::kind_of;
use crate::store::{Session, UserStore as _};
use crate::text::base64url;

#[tokio::test]
async fn a_scanner_that_shows_stranger_after_stranger_is_slowed_down_and_then_turned_away() {
    let mut till = Till::open().await;
    till.gateway.parties.decide(Decision::NotMatched);
    for number in 0..40 {
        let context = format!("c{number}");
        till.try_palm(&context, number).await;
        let refused = (false, Some("user-not-found".to_owned()), false);
        assert_eq!(till.scanner.capture_result().await, refused);
    }

    till.scanner.capture("c40", &capture(40)).await;

    let error = till.scanner.expect("error").await;
    assert_eq!(error["code"], "busy");
    assert!(says_for_how_long(&error), "{error}");
    assert_eq!(
        found(&till.gateway),
        [
            "vendor ven_1: scan-without-sale",
            "scanner scn_1: many-people-one-scanner",
            "scanner scn_1: hill-climbing-between-matches",
            "scanner scn_1: hill-climbing",
        ]
    );
    // Not even its key opens the door now.
    let mut again = Client::open(&till.gateway, "/ws/pvs").await;
    again.send(&login(SCANNER_KEY)).await;
    assert_eq!(again.error().await, "busy");
    // The vendor goes on, for one, at its other tills.
    till.vendor.create("c40").await;
    till.vendor.expect("context_created").await;

    lift(&till.gateway);

    till.scanner.capture("c40", &capture(40)).await;
    till.scanner.expect("context").await;
    assert_eq!(
        till.scanner.expect("context_closed").await["success"],
        false
    );
}

#[tokio::test]
async fn captures_for_something_else_are_found() {
    let mut till = Till::open().await;
    for party in 0..3 {
        let refuse = Plan::Refuse(Refusal::SealedBoxInvalid);
        till.gateway.parties.plan(party, refuse);
    }
    for number in 0..3 {
        till.try_palm(&format!("c{number}"), number).await;
        till.scanner.capture_result().await;
    }

    assert_eq!(found(&till.gateway), ["scanner scn_1: capture-replay"]);
}

#[tokio::test]
async fn the_same_capture_again_is_one() {
    let mut till = Till::with("c1").await;
    till.gateway.parties.decide(Decision::NotMatched);
    for _ in 0..40 {
        till.scanner.capture("c1", &capture(1)).await;
        while till.scanner.next().await["type"] != "capture_result" {}
    }

    assert_eq!(found(&till.gateway), [] as [String; 0]);
}

#[tokio::test]
async fn palms_that_are_enrolled_already_are_found_and_a_palm_that_is_not_is_no_finding() {
    let gateway = Gateway::start().await;
    let mut scanner = Client::scanner(&gateway).await;
    gateway.parties.decide(Decision::AlreadyEnrolled);
    for number in 0..4 {
        enrol(&mut scanner, number).await;
        assert_eq!(scanner.capture_result().await.1, Some("user-exists".into()));
    }
    assert_eq!(found(&gateway), [] as [String; 0]);

    enrol(&mut scanner, 4).await;
    scanner.capture_result().await;

    assert_eq!(
        found(&gateway),
        ["scanner scn_1: duplicate-enrolment-burst"]
    );
}

#[tokio::test]
async fn more_enrolments_than_people_can_be_asked_for_are_found() {
    let gateway = Gateway::start().await;
    let mut scanner = Client::scanner(&gateway).await;
    for number in 0..25 {
        let token = format!("token-{number}");
        let session = Session {
            token: plain_digest(token.as_bytes()),
            user: UserId::new([100 + number; 16]),
            expires_at_ms: gateway.app.now() + 60_000,
            used: false,
        };
        gateway.app.store.add_user(&session).await.unwrap();
        assert_eq!(found(&gateway), [] as [String; 0], "{number}");
        let message = FromScanner::Enrol {
            user_id: session.user,
            session_token: token,
            capture: sealed(number),
        };
        scanner.send(&message).await;
        assert!(scanner.capture_result().await.0, "{number}");
    }

    assert_eq!(found(&gateway), ["scanner scn_1: enrolment-burst"]);
}

#[tokio::test]
async fn a_scanners_key_that_is_used_here_and_there_is_found_and_one_that_moves_is_not() {
    let gateway = Gateway::start().await;
    let places: [IpAddr; 2] = ["203.0.113.7", "198.51.100.7"].map(|text| text.parse().unwrap());
    for (number, place) in [0, 0, 1, 0, 1, 0].into_iter().enumerate() {
        // Two moves are one that did not work out.
        assert_eq!(found(&gateway), [] as [String; 0], "{number}");
        let router = gateway.router_from(places[place]);
        let mut client = Client::through(router, "/ws/pvs", &[]).await.unwrap();
        client.send(&login(SCANNER_KEY)).await;
        client.expect("configuration").await;
    }

    assert_eq!(found(&gateway), ["scanner scn_1: key-in-two-places"]);
}

#[tokio::test]
async fn a_scanner_that_names_users_that_are_not_there_is_found() {
    let gateway = Gateway::start().await;
    let mut scanner = Client::scanner(&gateway).await;
    for number in 0..20 {
        let message = FromScanner::Enrol {
            user_id: UserId::new([number; 16]),
            session_token: "guess".into(),
            capture: sealed(number),
        };
        scanner.send(&message).await;
        scanner.capture_result().await;
    }

    assert_eq!(found(&gateway), ["scanner scn_1: enumeration"]);
}

#[tokio::test]
async fn a_socket_that_tries_keys_hears_for_how_long_it_is_turned_away_and_a_good_key_gets_in() {
    let gateway = Gateway::start().await;
    let tries = [
        (
            "/ws/pvs",
            "scanner_id",
            "scn_1",
            "scanner_key",
            "authenticate",
        ),
        (
            "/ws/vendor",
            "vendor_id",
            "ven_1",
            "api_key",
            "authenticate",
        ),
        ("/ws/user", "session_token", "", "session_token", "hello"),
    ];
    for number in 0..12 {
        let (path, name, value, key, kind) = tries[number % 3];
        let mut message = json!({ "type": kind });
        message[name] = value.into();
        message[key] = format!("guess-{number}").into();
        let mut client = Client::open(&gateway, path).await;
        client.send(&message).await;
        let expected = ["unauthenticated", "busy"][usize::from(number == 11)];
        assert_eq!(client.error().await, expected, "{number}");
        client.closed().await;
    }

    let mut client = Client::open(&gateway, "/ws/pvs").await;
    client.send(&login("guess")).await;
    let error = client.expect("error").await;
    assert!(says_for_how_long(&error), "{error}");
    assert_eq!(client.close_frame().await.code, 3009.into());
    let refused = Client::try_open(
        &gateway,
        "/vendor/connect",
        &[("x-vendor-id", "ven_1"), ("x-api-key", "guess")],
    );
    assert_eq!(refused.await.err().map(|status| status.as_u16()), Some(429));

    Client::scanner(&gateway).await;
    Client::vendor(&gateway).await;
    assert_eq!(found(&gateway), ["address -: login-guessing"]);
}

#[tokio::test]
async fn a_vendors_socket_that_cancels_what_is_not_its_own_is_found() {
    let gateway = Gateway::start().await;
    let mut vendor = Client::vendor(&gateway).await;
    for number in 0..20 {
        let cancel = FromVendor::CancelContext {
            context_id: id(&format!("guess-{number}")),
        };
        vendor.send(&cancel).await;
        assert_eq!(vendor.error().await, "not-found");
    }

    assert_eq!(found(&gateway), ["vendor ven_1: enumeration"]);
}

#[tokio::test]
async fn messages_that_do_not_read_are_found_whoever_sends_them() {
    let gateway = Gateway::start().await;
    let mut vendor = Client::vendor(&gateway).await;
    let mut scanner = Client::scanner(&gateway).await;
    let mut user = Client::open(&gateway, "/ws/user").await;
    user.send(&json!({ "type": "hello", "session_token": SESSION_TOKEN }))
        .await;
    user.expect("welcome").await;
    for client in [&mut vendor, &mut scanner, &mut user] {
        for _ in 0..60 {
            client.send(&json!({ "type": "noise" })).await;
            client.expect("error").await;
        }
    }

    let mut found = found(&gateway);
    found.sort();
    assert_eq!(
        found,
        [
            "scanner scn_1: malformed-burst",
            "user -: malformed-burst",
            "vendor ven_1: malformed-burst",
        ]
    );
}

#[tokio::test]
async fn a_till_with_a_customer_now_and_then_who_needs_two_captures_is_left_alone() {
    let mut till = Till::open().await;
    for number in 0..60 {
        let matches = number % 4 != 0;
        till.gateway.parties.decide(match matches {
            true => matched_for(USER, &vendor().id),
            false => Decision::NotMatched,
        });
        till.gateway.ledger.put(user_account(USER), 1000);
        till.try_palm(&format!("c{number}"), number).await;
        assert_eq!(till.scanner.capture_result().await.0, matches);
    }

    assert_eq!(found(&till.gateway), [] as [String; 0]);
}

impl Till {
    /// Opens a context and holds a palm over the scanner for it.
    async fn try_palm(&mut self, context: &str, request: u8) {
        self.vendor.send(&create(context)).await;
        self.vendor.expect("context_created").await;
        self.scanner.expect("context").await;
        self.scanner.capture(context, &capture(request)).await;
        self.vendor.auth_result().await;
        self.scanner.expect("context_closed").await;
    }
}

fn login(key: &str) -> FromScanner {
    FromScanner::Authenticate {
        scanner_id: scanner().id,
        scanner_key: key.into(),
        resume: None,
    }
}

/// Tells whether an error is about the next quarter of an hour, as it should be.
fn says_for_how_long(error: &Value) -> bool {
    let told = (890..=900).map(|seconds| {
        let away = format!("turned away for {seconds} s");
        format!("too much for now: {away}; the network's operator can say why")
    });
    told.into_iter().any(|told| error["message"] == told)
}

async fn enrol(scanner: &mut Client, request: u8) {
    let message = FromScanner::Enrol {
        user_id: USER,
        session_token: SESSION_TOKEN.into(),
        capture: sealed(request),
    };
    scanner.send(&message).await;
}

fn sealed(request: u8) -> String {
    base64url(&to_canonical(&capture(request)))
}

/// Returns what was found, newest first: about whom, and by which rule.
fn found(gateway: &Gateway) -> Vec<String> {
    let found = gateway.app.intrusion.found(None, gateway.app.now());
    let words = found.into_iter().map(|(found, _)| {
        let kind = kind_of(found.finding.subject);
        let name = found.name.unwrap_or_else(|| "-".into());
        format!("{kind} {name}: {}", found.finding.rule)
    });
    words.collect()
}

/// Lets everybody free.
fn lift(gateway: &Gateway) {
    let now_ms = gateway.app.now();
    for (found, _) in gateway.app.intrusion.found(None, now_ms) {
        assert!(gateway.app.intrusion.lift(&found.id, now_ms));
    }
}
