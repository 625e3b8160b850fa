//! The three sockets over a loopback connection: what is refused, and the journeys with parties
//! and a ledger that behave as planned.

use std::time::Duration;

use axum::Router;
use axum::http::StatusCode;
use boop_wire::api::{FromScanner, FromVendor, Requirements};
use boop_wire::codec::to_canonical;
use boop_wire::id::ContextId;
use boop_wire::job::Capture;
use boop_wire::ledger::user_account;
use futures_util::{SinkExt as _, StreamExt as _};
use serde::Serialize;
use serde_json::{Value, json};
use tokio::net::{TcpListener, TcpStream};
use tokio::time::timeout;
use tokio_tungstenite::tungstenite::client::IntoClientRequest as _;
use tokio_tungstenite::tungstenite::protocol::CloseFrame;
use tokio_tungstenite::tungstenite::{self, Message};
use tokio_tungstenite::{WebSocketStream, client_async};

use crate::fixture::{API_KEY, Gateway, SCANNER_KEY, USER, capture, scanner, vendor};
use crate::text::base64url;

mod dialects;
mod enrolment;
mod gateways;
mod intrusion;
mod journey;
mod protocol;
mod revocation;
mod streams;

/// A client of one socket.
struct Client {
    socket: WebSocketStream<TcpStream>,
}

impl Client {
    async fn open(gateway: &Gateway, path: &str) -> Self {
        Self::try_open(gateway, path, &[]).await.unwrap()
    }

    /// Opens a socket with headers; the status if it is refused.
    async fn try_open(
        gateway: &Gateway,
        path: &str,
        headers: &[(&'static str, &str)],
    ) -> Result<Self, StatusCode> {
        Self::through(gateway.router(), path, headers).await
    }

    async fn through(
        router: Router,
        path: &str,
        headers: &[(&'static str, &str)],
    ) -> Result<Self, StatusCode> {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        tokio::spawn(async move { axum::serve(listener, router).await });
        let stream = TcpStream::connect(address).await.unwrap();
        let url = format!("ws://localhost{path}");
        let mut request = url.into_client_request().unwrap();
        for (name, value) in headers {
            request.headers_mut().insert(*name, value.parse().unwrap());
        }
        match client_async(request, stream).await {
            Ok((socket, _)) => Ok(Self { socket }),
            Err(tungstenite::Error::Http(response)) => Err(response.status()),
            Err(other) => panic!("{other}"),
        }
    }

    /// Opens a vendor's socket and authenticates.
    async fn vendor(gateway: &Gateway) -> Self {
        let mut client = Self::open(gateway, "/ws/vendor").await;
        client
            .send(&FromVendor::Authenticate {
                vendor_id: vendor().id,
                api_key: API_KEY.into(),
                resume: None,
            })
            .await;
        assert_eq!(client.next().await["type"], "authenticated");
        client
    }

    /// Opens the scanner's socket and authenticates.
    async fn scanner(gateway: &Gateway) -> Self {
        let mut client = Self::open(gateway, "/ws/pvs").await;
        client
            .send(&FromScanner::Authenticate {
                scanner_id: scanner().id,
                scanner_key: SCANNER_KEY.into(),
                resume: None,
            })
            .await;
        assert_eq!(client.next().await["type"], "configuration");
        client
    }

    async fn send(&mut self, message: &impl Serialize) {
        self.send_text(serde_json::to_string(message).unwrap())
            .await;
    }

    async fn send_text(&mut self, text: String) {
        self.put(Message::Text(text.into())).await;
    }

    async fn put(&mut self, message: Message) {
        self.socket.send(message).await.unwrap();
    }

    /// Waits for the next message.
    async fn next(&mut self) -> Value {
        loop {
            let message = timeout(Duration::from_secs(10), self.socket.next()).await;
            match message.unwrap().unwrap().unwrap() {
                Message::Text(text) => return serde_json::from_str(&text).unwrap(),
                Message::Ping(_) | Message::Pong(_) => {}
                other => panic!("{other:?}"),
            }
        }
    }

    /// Waits for an error and returns its code.
    async fn error(&mut self) -> String {
        let message = self.next().await;
        assert_eq!(message["type"], "error", "{message}");
        // A vendor's socket has the published code first, and ours beside it.
        let refusal = message["details"].get("refusal");
        let code = refusal.unwrap_or(&message["code"]);
        code.as_str().unwrap().to_owned()
    }

    /// Waits for the end of the connection.
    async fn closed(&mut self) {
        loop {
            let message = timeout(Duration::from_secs(10), self.socket.next()).await;
            match message.unwrap() {
                None | Some(Err(_) | Ok(Message::Close(_))) => return,
                Some(Ok(Message::Ping(_) | Message::Pong(_))) => {}
                Some(Ok(other)) => panic!("{other:?}"),
            }
        }
    }

    /// Waits for the end of the connection and returns why.
    async fn close_frame(&mut self) -> CloseFrame {
        loop {
            let message = timeout(Duration::from_secs(10), self.socket.next()).await;
            match message.unwrap().unwrap().unwrap() {
                Message::Close(Some(frame)) => return frame,
                Message::Ping(_) | Message::Pong(_) => {}
                other => panic!("{other:?}"),
            }
        }
    }

    /// Asks for a payment of five euros.
    async fn create(&mut self, context: &str) {
        self.send(&create(context)).await;
    }

    async fn capture(&mut self, context: &str, capture: &Capture) {
        self.send(&FromScanner::Capture {
            context_id: context.parse().unwrap(),
            capture: base64url(&to_canonical(capture)),
        })
        .await;
    }

    /// Waits for what became of a capture: success, code, whether a retry may help.
    async fn capture_result(&mut self) -> (bool, Option<String>, bool) {
        let message = self.next().await;
        assert_eq!(message["type"], "capture_result", "{message}");
        (
            message["success"].as_bool().unwrap(),
            message["code"].as_str().map(Into::into),
            message["retry_allowed"].as_bool().unwrap(),
        )
    }

    /// Waits for a context's result.
    async fn auth_result(&mut self) -> Value {
        let message = self.next().await;
        assert_eq!(message["type"], "auth_result", "{message}");
        message["result"].clone()
    }

    async fn expect(&mut self, kind: &str) -> Value {
        let message = self.next().await;
        assert_eq!(message["type"], kind, "{message}");
        message
    }
}

fn create(context: &str) -> FromVendor {
    FromVendor::CreateContext {
        context_id: id(context),
        requirements: requirements(),
        timeout: None,
    }
}

fn requirements() -> Requirements {
    serde_json::from_value(json!({
        "type": "payment",
        "terminal_id": "till-1",
        "amount": 500,
        "currency": "EUR",
    }))
    .unwrap()
}

fn id(context: &str) -> ContextId {
    context.parse().unwrap()
}

/// A vendor and a scanner with one open context, and a user with ten euros.
struct Till {
    gateway: Gateway,
    vendor: Client,
    scanner: Client,
}

impl Till {
    /// Sends a changed capture for the context "c1", which must be refused by this code.
    async fn refuses(&mut self, change: impl FnOnce(&mut Capture), code: &str) {
        let mut bad = capture(1);
        change(&mut bad);
        self.scanner.capture("c1", &bad).await;
        let refused = (false, Some(code.to_owned()), false);
        assert_eq!(self.scanner.capture_result().await, refused);
    }

    async fn open() -> Self {
        let gateway = Gateway::start().await;
        gateway.ledger.put(user_account(USER), 1000);
        let scanner = Client::scanner(&gateway).await;
        let vendor = Client::vendor(&gateway).await;
        Self {
            gateway,
            vendor,
            scanner,
        }
    }

    /// Opens a till and a context on it.
    async fn with(context: &str) -> Self {
        let mut till = Self::open().await;
        till.vendor.create(context).await;
        till.vendor.expect("context_created").await;
        till.scanner.expect("context").await;
        till
    }

    fn balance(&self) -> u64 {
        self.gateway.ledger.balance(user_account(USER))
    }
}
