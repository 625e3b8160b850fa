//! A bounded queue of messages with offsets, read by any number of cursors.

use std::collections::VecDeque;

/// Messages that wait on one stream, oldest first. Offsets count from zero and never repeat.
#[derive(Debug)]
pub struct Outbox {
    waiting: VecDeque<Waiting>,
    /// Offset of the first message in `waiting`.
    first: u64,
    /// Every message before this offset was taken to a wire by some reader.
    taken: u64,
    bytes: usize,
    messages_max: usize,
    bytes_max: usize,
}

#[derive(Debug)]
struct Waiting {
    text: String,
    put_at_ms: u64,
}

/// What a cursor finds.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Next {
    /// The message at the cursor.
    Message(String),
    /// Messages were dropped before this reader came to them; the cursor continues behind.
    Gap {
        /// How many.
        missed: u64,
    },
    /// Nothing for now.
    Nothing,
}

impl Outbox {
    /// Returns an empty outbox that holds at most so many messages and bytes.
    pub const fn new(messages_max: usize, bytes_max: usize) -> Self {
        Self {
            waiting: VecDeque::new(),
            first: 0,
            taken: 0,
            bytes: 0,
            messages_max,
            bytes_max,
        }
    }

    /// Adds a message and returns its offset; the oldest ones go if there is no room.
    pub fn put(&mut self, text: String, now_ms: u64) -> u64 {
        self.bytes += text.len();
        self.waiting.push_back(Waiting {
            text,
            put_at_ms: now_ms,
        });
        while self.waiting.len() > self.messages_max || self.bytes > self.bytes_max {
            if !self.drop_first() {
                break;
            }
        }
        self.end().saturating_sub(1)
    }

    /// Returns what is at `cursor`.
    pub fn at(&self, cursor: u64) -> Next {
        if let Some(missed) = self.first.checked_sub(cursor).filter(|missed| *missed > 0) {
            return Next::Gap { missed };
        }
        let position = usize::try_from(cursor - self.first).unwrap_or(usize::MAX);
        match self.waiting.get(position) {
            Some(waiting) => Next::Message(waiting.text.clone()),
            None => Next::Nothing,
        }
    }

    /// Notes that a reader took everything before `cursor` to its wire.
    pub fn take(&mut self, cursor: u64) {
        self.taken = self.taken.max(cursor.min(self.end()));
    }

    /// Returns where a reader begins that has seen nothing: after what others have taken.
    pub const fn start(&self) -> u64 {
        self.taken
    }

    /// Returns the oldest offset that is still here.
    pub const fn first(&self) -> u64 {
        self.first
    }

    /// Drops what was taken and what every reader has passed; `slowest` is the lowest cursor.
    pub fn trim(&mut self, slowest: Option<u64>) {
        let keep = slowest.map_or(self.taken, |cursor| cursor.min(self.taken));
        while self.first < keep && self.drop_first() {}
    }

    /// Drops messages that were put before `oldest_ms`.
    pub fn expire(&mut self, oldest_ms: u64) {
        while self
            .waiting
            .front()
            .is_some_and(|waiting| waiting.put_at_ms < oldest_ms)
        {
            self.drop_first();
        }
    }

    /// Tells whether nothing waits.
    pub fn is_empty(&self) -> bool {
        self.waiting.is_empty()
    }

    fn end(&self) -> u64 {
        self.first + u64::try_from(self.waiting.len()).unwrap_or(u64::MAX)
    }

    fn drop_first(&mut self) -> bool {
        let Some(waiting) = self.waiting.pop_front() else {
            return false;
        };
        self.bytes -= waiting.text.len();
        self.first += 1;
        true
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn offsets_count_up_and_name_their_message() {
        let mut outbox = Outbox::new(4, 1000);

        assert_eq!(outbox.put("a".into(), 0), 0);
        assert_eq!(outbox.put("b".into(), 0), 1);

        assert_eq!(outbox.at(1), Next::Message("b".into()));
        assert_eq!(outbox.at(2), Next::Nothing);
    }

    #[test]
    fn the_oldest_messages_go_when_there_are_too_many() {
        let mut outbox = Outbox::new(2, 1000);
        for text in ["a", "b", "c", "d"] {
            outbox.put(text.into(), 0);
        }

        assert_eq!(outbox.at(0), Next::Gap { missed: 2 });
        assert_eq!(outbox.at(2), Next::Message("c".into()));
    }

    #[test]
    fn the_oldest_messages_go_when_they_are_too_long_together() {
        let mut outbox = Outbox::new(100, 5);
        outbox.put("abc".into(), 0);
        outbox.put("def".into(), 0);

        assert_eq!(outbox.at(0), Next::Gap { missed: 1 });
        assert_eq!(outbox.at(1), Next::Message("def".into()));
    }

    #[test]
    fn a_message_longer_than_the_outbox_is_a_gap() {
        let mut outbox = Outbox::new(100, 5);

        assert_eq!(outbox.put("longer".into(), 0), 0);

        assert_eq!(outbox.at(0), Next::Gap { missed: 1 });
        assert_eq!(outbox.at(1), Next::Nothing);
    }

    #[test]
    fn a_message_stays_until_the_slowest_reader_has_passed_it() {
        let mut outbox = Outbox::new(4, 1000);
        outbox.put("a".into(), 0);
        outbox.put("b".into(), 0);
        outbox.take(2);

        outbox.trim(Some(1));
        assert_eq!(outbox.first(), 1);

        outbox.trim(None);
        assert!(outbox.is_empty());
        assert_eq!(outbox.start(), 2);
    }

    #[test]
    fn messages_nobody_took_survive_a_trim_and_end_by_age() {
        let mut outbox = Outbox::new(4, 1000);
        outbox.put("a".into(), 10);
        outbox.put("b".into(), 20);

        outbox.trim(None);
        assert_eq!(outbox.at(0), Next::Message("a".into()));

        outbox.expire(15);
        assert_eq!(outbox.at(0), Next::Gap { missed: 1 });
        assert_eq!(outbox.at(1), Next::Message("b".into()));
    }
}
