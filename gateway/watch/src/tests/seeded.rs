//! A small generator of numbers that look random: SplitMix64, the same for the same seed.

use boop_wire::Digest;

use crate::event::{Event, Pseudonym, Subject, What};

/// Milliseconds of a second.
pub(super) const SECOND: u64 = 1000;
/// Milliseconds of a minute.
pub(super) const MINUTE: u64 = 60 * SECOND;
/// Milliseconds of an hour.
pub(super) const HOUR: u64 = 60 * MINUTE;
/// Milliseconds of a day.
pub(super) const DAY: u64 = 24 * HOUR;

/// Numbers from a seed.
pub(super) struct Dice(u64);

impl Dice {
    pub(super) fn new(seed: u64) -> Self {
        Self(seed)
    }

    pub(super) fn below(&mut self, end: u64) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mixed = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        (mixed ^ (mixed >> 31)) % end
    }

    pub(super) fn between(&mut self, from: u64, to: u64) -> u64 {
        from + self.below(to - from)
    }

    pub(super) fn percent(&mut self, chance: u64) -> bool {
        self.below(100) < chance
    }
}

/// A pseudonym of a kind and a number.
pub(super) fn name(kind: &str, number: u64) -> Pseudonym {
    let mut bytes = [0; 32];
    bytes[..8].copy_from_slice(&number.to_be_bytes());
    bytes[8..8 + kind.len()].copy_from_slice(kind.as_bytes());
    Pseudonym::new(Digest::new(bytes))
}

pub(super) fn scanner(number: u64) -> Pseudonym {
    name("scanner", number)
}

pub(super) fn vendor(number: u64) -> Pseudonym {
    name("vendor", number)
}

pub(super) fn address(number: u64) -> Pseudonym {
    name("address", number)
}

/// What happened, in any order.
#[derive(Default)]
pub(super) struct Story(Vec<Event>);

impl Story {
    pub(super) fn add(&mut self, at_ms: u64, what: What) {
        self.0.push(Event { at_ms, what });
    }

    pub(super) fn login(&mut self, at_ms: u64, principal: Subject, from: u64) {
        let address = address(from);
        self.add(at_ms, What::LoginGood { principal, address });
    }

    /// In the order of time.
    pub(super) fn told(mut self) -> Vec<Event> {
        self.0.sort_by_key(|event| event.at_ms);
        self.0
    }
}
