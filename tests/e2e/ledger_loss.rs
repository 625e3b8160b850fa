//! A ledger or gateway that dies in the middle: the same request is finished later, once.

use std::time::Duration;

use boop_sdk::{Connection, SplitCapture};
use boop_wire::RequestId;
use boop_wire::api::CreditRequest;
use boop_wire::id::ContextId;
use boop_wire::job::Subject;
use serde_json::Value;
use tokio::time::sleep;

use crate::bench::Bench;
use crate::moments::Moment;
use crate::scanner::{Answer, split};
use crate::shop::{CURRENCY, Customer, PRICE, Shop};

const RETRIES_MAX: u32 = 20;

#[tokio::test(flavor = "multi_thread")]
async fn a_ledger_killed_during_payments_books_each_of_them_once() {
    let mut bench = Bench::start().await;
    let mut shop = Shop::open(&bench).await;
    let customer = shop.enrol(&bench, 0).await;

    for moment in [
        Moment::Before,
        Moment::After(30),
        Moment::After(45),
        Moment::After(55),
        Moment::After(65),
    ] {
        let before = shop.balance(customer.user).await;
        let (id, split) = prepare(&mut shop, &customer).await;
        let capture = split.seal(&bench.view().await).unwrap();
        if moment == Moment::Before {
            bench.network.process("ledger").unwrap().kill();
        }
        shop.scanner.send_capture(&id, &capture).await;
        moment.wait().await;
        bench.network.process("ledger").unwrap().kill();
        if moment == Moment::Before {
            let answer = shop.scanner.answer(split.request()).await;
            assert!(!answer.success && answer.retry_allowed, "{answer:?}");
        }

        bench.network.restart_member("ledger").unwrap();
        bench.wait_ready().await;
        finish(&bench, &mut shop, &id, &split).await;
        let result = shop.result(&id).await;
        assert!(
            result.result.success,
            "{moment:?}: {:?}",
            result.result.code
        );
        assert_eq!(
            shop.balance(customer.user).await,
            before - PRICE,
            "{moment:?}"
        );
    }
    credit_once(&mut bench, &mut shop, &customer).await;
    shop.check_payment(&bench, &customer).await;
}

/// A credit that is repeated across a restart of the ledger is booked once.
async fn credit_once(bench: &mut Bench, shop: &mut Shop, customer: &Customer) {
    let before = shop.balance(customer.user).await;
    let credit = CreditRequest {
        user_id: customer.user,
        amount: 1_000,
        currency: CURRENCY.into(),
        request_id: RequestId::new([7; 16]),
    };

    shop.admin.repeat_credit(credit.clone()).await.unwrap();
    bench.network.process("ledger").unwrap().kill();
    bench.network.restart_member("ledger").unwrap();
    bench.wait_ready().await;
    shop.admin.repeat_credit(credit).await.unwrap();

    assert_eq!(shop.balance(customer.user).await, before + 1_000);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_gateway_killed_during_payments_finishes_each_of_them_once() {
    let mut bench = Bench::start().await;
    let mut shop = Shop::open(&bench).await;
    let customer = shop.enrol(&bench, 0).await;

    for ms in [0, 25, 45, 55, 70] {
        let before = shop.balance(customer.user).await;
        let (id, split) = prepare(&mut shop, &customer).await;
        let capture = split.seal(&bench.view().await).unwrap();
        shop.scanner.send_capture(&id, &capture).await;
        Moment::After(ms).wait().await;
        bench.network.process("gateway").unwrap().kill();

        bench.network.restart_member("gateway").unwrap();
        bench.wait_ready().await;
        shop.reconnect(&bench).await;
        finish(&bench, &mut shop, &id, &split).await;
        let status = status(&bench, &shop, &id).await;
        assert_eq!(status["status"], "completed", "after {ms} ms: {status}");
        assert_eq!(status["result"]["success"], true);
        assert_eq!(
            shop.balance(customer.user).await,
            before - PRICE,
            "after {ms} ms"
        );
    }
    shop.check_payment(&bench, &customer).await;
}

async fn prepare(shop: &mut Shop, customer: &Customer) -> (ContextId, SplitCapture) {
    let id = shop.ask().await;
    let context = shop.scanner.hear(&id).await;
    let split = split(&customer.visitor.probe, &Subject::Identify(context));
    (id, split)
}

/// Sends the same request until it is answered for good, and once more; both must be successes.
async fn finish(bench: &Bench, shop: &mut Shop, id: &ContextId, split: &SplitCapture) {
    let mut good = 0;
    for _ in 0..RETRIES_MAX {
        let capture = split.seal(&bench.view().await).unwrap();
        shop.scanner.send_capture(id, &capture).await;
        let answer = shop.scanner.answer(split.request()).await;
        if answer == Answer::GOOD {
            good += 1;
        } else {
            assert!(answer.retry_allowed && good == 0, "{answer:?}");
            sleep(Duration::from_millis(100)).await;
        }
        if good == 2 {
            return;
        }
    }
    panic!("request {} never succeeds", split.request());
}

async fn status(bench: &Bench, shop: &Shop, id: &ContextId) -> Value {
    let connection = Connection::open(&bench.client, &bench.gateway).await;
    let mut connection = connection.unwrap().with_api_key(&shop.vendor_login.api_key);
    let path = format!("/api/v1/auth/{id}/status");
    let mut answer: Value = connection.get_json(&path).await.unwrap();
    answer["data"].take()
}
