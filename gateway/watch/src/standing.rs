//! Who is slowed or blocked now, and until when.

use std::collections::BTreeMap;

use crate::event::Subject;
use crate::rule::Response;

/// Most subjects that are slowed or blocked at a time. One more, and the one whose time ends
/// soonest is free early: a door that forgets a little is better than one that fills up.
pub const STANDINGS_MAX: usize = 10_000;

/// Longest time that a response may last, in milliseconds. What would last longer was written by a
/// clock that has been set back since, and does not hold.
pub(crate) const RESPONSE_MS_MAX: u64 = 60 * 60 * 1000;

/// What a door does with a subject.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Verdict {
    /// As always.
    Free,
    /// Lets it wait.
    Slow {
        /// Until when, Unix milliseconds.
        until_ms: u64,
    },
    /// Turns it away.
    Blocked {
        /// Until when, Unix milliseconds.
        until_ms: u64,
    },
}

/// Who is slowed or blocked.
#[derive(Debug)]
pub(crate) struct Standings {
    room: usize,
    known: BTreeMap<Subject, Standing>,
    /// From when on nothing holds.
    free_from_ms: u64,
}

#[derive(Debug, Clone, Copy, Default)]
struct Standing {
    slow_until_ms: u64,
    blocked_until_ms: u64,
}

impl Standing {
    fn ends_ms(self) -> u64 {
        self.slow_until_ms.max(self.blocked_until_ms)
    }
}

/// Tells whether what ends then still holds.
pub(crate) fn holds(until_ms: u64, now_ms: u64) -> bool {
    let left_ms = until_ms.saturating_sub(now_ms);
    (1..=RESPONSE_MS_MAX).contains(&left_ms)
}

impl Standings {
    /// Makes room for so many.
    pub(crate) const fn new(room: usize) -> Self {
        Self {
            room,
            known: BTreeMap::new(),
            free_from_ms: 0,
        }
    }

    /// Tells whether nobody is slowed or blocked.
    pub(crate) const fn are_free(&self, now_ms: u64) -> bool {
        now_ms >= self.free_from_ms
    }

    /// Carries out a response. It never shortens what holds already.
    pub(crate) fn answer(&mut self, subject: Subject, response: Response, now_ms: u64) {
        if response == Response::Page {
            return;
        }
        if !self.known.contains_key(&subject) && self.known.len() >= self.room {
            self.make_room(now_ms);
        }
        let standing = self.known.entry(subject).or_default();
        let (until_ms, for_ms) = match response {
            Response::Page => return,
            Response::Slow { for_ms } => (&mut standing.slow_until_ms, for_ms),
            Response::Block { for_ms } => (&mut standing.blocked_until_ms, for_ms),
        };
        let before_ms = Some(*until_ms).filter(|until_ms| holds(*until_ms, now_ms));
        let new_ms = now_ms.saturating_add(for_ms);
        *until_ms = before_ms.map_or(new_ms, |before_ms| before_ms.max(new_ms));
        self.free_from_ms = self.free_from_ms.max(*until_ms);
    }

    /// Returns how a subject stands.
    pub(crate) fn verdict(&self, subject: Subject, now_ms: u64) -> Verdict {
        let standing = self.known.get(&subject).copied().unwrap_or_default();
        if holds(standing.blocked_until_ms, now_ms) {
            let until_ms = standing.blocked_until_ms;
            Verdict::Blocked { until_ms }
        } else if holds(standing.slow_until_ms, now_ms) {
            let until_ms = standing.slow_until_ms;
            Verdict::Slow { until_ms }
        } else {
            Verdict::Free
        }
    }

    /// Lets a subject free.
    pub(crate) fn lift(&mut self, subject: Subject) {
        self.known.remove(&subject);
    }

    fn make_room(&mut self, now_ms: u64) {
        self.known.retain(|_, standing| standing.ends_ms() > now_ms);
        while self.known.len() >= self.room {
            let known = self.known.iter();
            let soonest = known.min_by_key(|(_, standing)| standing.ends_ms());
            let Some((subject, _)) = soonest else { return };
            let subject = *subject;
            self.known.remove(&subject);
        }
    }
}

#[cfg(test)]
mod tests {
    use boop_wire::Digest;

    use super::*;
    use crate::event::Pseudonym;

    const SLOW: Response = Response::Slow { for_ms: 100 };
    const BLOCK: Response = Response::Block { for_ms: 50 };

    #[test]
    fn a_block_goes_before_a_slower_pace_and_both_end_in_their_time() {
        let mut standings = Standings::new(10);
        standings.answer(subject(1), SLOW, 0);
        standings.answer(subject(1), BLOCK, 0);

        let verdict = |now_ms| standings.verdict(subject(1), now_ms);
        assert_eq!(verdict(49), Verdict::Blocked { until_ms: 50 });
        assert_eq!(verdict(50), Verdict::Slow { until_ms: 100 });
        assert_eq!(verdict(100), Verdict::Free);
        assert!(!standings.are_free(99));
        assert!(standings.are_free(100));
        assert_eq!(standings.verdict(subject(2), 0), Verdict::Free);
    }

    #[test]
    fn a_page_changes_nothing_at_the_door() {
        let mut standings = Standings::new(10);

        standings.answer(subject(1), Response::Page, 0);

        assert_eq!(standings.verdict(subject(1), 0), Verdict::Free);
        assert!(standings.known.is_empty());
    }

    #[test]
    fn a_later_finding_makes_it_longer_and_never_shorter() {
        let mut standings = Standings::new(10);
        standings.answer(subject(1), BLOCK, 20);
        standings.answer(subject(1), BLOCK, 10);

        let blocked = Verdict::Blocked { until_ms: 70 };
        assert_eq!(standings.verdict(subject(1), 30), blocked);
    }

    #[test]
    fn where_there_is_no_room_what_is_over_goes_first_and_then_what_ends_soonest() {
        let mut standings = Standings::new(2);
        standings.answer(subject(1), BLOCK, 0);
        standings.answer(subject(2), SLOW, 0);
        standings.answer(subject(3), SLOW, 60);
        assert_eq!(standings.known.len(), 2);
        assert!(!standings.known.contains_key(&subject(1)));

        standings.answer(subject(4), SLOW, 70);

        assert_eq!(standings.known.len(), 2);
        assert!(!standings.known.contains_key(&subject(2)));
    }

    fn subject(byte: u8) -> Subject {
        Subject::Scanner(Pseudonym::new(Digest::new([byte; 32])))
    }
}
