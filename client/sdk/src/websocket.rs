//! JSON messages over a WebSocket on an attested connection.

use std::time::Duration;

use boop_wire::api::WS_MESSAGE_BYTES_MAX;
use futures_util::{SinkExt as _, StreamExt as _};
use hyper::body::Bytes;
use hyper::header::{CONNECTION, HeaderValue, SEC_WEBSOCKET_ACCEPT, SEC_WEBSOCKET_KEY};
use hyper::header::{SEC_WEBSOCKET_VERSION, UPGRADE};
use hyper::upgrade::Upgraded;
use hyper::{Method, StatusCode};
use hyper_util::rt::TokioIo;
use serde::Serialize;
use serde::de::DeserializeOwned;
use tokio_tungstenite::WebSocketStream;
use tokio_tungstenite::tungstenite::Message;
use tokio_tungstenite::tungstenite::handshake::client::generate_key;
use tokio_tungstenite::tungstenite::handshake::derive_accept_key;
use tokio_tungstenite::tungstenite::protocol::{Role, WebSocketConfig};

use crate::http::{Http, REQUEST_TIME_MAX, RequestError, read_body, refusal};

/// Longest time to hand a message to the connection.
const SEND_TIME_MAX: Duration = Duration::from_secs(10);

/// Why a message was not sent or received.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum StreamError {
    /// The stream is over.
    #[error("the stream ended: {reason}")]
    Closed {
        /// The close code of the far end, if it gave one.
        code: Option<u16>,
        /// In words.
        reason: String,
    },
    /// Nothing came in time.
    #[error("no message within {} ms", .0.as_millis())]
    Timeout(Duration),
    /// A message is not one of the protocol.
    #[error("the message is not of the protocol: {0}")]
    Malformed(String),
    /// A message is longer than any may be.
    #[error("the message has {0} bytes, more than {WS_MESSAGE_BYTES_MAX}")]
    TooLong(usize),
}

/// A WebSocket that carries one JSON message in each text frame.
pub struct WebSocket {
    stream: WebSocketStream<TokioIo<Upgraded>>,
}

impl WebSocket {
    /// Switches `http` to the WebSocket protocol (RFC 6455 §4).
    pub(crate) async fn upgrade(mut http: Http, path: &str) -> Result<Self, RequestError> {
        let key = generate_key();
        let request = http
            .request(Method::GET, path)
            .header(CONNECTION, "Upgrade")
            .header(UPGRADE, "websocket")
            .header(SEC_WEBSOCKET_VERSION, "13")
            .header(SEC_WEBSOCKET_KEY, key.as_str());
        let response = http.send(request, Bytes::new()).await?;
        let status = response.status();
        if status != StatusCode::SWITCHING_PROTOCOLS {
            return Err(match read_body(response).await {
                Ok(_) if status.is_success() => RequestError::NoUpgrade,
                Ok(body) => refusal(status, &body),
                Err(error) => error,
            });
        }
        let accepts = |accept: &HeaderValue| *accept == derive_accept_key(key.as_bytes());
        if !response
            .headers()
            .get(SEC_WEBSOCKET_ACCEPT)
            .is_some_and(accepts)
        {
            return Err(RequestError::NoUpgrade);
        }
        let upgraded = tokio::time::timeout(REQUEST_TIME_MAX, hyper::upgrade::on(response))
            .await
            .map_err(|_| RequestError::Timeout)?
            .map_err(|error| RequestError::Connection(error.to_string()))?;
        let config = WebSocketConfig::default()
            .max_message_size(Some(WS_MESSAGE_BYTES_MAX))
            .max_frame_size(Some(WS_MESSAGE_BYTES_MAX));
        let io = TokioIo::new(upgraded);
        let stream = WebSocketStream::from_raw_socket(io, Role::Client, Some(config)).await;
        Ok(Self { stream })
    }

    /// Sends a message.
    ///
    /// # Errors
    /// If it is too long, or the stream is over.
    pub async fn send<T: Serialize>(&mut self, message: &T) -> Result<(), StreamError> {
        let text = serde_json::to_string(message)
            .map_err(|error| StreamError::Malformed(error.to_string()))?;
        if text.len() > WS_MESSAGE_BYTES_MAX {
            return Err(StreamError::TooLong(text.len()));
        }
        let send = self.stream.send(Message::text(text));
        tokio::time::timeout(SEND_TIME_MAX, send)
            .await
            .map_err(|_| StreamError::Timeout(SEND_TIME_MAX))?
            .map_err(|error| broken(error.to_string()))
    }

    /// Receives the next message. Dropping the future loses nothing.
    ///
    /// # Errors
    /// If none comes within `wait`, it is not of the protocol, or the stream is over.
    pub async fn receive<T: DeserializeOwned>(&mut self, wait: Duration) -> Result<T, StreamError> {
        let text = tokio::time::timeout(wait, self.next_text())
            .await
            .map_err(|_| StreamError::Timeout(wait))??;
        serde_json::from_str(&text).map_err(|error| StreamError::Malformed(error.to_string()))
    }

    /// Tells the far end that nothing more comes.
    pub async fn close(mut self) {
        // The far end may be gone already, which comes to the same.
        let _ = tokio::time::timeout(SEND_TIME_MAX, self.stream.close(None)).await;
    }

    async fn next_text(&mut self) -> Result<String, StreamError> {
        loop {
            match self.stream.next().await {
                Some(Ok(Message::Text(text))) => return Ok(text.as_str().to_owned()),
                Some(Ok(Message::Ping(_) | Message::Pong(_))) => {}
                Some(Ok(Message::Binary(_) | Message::Frame(_))) => {
                    return Err(StreamError::Malformed("not a text message".into()));
                }
                Some(Ok(Message::Close(frame))) => {
                    return Err(StreamError::Closed {
                        code: frame.as_ref().map(|frame| frame.code.into()),
                        reason: frame.map_or_else(String::new, |frame| frame.reason.to_string()),
                    });
                }
                Some(Err(error)) => return Err(broken(error.to_string())),
                None => return Err(broken("without a closing message".into())),
            }
        }
    }
}

/// Returns what a connection says that broke.
fn broken(reason: String) -> StreamError {
    StreamError::Closed { code: None, reason }
}

impl std::fmt::Debug for WebSocket {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("WebSocket")
    }
}
