//! One socket that speaks JSON: a first message in time, pings, deliveries, errors, an end with a
//! reason.
//!
//! After the last delivery that is at hand goes a ping with its offset. The pong that answers it
//! says that everything before it has arrived, in every dialect and without a message of its own.

use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;

use axum::extract::ws::{CloseFrame, Message, WebSocket};
use boop_bridge::{Delivery, Log, Message as Streamed, Reader};
use boop_wire::Refusal;
use boop_wire::api::ToVendor;
use boop_wire::id::ContextId;
use serde::Serialize;
use serde_json::{Value, json};
use tokio::sync::watch;
use tokio::time::{Instant, Interval, interval, timeout};
use tokio_tungstenite::tungstenite;

use super::close;
use super::dialect::Dialect;
use crate::app::App;
use crate::problem::Failure;
use crate::revocation::{Listener, Pass};
use crate::text;

/// Longest wait for the first message.
const FIRST_TIME_MAX: Duration = Duration::from_secs(5);
/// How often a silent socket is pinged.
const PING_EVERY: Duration = Duration::from_secs(25);
/// Longest silence, pongs included: a ping, and ten seconds for its pong.
const SILENCE_MAX: Duration = Duration::from_secs(35);
/// Longest time to hand a message to a slow reader.
const SEND_TIME_MAX: Duration = Duration::from_secs(10);
/// Longest time that a client is asked to wait before it comes back, in milliseconds.
const RETURN_MS_MAX: u64 = 2_000;

/// What happens next on a socket.
pub(super) enum Event {
    /// A text came.
    Text(String),
    /// Something came that is no text.
    Refused(Refusal),
    /// The stream has something.
    Delivery(Delivery),
    /// The gateway leaves.
    Leaving,
    /// What the socket logged in with is gone.
    Gone(Box<Failure>),
    /// The socket is over.
    Closed,
}

/// What one frame was.
enum Frame {
    Text(String),
    Refused(Refusal),
    /// A ping, or a pong; the offset, if it answers a ping that had one.
    Pong(Option<u64>),
    Closed,
}

/// How a socket's errors and deliveries are put.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Voice {
    /// Of the sockets that are ours alone: as streams hold them.
    Own,
    /// Of a vendor.
    Vendor(Dialect),
}

/// A socket that speaks JSON.
pub(super) struct Wire {
    socket: WebSocket,
    now_ms: fn() -> u64,
    voice: Voice,
    leaving: watch::Receiver<bool>,
    listener: Listener,
    pass: Pass,
    heard: Instant,
    ping: Interval,
    /// Where the connection comes from.
    pub(super) address: IpAddr,
}

impl Wire {
    pub(super) fn new(
        socket: WebSocket,
        app: &Arc<App>,
        voice: Voice,
        address: IpAddr,
        listener: Listener,
    ) -> Self {
        let mut ping = interval(PING_EVERY);
        ping.reset();
        Self {
            socket,
            now_ms: app.now_ms,
            voice,
            leaving: app.leaving.subscribe(),
            listener,
            pass: Pass::Session,
            heard: Instant::now(),
            ping,
            address,
        }
    }

    /// Speaks in this voice from now on.
    pub(super) fn speak(&mut self, voice: Voice) {
        self.voice = voice;
    }

    /// Lets the socket converse for as long as what it logged in with is good.
    pub(super) fn admit(&mut self, pass: Pass) {
        self.pass = pass;
    }

    /// Waits for the first text.
    pub(super) async fn first(&mut self) -> Result<String, Refusal> {
        let first = async {
            loop {
                match read(&mut self.socket).await {
                    Frame::Text(text) => return Ok(text),
                    Frame::Refused(refusal) => return Err(refusal),
                    Frame::Pong(_) => {}
                    Frame::Closed => return Err(Refusal::Unauthenticated),
                }
            }
        };
        timeout(FIRST_TIME_MAX, first)
            .await
            .unwrap_or(Err(Refusal::Unauthenticated))
    }

    /// Waits for a text, a delivery or the end.
    pub(super) async fn next<L: Log>(&mut self, reader: &mut Reader<L>) -> Event {
        loop {
            tokio::select! {
                frame = read(&mut self.socket) => {
                    self.heard = Instant::now();
                    match frame {
                        Frame::Text(text) => return Event::Text(text),
                        Frame::Refused(refusal) => return Event::Refused(refusal),
                        Frame::Pong(Some(offset)) => reader.acknowledge(offset),
                        Frame::Pong(None) => {}
                        Frame::Closed => return Event::Closed,
                    }
                }
                delivery = reader.next() => return Event::Delivery(delivery),
                () = is_set(&mut self.leaving) => return Event::Leaving,
                failure = self.listener.gone(&self.pass) => return Event::Gone(Box::new(failure)),
                _ = self.ping.tick() => {
                    let silent = self.heard.elapsed() > SILENCE_MAX;
                    let offset = reader.offset().to_be_bytes().to_vec();
                    if silent || !self.put(Message::Ping(offset.into())).await {
                        return Event::Closed;
                    }
                }
            }
        }
    }

    /// Takes a delivery to the wire; false if the socket is over.
    pub(super) async fn deliver<L: Log>(
        &mut self,
        reader: &mut Reader<L>,
        delivery: Delivery,
    ) -> bool {
        match delivery {
            Delivery::Message(Streamed { offset, text }) => {
                let text = self.voice.put(&text, offset);
                if !self.put(Message::Text(text.into())).await {
                    self.close(close::SLOW, "messages are not read in time")
                        .await;
                    return false;
                }
                let more = reader.taken();
                let ping = || Message::Ping(offset.to_be_bytes().to_vec().into());
                more || self.put(ping()).await
            }
            Delivery::Gap { from, to } => {
                self.send(&json!({ "type": "gap", "from": from, "to": to }))
                    .await
            }
            Delivery::Replaced => {
                let detail = "another connection has taken this one's place";
                let failure = Failure::new(Refusal::Unexpected, detail);
                if self.complain(&failure, None).await {
                    self.close(close::REPLACED, detail).await;
                }
                false
            }
            Delivery::Unavailable => {
                self.end(&Refusal::Internal.into()).await;
                false
            }
        }
    }

    /// Delivers what is at hand, and asks the client to come back to another gateway.
    pub(super) async fn leave<L: Log>(&mut self, reader: &mut Reader<L>) {
        while let Ok(delivery) = timeout(Duration::from_millis(50), reader.next()).await {
            if !self.deliver(reader, delivery).await {
                return;
            }
        }
        let random = text::random::<8>().map_or(0, u64::from_be_bytes);
        let wait_ms = random % RETURN_MS_MAX;
        let reason = format!("come back after {wait_ms} ms");
        self.close(close::LEAVING, &reason).await;
    }

    /// Sends a message; false if the socket is over.
    pub(super) async fn send(&mut self, message: &impl Serialize) -> bool {
        match serde_json::to_string(message) {
            Ok(text) => self.put(Message::Text(text.into())).await,
            Err(_) => false,
        }
    }

    /// Says what was wrong with a message; false if the socket is over.
    pub(super) async fn complain(&mut self, failure: &Failure, context: Option<ContextId>) -> bool {
        let now_ms = (self.now_ms)();
        let error = match self.voice {
            Voice::Own => failure.message(context, now_ms),
            Voice::Vendor(_) => failure.vendor_message(context, now_ms),
        };
        // An error has the same members on every socket.
        self.send(&ToVendor::Error(error)).await
    }

    /// Says why the connection ends, and ends it.
    pub(super) async fn end(&mut self, failure: &Failure) {
        if self.complain(failure, None).await {
            let code = close::code_of(failure.refusal);
            self.close(code, failure.refusal.code()).await;
        }
    }

    async fn close(&mut self, code: u16, reason: &str) {
        let reason = reason.into();
        self.put(Message::Close(Some(CloseFrame { code, reason })))
            .await;
    }

    async fn put(&mut self, message: Message) -> bool {
        let sent = timeout(SEND_TIME_MAX, self.socket.send(message)).await;
        matches!(sent, Ok(Ok(())))
    }
}

impl Voice {
    /// Puts a stream's message in this socket's words, with its offset.
    fn put(self, text: &str, offset: u64) -> String {
        let mut value = match self {
            Self::Own | Self::Vendor(Dialect::D1) => serde_json::from_str(text),
            Self::Vendor(dialect) => {
                serde_json::from_str(text).map(|message| dialect.write(&message))
            }
        }
        .unwrap_or_else(|_| json!({}));
        if let Some(members) = value.as_object_mut() {
            members.insert("offset".into(), Value::from(offset));
        }
        value.to_string()
    }
}

async fn is_set(flag: &mut watch::Receiver<bool>) {
    // The flag lives as long as the gateway.
    let _ = flag.wait_for(|set| *set).await;
}

/// Reads one frame.
async fn read(socket: &mut WebSocket) -> Frame {
    match socket.recv().await {
        None | Some(Ok(Message::Close(_))) => Frame::Closed,
        Some(Ok(Message::Text(text))) => Frame::Text(text.as_str().into()),
        Some(Ok(Message::Binary(_))) => Frame::Refused(Refusal::Malformed),
        Some(Ok(Message::Ping(_))) => Frame::Pong(None),
        Some(Ok(Message::Pong(payload))) => {
            let offset = payload.as_ref().try_into().ok();
            Frame::Pong(offset.map(u64::from_be_bytes))
        }
        Some(Err(error)) => {
            let inner = error.into_inner();
            let too_large = inner
                .downcast_ref::<tungstenite::Error>()
                .is_some_and(|error| matches!(error, tungstenite::Error::Capacity(_)));
            if too_large {
                Frame::Refused(Refusal::TooLarge)
            } else {
                Frame::Closed
            }
        }
    }
}
