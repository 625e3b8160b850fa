//! Who is attached to which stream of one process, and what they have acknowledged.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::sync::{Mutex as AsyncMutex, watch};

use crate::stream::StreamName;
use crate::tail::Tail;

/// How much the hub holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    /// Streams with sockets at a time.
    pub streams_max: usize,
    /// Sockets on one stream.
    pub sockets_max: usize,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            streams_max: 100_000,
            sockets_max: 64,
        }
    }
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

/// The sockets of one process, by stream. Clones share them.
#[derive(Debug, Clone)]
pub struct Hub {
    streams: Arc<Mutex<BTreeMap<StreamName, Stream>>>,
    limits: Limits,
}

#[derive(Debug, Default)]
struct Stream {
    /// Sockets that may read.
    sockets: Vec<u64>,
    next_socket: u64,
    /// Counts wake-ups.
    changed: watch::Sender<u64>,
    tail: Arc<AsyncMutex<Tail>>,
    /// Everything up to here has reached somebody.
    acknowledged: u64,
    /// Whether the log has yet to hear of that.
    news: bool,
}

impl Hub {
    /// Returns a hub without streams.
    pub fn new(limits: Limits) -> Self {
        Self {
            streams: Arc::default(),
            limits,
        }
    }

    /// Attaches a socket to a stream.
    ///
    /// # Errors
    /// If there are too many streams, or sockets on this one.
    pub fn attach(&self, name: StreamName) -> Result<Place, AttachError> {
        let mut streams = self.lock();
        let max = self.limits.streams_max;
        if !streams.contains_key(&name) && streams.len() >= max {
            return Err(AttachError::Streams { max });
        }
        let stream = streams.entry(name.clone()).or_default();
        if name.is_exclusive() {
            stream.sockets.clear();
        } else if stream.sockets.len() >= self.limits.sockets_max {
            let max = self.limits.sockets_max;
            return Err(AttachError::Sockets { max });
        }
        let socket = stream.next_socket;
        stream.next_socket += 1;
        stream.sockets.push(socket);
        stream.changed.send_modify(|wakes| *wakes += 1);
        let changed = stream.changed.subscribe();
        let tail = Arc::clone(&stream.tail);
        drop(streams);
        Ok(Place {
            hub: self.clone(),
            name,
            socket,
            changed,
            tail,
        })
    }

    /// Tells the sockets of a stream that there is something to read.
    pub fn wake(&self, name: &StreamName) {
        if let Some(stream) = self.lock().get(name) {
            stream.changed.send_modify(|wakes| *wakes += 1);
        }
    }

    /// Tells whether a socket is attached to a stream.
    pub fn is_attached(&self, name: &StreamName) -> bool {
        self.lock()
            .get(name)
            .is_some_and(|stream| !stream.sockets.is_empty())
    }

    /// Takes the sockets of a stream off it: it is read elsewhere now.
    pub fn evict(&self, name: &StreamName) {
        if let Some(stream) = self.lock().get_mut(name) {
            stream.sockets.clear();
            stream.changed.send_modify(|wakes| *wakes += 1);
        }
    }

    /// Returns the streams with sockets that one socket alone may read.
    pub fn exclusive(&self) -> Vec<StreamName> {
        let streams = self.lock();
        let held = streams
            .iter()
            .filter(|(_, stream)| !stream.sockets.is_empty());
        let names = held.map(|(name, _)| name);
        names.filter(|name| name.is_exclusive()).cloned().collect()
    }

    /// Returns how many sockets are attached.
    pub fn sockets(&self) -> usize {
        self.lock()
            .values()
            .map(|stream| stream.sockets.len())
            .sum()
    }

    /// Returns what has reached somebody on a stream of this process; zero if nothing is known.
    pub fn acknowledged(&self, name: &StreamName) -> u64 {
        self.lock()
            .get(name)
            .map_or(0, |stream| stream.acknowledged)
    }

    /// Takes what the log has yet to hear of: streams with new acknowledgements.
    pub fn take_news(&self) -> Vec<(StreamName, u64)> {
        let mut streams = self.lock();
        let mut news = Vec::new();
        for (name, stream) in streams.iter_mut().filter(|(_, stream)| stream.news) {
            stream.news = false;
            news.push((name.clone(), stream.acknowledged));
        }
        streams.retain(|_, stream| stream.is_of_use());
        news
    }

    fn lock(&self) -> MutexGuard<'_, BTreeMap<StreamName, Stream>> {
        self.streams.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Stream {
    fn is_of_use(&self) -> bool {
        !self.sockets.is_empty() || self.news
    }
}

/// A socket's place on a stream; dropping it leaves the stream.
#[derive(Debug)]
pub struct Place {
    hub: Hub,
    name: StreamName,
    socket: u64,
    changed: watch::Receiver<u64>,
    tail: Arc<AsyncMutex<Tail>>,
}

impl Place {
    /// Returns the stream.
    pub fn stream(&self) -> &StreamName {
        &self.name
    }

    /// Notes that everything up to an offset has reached the other end.
    pub fn acknowledge(&self, offset: u64) {
        if let Some(stream) = self.hub.lock().get_mut(&self.name)
            && stream.acknowledged < offset
        {
            stream.acknowledged = offset;
            stream.news = true;
        }
    }

    /// Tells whether another socket has taken this one's place.
    pub(crate) fn is_replaced(&self) -> bool {
        let streams = self.hub.lock();
        let stream = streams.get(&self.name);
        !stream.is_some_and(|stream| stream.sockets.contains(&self.socket))
    }

    /// Forgets the wake-ups so far; returns how many there were.
    pub(crate) fn rest(&mut self) -> u64 {
        *self.changed.borrow_and_update()
    }

    /// Returns what sockets of this process have read of the stream's end.
    pub(crate) fn tail(&self) -> Arc<AsyncMutex<Tail>> {
        Arc::clone(&self.tail)
    }

    /// Waits for a wake-up after the last [`Self::rest`].
    pub(crate) async fn woken(&mut self) {
        // The hub drops the sender with the last place alone, and this is one.
        let _ = self.changed.changed().await;
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        let mut streams = self.hub.lock();
        if let Some(stream) = streams.get_mut(&self.name) {
            stream.sockets.retain(|socket| *socket != self.socket);
            if !stream.is_of_use() {
                streams.remove(&self.name);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use boop_wire::UserId;

    use super::*;

    fn vendor() -> StreamName {
        StreamName::Vendor("ven_1".parse().unwrap())
    }

    fn scanner() -> StreamName {
        StreamName::Scanner("scn_1".parse().unwrap())
    }

    fn hub() -> Hub {
        Hub::new(Limits {
            streams_max: 2,
            sockets_max: 2,
        })
    }

    #[test]
    fn a_new_socket_of_a_scanner_takes_the_place_of_the_old_one() {
        let hub = hub();
        let old = hub.attach(scanner()).unwrap();

        let new = hub.attach(scanner()).unwrap();

        assert!(old.is_replaced());
        assert!(!new.is_replaced());
        drop(old);
        assert!(hub.is_attached(&scanner()));
    }

    #[test]
    fn a_scanner_that_is_read_elsewhere_has_no_socket_here() {
        let hub = hub();
        let here = hub.attach(scanner()).unwrap();
        let _vendor = hub.attach(vendor()).unwrap();
        assert_eq!(hub.exclusive(), [scanner()]);

        hub.evict(&scanner());

        assert!(here.is_replaced());
        assert_eq!(hub.exclusive(), []);
        assert!(!hub.is_attached(&scanner()));
    }

    #[test]
    fn streams_and_sockets_have_limits() {
        let hub = hub();
        let _one = hub.attach(vendor()).unwrap();
        let _two = hub.attach(vendor()).unwrap();
        assert_eq!(
            hub.attach(vendor()).unwrap_err(),
            AttachError::Sockets { max: 2 }
        );
        let _other = hub.attach(scanner()).unwrap();
        assert_eq!(hub.sockets(), 3);

        assert_eq!(
            hub.attach(StreamName::User(UserId::new([1; 16])))
                .unwrap_err(),
            AttachError::Streams { max: 2 }
        );
    }

    #[test]
    fn presence_ends_with_the_last_socket() {
        let hub = hub();
        let place = hub.attach(scanner()).unwrap();
        assert!(hub.is_attached(&scanner()));

        drop(place);

        assert!(!hub.is_attached(&scanner()));
        assert!(hub.lock().is_empty());
    }

    #[test]
    fn acknowledgements_wait_for_the_log_even_without_a_socket() {
        let hub = hub();
        let place = hub.attach(vendor()).unwrap();
        place.acknowledge(5);
        place.acknowledge(3);
        drop(place);

        assert_eq!(hub.acknowledged(&vendor()), 5);
        assert_eq!(hub.take_news(), vec![(vendor(), 5)]);
        assert_eq!(hub.take_news(), vec![]);
        assert!(hub.lock().is_empty());
    }
}
