//! What a rule remembers of one subject: its last signs, as many as the threshold counts.
//!
//! That is enough to answer the rule's question exactly: if the oldest of the last `count` signs
//! is inside the window, there are `count` in it. How much good lies between them follows from a
//! counter that each sign notes as it comes.

use std::collections::VecDeque;

use crate::event::Pseudonym;
use crate::places::Places;
use crate::rule::{Sign, Threshold};

/// What is remembered of a subject.
#[derive(Debug, Default)]
pub(crate) struct Memory {
    /// Oldest first, at most the threshold's count.
    signs: VecDeque<Noted>,
    /// Good things so far.
    good: u64,
    /// Where the subject was; stays empty for rules that do not ask.
    places: Option<Places>,
    /// Until when a finding has been said already, Unix milliseconds.
    pub(crate) quiet_until_ms: u64,
}

#[derive(Debug)]
struct Noted {
    at_ms: u64,
    thing: Option<Pseudonym>,
    good_before: u64,
}

/// Signs that reach a threshold.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Reached {
    /// How many.
    pub(crate) count: usize,
    /// Milliseconds from the first to the last.
    pub(crate) within_ms: u64,
}

impl Memory {
    /// Most bytes that a subject takes under a threshold.
    #[cfg(test)]
    pub(crate) fn bytes_max(limit: &Threshold) -> usize {
        // The queue doubles as it grows.
        let signs = limit.count.next_power_of_two().max(4);
        signs * size_of::<Noted>() + size_of::<Self>()
    }

    /// Tells whether a sign is worth a place for a subject of which nothing is remembered.
    pub(crate) const fn opens(sign: &Sign) -> bool {
        match sign {
            Sign::Hit | Sign::HitOn(_) | Sign::At { .. } => true,
            // Good things count from the first sign on.
            Sign::Good => false,
        }
    }

    /// Takes a sign, and tells whether the threshold is reached with it.
    pub(crate) fn note(&mut self, at_ms: u64, sign: Sign, limit: &Threshold) -> Option<Reached> {
        let thing = match sign {
            Sign::Good => {
                self.good = self.good.saturating_add(1);
                return None;
            }
            Sign::At { place, learns } => {
                let places = self.places.get_or_insert_with(|| Places::new(at_ms));
                if !places.arrive(place, at_ms, learns) {
                    return None;
                }
                None
            }
            Sign::Hit => None,
            Sign::HitOn(thing) => Some(thing),
        };
        if thing.is_some() {
            self.signs.retain(|noted| noted.thing != thing);
        }
        while self.signs.len() >= limit.count.max(1) {
            self.signs.pop_front();
        }
        self.signs.push_back(Noted {
            at_ms,
            thing,
            good_before: self.good,
        });
        self.reached(at_ms, limit)
    }

    fn reached(&self, now_ms: u64, limit: &Threshold) -> Option<Reached> {
        let count = self.signs.len();
        let first = self.signs.front().filter(|_| count >= limit.count)?;
        // A clock that was set back leaves times after now, which are inside any window.
        let within_ms = now_ms.saturating_sub(first.at_ms);
        let good = self.good.saturating_sub(first.good_before);
        let bad = u64::try_from(count).unwrap_or(u64::MAX);
        let all = bad.saturating_add(good);
        let share = bad.saturating_mul(100) >= all.saturating_mul(u64::from(limit.percent));
        (within_ms <= limit.window_ms && share).then_some(Reached { count, within_ms })
    }
}

#[cfg(test)]
mod tests {
    use boop_wire::Digest;

    use super::*;

    const LIMIT: Threshold = Threshold {
        count: 3,
        window_ms: 100,
        percent: 0,
    };

    #[test]
    fn so_many_signs_within_the_window_reach_the_threshold_and_one_millisecond_more_does_not() {
        let reached = |last_ms| {
            let mut memory = Memory::default();
            assert_eq!(memory.note(0, Sign::Hit, &LIMIT), None);
            assert_eq!(memory.note(50, Sign::Hit, &LIMIT), None);
            memory.note(last_ms, Sign::Hit, &LIMIT)
        };

        let whole = Reached {
            count: 3,
            within_ms: 100,
        };
        assert_eq!(reached(100), Some(whole));
        assert_eq!(reached(101), None);
    }

    #[test]
    fn the_window_slides() {
        let mut memory = Memory::default();
        let times = [0, 90, 180, 190, 250, 290];

        let reached = times.map(|at_ms| memory.note(at_ms, Sign::Hit, &LIMIT).is_some());

        assert_eq!(reached, [false, false, false, true, true, true]);
    }

    #[test]
    fn the_same_thing_again_counts_once() {
        let thing = |byte| Sign::HitOn(Pseudonym::new(Digest::new([byte; 32])));
        let mut memory = Memory::default();

        for _ in 0..10 {
            assert_eq!(memory.note(1, thing(1), &LIMIT), None);
        }
        assert_eq!(memory.note(1, thing(2), &LIMIT), None);
        assert!(memory.note(1, thing(3), &LIMIT).is_some());
    }

    #[test]
    fn at_a_hundred_percent_one_good_thing_ends_the_run() {
        let run = Threshold {
            percent: 100,
            ..LIMIT
        };
        let mut memory = Memory::default();
        for sign in [Sign::Hit, Sign::Hit, Sign::Good, Sign::Hit, Sign::Hit] {
            assert_eq!(memory.note(0, sign, &run), None);
        }

        assert!(memory.note(0, Sign::Hit, &run).is_some());
    }

    #[test]
    fn a_share_is_of_what_came_since_the_first_sign() {
        let half = Threshold {
            percent: 50,
            ..LIMIT
        };
        let after = |good| {
            let mut memory = Memory::default();
            let mut note = |sign| memory.note(0, sign, &half).is_some();
            // What came before does not hide what comes now.
            for sign in [Sign::Good; 50] {
                note(sign);
            }
            note(Sign::Hit);
            for _ in 0..good {
                note(Sign::Good);
            }
            note(Sign::Hit);
            note(Sign::Hit)
        };

        assert!(after(3));
        assert!(!after(4));
    }

    #[test]
    fn a_subject_takes_no_more_memory_than_the_threshold_counts() {
        let mut memory = Memory::default();

        for at_ms in 0..10_000 {
            memory.note(at_ms, Sign::Hit, &LIMIT);
        }

        assert_eq!(memory.signs.len(), LIMIT.count);
    }

    #[test]
    fn a_clock_that_is_set_back_blinds_no_rule() {
        let mut memory = Memory::default();
        memory.note(1_000_000, Sign::Hit, &LIMIT);
        memory.note(5, Sign::Hit, &LIMIT);

        assert!(memory.note(6, Sign::Hit, &LIMIT).is_some());
    }
}
