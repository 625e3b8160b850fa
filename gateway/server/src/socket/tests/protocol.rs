//! What the sockets refuse, and which refusals end the connection.

use axum::http::StatusCode;
use boop_wire::api::{FromScanner, FromUser, FromVendor, WS_MESSAGE_BYTES_MAX};
use serde_json::json;
use tokio_tungstenite::tungstenite::Message;

use super::{Client, create};
use crate::fixture::{Gateway, SCANNER_KEY, scanner, vendor};

const PATHS: [&str; 3] = ["/ws/vendor", "/ws/pvs", "/ws/user"];

#[tokio::test]
async fn a_wrong_key_or_token_ends_the_connection() {
    let gateway = Gateway::start().await;
    let wrong = [
        json!({ "type": "authenticate", "vendor_id": "ven_1", "api_key": "wrong" }),
        json!({ "type": "authenticate", "scanner_id": "scn_1", "scanner_key": "wrong" }),
        json!({ "type": "hello", "session_token": "wrong" }),
    ];

    for (path, message) in PATHS.into_iter().zip(wrong) {
        let mut client = Client::open(&gateway, path).await;
        client.send(&message).await;
        assert_eq!(client.error().await, "unauthenticated");
        client.closed().await;
    }
}

#[tokio::test]
async fn the_key_of_somebody_else_is_a_wrong_key() {
    let gateway = Gateway::start().await;
    let mut client = Client::open(&gateway, "/ws/vendor").await;

    client
        .send(&FromVendor::Authenticate {
            vendor_id: "ven_2".parse().unwrap(),
            api_key: crate::fixture::API_KEY.into(),
            resume: None,
        })
        .await;

    assert_eq!(client.error().await, "unauthenticated");
    client.closed().await;
}

#[tokio::test]
async fn a_first_message_that_proves_nothing_ends_the_connection() {
    let gateway = Gateway::start().await;

    for path in PATHS {
        let mut client = Client::open(&gateway, path).await;
        client.send(&json!({ "type": "ping" })).await;
        assert_eq!(client.error().await, "unexpected");
        client.closed().await;
    }
}

#[tokio::test]
async fn silence_ends_the_connection() {
    let gateway = Gateway::start().await;
    let mut client = Client::open(&gateway, "/ws/vendor").await;

    assert_eq!(client.error().await, "unauthenticated");
    client.closed().await;
}

#[tokio::test]
async fn what_is_no_message_is_refused_and_the_connection_goes_on() {
    let gateway = Gateway::start().await;
    let mut client = Client::vendor(&gateway).await;

    for (text, named) in [
        (r#"{"type":"open_sesame"}"#, "open_sesame"),
        (r#"{"type":"cancel_context","context_id":"a b"}"#, "letters"),
        (r#"{"no":"type"}"#, "type"),
    ] {
        client.send_text(text.into()).await;
        let error = client.expect("error").await;
        assert_eq!(error["code"], "INVALID_REQUEST");
        assert_eq!(error["details"]["refusal"], "malformed");
        assert!(
            error["message"].as_str().unwrap().contains(named),
            "{error}"
        );
    }

    client.send(&FromVendor::Ping).await;
    client.expect("pong").await;
}

#[tokio::test]
async fn what_is_no_json_object_ends_the_connection() {
    let gateway = Gateway::start().await;
    let table = [
        Message::Text("{".into()),
        Message::Text("[]".into()),
        Message::Binary(vec![1, 2, 3].into()),
    ];

    for message in table {
        let mut client = Client::vendor(&gateway).await;
        client.put(message).await;
        assert_eq!(client.error().await, "malformed");
        client.closed().await;
    }
}

#[tokio::test]
async fn what_is_no_message_is_refused_before_authentication_too() {
    let gateway = Gateway::start().await;

    for path in PATHS {
        let mut client = Client::open(&gateway, path).await;
        client.send_text("nonsense".into()).await;
        assert_eq!(client.error().await, "malformed");
        client.closed().await;
    }
}

#[tokio::test]
async fn a_message_that_is_too_large_ends_the_connection() {
    let gateway = Gateway::start().await;

    for bytes in [WS_MESSAGE_BYTES_MAX + 1, 4 * WS_MESSAGE_BYTES_MAX] {
        let mut client = Client::scanner(&gateway).await;
        client.send_text("x".repeat(bytes)).await;
        assert_eq!(client.error().await, "too-large");
        client.closed().await;
    }
}

#[tokio::test]
async fn a_ping_gets_a_pong_and_a_second_greeting_is_out_of_order() {
    let gateway = Gateway::start().await;

    let mut client = Client::vendor(&gateway).await;
    client
        .send(&FromVendor::Authenticate {
            vendor_id: vendor().id,
            api_key: String::new(),
            resume: None,
        })
        .await;
    assert_eq!(client.error().await, "unexpected");
    client.send(&FromVendor::Ping).await;
    client.expect("pong").await;

    let mut client = Client::scanner(&gateway).await;
    client
        .send(&FromScanner::Authenticate {
            scanner_id: scanner().id,
            scanner_key: SCANNER_KEY.into(),
            resume: None,
        })
        .await;
    assert_eq!(client.error().await, "unexpected");
    client.send(&FromScanner::Ping).await;
    client.expect("pong").await;
}

#[tokio::test]
async fn a_user_is_greeted_by_its_token() {
    let gateway = Gateway::start().await;
    let mut client = Client::open(&gateway, "/ws/user").await;
    let hello = FromUser::Hello {
        session_token: crate::fixture::SESSION_TOKEN.into(),
        resume: None,
    };

    client.send(&hello).await;
    client.expect("welcome").await;
    client.send(&FromUser::Ping).await;
    client.expect("pong").await;
    client.send(&hello).await;

    assert_eq!(client.error().await, "unexpected");
}

#[tokio::test]
async fn a_second_socket_of_a_scanner_ends_the_first() {
    let gateway = Gateway::start().await;
    let mut first = Client::scanner(&gateway).await;

    let mut second = Client::scanner(&gateway).await;

    assert_eq!(first.error().await, "unexpected");
    first.closed().await;
    second.send(&FromScanner::Ping).await;
    second.expect("pong").await;
}

#[tokio::test]
async fn nothing_begins_while_the_gateway_stops() {
    let gateway = Gateway::start().await;
    let mut vendor = Client::vendor(&gateway).await;
    gateway.app.work.drain().await;

    vendor.send(&create("c1")).await;

    assert_eq!(vendor.error().await, "busy");
}

#[tokio::test]
async fn row_2_our_own_sockets_agree_on_a_version_or_do_not_open() {
    let gateway = Gateway::start().await;

    for (path, own) in [("/ws/pvs", "boop.pvs.v1"), ("/ws/user", "boop.user.v1")] {
        let asking = |names| [("sec-websocket-protocol", names)];
        let both = format!("boop.pvs.v9, {own}");
        for names in [own, &both] {
            let opened = Client::try_open(&gateway, path, &asking(names)).await;
            assert!(opened.is_ok(), "{path} {names}");
        }
        let other = Client::try_open(&gateway, path, &asking("boop.pvs.v9")).await;
        assert_eq!(other.err(), Some(StatusCode::BAD_REQUEST));
    }
}
