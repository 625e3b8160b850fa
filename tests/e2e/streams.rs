//! Streams over the death of the gateway: what happened is told, once it is back, to whoever asks
//! from where they were.

use serde_json::{Value, json};
use tokio_tungstenite::tungstenite::Message;

use crate::bench::Bench;
use crate::raw::RawSocket;
use crate::shop::{PRICE, Shop};

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
