//! The WebSockets: who may open one, and what all of them have in common.
//!
//! A socket logs in by its first message, or by its request's headers, and reads one stream from
//! then on, from where it says or after what has reached somebody before. Text that is no JSON
//! object ends the connection; an object that is no message is refused, and the connection goes on.

use std::sync::Arc;

use axum::extract::ws::WebSocket;
use axum::extract::{Extension, State, WebSocketUpgrade};
use axum::response::{IntoResponse as _, Response};
use boop_bridge::{Epoch, Reader, StreamName};
use boop_wire::Refusal;
use boop_wire::api::{Resume, StreamStart, WS_MESSAGE_BYTES_MAX};
use serde_json::Value;

use crate::app::App;
use crate::json;
use crate::problem::Failure;
use crate::rest::Proofs;
use crate::revocation::Listener;
use crate::serve::Connection;
use crate::store::{AnyStore, StreamStore as _};

use dialect::Dialect;
use wire::{Event, Voice, Wire};

mod close;
mod dialect;
mod echo;
mod scanner;
#[cfg(test)]
mod tests;
mod user;
mod vendor;
mod wire;

/// Bytes that a socket reads ahead. The library's 128 KiB would be most of an idle connection.
const READ_BUFFER_BYTES: usize = 4 * 1024;
/// Bytes that wait for a reader before a send waits too; the library's limit is none.
const WRITE_BUFFER_BYTES_MAX: usize = 256 * 1024;

/// Serves `/ws/vendor`: the first message logs in.
pub async fn vendor(
    upgrade: WebSocketUpgrade,
    State(app): State<Arc<App>>,
    Extension(connection): Extension<Connection>,
) -> Response {
    let voice = Voice::Vendor(Dialect::D1);
    let listener = app.revocations.listen();
    open(upgrade, app, connection, voice, listener, vendor::run)
}

/// Serves `/vendor/connect`: the request's headers log in.
pub(crate) async fn vendor_connect(
    upgrade: WebSocketUpgrade,
    State(app): State<Arc<App>>,
    Extension(connection): Extension<Connection>,
    proofs: Proofs,
) -> Response {
    let listener = app.revocations.listen();
    let known = match vendor::of_headers(&app, &proofs).await {
        Ok(known) => known,
        Err(failure) => return failure.into_response(),
    };
    let voice = Voice::Vendor(Dialect::D3);
    let run = |wire, app| vendor::converse(wire, app, known);
    open(upgrade, app, connection, voice, listener, run)
}

/// Serves `/ws/pvs`.
pub async fn scanner(
    upgrade: WebSocketUpgrade,
    State(app): State<Arc<App>>,
    Extension(connection): Extension<Connection>,
) -> Result<Response, Failure> {
    let upgrade = speaking(upgrade, "boop.pvs.v1")?;
    let listener = app.revocations.listen();
    Ok(open(
        upgrade,
        app,
        connection,
        Voice::Own,
        listener,
        scanner::run,
    ))
}

/// Serves `/ws/user`.
pub async fn user(
    upgrade: WebSocketUpgrade,
    State(app): State<Arc<App>>,
    Extension(connection): Extension<Connection>,
) -> Result<Response, Failure> {
    let upgrade = speaking(upgrade, "boop.user.v1")?;
    let listener = app.revocations.listen();
    Ok(open(
        upgrade,
        app,
        connection,
        Voice::Own,
        listener,
        user::run,
    ))
}

/// Agrees on a protocol of our own by its name and version (RFC 6455 section 1.9); whoever names
/// none means the one that there is.
fn speaking(upgrade: WebSocketUpgrade, own: &'static str) -> Result<WebSocketUpgrade, Failure> {
    let names_any = upgrade.requested_protocols().next().is_some();
    let upgrade = upgrade.protocols([own]);
    if names_any && upgrade.selected_protocol().is_none() {
        let detail = format!("Sec-WebSocket-Protocol: {own} is spoken here");
        return Err(Failure::new(Refusal::Invalid, detail));
    }
    Ok(upgrade)
}

/// Serves `/ws/echo`, where the network is simulated.
pub async fn echo(
    upgrade: WebSocketUpgrade,
    Extension(connection): Extension<Connection>,
) -> Response {
    limited(upgrade).on_upgrade(move |socket: WebSocket| async move {
        let _place = connection.place;
        echo::run(socket).await;
    })
}

/// Opens the socket, and holds the connection's place for as long as it converses.
fn open<F>(
    upgrade: WebSocketUpgrade,
    app: Arc<App>,
    connection: Connection,
    voice: Voice,
    listener: Listener,
    run: impl FnOnce(Wire, Arc<App>) -> F + Send + 'static,
) -> Response
where
    F: Future<Output = ()> + Send,
{
    limited(upgrade).on_upgrade(move |socket: WebSocket| async move {
        let _place = connection.place;
        let wire = Wire::new(socket, &app, voice, connection.address, listener);
        run(wire, app).await;
    })
}

fn limited(upgrade: WebSocketUpgrade) -> WebSocketUpgrade {
    upgrade
        .max_message_size(WS_MESSAGE_BYTES_MAX)
        .max_frame_size(WS_MESSAGE_BYTES_MAX)
        .read_buffer_size(READ_BUFFER_BYTES)
        .write_buffer_size(0)
        .max_write_buffer_size(WRITE_BUFFER_BYTES_MAX)
}

/// What works on the messages of one socket.
trait Desk {
    /// Works on one message; false if the socket is over.
    fn handle(&self, wire: &mut Wire, message: Value) -> impl Future<Output = Handled> + Send;
}

/// What is to be done after a message.
enum Handled {
    /// Go on, unless the socket is over.
    Alive(bool),
    /// The other end has everything up to this offset.
    Acknowledged(u64),
}

/// Converses until the socket is over or the gateway leaves. What is rare is boxed: a socket on
/// which nothing comes holds room for none of it.
async fn converse(mut wire: Wire, mut reader: Reader<AnyStore>, desk: &impl Desk) {
    loop {
        let alive = match wire.next(&mut reader).await {
            Event::Text(text) => match json::object(text.as_bytes()) {
                Ok(value) => match Box::pin(desk.handle(&mut wire, value)).await {
                    Handled::Alive(alive) => alive,
                    Handled::Acknowledged(offset) => {
                        reader.acknowledge(offset);
                        true
                    }
                },
                Err(failure) => return wire.end(&failure).await,
            },
            Event::Delivery(delivery) => Box::pin(wire.deliver(&mut reader, delivery)).await,
            Event::Refused(refusal) => return wire.end(&refusal.into()).await,
            Event::Gone(failure) => return Box::pin(wire.end(&failure)).await,
            Event::Leaving => return Box::pin(wire.leave(&mut reader)).await,
            Event::Closed => false,
        };
        if !alive {
            return;
        }
    }
}

/// Attaches a socket to its stream, after where it says it was or after what has reached
/// somebody, or says why not.
async fn attach(
    wire: &mut Wire,
    app: &App,
    stream: StreamName,
    resume: Option<&Resume>,
) -> Option<(Reader<AnyStore>, StreamStart)> {
    match Box::pin(try_attach(app, stream, resume)).await {
        Ok(attached) => Some(attached),
        Err(failure) => {
            wire.end(&failure).await;
            None
        }
    }
}

async fn try_attach(
    app: &App,
    stream: StreamName,
    resume: Option<&Resume>,
) -> Result<(Reader<AnyStore>, StreamStart), Failure> {
    let busy = |error: boop_bridge::AttachError| Failure::new(Refusal::Busy, error.to_string());
    let place = app.hub.attach(stream.clone()).map_err(busy)?;
    app.take(&stream).await.map_err(Refusal::from)?;
    let state = app.store.stream(&stream).await.map_err(Refusal::from)?;
    let asked = resume.filter(|resume| {
        // An offset that was never given out is of a life of the log that is gone.
        epoch_of(&resume.epoch) == Some(state.epoch) && resume.offset <= state.head
    });
    let reached = state.acknowledged.max(app.hub.acknowledged(&stream));
    let offset = asked.map_or(reached.min(state.head), |resume| resume.offset);
    let start = StreamStart {
        epoch: format!("{:016x}", state.epoch.0),
        offset,
        recovered: resume.is_none() || asked.is_some(),
    };
    Ok((Reader::new(place, app.store.clone(), offset), start))
}

fn epoch_of(text: &str) -> Option<Epoch> {
    u64::from_str_radix(text, 16).ok().map(Epoch)
}
