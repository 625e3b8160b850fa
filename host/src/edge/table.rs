//! Numbers of streams: which are live, which are over, which never were.

use std::collections::BTreeMap;

use boop_abi::StreamId;

use crate::edge::Violation;

/// The streams of one life of an enclave. Each side counts its own numbers upwards, so that the
/// highest one seen tells what was used.
#[derive(Debug)]
pub(crate) struct StreamTable<T> {
    live: BTreeMap<StreamId, T>,
    /// Highest number the enclave gave, odd; 0 before the first.
    last_odd: u32,
    /// Highest number given here, even; 0 before the first.
    last_even: u32,
}

impl<T> StreamTable<T> {
    pub(crate) const fn new() -> Self {
        Self {
            live: BTreeMap::new(),
            last_odd: 0,
            last_even: 0,
        }
    }

    /// Takes a number that the enclave chose.
    pub(crate) fn claim(&mut self, stream: StreamId) -> Result<(), Violation> {
        if stream.0.is_multiple_of(2) {
            return Err(Violation::EvenStream);
        }
        if stream.0 <= self.last_odd {
            return Err(Violation::StreamReused);
        }
        self.last_odd = stream.0;
        Ok(())
    }

    /// Gives the next number; none when there are no more.
    pub(crate) fn next(&mut self) -> Option<StreamId> {
        self.last_even = self.last_even.checked_add(2)?;
        Some(StreamId(self.last_even))
    }

    pub(crate) fn insert(&mut self, stream: StreamId, entry: T) {
        self.live.insert(stream, entry);
    }

    /// Returns a live stream's entry, or none if the stream is over: what the enclave sends may
    /// cross with the notice that it is.
    pub(crate) fn get(&self, stream: StreamId) -> Result<Option<&T>, Violation> {
        match self.live.get(&stream) {
            Some(entry) => Ok(Some(entry)),
            None if self.was_used(stream) => Ok(None),
            None => Err(Violation::UnknownStream),
        }
    }

    /// Removes a stream; none if it is over already.
    pub(crate) fn remove(&mut self, stream: StreamId) -> Result<Option<T>, Violation> {
        match self.live.remove(&stream) {
            Some(entry) => Ok(Some(entry)),
            None if self.was_used(stream) => Ok(None),
            None => Err(Violation::UnknownStream),
        }
    }

    fn was_used(&self, stream: StreamId) -> bool {
        let last = if stream.0.is_multiple_of(2) {
            self.last_even
        } else {
            self.last_odd
        };
        stream.0 > 0 && stream.0 <= last
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_enclave_counts_odd_numbers_upwards() {
        let mut table = StreamTable::<()>::new();

        assert_eq!(table.claim(StreamId(2)), Err(Violation::EvenStream));
        assert_eq!(table.claim(StreamId(5)), Ok(()));
        assert_eq!(table.claim(StreamId(5)), Err(Violation::StreamReused));
        assert_eq!(table.claim(StreamId(3)), Err(Violation::StreamReused));
        assert_eq!(table.claim(StreamId(7)), Ok(()));
    }

    #[test]
    fn a_stream_is_live_then_over_and_others_never_were() {
        let mut table = StreamTable::new();
        let even = table.next().unwrap();
        table.insert(even, 'e');

        assert_eq!(table.get(even), Ok(Some(&'e')));
        assert_eq!(table.remove(even), Ok(Some('e')));
        assert_eq!(table.get(even), Ok(None));
        assert_eq!(table.remove(even), Ok(None));
        for never in [0, 1, 4, u32::MAX] {
            let stream = StreamId(never);
            assert_eq!(table.get(stream), Err(Violation::UnknownStream));
            assert_eq!(table.remove(stream), Err(Violation::UnknownStream));
        }
    }

    #[test]
    fn numbers_given_here_are_even_and_end() {
        let mut table = StreamTable::<()>::new();
        assert_eq!(table.next(), Some(StreamId(2)));
        assert_eq!(table.next(), Some(StreamId(4)));

        table.last_even = u32::MAX - 1;

        assert_eq!(table.next(), None);
    }
}
