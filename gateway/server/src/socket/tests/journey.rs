//! Contexts and captures, from the vendor's message to the result.

use boop_bridge::Log as _;
use boop_wire::api::{AuthReceipt, FromVendor};
use boop_wire::codec::from_canonical;
use boop_wire::job::{Capture, ContextKind, Decision, pairwise_id};
use boop_wire::ledger::{Detail, user_account, vendor_account};
use boop_wire::{Refusal, UserId};

use super::{Client, Till, id, requirements};
use crate::config::LimitSettings;
use crate::contexts::transaction_id;
use crate::fixture::{Gateway, Plan, USER, capture, matched_for, vendor};
use crate::store::{DirectoryStore as _, Scanner};
use crate::text::from_base64url;

#[tokio::test]
async fn row_4_a_palm_over_the_scanners_socket_pays_and_everybody_hears_of_it() {
    let mut till = Till::with("c1").await;

    till.scanner.capture("c1", &capture(1)).await;

    let result = till.vendor.auth_result().await;
    assert_eq!(result["success"], true);
    assert_eq!(
        result["user_id"],
        pairwise_id(USER, &vendor().id).to_user_text()
    );
    let transaction = transaction_id(&vendor().id, &id("c1")).to_string();
    assert_eq!(result["transaction_id"], transaction);
    assert!(result["timing"]["total_us"].as_u64() >= result["timing"]["match_us"].as_u64());
    let receipt = from_base64url(result["receipt"].as_str().unwrap()).unwrap();
    let receipt: AuthReceipt = from_canonical(&receipt).unwrap();
    assert_eq!(receipt.parties.len(), 3);
    assert!(matches!(
        receipt.context.kind,
        ContextKind::Payment { amount: 500, .. }
    ));
    let payment = receipt.payment.unwrap().opening.detail;
    assert!(matches!(payment, Detail::Payment(payment) if payment.amount == 500));
    assert_eq!(till.scanner.expect("context_closed").await["success"], true);
    assert_eq!(till.scanner.capture_result().await, (true, None, false));
    assert_eq!(till.balance(), 500);
    assert_eq!(
        till.gateway.ledger.balance(vendor_account(&vendor().id)),
        500
    );
}

#[tokio::test]
async fn the_same_request_again_gets_the_same_answer_and_pays_nothing() {
    let mut till = Till::with("c1").await;
    till.scanner.capture("c1", &capture(1)).await;
    till.scanner.expect("context_closed").await;
    let first = till.scanner.capture_result().await;

    till.scanner.capture("c1", &capture(1)).await;

    assert_eq!(till.scanner.capture_result().await, first);
    assert_eq!(till.gateway.ledger.payments_made(), 1);
    assert_eq!(till.gateway.parties.calls(), 3);
}

#[tokio::test]
async fn a_palm_that_nobody_knows_ends_the_context() {
    for (decision, code) in [
        (Decision::NotMatched, "user-not-found"),
        (Decision::Ambiguous, "ambiguous"),
    ] {
        let mut till = Till::with("c1").await;
        till.gateway.parties.decide(decision);

        till.scanner.capture("c1", &capture(1)).await;

        let result = till.vendor.auth_result().await;
        assert_eq!(
            (&result["success"], &result["code"]),
            (&false.into(), &code.into())
        );
        assert_eq!(result.get("user_id"), None);
        assert_eq!(till.scanner.expect("context_closed").await["code"], code);
        let refused = (false, Some(code.to_owned()), false);
        assert_eq!(till.scanner.capture_result().await, refused);
        let details = till.gateway.ledger.details();
        assert!(matches!(
            details[..],
            [Detail::Authentication { matched: false, .. }]
        ));
        assert_eq!(till.balance(), 1000);
    }
}

#[tokio::test]
async fn too_little_money_ends_the_context_without_a_payment() {
    let mut till = Till::with("c1").await;
    till.gateway.ledger.put(user_account(USER), 499);

    till.scanner.capture("c1", &capture(1)).await;

    let result = till.vendor.auth_result().await;
    assert_eq!(result["code"], "insufficient-funds");
    assert_eq!(till.balance(), 499);
}

#[tokio::test]
async fn an_entrance_moves_no_money() {
    let mut till = Till::open().await;
    let requirements = boop_wire::api::Requirements {
        kind: "entrance".into(),
        amount: None,
        currency: None,
        ..requirements()
    };
    let create = FromVendor::CreateContext {
        context_id: id("c1"),
        requirements,
        timeout: None,
    };
    till.vendor.send(&create).await;
    till.vendor.expect("context_created").await;
    till.scanner.expect("context").await;

    till.scanner.capture("c1", &capture(1)).await;

    let result = till.vendor.auth_result().await;
    assert_eq!(result["success"], true);
    assert_eq!(result.get("transaction_id"), None);
    assert_eq!(till.balance(), 1000);
}

#[tokio::test]
async fn a_party_that_is_silent_costs_a_retry_with_the_same_request_and_one_payment() {
    let mut till = Till::with("c1").await;
    let capture = capture(1);
    till.gateway.parties.plan(2, Plan::Silent);
    till.scanner.capture("c1", &capture).await;
    let late = (false, Some("deadline-exceeded".to_owned()), true);
    assert_eq!(till.scanner.capture_result().await, late);
    let error = till.vendor.expect("error").await;
    assert_eq!(error["code"], "AUTH_TIMEOUT");
    assert_eq!(error["details"]["retry_allowed"], true);
    assert_eq!(error["details"]["context_id"], "c1");

    till.gateway.parties.plan(2, Plan::Honest);
    till.scanner.capture("c1", &capture).await;

    assert_eq!(till.vendor.auth_result().await["success"], true);
    assert_eq!(till.gateway.ledger.payments_made(), 1);
}

#[tokio::test]
async fn a_lying_or_missing_party_never_gives_a_partial_result() {
    for (plan, code) in [
        (Plan::Lie, "protocol-aborted"),
        (Plan::Away, "party-unavailable"),
        (Plan::Refuse(Refusal::Busy), "busy"),
    ] {
        let mut till = Till::with("c1").await;
        till.gateway.parties.plan(0, plan);

        till.scanner.capture("c1", &capture(1)).await;

        let refused = (false, Some(code.to_owned()), true);
        assert_eq!(till.scanner.capture_result().await, refused);
        assert_eq!(till.vendor.error().await, code);
        assert!(till.gateway.ledger.details().is_empty());
    }
}

#[tokio::test]
async fn a_final_refusal_of_a_party_ends_the_context() {
    let mut till = Till::with("c1").await;
    till.gateway
        .parties
        .plan(1, Plan::Refuse(Refusal::SharesInconsistent));

    till.scanner.capture("c1", &capture(1)).await;

    let result = till.vendor.auth_result().await;
    assert_eq!(result["code"], "shares-inconsistent");
    till.scanner.expect("context_closed").await;
    let refused = (false, Some("shares-inconsistent".to_owned()), false);
    assert_eq!(till.scanner.capture_result().await, refused);
}

#[tokio::test]
async fn a_ledger_that_fails_after_the_match_is_asked_again_by_any_capture() {
    let mut till = Till::with("c1").await;
    till.gateway.ledger.refuse(&[Refusal::DeadlineExceeded]);
    till.scanner.capture("c1", &capture(1)).await;
    let late = (false, Some("deadline-exceeded".to_owned()), true);
    assert_eq!(till.scanner.capture_result().await, late);
    till.vendor.error().await;

    till.scanner.capture("c1", &capture(2)).await;

    assert_eq!(till.vendor.auth_result().await["success"], true);
    till.scanner.expect("context_closed").await;
    assert_eq!(till.scanner.capture_result().await, (true, None, false));
    assert_eq!(till.gateway.parties.calls(), 3);
    assert_eq!(till.gateway.ledger.payments_made(), 1);
    // The request that the parties answered has the same end.
    till.scanner.capture("c1", &capture(1)).await;
    assert_eq!(till.scanner.capture_result().await, (true, None, false));
}

#[tokio::test]
async fn the_clock_settles_what_the_parties_agreed_on() {
    let mut till = Till::open().await;
    let create = FromVendor::CreateContext {
        context_id: id("c1"),
        requirements: requirements(),
        timeout: Some(1000),
    };
    till.vendor.send(&create).await;
    till.vendor.expect("context_created").await;
    till.scanner.expect("context").await;
    till.gateway.ledger.refuse(&[Refusal::DeadlineExceeded]);
    till.scanner.capture("c1", &capture(1)).await;
    assert_eq!(till.vendor.error().await, "deadline-exceeded");

    let cancel = FromVendor::CancelContext {
        context_id: id("c1"),
    };
    till.vendor.send(&cancel).await;
    assert_eq!(till.vendor.error().await, "busy");

    assert_eq!(till.vendor.auth_result().await["success"], true);
    assert_eq!(till.gateway.ledger.payments_made(), 1);
}

#[tokio::test]
async fn a_context_ends_with_its_time() {
    let mut till = Till::open().await;
    let create = FromVendor::CreateContext {
        context_id: id("c1"),
        requirements: requirements(),
        timeout: Some(1000),
    };
    till.vendor.send(&create).await;
    till.vendor.expect("context_created").await;
    till.scanner.expect("context").await;

    let result = till.vendor.auth_result().await;

    assert_eq!(result["code"], "context-expired");
    let closed = till.scanner.expect("context_closed").await;
    assert_eq!(closed["code"], "context-expired");
    till.scanner.capture("c1", &capture(1)).await;
    let over = (false, Some("context-expired".to_owned()), false);
    assert_eq!(till.scanner.capture_result().await, over);
    // The same again gets the same end, and something else is a conflict.
    till.vendor.send(&create).await;
    assert_eq!(till.vendor.auth_result().await["code"], "context-expired");
    till.vendor.create("c1").await;
    assert_eq!(till.vendor.error().await, "conflict");
}

#[tokio::test]
async fn row_12_a_context_is_opened_once_per_id_and_terminal() {
    let mut till = Till::with("c1").await;

    till.vendor.create("c1").await;
    till.vendor.expect("context_created").await;
    till.vendor.create("c2").await;
    assert_eq!(till.vendor.error().await, "busy");
    let other = FromVendor::CreateContext {
        context_id: id("c1"),
        requirements: boop_wire::api::Requirements {
            amount: Some(501),
            ..requirements()
        },
        timeout: None,
    };
    till.vendor.send(&other).await;
    assert_eq!(till.vendor.error().await, "conflict");
}

#[tokio::test]
async fn a_context_needs_a_known_terminal_with_a_scanner_and_good_fields() {
    let gateway = Gateway::start().await;
    let mut vendor = Client::vendor(&gateway).await;

    vendor.create("c1").await;
    assert_eq!(vendor.error().await, "scanner-unavailable");
    for (change, code) in [
        (("till-9", 500), "unknown-terminal"),
        (("till-1", 0), "invalid"),
    ] {
        let (terminal, amount) = change;
        let create = FromVendor::CreateContext {
            context_id: id("c1"),
            requirements: boop_wire::api::Requirements {
                terminal_id: Some(terminal.parse().unwrap()),
                amount: Some(amount),
                ..requirements()
            },
            timeout: None,
        };
        vendor.send(&create).await;
        assert_eq!(vendor.error().await, code);
    }
}

#[tokio::test]
async fn a_vendor_asks_so_often_a_minute() {
    let gateway = Gateway::with(LimitSettings::default()).await;
    let _scanner = Client::scanner(&gateway).await;
    let mut vendor = Client::vendor(&gateway).await;
    for _ in 0..100 {
        vendor.create("c1").await;
        vendor.expect("context_created").await;
    }

    vendor.create("c1").await;

    assert_eq!(vendor.error().await, "busy");
}

#[tokio::test]
async fn a_vendor_cancels_what_is_open() {
    let mut till = Till::with("c1").await;
    let cancel = |context: &str| FromVendor::CancelContext {
        context_id: id(context),
    };

    till.vendor.send(&cancel("c1")).await;

    assert_eq!(till.vendor.auth_result().await["code"], "context-expired");
    till.scanner.expect("context_closed").await;
    till.vendor.send(&cancel("c1")).await;
    assert_eq!(till.vendor.error().await, "unexpected");
    till.vendor.send(&cancel("c9")).await;
    assert_eq!(till.vendor.error().await, "not-found");
    till.vendor.create("c2").await;
    till.vendor.expect("context_created").await;
}

#[tokio::test]
async fn row_8_a_capture_has_a_share_for_each_party_and_no_other() {
    let mut till = Till::with("c1").await;

    till.refuses(|c| c.boxes.truncate(2), "malformed").await;
    let another = |c: &mut Capture| c.boxes.push(c.boxes[0].clone());
    till.refuses(another, "malformed").await;
}

#[tokio::test]
async fn row_27_a_capture_below_the_networks_quality_is_refused() {
    let mut till = Till::with("c1").await;

    till.refuses(|c| c.quality = 79, "quality-too-low").await;
    till.scanner.capture("c1", &capture(1)).await;

    assert_eq!(till.vendor.auth_result().await["success"], true);
}

#[tokio::test]
async fn a_bad_capture_leaves_the_context_open_for_a_better_one() {
    let mut till = Till::with("c1").await;
    type Change = fn(&mut Capture);
    let table: [(Change, &str); 2] = [
        (|c| c.expires_at_ms = 1, "expired"),
        (|c| c.expires_at_ms += 600_000, "invalid"),
    ];
    for (change, code) in table {
        till.refuses(change, code).await;
    }
    let nonsense = serde_json::json!({ "type": "capture", "context_id": "c1", "capture": "AAAA" });
    till.scanner.send(&nonsense).await;
    assert_eq!(till.scanner.error().await, "malformed");

    till.scanner.capture("c1", &capture(1)).await;

    assert_eq!(till.vendor.auth_result().await["success"], true);
}

#[tokio::test]
async fn a_capture_is_for_an_open_context_of_this_scanner() {
    let mut till = Till::with("c1").await;
    till.scanner.capture("c9", &capture(1)).await;
    let unknown = (false, Some("not-found".to_owned()), false);
    assert_eq!(till.scanner.capture_result().await, unknown);
    let other = Scanner {
        id: "scn_2".parse().unwrap(),
        terminal: "till-2".parse().unwrap(),
        ..crate::fixture::scanner()
    };
    till.gateway.app.store.add_scanner(&other).await.unwrap();
    let stream = boop_bridge::StreamName::Scanner(other.id.clone());

    let text = crate::text::base64url(&boop_wire::codec::to_canonical(&capture(2)));
    till.gateway
        .app
        .authenticate(&other, &id("c1"), &text)
        .await;

    let page = till.gateway.app.store.read(&stream, 0, 1).await.unwrap();
    assert!(page.messages[0].text.contains("forbidden"), "{page:?}");
}

#[tokio::test]
async fn a_capture_that_was_used_for_another_context_goes_to_the_parties_and_is_refused_there() {
    let mut till = Till::with("c1").await;
    till.scanner.capture("c1", &capture(1)).await;
    till.vendor.auth_result().await;
    till.scanner.expect("context_closed").await;
    till.scanner.capture_result().await;
    till.vendor.create("c2").await;
    till.vendor.expect("context_created").await;
    till.scanner.expect("context").await;
    till.gateway
        .parties
        .plan(0, Plan::Refuse(Refusal::SealedBoxInvalid));

    till.scanner.capture("c2", &capture(1)).await;

    assert_eq!(
        till.vendor.auth_result().await["code"],
        "sealed-box-invalid"
    );
    till.scanner.expect("context_closed").await;
    let refused = (false, Some("sealed-box-invalid".to_owned()), false);
    assert_eq!(till.scanner.capture_result().await, refused);
    assert_eq!(till.gateway.parties.calls(), 6);
    // The first context's answer is still the one it was.
    till.scanner.capture("c1", &capture(1)).await;
    assert_eq!(till.scanner.capture_result().await, (true, None, false));
    till.scanner.capture("c1", &capture(2)).await;
    let over = (false, Some("unexpected".to_owned()), false);
    assert_eq!(till.scanner.capture_result().await, over);
}

#[tokio::test]
async fn a_result_waits_for_a_vendor_that_is_away() {
    let till = Till::with("c1").await;
    let Till {
        gateway,
        vendor,
        mut scanner,
    } = till;
    drop(vendor);
    let stream = boop_bridge::StreamName::Vendor(crate::fixture::vendor().id);
    while gateway.app.hub.is_attached(&stream) {
        tokio::time::sleep(std::time::Duration::from_millis(5)).await;
    }
    scanner.capture("c1", &capture(1)).await;
    scanner.expect("context_closed").await;

    let mut vendor = Client::vendor(&gateway).await;

    assert_eq!(vendor.auth_result().await["success"], true);
}

#[tokio::test]
async fn row_24_a_vendor_receives_neither_the_user_nor_the_account() {
    let mut till = Till::with("c1").await;

    till.scanner.capture("c1", &capture(9)).await;

    let result = till.vendor.auth_result().await;
    let bytes = from_base64url(result["receipt"].as_str().unwrap()).unwrap();
    let receipt: AuthReceipt = from_canonical(&bytes).unwrap();
    let who = pairwise_id(USER, &vendor().id);
    assert!(contains(&bytes, who.as_bytes()));
    assert!(receipt.payment.is_some());
    let text = result.to_string();
    for secret in [&USER.as_bytes()[..], user_account(USER).as_bytes()] {
        assert!(!contains(&bytes, secret));
        assert!(!contains(&bytes, hex::encode(secret).as_bytes()));
        assert!(!text.contains(&hex::encode(secret)));
    }
}

#[tokio::test]
async fn parties_that_name_a_user_whom_the_outcome_does_not_are_not_believed() {
    let mut till = Till::with("c1").await;
    let stranger = UserId::new([2; 16]);
    let decision = matched_for(stranger, &vendor().id);
    till.gateway.parties.decide(decision);

    till.scanner.capture("c1", &capture(1)).await;

    assert_eq!(till.vendor.error().await, "protocol-aborted");
    let refused = (false, Some("protocol-aborted".to_owned()), true);
    assert_eq!(till.scanner.capture_result().await, refused);
    assert_eq!(till.gateway.ledger.payments_made(), 0);
    assert_eq!(till.balance(), 1000);
}

fn contains(bytes: &[u8], part: &[u8]) -> bool {
    bytes.windows(part.len()).any(|window| window == part)
}
