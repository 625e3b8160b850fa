//! Hints between gateways that share a store: something is to be read, or a scanner has come to
//! another gateway. The truth is in the store, so a lost hint costs time and nothing else.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use boop_bridge::{Hub, StreamName};
use boop_daemon::now_ms;
use futures_util::StreamExt as _;
use redis::aio::ConnectionManager;
use tokio::sync::mpsc;
use tokio::time::sleep;

use crate::presence::HOLD_MS;
use crate::store::{AnyStore, Holder, PresenceStore as _};

/// Where the hints go.
const CHANNEL: &str = "boop:hints";
/// Hints that wait for Redis; what comes beyond them is found by looking.
const WAITING_MAX: usize = 4096;
/// Hints that go at once.
const BATCH_MAX: usize = 256;
/// Pause before Redis is tried again.
const RETRY_PAUSE: Duration = Duration::from_millis(500);

/// What gateways tell each other.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
enum Hint {
    /// A stream has a message.
    Message(StreamName),
    /// A gateway has the socket of a stream that one alone may read.
    Taken(StreamName, [u8; 16]),
}

impl Hint {
    fn line(&self) -> String {
        match self {
            Self::Message(stream) => stream.key(),
            Self::Taken(stream, holder) => format!("{} {}", stream.key(), hex::encode(holder)),
        }
    }

    fn read(line: &str) -> Option<Self> {
        match line.split_once(' ') {
            None => line.parse().ok().map(Self::Message),
            Some((stream, holder)) => {
                let mut bytes = [0; 16];
                hex::decode_to_slice(holder, &mut bytes).ok()?;
                Some(Self::Taken(stream.parse().ok()?, bytes))
            }
        }
    }
}

/// The way of hints to other gateways and from them. A gateway that is alone has none.
#[derive(Debug, Default)]
pub struct Wakeups {
    out: Option<mpsc::Sender<Hint>>,
    hears: Arc<AtomicBool>,
}

impl Wakeups {
    /// Starts to exchange hints over a Redis server, which may be away.
    ///
    /// # Errors
    /// If the URL is none.
    pub fn over(url: &str, ears: Ears) -> Result<Self, redis::RedisError> {
        let client = redis::Client::open(url)?;
        let (out, waiting) = mpsc::channel(WAITING_MAX);
        let hears = Arc::new(AtomicBool::new(false));
        tokio::spawn(say_for_ever(client.clone(), waiting));
        tokio::spawn(ears.hear_for_ever(client, Arc::clone(&hears)));
        Ok(Self {
            out: Some(out),
            hears,
        })
    }

    /// Tells whether hints of other gateways come in now.
    pub fn hears(&self) -> bool {
        self.hears.load(Ordering::Relaxed)
    }

    /// Tells others that a stream has a message.
    pub fn message(&self, stream: &StreamName) {
        self.say(|| Hint::Message(stream.clone()));
    }

    /// Tells others that this gateway has a stream's one socket.
    pub fn taken(&self, stream: &StreamName, own: Holder) {
        self.say(|| Hint::Taken(stream.clone(), own.0));
    }

    fn say(&self, hint: impl FnOnce() -> Hint) {
        if let Some(out) = &self.out {
            // A full queue is a lost hint.
            let _ = out.try_send(hint());
        }
    }
}

async fn say_for_ever(client: redis::Client, mut waiting: mpsc::Receiver<Hint>) {
    let mut connection: Option<ConnectionManager> = None;
    let mut batch = Vec::new();
    while waiting.recv_many(&mut batch, BATCH_MAX).await > 0 {
        let hints: BTreeSet<Hint> = batch.drain(..).collect();
        let lines: Vec<String> = hints.iter().map(Hint::line).collect();
        if connection.is_none() {
            connection = client.get_connection_manager().await.ok();
        }
        let Some(open) = &mut connection else {
            sleep(RETRY_PAUSE).await;
            continue;
        };
        let said: redis::RedisResult<()> = redis::cmd("PUBLISH")
            .arg(CHANNEL)
            .arg(lines.join("\n"))
            .query_async(open)
            .await;
        if let Err(error) = said {
            tracing::warn!(%error, "hints are lost; other gateways look by themselves");
        }
    }
}

/// What hints are for: the streams of one gateway.
#[derive(Debug, Clone)]
pub struct Ears {
    /// Its sockets.
    pub hub: Hub,
    /// What says who holds a stream.
    pub store: AnyStore,
    /// Its own life.
    pub own: Holder,
}

impl Ears {
    async fn hear_for_ever(self, client: redis::Client, hears: Arc<AtomicBool>) {
        loop {
            if let Err(error) = self.hear(&client, &hears).await {
                tracing::warn!(%error, "no hints of other gateways");
            }
            hears.store(false, Ordering::Relaxed);
            sleep(RETRY_PAUSE).await;
        }
    }

    async fn hear(&self, client: &redis::Client, hears: &AtomicBool) -> redis::RedisResult<()> {
        let mut connection = client.get_async_pubsub().await?;
        connection.subscribe(CHANNEL).await?;
        hears.store(true, Ordering::Relaxed);
        tracing::info!("hears other gateways");
        let mut messages = connection.on_message();
        while let Some(message) = messages.next().await {
            let text: String = message.get_payload()?;
            for hint in text.lines().filter_map(Hint::read) {
                self.take(hint).await;
            }
        }
        Ok(())
    }

    async fn take(&self, hint: Hint) {
        match hint {
            Hint::Message(stream) => self.hub.wake(&stream),
            Hint::Taken(stream, holder) => {
                if holder == self.own.0 || !self.hub.is_attached(&stream) {
                    return;
                }
                // The hint may be older than a socket that has come back here: the store knows.
                let until_ms = now_ms() + HOLD_MS;
                match self.store.keep_stream(&stream, self.own, until_ms).await {
                    Ok(true) => {}
                    Ok(false) => self.hub.evict(&stream),
                    Err(error) => tracing::warn!(%error, "who holds a stream is not known"),
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use boop_bridge::Limits;
    use boop_servers::Redis;
    use tokio::time::timeout;

    use super::*;

    fn scanner() -> StreamName {
        StreamName::Scanner("scn_1".parse().unwrap())
    }

    #[test]
    fn a_hint_reads_as_it_was_said_and_noise_is_none() {
        for hint in [Hint::Message(scanner()), Hint::Taken(scanner(), [7; 16])] {
            assert_eq!(Hint::read(&hint.line()), Some(hint));
        }
        for noise in ["", "scanner:scn_1 07", "till:1", "scanner:scn_1 zz"] {
            assert_eq!(Hint::read(noise), None, "{noise}");
        }
    }

    #[tokio::test]
    async fn a_gateway_hears_of_scanners_that_left_it_also_after_redis_was_away() {
        let Some(mut redis) = Redis::start() else {
            return;
        };
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("gateway.db");
        let store = AnyStore::open(file.to_str().unwrap()).await.unwrap();
        let ears = |number| Ears {
            hub: Hub::new(Limits::default()),
            store: store.clone(),
            own: Holder([number; 16]),
        };
        let (here, there) = (ears(1), ears(2));
        let hearing = Wakeups::over(&redis.url(), here.clone()).unwrap();
        let saying = Wakeups::over(&redis.url(), there.clone()).unwrap();
        let until_ms = now_ms() + HOLD_MS;

        for round in 0..2 {
            let _place = here.hub.attach(scanner()).unwrap();
            let scanner = scanner();
            let taken = store.take_stream(&scanner, there.own, until_ms);
            taken.await.unwrap();
            let gone = async {
                while here.hub.is_attached(&scanner) {
                    saying.taken(&scanner, there.own);
                    sleep(Duration::from_millis(50)).await;
                }
            };
            timeout(Duration::from_secs(20), gone).await.unwrap();
            assert!(hearing.hears(), "round {round}");
            redis.stop();
            while hearing.hears() {
                sleep(Duration::from_millis(10)).await;
            }
            redis.start_again();
        }
    }

    #[tokio::test]
    async fn an_old_hint_takes_no_scanner_that_has_come_back() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("gateway.db");
        let here = Ears {
            hub: Hub::new(Limits::default()),
            store: AnyStore::open(file.to_str().unwrap()).await.unwrap(),
            own: Holder([1; 16]),
        };
        let _place = here.hub.attach(scanner()).unwrap();
        let until_ms = now_ms() + HOLD_MS;
        let scanner = scanner();
        let taken = here.store.take_stream(&scanner, here.own, until_ms);
        taken.await.unwrap();

        here.take(Hint::Taken(scanner.clone(), [2; 16])).await;

        assert!(here.hub.is_attached(&scanner));
    }
}
