//! A sliding window over the last minute.

use std::collections::VecDeque;
use std::num::NonZeroU32;

const WINDOW_MS: u64 = 60_000;

/// Admits at most so many events in any minute.
#[derive(Debug)]
pub(crate) struct Rate {
    per_minute: usize,
    admitted_ms: VecDeque<u64>,
}

impl Rate {
    pub(crate) fn new(per_minute: NonZeroU32) -> Self {
        Self {
            per_minute: usize::try_from(per_minute.get()).unwrap_or(usize::MAX),
            admitted_ms: VecDeque::new(),
        }
    }

    /// Counts an event at `now_ms` if there is room for it.
    pub(crate) fn admit(&mut self, now_ms: u64) -> bool {
        let over = now_ms.saturating_sub(WINDOW_MS);
        while self.admitted_ms.front().is_some_and(|at| *at <= over) {
            self.admitted_ms.pop_front();
        }
        let room = self.admitted_ms.len() < self.per_minute;
        if room {
            self.admitted_ms.push_back(now_ms);
        }
        room
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_window_slides() {
        let mut rate = Rate::new(NonZeroU32::new(2).unwrap());
        let start = 1_000_000;

        let admitted =
            [0, 10, 20, 59_999, 60_000, 60_001, 60_010].map(|offset| rate.admit(start + offset));

        assert_eq!(admitted, [true, true, false, false, true, false, true]);
    }
}
