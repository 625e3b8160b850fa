//! A capture that was used once, sent again for another payment.

use std::time::Duration;

use anyhow::{Context, bail};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use boop_sdk::{Connection, SplitCapture, WebSocket};
use boop_wire::RequestId;
use boop_wire::api::{FromScanner, ToScanner};
use boop_wire::codec::to_canonical;
use boop_wire::id::ContextId;
use boop_wire::job::{Capture, Subject};

use super::Attack;
use crate::clients::client_trust;
use crate::clock::now_ms;
use crate::network::Network;
use crate::people::visitor;
use crate::till::Till;

/// How long the gateway may take to answer.
const PATIENCE: Duration = Duration::from_secs(20);
/// How long the capture would be good.
const LIFE_MS: u64 = 60_000;
/// What is bought; little enough for everybody's account.
const PRICE: u64 = 100;

/// Somebody has the scanner's key and a capture from the wire. The capture is good for what the
/// customer saw and for nothing else.
pub(super) async fn attacks(
    network: &Network,
    till: &mut Till,
    seed: u64,
) -> anyhow::Result<[Attack; 2]> {
    let palm = visitor(seed, 0)?.probe;
    let (client, gateway) = client_trust(network)?;
    let mut connection = Connection::open(&client, &gateway).await?;
    let view = connection.network().await?;
    let first = till.ask(PRICE).await?;
    let seal = |context: &boop_sdk::OpenContext| -> anyhow::Result<Capture> {
        let subject = Subject::Identify(context.context.clone());
        Ok(SplitCapture::split(&palm, &subject, now_ms(), LIFE_MS)?.seal(&view)?)
    };
    let mut thief = impersonate(connection, till).await?;
    let capture = seal(&first)?;
    let used = submit(&mut thief, &first.id, &capture).await?;
    // The scanner's place at the terminal is the thief's now: it hears of the next context.
    let second = till.open_context(PRICE).await?;
    let second = hear_context(&mut thief, &second).await?;
    let replayed = submit(&mut thief, &second.id, &capture).await?;
    let second = till.open_context(PRICE).await?;
    let second = hear_context(&mut thief, &second).await?;
    let renamed = Capture {
        request: RequestId::new(crate::provision::random()?),
        ..capture
    };
    let renamed = submit(&mut thief, &second.id, &renamed).await?;
    let third = till.open_context(PRICE).await?;
    let third = hear_context(&mut thief, &third).await?;
    let fresh = submit(&mut thief, &third.id, &seal(&third)?).await?;
    let control = used.is_none() && fresh.is_none();
    Ok([
        Attack {
            name: "a capture replayed for another payment, by the parties",
            refused: replayed.as_deref() == Some("replayed"),
            control,
        },
        Attack {
            name: "a capture replayed under a new request id, by the parties",
            refused: renamed.as_deref() == Some("sealed-box-invalid"),
            control,
        },
    ])
}

/// Connects as the till's scanner, with its key.
pub(crate) async fn impersonate(connection: Connection, till: &Till) -> anyhow::Result<WebSocket> {
    let mut socket = connection.into_websocket("/ws/pvs").await?;
    let login = FromScanner::Authenticate {
        scanner_id: till.scanner_login.scanner_id.clone(),
        scanner_key: till.scanner_login.scanner_key.to_string(),
        resume: None,
    };
    socket.send(&login).await?;
    match socket.receive(PATIENCE).await? {
        ToScanner::Configuration { .. } => Ok(socket),
        other => bail!("instead of a configuration came {other:?}"),
    }
}

/// Sends a capture and returns the refusal code, if it was refused.
async fn submit(
    socket: &mut WebSocket,
    context: &ContextId,
    capture: &Capture,
) -> anyhow::Result<Option<String>> {
    let message = FromScanner::Capture {
        context_id: context.clone(),
        capture: base64url(&to_canonical(capture)),
    };
    socket.send(&message).await?;
    match scanner_answer(socket).await? {
        ToScanner::CaptureResult { success: true, .. } => Ok(None),
        ToScanner::CaptureResult { code, .. } => {
            Ok(Some(code.context("a refusal without a code")?))
        }
        ToScanner::Error(error) => Ok(Some(error.code)),
        other => bail!("instead of an answer came {other:?}"),
    }
}

/// Waits for the answer to a capture.
pub(crate) async fn scanner_answer(socket: &mut WebSocket) -> anyhow::Result<ToScanner> {
    loop {
        match socket.receive(PATIENCE).await? {
            answer @ (ToScanner::CaptureResult { .. } | ToScanner::Error(_)) => return Ok(answer),
            ToScanner::Configuration { .. }
            | ToScanner::Context { .. }
            | ToScanner::ContextClosed { .. }
            | ToScanner::Gap { .. }
            | ToScanner::Pong => {}
        }
    }
}

/// Encodes bytes as the gateway's JSON carries them.
pub(crate) fn base64url(bytes: &[u8]) -> String {
    URL_SAFE_NO_PAD.encode(bytes)
}

async fn hear_context(
    socket: &mut WebSocket,
    wanted: &ContextId,
) -> anyhow::Result<boop_sdk::OpenContext> {
    loop {
        if let ToScanner::Context {
            context_id,
            context,
        } = socket.receive(PATIENCE).await?
            && context_id == *wanted
        {
            let bytes = URL_SAFE_NO_PAD.decode(&context);
            let bytes = bytes.map_err(|_| anyhow::anyhow!("the context is not base64url"))?;
            let context = boop_wire::codec::from_canonical(&bytes)?;
            return Ok(boop_sdk::OpenContext {
                id: context_id,
                context,
            });
        }
    }
}
