//! The ledger's attested session. Every request of it is idempotent, so a request that was under
//! way when the session ended is repeated on the next one, until its deadline.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use boop_channel::Expectation;
use boop_daemon::{AttestedError, AttestedStream, Member};
use boop_wire::Refusal;
use boop_wire::binding::Role;
use boop_wire::codec::{from_canonical_max, to_canonical};
use boop_wire::ledger::{
    LedgerCall, LedgerReply, LedgerRequest, LedgerResponse, MESSAGE_BYTES_MAX, Receipt,
};
use boop_wire::session::Side;
use futures_util::future::BoxFuture;
use tokio::net::TcpStream;
use tokio::sync::{mpsc, oneshot, watch};
use tokio::time::{sleep, timeout};

/// Longest time for a request, over as many sessions as it takes.
const REQUEST_TIME_MAX: Duration = Duration::from_secs(5);
/// Longest time to reach the ledger.
const CONNECT_TIME_MAX: Duration = Duration::from_secs(5);
/// Shortest and longest wait between attempts.
const BACKOFF_MIN: Duration = Duration::from_millis(100);
const BACKOFF_MAX: Duration = Duration::from_secs(1);

/// The ledger as the gateway reaches it.
pub trait LedgerApi: Send + Sync {
    /// Tells whether the ledger has a session with this gateway now.
    fn is_connected(&self) -> bool;

    /// Asks the ledger. A refusal is an error here.
    fn request(&self, request: LedgerRequest) -> BoxFuture<'_, Result<LedgerResponse, Refusal>>;
}

/// Asks the ledger for something that it records.
///
/// # Errors
/// The ledger's refusal, or [`Refusal::Internal`] if it answers something else.
pub async fn recorded(ledger: &dyn LedgerApi, request: LedgerRequest) -> Result<Receipt, Refusal> {
    match ledger.request(request).await? {
        LedgerResponse::Recorded(receipt) => Ok(receipt),
        LedgerResponse::Refused(refusal) => Err(refusal),
        LedgerResponse::Balance { .. }
        | LedgerResponse::History(_)
        | LedgerResponse::Transaction { .. }
        | LedgerResponse::Checkpoint(_)
        | LedgerResponse::Introduced => Err(Refusal::Internal),
    }
}

/// The ledger over an attested session.
pub struct AttestedLedger {
    address: String,
    member: Arc<Member>,
    live: watch::Sender<Option<mpsc::Sender<Vec<u8>>>>,
    waiting: Mutex<Waiting>,
}

#[derive(Default)]
struct Waiting {
    last: u64,
    replies: BTreeMap<u64, oneshot::Sender<LedgerResponse>>,
}

impl AttestedLedger {
    /// Starts the task that keeps the session up.
    pub fn start(member: &Arc<Member>, address: &str) -> Arc<Self> {
        let ledger = Arc::new(Self {
            address: address.to_owned(),
            member: Arc::clone(member),
            live: watch::channel(None).0,
            waiting: Mutex::default(),
        });
        tokio::spawn(Arc::clone(&ledger).run_for_ever());
        ledger
    }

    async fn run_for_ever(self: Arc<Self>) {
        let mut backoff = BACKOFF_MIN;
        loop {
            match self.connect().await {
                Ok(stream) => {
                    backoff = BACKOFF_MIN;
                    tracing::info!("session with ledger opened");
                    self.serve(stream).await;
                    tracing::warn!("session with ledger ended");
                }
                Err(error) => {
                    let cause = std::error::Error::source(&error).map(ToString::to_string);
                    tracing::warn!(%error, cause, "no session with ledger");
                }
            }
            self.live.send_replace(None);
            self.lock().replies.clear();
            sleep(backoff).await;
            backoff = (backoff * 2).min(BACKOFF_MAX);
        }
    }

    async fn connect(&self) -> Result<AttestedStream, AttestedError> {
        let stream = timeout(CONNECT_TIME_MAX, TcpStream::connect(&self.address))
            .await
            .map_err(|_| AttestedError::Timeout)??;
        stream.set_nodelay(true)?;
        let expect = Expectation::boot(Role::Ledger, None);
        AttestedStream::open(stream, Side::Client, self.member.local(), expect).await
    }

    async fn serve(&self, stream: AttestedStream) {
        let (_, outgoing, mut incoming) = stream.split();
        self.live.send_replace(Some(outgoing));
        while let Some(message) = incoming.recv().await {
            let Ok(reply) = from_canonical_max::<LedgerReply>(&message, MESSAGE_BYTES_MAX) else {
                tracing::warn!("the ledger sent something that is no reply");
                return;
            };
            if let Some(waiting) = self.lock().replies.remove(&reply.number) {
                // Whoever waited may have reached its deadline just now.
                let _ = waiting.send(reply.response);
            }
        }
    }

    async fn ask(&self, request: LedgerRequest) -> Result<LedgerResponse, Refusal> {
        let mut live = self.live.subscribe();
        loop {
            let session = live.wait_for(Option::is_some).await;
            let session = session.map_err(|_| Refusal::Internal)?.clone();
            let Some(outgoing) = session else { continue };
            match self.ask_once(&outgoing, request.clone()).await? {
                Some(LedgerResponse::Refused(refusal)) => return Err(refusal),
                Some(response) => return Ok(response),
                // The session ended; the next one may be a moment away.
                None => sleep(BACKOFF_MIN).await,
            }
        }
    }

    async fn ask_once(
        &self,
        outgoing: &mpsc::Sender<Vec<u8>>,
        request: LedgerRequest,
    ) -> Result<Option<LedgerResponse>, Refusal> {
        let (reply, replied) = oneshot::channel();
        let number = {
            let mut waiting = self.lock();
            waiting.last += 1;
            let number = waiting.last;
            waiting.replies.insert(number, reply);
            number
        };
        let _forget = Forget {
            ledger: self,
            number,
        };
        let bytes = to_canonical(&LedgerCall { number, request });
        if bytes.len() > MESSAGE_BYTES_MAX {
            return Err(Refusal::TooLarge);
        }
        if outgoing.send(bytes).await.is_err() {
            return Ok(None);
        }
        Ok(replied.await.ok())
    }

    fn lock(&self) -> MutexGuard<'_, Waiting> {
        self.waiting.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl LedgerApi for AttestedLedger {
    fn is_connected(&self) -> bool {
        self.live.borrow().is_some()
    }

    fn request(&self, request: LedgerRequest) -> BoxFuture<'_, Result<LedgerResponse, Refusal>> {
        Box::pin(async move {
            timeout(REQUEST_TIME_MAX, self.ask(request))
                .await
                .unwrap_or(Err(Refusal::DeadlineExceeded))
        })
    }
}

/// Takes a request off the list when its future ends, however it ends.
struct Forget<'a> {
    ledger: &'a AttestedLedger,
    number: u64,
}

impl Drop for Forget<'_> {
    fn drop(&mut self) {
        self.ledger.lock().replies.remove(&self.number);
    }
}
