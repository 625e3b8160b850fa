//! All streams of one gateway, and the sockets attached to them.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use boop_wire::UserId;
use boop_wire::id::{ScannerId, VendorId};
use tokio::sync::watch;

use crate::outbox::{Next, Outbox};

/// Whose stream.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub enum StreamName {
    /// Results for a vendor; read by each of its sockets.
    Vendor(VendorId),
    /// Contexts for a scanner; read by its newest socket alone.
    Scanner(ScannerId),
    /// News of an enrolment; read by each of the user's sockets.
    User(UserId),
}

impl StreamName {
    /// Tells whether a new socket takes the place of the one before.
    const fn is_exclusive(&self) -> bool {
        match self {
            Self::Scanner(_) => true,
            Self::Vendor(_) | Self::User(_) => false,
        }
    }
}

impl fmt::Display for StreamName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Vendor(vendor) => write!(f, "vendor:{vendor}"),
            Self::Scanner(scanner) => write!(f, "scanner:{scanner}"),
            // A user id is personal; the stream's kind is enough for a log.
            Self::User(_) => f.write_str("user:-"),
        }
    }
}

/// How much the hub holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    /// Streams at a time.
    pub streams_max: usize,
    /// Sockets on one stream.
    pub sockets_max: usize,
    /// Messages that wait on one stream.
    pub messages_max: usize,
    /// Bytes that wait on one stream.
    pub bytes_max: usize,
    /// How long a message waits for a socket, in milliseconds.
    pub wait_ms_max: u64,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            streams_max: 100_000,
            sockets_max: 64,
            messages_max: 256,
            bytes_max: 4 * 1024 * 1024,
            wait_ms_max: 15 * 60 * 1000,
        }
    }
}

/// Why a message was not accepted.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum PublishError {
    /// There are too many streams.
    #[error("more than {max} streams")]
    Streams {
        /// The limit.
        max: usize,
    },
}

/// Why a socket was not attached.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum AttachError {
    /// There are too many streams.
    #[error("more than {max} streams")]
    Streams {
        /// The limit.
        max: usize,
    },
    /// The stream has too many sockets.
    #[error("more than {max} sockets on one stream")]
    Sockets {
        /// The limit.
        max: usize,
    },
}

/// What an attachment waits for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Delivery {
    /// A message to take to the wire; call [`Attachment::taken`] when it is there.
    Message(String),
    /// Messages were dropped before this socket could take them.
    Gap {
        /// How many.
        missed: u64,
    },
    /// Another socket has taken this one's place.
    Replaced,
}

/// The streams of one gateway. Clones share them.
#[derive(Debug, Clone)]
pub struct Hub {
    streams: Arc<Mutex<BTreeMap<StreamName, Stream>>>,
    limits: Limits,
}

#[derive(Debug)]
struct Stream {
    outbox: Outbox,
    cursors: BTreeMap<u64, u64>,
    next_socket: u64,
    changed: watch::Sender<()>,
}

impl Stream {
    fn new(limits: &Limits) -> Self {
        Self {
            outbox: Outbox::new(limits.messages_max, limits.bytes_max),
            cursors: BTreeMap::new(),
            next_socket: 0,
            changed: watch::channel(()).0,
        }
    }

    fn trim(&mut self) {
        self.outbox.trim(self.cursors.values().min().copied());
    }
}

impl Hub {
    /// Returns a hub without streams.
    pub fn new(limits: Limits) -> Self {
        Self {
            streams: Arc::default(),
            limits,
        }
    }

    /// Attaches a socket to a stream. It begins after what other sockets have taken.
    ///
    /// # Errors
    /// If there are too many streams, or sockets on this one.
    pub fn attach(&self, name: StreamName) -> Result<Attachment, AttachError> {
        let mut streams = self.lock();
        let max = self.limits.streams_max;
        if !streams.contains_key(&name) && streams.len() >= max {
            return Err(AttachError::Streams { max });
        }
        let stream = streams
            .entry(name.clone())
            .or_insert_with(|| Stream::new(&self.limits));
        if name.is_exclusive() {
            stream.cursors.clear();
        } else if stream.cursors.len() >= self.limits.sockets_max {
            let max = self.limits.sockets_max;
            return Err(AttachError::Sockets { max });
        }
        let socket = stream.next_socket;
        stream.next_socket += 1;
        stream.cursors.insert(socket, stream.outbox.start());
        stream.changed.send_replace(());
        let mut changed = stream.changed.subscribe();
        changed.mark_changed();
        drop(streams);
        Ok(Attachment {
            hub: self.clone(),
            name,
            socket,
            changed,
        })
    }

    /// Puts a message on a stream and returns its offset; it waits if no socket is there.
    ///
    /// # Errors
    /// If there are too many streams.
    pub fn publish(
        &self,
        name: &StreamName,
        text: String,
        now_ms: u64,
    ) -> Result<u64, PublishError> {
        let mut streams = self.lock();
        let max = self.limits.streams_max;
        if !streams.contains_key(name) && streams.len() >= max {
            return Err(PublishError::Streams { max });
        }
        let stream = streams
            .entry(name.clone())
            .or_insert_with(|| Stream::new(&self.limits));
        let offset = stream.outbox.put(text, now_ms);
        stream.changed.send_replace(());
        Ok(offset)
    }

    /// Tells whether a socket is attached to a stream.
    pub fn is_attached(&self, name: &StreamName) -> bool {
        self.lock()
            .get(name)
            .is_some_and(|stream| !stream.cursors.is_empty())
    }

    /// Drops messages that have waited too long, and streams that are of no more use.
    pub fn sweep(&self, now_ms: u64) {
        let oldest_ms = now_ms.saturating_sub(self.limits.wait_ms_max);
        self.lock().retain(|_, stream| {
            stream.outbox.expire(oldest_ms);
            !stream.cursors.is_empty() || !stream.outbox.is_empty()
        });
    }

    fn lock(&self) -> MutexGuard<'_, BTreeMap<StreamName, Stream>> {
        self.streams.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A socket's place on a stream; dropping it leaves the stream.
#[derive(Debug)]
pub struct Attachment {
    hub: Hub,
    name: StreamName,
    socket: u64,
    changed: watch::Receiver<()>,
}

impl Attachment {
    /// Waits for the next delivery. The same message comes again until [`Self::taken`]; dropping
    /// the future loses nothing.
    pub async fn next(&mut self) -> Delivery {
        loop {
            self.changed.mark_unchanged();
            if let Some(delivery) = self.look() {
                return delivery;
            }
            if self.changed.changed().await.is_err() {
                return Delivery::Replaced;
            }
        }
    }

    /// Notes that the message of the last [`Self::next`] is on the wire.
    pub fn taken(&mut self) {
        let mut streams = self.hub.lock();
        let Some(stream) = streams.get_mut(&self.name) else {
            return;
        };
        let Some(cursor) = stream.cursors.get_mut(&self.socket) else {
            return;
        };
        *cursor += 1;
        let cursor = *cursor;
        stream.outbox.take(cursor);
        stream.trim();
    }

    fn look(&self) -> Option<Delivery> {
        let mut streams = self.hub.lock();
        let Some(stream) = streams.get_mut(&self.name) else {
            return Some(Delivery::Replaced);
        };
        let Some(cursor) = stream.cursors.get_mut(&self.socket) else {
            return Some(Delivery::Replaced);
        };
        match stream.outbox.at(*cursor) {
            Next::Message(text) => Some(Delivery::Message(text)),
            Next::Gap { missed } => {
                *cursor += missed;
                Some(Delivery::Gap { missed })
            }
            Next::Nothing => None,
        }
    }
}

impl Drop for Attachment {
    fn drop(&mut self) {
        let mut streams = self.hub.lock();
        if let Some(stream) = streams.get_mut(&self.name) {
            stream.cursors.remove(&self.socket);
            stream.trim();
            if stream.cursors.is_empty() && stream.outbox.is_empty() {
                streams.remove(&self.name);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    fn vendor() -> StreamName {
        StreamName::Vendor("ven_1".parse().unwrap())
    }

    fn scanner() -> StreamName {
        StreamName::Scanner("scn_1".parse().unwrap())
    }

    fn hub(messages_max: usize) -> Hub {
        Hub::new(Limits {
            streams_max: 2,
            sockets_max: 2,
            messages_max,
            ..Limits::default()
        })
    }

    async fn waits(attachment: &mut Attachment) -> bool {
        tokio::time::timeout(Duration::from_millis(20), attachment.next())
            .await
            .is_err()
    }

    #[tokio::test]
    async fn a_message_that_was_sent_while_the_socket_was_away_is_delivered_on_return() {
        let hub = hub(8);
        let mut first = hub.attach(vendor()).unwrap();
        hub.publish(&vendor(), "one".into(), 0).unwrap();
        assert_eq!(first.next().await, Delivery::Message("one".into()));
        first.taken();
        drop(first);
        hub.publish(&vendor(), "two".into(), 0).unwrap();

        let mut second = hub.attach(vendor()).unwrap();

        assert_eq!(second.next().await, Delivery::Message("two".into()));
        second.taken();
        assert!(waits(&mut second).await);
    }

    #[tokio::test]
    async fn a_message_that_did_not_reach_the_wire_comes_again_on_the_next_socket() {
        let hub = hub(8);
        let mut first = hub.attach(vendor()).unwrap();
        hub.publish(&vendor(), "one".into(), 0).unwrap();
        assert_eq!(first.next().await, Delivery::Message("one".into()));
        drop(first);

        let mut second = hub.attach(vendor()).unwrap();

        assert_eq!(second.next().await, Delivery::Message("one".into()));
    }

    #[tokio::test]
    async fn each_socket_of_a_vendor_gets_every_message() {
        let hub = hub(8);
        let mut one = hub.attach(vendor()).unwrap();
        let mut two = hub.attach(vendor()).unwrap();

        hub.publish(&vendor(), "m".into(), 0).unwrap();

        for attachment in [&mut one, &mut two] {
            assert_eq!(attachment.next().await, Delivery::Message("m".into()));
            attachment.taken();
            assert!(waits(attachment).await);
        }
    }

    #[tokio::test]
    async fn a_waiting_socket_wakes_up_when_a_message_comes() {
        let hub = hub(8);
        let mut attachment = hub.attach(vendor()).unwrap();
        let waiting = tokio::spawn(async move { attachment.next().await });
        tokio::task::yield_now().await;

        hub.publish(&vendor(), "m".into(), 0).unwrap();

        assert_eq!(waiting.await.unwrap(), Delivery::Message("m".into()));
    }

    #[tokio::test]
    async fn a_new_socket_of_a_scanner_takes_the_place_of_the_old_one() {
        let hub = hub(8);
        let mut old = hub.attach(scanner()).unwrap();
        let mut new = hub.attach(scanner()).unwrap();
        hub.publish(&scanner(), "m".into(), 0).unwrap();

        assert_eq!(old.next().await, Delivery::Replaced);
        drop(old);

        assert!(hub.is_attached(&scanner()));
        assert_eq!(new.next().await, Delivery::Message("m".into()));
    }

    #[tokio::test]
    async fn what_does_not_fit_is_dropped_oldest_first_and_the_reader_is_told() {
        let hub = hub(2);
        for text in ["a", "b", "c"] {
            hub.publish(&vendor(), text.into(), 0).unwrap();
        }

        let mut attachment = hub.attach(vendor()).unwrap();

        assert_eq!(attachment.next().await, Delivery::Gap { missed: 1 });
        assert_eq!(attachment.next().await, Delivery::Message("b".into()));
    }

    #[tokio::test]
    async fn messages_end_by_age_and_their_streams_with_them() {
        let hub = hub(8);
        hub.publish(&vendor(), "old".into(), 0).unwrap();

        hub.sweep(Limits::default().wait_ms_max + 1);

        assert!(hub.lock().is_empty());
    }

    #[tokio::test]
    async fn streams_and_sockets_have_limits() {
        let hub = hub(8);
        let _one = hub.attach(vendor()).unwrap();
        let _two = hub.attach(vendor()).unwrap();
        assert_eq!(
            hub.attach(vendor()).unwrap_err(),
            AttachError::Sockets { max: 2 }
        );
        hub.publish(&scanner(), "m".into(), 0).unwrap();
        let third = StreamName::User(UserId::new([1; 16]));

        assert_eq!(
            hub.attach(third.clone()).unwrap_err(),
            AttachError::Streams { max: 2 }
        );
        assert_eq!(
            hub.publish(&third, "m".into(), 0),
            Err(PublishError::Streams { max: 2 })
        );
    }

    #[tokio::test]
    async fn presence_ends_with_the_last_socket() {
        let hub = hub(8);
        let attachment = hub.attach(scanner()).unwrap();
        assert!(hub.is_attached(&scanner()));

        drop(attachment);

        assert!(!hub.is_attached(&scanner()));
    }

    #[test]
    fn a_stream_of_a_user_is_logged_without_the_user() {
        let name = StreamName::User(UserId::new([7; 16]));

        assert_eq!(name.to_string(), "user:-");
        assert_eq!(vendor().to_string(), "vendor:ven_1");
    }
}
