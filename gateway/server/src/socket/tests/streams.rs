//! Streams outlive sockets and processes: what is delivered again, from where, and what is named
//! as lost.

use std::sync::Arc;

use boop_bridge::StreamName;
use serde_json::{Value, json};
use tokio_tungstenite::tungstenite::Message;
use tokio_tungstenite::tungstenite::protocol::CloseFrame;

use super::{Client, Till};
use crate::fixture::{API_KEY, Gateway, capture, scanner, vendor};
use crate::store::{Post, StreamStore as _};

/// Puts numbered messages on the vendor's stream.
async fn post(gateway: &Gateway, texts: impl IntoIterator<Item = u64>) {
    let app = &gateway.app;
    for number in texts {
        let post = Post {
            stream: StreamName::Vendor(vendor().id),
            text: json!({ "type": "pong", "number": number }).to_string(),
            at_ms: app.now(),
        };
        app.store.post(&[post]).await.unwrap();
    }
    app.hub.wake(&StreamName::Vendor(vendor().id));
}

/// Logs in as the vendor; returns what the welcome says of the stream.
async fn login(gateway: &Gateway, resume: Option<Value>) -> (Client, Value) {
    let mut client = Client::open(gateway, "/ws/vendor").await;
    let mut hello = json!({ "type": "authenticate", "vendor_id": "ven_1", "api_key": API_KEY });
    if let Some(resume) = resume {
        hello["resume"] = resume;
    }
    client.send(&hello).await;
    let welcome = client.expect("authenticated").await;
    (client, welcome["stream"].clone())
}

async fn number(client: &mut Client) -> (u64, u64) {
    let message = client.next().await;
    let of = |name: &str| {
        message[name]
            .as_u64()
            .unwrap_or_else(|| panic!("{message}"))
    };
    (of("number"), of("offset"))
}

#[tokio::test]
async fn a_socket_goes_on_after_the_offset_that_it_names() {
    let gateway = Gateway::start().await;
    post(&gateway, 1..=3).await;
    let (mut first, start) = login(&gateway, None).await;
    assert_eq!(
        (&start["offset"], &start["recovered"]),
        (&json!(0), &json!(true))
    );
    for expected in 1..=3 {
        assert_eq!(number(&mut first).await, (expected, expected));
    }
    drop(first);

    let resume = json!({ "epoch": start["epoch"], "offset": 1 });
    let (mut second, again) = login(&gateway, Some(resume)).await;

    assert_eq!(
        (&again["offset"], &again["recovered"]),
        (&json!(1), &json!(true))
    );
    assert_eq!(number(&mut second).await, (2, 2));
    assert_eq!(number(&mut second).await, (3, 3));
}

#[tokio::test]
async fn a_socket_that_names_no_offset_goes_on_after_what_arrived() {
    let gateway = Gateway::start().await;
    post(&gateway, 1..=2).await;
    let (mut first, _) = login(&gateway, None).await;
    number(&mut first).await;
    number(&mut first).await;
    // Reading on answers the ping behind the last message.
    first.send(&json!({ "type": "ping" })).await;
    first.expect("pong").await;
    post(&gateway, 3..=3).await;
    assert_eq!(number(&mut first).await, (3, 3));
    first
        .send(&json!({ "type": "acknowledge", "offset": 3 }))
        .await;
    first.send(&json!({ "type": "ping" })).await;
    first.expect("pong").await;
    drop(first);
    post(&gateway, 4..=4).await;

    let (mut second, start) = login(&gateway, None).await;

    assert_eq!(start["offset"], 3);
    assert_eq!(number(&mut second).await, (4, 4));
}

#[tokio::test]
async fn a_message_that_did_not_arrive_comes_again() {
    let gateway = Gateway::start().await;
    let (first, _) = login(&gateway, None).await;
    post(&gateway, 1..=1).await;
    drop(first);

    let (mut second, _) = login(&gateway, None).await;

    assert_eq!(number(&mut second).await, (1, 1));
}

#[tokio::test]
async fn an_offset_of_another_life_of_the_log_is_not_recovered() {
    let gateway = Gateway::start().await;
    post(&gateway, 1..=2).await;
    let (_, start) = login(&gateway, None).await;
    let ahead = json!({ "epoch": start["epoch"], "offset": 9 });
    let old = json!({ "epoch": start["epoch"], "offset": 2 });

    assert_eq!(login(&gateway, Some(ahead)).await.1["recovered"], false);
    gateway.app.store.begin_epoch().await.unwrap();
    let (mut client, start) = login(&gateway, Some(old)).await;

    assert_eq!(start["recovered"], false);
    assert_eq!(number(&mut client).await, (1, 1));
}

#[tokio::test]
async fn what_was_kept_too_long_is_a_gap_with_its_ends() {
    let gateway = Gateway::start().await;
    post(&gateway, 1..=2).await;
    gateway
        .app
        .store
        .forget_messages(u64::MAX >> 1)
        .await
        .unwrap();
    post(&gateway, 3..=3).await;

    let (mut client, _) = login(&gateway, None).await;

    assert_eq!(
        client.next().await,
        json!({ "type": "gap", "from": 1, "to": 2 })
    );
    assert_eq!(number(&mut client).await, (3, 3));
}

#[tokio::test]
async fn a_result_survives_the_process_that_made_it() {
    let mut till = Till::with("c1").await;
    till.scanner.capture("c1", &capture(1)).await;
    till.scanner.expect("context_closed").await;
    drop(till.vendor);
    let (_, before) = login(&till.gateway, None).await;

    let next = till.gateway.restarted().await;
    let resume = json!({ "epoch": before["epoch"], "offset": 0 });
    let (mut client, start) = login(&next, Some(resume)).await;

    assert_eq!(start["recovered"], true);
    let result = client.next().await;
    assert_eq!(result["type"], "auth_result");
    assert_eq!(result["result"]["success"], true);
    assert_eq!(result["offset"], 1);
}

#[tokio::test]
async fn a_gateway_that_leaves_delivers_and_says_when_to_come_back() {
    let gateway = Gateway::start().await;
    let (mut client, _) = login(&gateway, None).await;
    post(&gateway, 1..=1).await;

    gateway.app.leaving.send_replace(true);

    assert_eq!(number(&mut client).await, (1, 1));
    let CloseFrame { code, reason } = client.close_frame().await;
    assert_eq!(u16::from(code), 3001);
    assert!(reason.starts_with("come back after "), "{reason}");
}

#[tokio::test]
async fn close_codes_tell_whether_to_come_back() {
    let gateway = Gateway::start().await;
    let table = [
        (
            json!({ "type": "authenticate", "vendor_id": "ven_1", "api_key": "no" }),
            3501,
        ),
        (json!({ "type": "ping" }), 3503),
        (json!([1]), 3502),
    ];
    for (message, expected) in table {
        let mut client = Client::open(&gateway, "/ws/vendor").await;
        client.send(&message).await;
        client.error().await;
        assert_eq!(u16::from(client.close_frame().await.code), expected);
    }
    let mut old = Client::scanner(&gateway).await;
    let _new = Client::scanner(&gateway).await;
    old.error().await;
    assert_eq!(u16::from(old.close_frame().await.code), 3500);
    assert!(
        gateway
            .app
            .hub
            .is_attached(&StreamName::Scanner(scanner().id))
    );
}

#[tokio::test]
async fn a_pong_acknowledges_and_the_store_hears_of_it() {
    let gateway = Gateway::start().await;
    let (mut client, _) = login(&gateway, None).await;
    post(&gateway, 1..=1).await;
    number(&mut client).await;
    let app = Arc::clone(&gateway.app);
    let name = StreamName::Vendor(vendor().id);

    client
        .put(Message::Pong(1u64.to_be_bytes().to_vec().into()))
        .await;
    client.send(&json!({ "type": "ping" })).await;
    client.expect("pong").await;
    app.keep_streams().await.unwrap();

    assert_eq!(app.store.stream(&name).await.unwrap().acknowledged, 1);
}
