//! Bytes to the network's ports without a client library: TLS, HTTP/1.1 and WebSockets by hand,
//! for what no client would send.

use std::io;
use std::sync::Arc;
use std::time::Duration;

use boop_tests::anybody;
use boop_world::Ports;
use futures_util::{SinkExt as _, StreamExt as _};
use rustls_pki_types::ServerName;
use serde_json::Value;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio::time::timeout;
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;
use tokio_tungstenite::tungstenite::Message;
use tokio_tungstenite::{WebSocketStream, client_async};

use crate::bench::Bench;

const PATIENCE: Duration = Duration::from_secs(20);

/// An answer over HTTP.
#[derive(Debug)]
pub(crate) struct HttpAnswer {
    pub(crate) status: u16,
    pub(crate) body: Vec<u8>,
}

impl HttpAnswer {
    /// Returns status and refusal code.
    pub(crate) fn refusal(&self) -> (u16, String) {
        let problem: Value = serde_json::from_slice(&self.body).unwrap_or_default();
        (self.status, problem["code"].as_str().unwrap_or("").into())
    }
}

/// Sends one request to the gateway; `headers` are whole lines.
pub(crate) async fn gateway_request(
    bench: &Bench,
    line: &str,
    headers: &[&str],
    body: &[u8],
) -> HttpAnswer {
    let mut stream = tls(bench).await;
    let mut request = format!("{line} HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\n");
    for header in headers {
        request.push_str(header);
        request.push_str("\r\n");
    }
    request.push_str(&format!("content-length: {}\r\n\r\n", body.len()));
    // A gateway that refuses early may close before it has read everything.
    let _ = stream.write_all(request.as_bytes()).await;
    let _ = stream.write_all(body).await;
    read_answer(&mut stream).await
}

/// Gets a resource of the ledger's public port.
pub(crate) async fn ledger_get(bench: &Bench, path: &str) -> Vec<u8> {
    let address = Ports::address(bench.ports().ledger_public);
    let mut stream = TcpStream::connect(address).await.unwrap();
    let request = format!("GET {path} HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\n\r\n");
    stream.write_all(request.as_bytes()).await.unwrap();
    let answer = read_answer(&mut stream).await;
    assert_eq!(answer.status, 200, "{path}");
    answer.body
}

async fn read_answer(stream: &mut (impl tokio::io::AsyncRead + Unpin)) -> HttpAnswer {
    let mut bytes = Vec::new();
    // The end of the stream may be abrupt; what counts is what came before.
    let _ = timeout(PATIENCE, stream.read_to_end(&mut bytes)).await;
    let end = bytes.windows(4).position(|window| window == b"\r\n\r\n");
    let Some(end) = end else {
        panic!("no answer but {:?}", String::from_utf8_lossy(&bytes));
    };
    let head = String::from_utf8_lossy(&bytes[..end]).into_owned();
    let status = head
        .split(' ')
        .nth(1)
        .and_then(|status| status.parse().ok());
    HttpAnswer {
        status: status.unwrap_or_default(),
        body: bytes[end + 4..].to_vec(),
    }
}

/// A WebSocket that sends whatever it is told to.
pub(crate) struct RawSocket {
    stream: WebSocketStream<TlsStream<TcpStream>>,
}

impl RawSocket {
    pub(crate) async fn open(bench: &Bench, path: &str) -> Self {
        let url = format!("wss://localhost{path}");
        let (stream, _) = client_async(url, tls(bench).await).await.unwrap();
        Self { stream }
    }

    pub(crate) async fn send(&mut self, message: Message) {
        // The gateway may refuse a message before it has come whole.
        let _ = self.stream.send(message).await;
    }

    /// Waits for the next message, of any kind.
    pub(crate) async fn next(&mut self) -> Value {
        loop {
            match timeout(PATIENCE, self.stream.next()).await.unwrap() {
                Some(Ok(Message::Text(text))) => return serde_json::from_str(&text).unwrap(),
                Some(Ok(Message::Ping(_) | Message::Pong(_))) => {}
                other => panic!("instead of a message came {other:?}"),
            }
        }
    }

    /// Waits for the next message that is not the stream's: an answer to what was sent here.
    pub(crate) async fn answer(&mut self) -> Value {
        loop {
            let message = self.next().await;
            if message.get("offset").is_none() {
                return message;
            }
        }
    }

    /// Waits for an error and returns its code.
    pub(crate) async fn error(&mut self) -> String {
        let message = self.answer().await;
        assert_eq!(message["type"], "error", "{message}");
        // A vendor's socket has the published code first, and ours beside it.
        let refusal = message["details"].get("refusal");
        let code = refusal.unwrap_or(&message["code"]);
        code.as_str().unwrap().to_owned()
    }

    /// Waits for the end of the connection.
    pub(crate) async fn ended(&mut self) {
        loop {
            match timeout(PATIENCE, self.stream.next()).await.unwrap() {
                None | Some(Err(_) | Ok(Message::Close(_))) => return,
                Some(Ok(Message::Ping(_) | Message::Pong(_))) => {}
                // What the stream had on the way.
                Some(Ok(Message::Text(text))) if text.contains("\"offset\"") => {}
                Some(Ok(other)) => panic!("instead of the end came {other:?}"),
            }
        }
    }
}

/// Opens TLS to the gateway, whoever it is.
pub(crate) async fn tls(bench: &Bench) -> TlsStream<TcpStream> {
    tls_to(&bench.gateway).await.unwrap()
}

/// Opens TLS to an address, whoever it is.
pub(crate) async fn tls_to(address: &str) -> io::Result<TlsStream<TcpStream>> {
    tls_over(TcpStream::connect(address).await?).await
}

/// Opens TLS over a connection, whoever it is with.
pub(crate) async fn tls_over(stream: TcpStream) -> io::Result<TlsStream<TcpStream>> {
    let config = anybody::tls().unwrap();
    let name = ServerName::try_from("localhost").unwrap();
    let connector = TlsConnector::from(Arc::new(config));
    connector.connect(name, stream).await
}
