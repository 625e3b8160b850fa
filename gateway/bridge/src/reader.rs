//! One socket's way through a stream.

use std::collections::VecDeque;

use crate::hub::Place;
use crate::log::{Log, Message};
use crate::tail::Known;

/// Bytes of messages that are read ahead for one socket.
const AHEAD_BYTES_MAX: usize = 64 * 1024;

/// What a reader waits for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Delivery {
    /// A message to take to the wire; call [`Reader::taken`] when it is there.
    Message(Message),
    /// Messages are no longer there; the reader goes on after them.
    Gap {
        /// Offset of the first.
        from: u64,
        /// Offset of the last.
        to: u64,
    },
    /// Another socket has taken this one's place.
    Replaced,
    /// The log cannot be read now; nothing is lost.
    Unavailable,
}

/// Reads a stream for one socket.
#[derive(Debug)]
pub struct Reader<L> {
    place: Place,
    log: L,
    /// Everything up to here is on the wire.
    offset: u64,
    ahead: VecDeque<Message>,
}

impl<L: Log> Reader<L> {
    /// Begins after an offset.
    pub fn new(place: Place, log: L, offset: u64) -> Self {
        Self {
            place,
            log,
            offset,
            ahead: VecDeque::new(),
        }
    }

    /// Waits for the next delivery. The same message comes again until [`Self::taken`]; dropping
    /// the future loses nothing.
    pub async fn next(&mut self) -> Delivery {
        loop {
            if self.place.is_replaced() {
                return Delivery::Replaced;
            }
            if let Some(message) = self.ahead.front() {
                return Delivery::Message(message.clone());
            }
            // What is written after this wakes the reader again.
            let wakes = self.place.rest();
            let stream = self.place.stream();
            // One socket reads the log, and the others wait for what it finds.
            let tail = self.place.tail();
            let mut tail = tail.lock().await;
            match tail.after(self.offset, wakes) {
                Known::Messages(messages) => {
                    self.ahead = messages;
                    continue;
                }
                Known::Nothing => {
                    drop(tail);
                    self.place.woken().await;
                    continue;
                }
                Known::Unknown => {}
            }
            let page = match self.log.read(stream, self.offset, AHEAD_BYTES_MAX).await {
                Ok(page) => page,
                Err(error) => {
                    tracing::error!(%stream, %error, "a stream cannot be read");
                    return Delivery::Unavailable;
                }
            };
            if page.first > self.offset + 1 {
                let from = self.offset + 1;
                self.offset = page.first - 1;
                let to = self.offset;
                return Delivery::Gap { from, to };
            }
            if page.messages.is_empty() {
                tail.ends(self.offset, wakes);
                drop(tail);
                self.place.woken().await;
            } else {
                if !stream.is_exclusive() {
                    tail.keep(&page.messages);
                }
                self.ahead = page.messages.into();
            }
        }
    }

    /// Notes that the message of the last [`Self::next`] is on the wire, and tells whether more
    /// are read already.
    pub fn taken(&mut self) -> bool {
        if let Some(message) = self.ahead.pop_front() {
            self.offset = message.offset;
        }
        !self.ahead.is_empty()
    }

    /// Returns the offset of the last message on the wire.
    pub fn offset(&self) -> u64 {
        self.offset
    }

    /// Notes that the other end has everything up to an offset; more than was sent counts as all
    /// that was sent.
    pub fn acknowledge(&self, offset: u64) {
        self.place.acknowledge(offset.min(self.offset));
    }
}

#[cfg(test)]
mod tests {
    use std::convert::Infallible;
    use std::sync::{Arc, Mutex};
    use std::time::Duration;

    use super::*;
    use crate::hub::{Hub, Limits};
    use crate::log::Page;
    use crate::stream::StreamName;

    /// A log of one stream in memory.
    #[derive(Debug, Clone, Default)]
    struct Memory(Arc<Mutex<Kept>>);

    #[derive(Debug, Default)]
    struct Kept {
        forgotten: u64,
        reads: u32,
        texts: Vec<String>,
    }

    impl Memory {
        fn reads(&self) -> u32 {
            self.0.lock().unwrap().reads
        }

        fn put(&self, text: &str) {
            self.0.lock().unwrap().texts.push(text.into());
        }

        fn forget(&self, count: usize) {
            let mut kept = self.0.lock().unwrap();
            kept.texts.drain(..count);
            kept.forgotten += count as u64;
        }
    }

    impl Log for Memory {
        type Error = Infallible;

        async fn read(
            &self,
            _: &StreamName,
            after: u64,
            bytes_max: usize,
        ) -> Result<Page, Infallible> {
            let mut kept = self.0.lock().unwrap();
            kept.reads += 1;
            let mut messages = Vec::new();
            let mut bytes = 0;
            for (position, text) in kept.texts.iter().enumerate() {
                let offset = kept.forgotten + 1 + position as u64;
                if offset > after && (bytes == 0 || bytes + text.len() <= bytes_max) {
                    bytes += text.len();
                    let text = text.clone();
                    messages.push(Message { offset, text });
                }
            }
            let first = kept.forgotten + 1;
            Ok(Page { first, messages })
        }
    }

    fn vendor() -> StreamName {
        StreamName::Vendor("ven_1".parse().unwrap())
    }

    fn message(offset: u64, text: &str) -> Delivery {
        Delivery::Message(Message {
            offset,
            text: text.into(),
        })
    }

    struct World {
        hub: Hub,
        log: Memory,
    }

    impl World {
        fn new() -> Self {
            Self {
                hub: Hub::new(Limits::default()),
                log: Memory::default(),
            }
        }

        fn put(&self, text: &str) {
            self.log.put(text);
            self.hub.wake(&vendor());
        }

        fn reader(&self, offset: u64) -> Reader<Memory> {
            let place = self.hub.attach(vendor()).unwrap();
            Reader::new(place, self.log.clone(), offset)
        }
    }

    async fn waits(reader: &mut Reader<Memory>) -> bool {
        tokio::time::timeout(Duration::from_millis(20), reader.next())
            .await
            .is_err()
    }

    #[tokio::test]
    async fn messages_come_in_order_from_where_the_reader_begins() {
        let world = World::new();
        for text in ["one", "two", "three"] {
            world.put(text);
        }
        let mut reader = world.reader(1);

        assert_eq!(reader.next().await, message(2, "two"));
        assert_eq!(reader.next().await, message(2, "two"));
        assert!(reader.taken());
        assert_eq!(reader.next().await, message(3, "three"));
        assert!(!reader.taken());
        assert!(waits(&mut reader).await);
        assert_eq!(reader.offset(), 3);
    }

    #[tokio::test]
    async fn a_waiting_reader_wakes_up_when_a_message_comes() {
        let world = World::new();
        let mut reader = world.reader(0);
        let waiting = tokio::spawn(async move { reader.next().await });
        tokio::task::yield_now().await;

        world.put("m");

        assert_eq!(waiting.await.unwrap(), message(1, "m"));
    }

    #[tokio::test]
    async fn what_is_no_longer_there_is_named() {
        let world = World::new();
        for text in ["one", "two", "three"] {
            world.put(text);
        }
        world.log.forget(2);
        let mut reader = world.reader(0);

        assert_eq!(reader.next().await, Delivery::Gap { from: 1, to: 2 });
        assert_eq!(reader.next().await, message(3, "three"));
        reader.taken();

        world.log.forget(1);
        assert!(waits(&mut reader).await);
    }

    #[tokio::test]
    async fn each_socket_of_a_vendor_gets_every_message() {
        let world = World::new();
        let (mut one, mut two) = (world.reader(0), world.reader(0));

        world.put("m");

        for reader in [&mut one, &mut two] {
            assert_eq!(reader.next().await, message(1, "m"));
        }
    }

    #[tokio::test]
    async fn a_message_costs_one_read_however_many_sockets_there_are() {
        let world = World::new();
        let mut readers: Vec<_> = (0..8).map(|_| world.reader(0)).collect();
        for reader in &mut readers {
            assert!(waits(reader).await);
        }
        let before = world.log.reads();

        world.put("m");

        for reader in &mut readers {
            assert_eq!(reader.next().await, message(1, "m"));
            reader.taken();
        }
        for reader in &mut readers {
            assert!(waits(reader).await);
        }
        // One that finds it, and one that finds no more.
        assert_eq!(world.log.reads() - before, 2);
    }

    #[tokio::test]
    async fn nobody_acknowledges_what_was_not_sent() {
        let world = World::new();
        world.put("one");
        world.put("two");
        let mut reader = world.reader(0);
        reader.next().await;
        reader.taken();

        reader.acknowledge(9);

        assert_eq!(world.hub.acknowledged(&vendor()), 1);
    }

    #[tokio::test]
    async fn a_replaced_socket_hears_of_it_at_once() {
        let hub = Hub::new(Limits::default());
        let scanner = StreamName::Scanner("scn_1".parse().unwrap());
        let log = Memory::default();
        let place = hub.attach(scanner.clone()).unwrap();
        let mut old = Reader::new(place, log, 0);
        let waiting = tokio::spawn(async move { old.next().await });
        tokio::task::yield_now().await;

        let _new = hub.attach(scanner).unwrap();

        assert_eq!(waiting.await.unwrap(), Delivery::Replaced);
    }
}
