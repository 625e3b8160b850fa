//! What one process has read of the end of a stream, so that many sockets cost one read.

use std::collections::VecDeque;

use crate::log::Message;

/// Bytes of messages that are kept of a stream with several sockets.
const TAIL_BYTES_MAX: usize = 64 * 1024;

/// The end of a stream, as far as some socket of this process has read it.
#[derive(Debug, Default)]
pub(crate) struct Tail {
    messages: VecDeque<Message>,
    bytes: usize,
    /// Nothing was after this offset, when as many wake-ups had come.
    end: Option<(u64, u64)>,
}

/// What the tail knows of what follows an offset.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Known {
    /// These messages, and maybe more.
    Messages(VecDeque<Message>),
    /// Nothing, unless another wake-up has come.
    Nothing,
    /// The log knows.
    Unknown,
}

impl Tail {
    /// Returns what follows an offset, for a reader that knows of so many wake-ups.
    pub(crate) fn after(&self, offset: u64, wakes: u64) -> Known {
        let before = |message: &Message| message.offset <= offset;
        let first = self.messages.front().map(|message| message.offset);
        if first.is_some_and(|first| first <= offset + 1) {
            let start = self.messages.partition_point(before);
            if start < self.messages.len() {
                return Known::Messages(self.messages.range(start..).cloned().collect());
            }
        }
        match self.end {
            Some((end, seen)) if end == offset && seen >= wakes => Known::Nothing,
            _ => Known::Unknown,
        }
    }

    /// Keeps messages that the log gave, if they go on where the tail ends, or begin another.
    pub(crate) fn keep(&mut self, messages: &[Message]) {
        for message in messages {
            match self.messages.back().map(|last| last.offset) {
                Some(last) if message.offset <= last => continue,
                Some(last) if message.offset == last + 1 => {}
                Some(_) | None => self.clear(),
            }
            self.bytes += message.text.len();
            self.messages.push_back(message.clone());
        }
        while self.bytes > TAIL_BYTES_MAX {
            let Some(first) = self.messages.pop_front() else {
                return;
            };
            self.bytes -= first.text.len();
        }
    }

    /// Notes that the log had nothing after an offset, when so many wake-ups had come.
    pub(crate) fn ends(&mut self, offset: u64, wakes: u64) {
        self.end = Some((offset, wakes));
    }

    fn clear(&mut self) {
        self.messages.clear();
        self.bytes = 0;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn message(offset: u64) -> Message {
        Message {
            offset,
            text: "text".into(),
        }
    }

    fn messages(offsets: std::ops::RangeInclusive<u64>) -> Vec<Message> {
        offsets.map(message).collect()
    }

    fn known(offsets: std::ops::RangeInclusive<u64>) -> Known {
        Known::Messages(messages(offsets).into())
    }

    #[test]
    fn what_was_read_is_there_for_the_next_reader_and_the_rest_is_the_logs() {
        let mut tail = Tail::default();
        assert_eq!(tail.after(4, 0), Known::Unknown);
        tail.keep(&messages(5..=7));

        assert_eq!(tail.after(4, 0), known(5..=7));
        assert_eq!(tail.after(6, 0), known(7..=7));
        assert_eq!(tail.after(3, 0), Known::Unknown);
        assert_eq!(tail.after(7, 0), Known::Unknown);

        tail.keep(&messages(6..=9));
        assert_eq!(tail.after(4, 0), known(5..=9));
        tail.keep(&messages(20..=20));
        assert_eq!(tail.after(4, 0), Known::Unknown);
        assert_eq!(tail.after(19, 0), known(20..=20));
    }

    #[test]
    fn an_end_holds_until_a_wake_up_that_came_after_it_was_seen() {
        let mut tail = Tail::default();
        tail.keep(&messages(1..=2));
        tail.ends(2, 5);

        assert_eq!(tail.after(2, 5), Known::Nothing);
        assert_eq!(tail.after(2, 4), Known::Nothing);
        assert_eq!(tail.after(2, 6), Known::Unknown);
        assert_eq!(tail.after(1, 6), known(2..=2));
    }

    #[test]
    fn a_tail_is_bounded() {
        let mut tail = Tail::default();
        let large = |offset| Message {
            offset,
            text: "x".repeat(TAIL_BYTES_MAX / 2),
        };
        for offset in 1..=3 {
            tail.keep(&[large(offset)]);
        }

        assert_eq!(tail.after(0, 0), Known::Unknown);
        let last = VecDeque::from([large(2), large(3)]);
        assert_eq!(tail.after(1, 0), Known::Messages(last));
    }
}
