//! Streams over the death of the gateway: what happened is told, once it is back, to whoever asks
//! from where they were.

use std::time::Duration;

use boop_sdk::ContextRequest;
use boop_wire::api::Requirements;
use boop_wire::job::Subject;
use serde_json::{Value, json};
use tokio_tungstenite::tungstenite::Message;

use crate::bench::Bench;
use crate::raw::RawSocket;
use crate::scanner::{Scanner, split};
use crate::shop::{CURRENCY, PRICE, Shop};

#[tokio::test(flavor = "multi_thread")]
async fn a_result_reaches_a_vendor_that_was_away_over_the_death_of_the_gateway() {
    let mut bench = Bench::start().await;
    let mut shop = Shop::open(&bench).await;
    let customer = shop.enrol(&bench, 0).await;
    let (till, start) = login(&bench, &shop, Value::Null).await;
    drop(till);
    let paid = shop.pay(&bench, &customer.visitor.probe).await;

    bench.network.process("gateway").unwrap().kill();
    bench.network.restart_member("gateway").unwrap();
    bench.wait_ready().await;
    let (mut till, again) = login(&bench, &shop, start.clone()).await;

    assert_eq!(again["recovered"], true);
    assert_eq!(again["epoch"], start["epoch"]);
    let result = till.next().await;
    assert_eq!(result["type"], "auth_result");
    assert_eq!(result["result"]["success"], true);
    assert_eq!(
        result["result"]["transaction_id"].as_str(),
        paid.result.transaction_id.as_deref()
    );
    assert_eq!(
        result["offset"].as_u64(),
        start["offset"].as_u64().map(|offset| offset + 1)
    );
    shop.reconnect(&bench).await;
    let before = shop.balance(customer.user).await;
    shop.check_payment(&bench, &customer).await;
    assert_eq!(shop.balance(customer.user).await, before - PRICE);
    // The same socket hears of the next one, right after.
    let next = till.next().await;
    assert_eq!(
        next["offset"].as_u64(),
        result["offset"].as_u64().map(|offset| offset + 1)
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_vendor_client_waits_over_the_death_of_the_gateway() {
    let mut bench = Bench::start().await;
    let mut shop = Shop::open(&bench).await;
    let customer = shop.enrol(&bench, 0).await;
    let id = shop.ask().await;
    let context = shop.scanner.hear(&id).await;
    let split = split(&customer.visitor.probe, &Subject::Identify(context));
    let place = shop.vendor.place();

    let (mut vendor, login) = (shop.vendor, shop.scanner_login);
    let waiting = tokio::spawn({
        let id = id.clone();
        async move {
            let result = vendor.wait_result(&id, Duration::from_secs(30)).await;
            (vendor, result)
        }
    });
    for _ in 0..2 {
        bench.network.process("gateway").unwrap().kill();
        bench.network.restart_member("gateway").unwrap();
        bench.wait_ready().await;
    }
    let mut scanner = Scanner::connect(&bench, &login).await;
    let capture = split.seal(&bench.view().await).unwrap();
    scanner.send_capture(&id, &capture).await;
    assert!(scanner.answer(split.request()).await.success);

    let (mut vendor, result) = waiting.await.unwrap();
    let result = result.unwrap();
    assert!(result.result.success, "{:?}", result.result.code);
    assert!(result.receipt.is_some());
    // It opens the next one on the connection that it has made meanwhile.
    let next = shop_request(&shop.terminal);
    vendor.create_context(&next).await.unwrap();
    let (before, after) = (place.unwrap(), vendor.place().unwrap());
    assert_eq!(before.epoch, after.epoch);
    assert_eq!(after.offset, before.offset + 1);
}

fn shop_request(terminal: &str) -> ContextRequest {
    ContextRequest {
        context_id: "ctx-after".parse().unwrap(),
        requirements: Requirements::payment(terminal.parse().unwrap(), 100, CURRENCY),
        timeout_ms: None,
    }
}

/// Logs in as the shop; returns what the welcome says of the stream.
async fn login(bench: &Bench, shop: &Shop, resume: Value) -> (RawSocket, Value) {
    let mut socket = RawSocket::open(bench, "/ws/vendor").await;
    let mut hello = json!({
        "type": "authenticate",
        "vendor_id": shop.vendor_login.vendor_id,
        "api_key": *shop.vendor_login.api_key,
    });
    if !resume.is_null() {
        hello["resume"] = json!({ "epoch": resume["epoch"], "offset": resume["offset"] });
    }
    socket.send(Message::Text(hello.to_string().into())).await;
    let welcome = socket.next().await;
    assert_eq!(welcome["type"], "authenticated");
    (socket, welcome["stream"].clone())
}
