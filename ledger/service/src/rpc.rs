//! Calls and replies over an attested session: one message each, canonical bytes.
//!
//! Who is at the other end is not decided here: the caller opens the session and thereby says
//! whose evidence it expects.

use boop_daemon::AttestedStream;
use boop_wire::codec::{CodecError, from_canonical_max, to_canonical};
use boop_wire::ledger::{LedgerCall, LedgerReply, MESSAGE_BYTES_MAX};
use tokio::sync::mpsc;
use tokio::task::JoinHandle;

use crate::ledger::Ledger;
use crate::store::LedgerStore;

/// Calls of one session that are carried out at a time; more wait in the session.
pub const IN_FLIGHT_MAX: usize = 64;

/// Answers the calls of a session until its peer ends it.
///
/// # Errors
/// When the peer sent something that is no call; the session is over then.
pub async fn serve_connection<S: LedgerStore>(
    ledger: Ledger<S>,
    session: AttestedStream,
) -> Result<(), CodecError> {
    let (_, outgoing, incoming) = session.split();
    serve_messages(ledger, incoming, outgoing).await
}

/// Answers calls in the order in which they come.
///
/// Calls that are under way together may take effect in any order: whoever needs one before the
/// other waits for its reply.
///
/// # Errors
/// When a message is no call. Those before it are answered, those after it are not read.
pub async fn serve_messages<S: LedgerStore>(
    ledger: Ledger<S>,
    mut incoming: mpsc::Receiver<Vec<u8>>,
    outgoing: mpsc::Sender<Vec<u8>>,
) -> Result<(), CodecError> {
    let (queue, mut replies) = mpsc::channel::<JoinHandle<LedgerReply>>(IN_FLIGHT_MAX);
    let take = async move {
        while let Some(message) = incoming.recv().await {
            let call = from_canonical_max::<LedgerCall>(&message, MESSAGE_BYTES_MAX)?;
            let Ok(place) = queue.reserve().await else {
                break;
            };
            place.send(tokio::spawn(reply(ledger.clone(), call)));
        }
        Ok(())
    };
    let give = async move {
        while let Some(reply) = replies.recv().await {
            let Ok(reply) = reply.await else { return };
            if outgoing.send(to_canonical(&reply)).await.is_err() {
                return;
            }
        }
    };
    tokio::join!(take, give).0
}

async fn reply<S: LedgerStore>(ledger: Ledger<S>, call: LedgerCall) -> LedgerReply {
    LedgerReply {
        number: call.number,
        response: ledger.handle(call.request).await,
    }
}
