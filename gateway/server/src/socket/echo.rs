//! `/ws/echo` of a simulated network: sends every message back, so that conformance suites and new
//! clients can try the very socket that the others run on.

use axum::extract::ws::{Message, WebSocket};

/// Echoes until the socket is over.
pub(super) async fn run(mut socket: WebSocket) {
    while let Some(Ok(message)) = socket.recv().await {
        let sent = match message {
            Message::Text(_) | Message::Binary(_) => socket.send(message).await,
            // The library answers pings and closes by itself.
            Message::Ping(_) | Message::Pong(_) | Message::Close(_) => Ok(()),
        };
        if sent.is_err() {
            return;
        }
    }
}
