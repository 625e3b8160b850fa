//! The main journey, across a restart of everything.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use boop_proof::Checkpoint;
use boop_proof::key::KeyType;
use boop_proof::{Hash, KeyName, VerifierKey, verify_consistency};
use boop_sdk::{verify_auth_receipt, verify_enrol_receipt};
use boop_wire::api::AuthReceipt;
use boop_world::{returning_visitor, visitor};

use crate::bench::{Bench, SEED};
use crate::raw::ledger_get;
use crate::scanner::{Answer, split};
use crate::shop::{CREDIT, Customer, PRICE, Shop};

const STRANGER: u64 = 1_000_000;

#[tokio::test(flavor = "multi_thread")]
async fn people_enrol_and_pay_and_are_known_after_everything_was_stopped_and_started() {
    let bench = Bench::start().await;
    let mut shop = Shop::open(&bench).await;
    let mut customers = Vec::new();
    for person in 0..3 {
        customers.push(shop.enrol(&bench, person).await);
    }
    let receipts = payments(&bench, &mut shop, &customers).await;
    refusals(&bench, &mut shop, &customers[0]).await;
    check_offline(&bench, &customers, &receipts).await;
    let before = checkpoint(&bench).await;

    let bench = bench.stop_and_start().await;
    shop.reconnect(&bench).await;

    for customer in &customers {
        assert_eq!(shop.balance(customer.user).await, CREDIT - PRICE);
        shop.check_payment(&bench, customer).await;
    }
    check_offline(&bench, &customers, &receipts).await;
    let after = checkpoint(&bench).await;
    check_extends(&bench, &before, &after).await;
}

async fn payments(bench: &Bench, shop: &mut Shop, customers: &[Customer]) -> Vec<AuthReceipt> {
    let mut receipts = Vec::new();
    for customer in customers {
        let paid = shop.pay(bench, &customer.visitor.probe).await;
        assert!(paid.result.success, "{:?}", paid.result.code);
        let (receipt, verified) = paid.receipt.expect("a payment has a receipt");
        assert!(verified.payment.is_some());
        assert_eq!(shop.balance(customer.user).await, CREDIT - PRICE);
        receipts.push(receipt);
    }
    receipts
}

async fn refusals(bench: &Bench, shop: &mut Shop, customer: &Customer) {
    let stranger = visitor(SEED, STRANGER).unwrap();
    let turned_away = shop.pay(bench, &stranger.probe).await;
    assert_eq!(turned_away.result.code.as_deref(), Some("user-not-found"));
    assert!(turned_away.receipt.is_none());

    let again = returning_visitor(SEED, customer.visitor.index).unwrap();
    let (_stream, registration) = shop.register(bench).await;
    let user = registration.user_id;
    let split = split(&again.enrolment, &boop_wire::job::Subject::Enrol { user });
    let capture = split.seal(&bench.view().await).unwrap();
    let token = &registration.session_token;
    shop.scanner.send_enrolment(user, token, &capture).await;
    let answer = shop.scanner.answer(split.request()).await;
    assert_eq!(answer, Answer::refused("user-exists"));

    let palm = &customer.visitor.probe;
    let too_much = shop.pay_amount(bench, palm, CREDIT + 1).await;
    let code = too_much.result.code.as_deref();
    assert_eq!(code, Some("insufficient-funds"));
    assert_eq!(shop.balance(customer.user).await, CREDIT - PRICE);
}

/// Checks receipts by the manifest alone, as anyone may who has never met this network's gateway.
async fn check_offline(bench: &Bench, customers: &[Customer], receipts: &[AuthReceipt]) {
    let trust = bench
        .client
        .admit_file(&bench.layout().path("manifest.cbor"))
        .unwrap();
    for customer in customers {
        let enrolled = verify_enrol_receipt(&customer.receipt, &trust, Some(customer.user));
        assert!(enrolled.is_ok(), "{enrolled:?}");
    }
    for receipt in receipts {
        let paid = verify_auth_receipt(receipt, &trust, None);
        assert!(paid.is_ok(), "{paid:?}");
    }
}

async fn checkpoint(bench: &Bench) -> Checkpoint {
    let trust = bench
        .client
        .admit_file(&bench.layout().path("manifest.cbor"))
        .unwrap();
    let entry = &trust.manifest().manifest().ledger;
    let name = KeyName::new(&entry.origin).unwrap();
    let key = VerifierKey::new(name, KeyType::Ed25519, &entry.key).unwrap();
    let note = ledger_get(bench, "/checkpoint").await;
    Checkpoint::open(std::str::from_utf8(&note).unwrap(), &key).unwrap()
}

async fn check_extends(bench: &Bench, before: &Checkpoint, after: &Checkpoint) {
    assert!(before.size > 0 && after.size > before.size);
    let (from, to) = (before.size, after.size);
    let answer = ledger_get(bench, &format!("/consistency/{from}/{to}")).await;
    let answer: serde_json::Value = serde_json::from_slice(&answer).unwrap();
    let hash = |text: &serde_json::Value| {
        Hash::from_slice(&STANDARD.decode(text.as_str().unwrap()).unwrap()).unwrap()
    };
    let proof: Vec<Hash> = answer["proof"]
        .as_array()
        .unwrap()
        .iter()
        .map(hash)
        .collect();

    let extends = |old| verify_consistency(from, to, old, &after.root, &proof);

    assert_eq!(extends(&before.root), Ok(()));
    assert!(extends(&after.root).is_err());
}
