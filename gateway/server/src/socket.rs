//! What the three WebSockets have in common: JSON messages with a limit, a first message in time,
//! pings, deliveries from the hub, and errors that say why a connection ends.

use std::sync::Arc;
use std::time::Duration;

use axum::extract::ws::{Message, WebSocket};
use axum::extract::{Extension, State, WebSocketUpgrade};
use axum::response::Response;
use boop_bridge::{AttachError, Attachment, Delivery, StreamName};
use boop_wire::Refusal;
use boop_wire::api::{ToVendor, WS_MESSAGE_BYTES_MAX};
use boop_wire::id::ContextId;
use serde::Serialize;
use serde::de::DeserializeOwned;
use tokio::time::{Instant, Interval, interval, timeout};
use tokio_tungstenite::tungstenite;

use crate::app::App;
use crate::problem::Failure;
use crate::serve::Connection;

mod scanner;
#[cfg(test)]
mod tests;
mod user;
mod vendor;

/// Longest wait for the first message.
const FIRST_TIME_MAX: Duration = Duration::from_secs(5);
/// How often a silent socket is pinged.
const PING_EVERY: Duration = Duration::from_secs(25);
/// Longest silence, pongs included.
const SILENCE_MAX: Duration = Duration::from_secs(60);
/// Longest time to hand a message to a slow reader.
const SEND_TIME_MAX: Duration = Duration::from_secs(10);

/// Serves `/ws/vendor`.
pub async fn vendor(
    upgrade: WebSocketUpgrade,
    State(app): State<Arc<App>>,
    Extension(connection): Extension<Connection>,
) -> Response {
    limited(upgrade).on_upgrade(move |socket| async move {
        vendor::run(Wire::new(socket, app.now_ms), app, &connection).await;
    })
}

/// Serves `/ws/pvs`.
pub async fn scanner(
    upgrade: WebSocketUpgrade,
    State(app): State<Arc<App>>,
    Extension(connection): Extension<Connection>,
) -> Response {
    limited(upgrade).on_upgrade(move |socket| async move {
        let _place = connection.place;
        scanner::run(Wire::new(socket, app.now_ms), app).await;
    })
}

/// Serves `/ws/user`.
pub async fn user(
    upgrade: WebSocketUpgrade,
    State(app): State<Arc<App>>,
    Extension(connection): Extension<Connection>,
) -> Response {
    limited(upgrade).on_upgrade(move |socket| async move {
        let _place = connection.place;
        user::run(Wire::new(socket, app.now_ms), app).await;
    })
}

fn limited(upgrade: WebSocketUpgrade) -> WebSocketUpgrade {
    upgrade
        .max_message_size(WS_MESSAGE_BYTES_MAX)
        .max_frame_size(WS_MESSAGE_BYTES_MAX)
}

/// What happens next on a socket.
enum Event<T> {
    /// A message came.
    Message(T),
    /// Something came that is no message.
    Refused(Refusal),
    /// The hub has something.
    Delivery(Delivery),
    /// The socket is over.
    Closed,
}

/// A socket that speaks JSON.
struct Wire {
    socket: WebSocket,
    now_ms: fn() -> u64,
    heard: Instant,
    ping: Interval,
}

impl Wire {
    fn new(socket: WebSocket, now_ms: fn() -> u64) -> Self {
        let mut ping = interval(PING_EVERY);
        ping.reset();
        Self {
            socket,
            now_ms,
            heard: Instant::now(),
            ping,
        }
    }

    /// Waits for the first message.
    async fn first<T: DeserializeOwned>(&mut self) -> Result<T, Refusal> {
        let first = async {
            loop {
                match self.read().await {
                    Some(Event::Message(message)) => return Ok(message),
                    Some(Event::Refused(refusal)) => return Err(refusal),
                    Some(Event::Delivery(_)) | None => {}
                    Some(Event::Closed) => return Err(Refusal::Unauthenticated),
                }
            }
        };
        timeout(FIRST_TIME_MAX, first)
            .await
            .unwrap_or(Err(Refusal::Unauthenticated))
    }

    /// Waits for a message, a delivery or the end.
    async fn next<T: DeserializeOwned>(&mut self, attachment: &mut Attachment) -> Event<T> {
        loop {
            tokio::select! {
                event = read(&mut self.socket) => {
                    self.heard = Instant::now();
                    if let Some(event) = event {
                        return event;
                    }
                }
                delivery = attachment.next() => return Event::Delivery(delivery),
                _ = self.ping.tick() => {
                    let silent = self.heard.elapsed() > SILENCE_MAX;
                    if silent || !self.put(Message::Ping(Vec::new().into())).await {
                        return Event::Closed;
                    }
                }
            }
        }
    }

    async fn read<T: DeserializeOwned>(&mut self) -> Option<Event<T>> {
        read(&mut self.socket).await
    }

    /// Takes a delivery to the wire; false if the socket is over.
    async fn deliver(&mut self, attachment: &mut Attachment, delivery: Delivery) -> bool {
        match delivery {
            Delivery::Message(text) => {
                let sent = self.put(Message::Text(text.into())).await;
                if sent {
                    attachment.taken();
                }
                sent
            }
            Delivery::Gap { missed } => {
                let detail = format!("{missed} messages were dropped");
                self.complain(&Failure::new(Refusal::Busy, detail), None)
                    .await
            }
            Delivery::Replaced => {
                let detail = "another connection has taken this one's place";
                self.end(&Failure::new(Refusal::Unexpected, detail)).await;
                false
            }
        }
    }

    /// Sends a message; false if the socket is over.
    async fn send(&mut self, message: &impl Serialize) -> bool {
        match serde_json::to_string(message) {
            Ok(text) => self.put(Message::Text(text.into())).await,
            Err(_) => false,
        }
    }

    /// Says what was wrong with a message; false if the socket is over.
    async fn complain(&mut self, failure: &Failure, context: Option<ContextId>) -> bool {
        // An error reads the same in all three dialects.
        let error = failure.message(context, (self.now_ms)());
        self.send(&ToVendor::Error(error)).await
    }

    /// Says why the connection ends, and ends it.
    async fn end(&mut self, failure: &Failure) {
        if self.complain(failure, None).await {
            self.put(Message::Close(None)).await;
        }
    }

    async fn put(&mut self, message: Message) -> bool {
        let sent = timeout(SEND_TIME_MAX, self.socket.send(message)).await;
        matches!(sent, Ok(Ok(())))
    }
}

/// Reads one frame; none for pings and pongs.
async fn read<T: DeserializeOwned>(socket: &mut WebSocket) -> Option<Event<T>> {
    match socket.recv().await {
        None | Some(Ok(Message::Close(_))) => Some(Event::Closed),
        Some(Ok(Message::Text(text))) => Some(match serde_json::from_str(&text) {
            Ok(message) => Event::Message(message),
            Err(_) => Event::Refused(Refusal::Malformed),
        }),
        Some(Ok(Message::Binary(_))) => Some(Event::Refused(Refusal::Malformed)),
        Some(Ok(Message::Ping(_) | Message::Pong(_))) => None,
        Some(Err(error)) => {
            let inner = error.into_inner();
            let too_large = inner
                .downcast_ref::<tungstenite::Error>()
                .is_some_and(|error| matches!(error, tungstenite::Error::Capacity(_)));
            Some(if too_large {
                Event::Refused(Refusal::TooLarge)
            } else {
                Event::Closed
            })
        }
    }
}

/// Attaches a socket to its stream, or says why not.
async fn attach(wire: &mut Wire, app: &App, stream: StreamName) -> Option<Attachment> {
    match app.hub.attach(stream) {
        Ok(attachment) => Some(attachment),
        Err(error @ (AttachError::Streams { .. } | AttachError::Sockets { .. })) => {
            wire.end(&Failure::new(Refusal::Busy, error.to_string()))
                .await;
            None
        }
    }
}
