//! Where a principal logs in from, and whether a change of places is worth a sign.
//!
//! A place is settled once the principal has used it for an hour; so are the places of a vendor's
//! first hour, since a vendor may have several from the start. A change between two settled places
//! says nothing. A move to a new place is one change; a key in two places changes there and back.

use crate::event::Pseudonym;

/// How long a place is new, in milliseconds: longer than a rolling deploy, which uses the old and
/// the new place side by side, and long enough for an alternation to be found first.
const SETTLING_MS: u64 = 60 * 60 * 1000;
/// Places remembered of a principal; the one not used for longest makes room.
const PLACES_MAX: usize = 8;

/// The places of a principal.
#[derive(Debug)]
pub(crate) struct Places {
    since_ms: u64,
    known: Vec<Place>,
    /// Where it was last, and whether that was settled then.
    last: Option<(Pseudonym, bool)>,
}

#[derive(Debug)]
struct Place {
    address: Pseudonym,
    first_ms: u64,
    last_ms: u64,
}

impl Places {
    /// Begins with a principal that is seen for the first time.
    pub(crate) const fn new(at_ms: u64) -> Self {
        Self {
            since_ms: at_ms,
            known: Vec::new(),
            last: None,
        }
    }

    /// Notes where a principal is, and tells whether that is a change that counts.
    pub(crate) fn arrive(&mut self, address: Pseudonym, at_ms: u64, learns: bool) -> bool {
        let first_ms = self.first_ms(address, at_ms);
        let from_the_start = learns && first_ms.saturating_sub(self.since_ms) < SETTLING_MS;
        let settled = from_the_start || at_ms.saturating_sub(first_ms) >= SETTLING_MS;
        let before = self.last.replace((address, settled));
        before.is_some_and(|(last, was_settled)| last != address && !(settled && was_settled))
    }

    /// Returns when a place was first used, which may be now.
    fn first_ms(&mut self, address: Pseudonym, at_ms: u64) -> u64 {
        let mut known = self.known.iter_mut();
        if let Some(place) = known.find(|place| place.address == address) {
            place.last_ms = at_ms;
            return place.first_ms;
        }
        if self.known.len() >= PLACES_MAX {
            let used = self.known.iter().enumerate();
            let oldest = used.min_by_key(|(_, place)| place.last_ms);
            if let Some((index, _)) = oldest {
                self.known.swap_remove(index);
            }
        }
        self.known.push(Place {
            address,
            first_ms: at_ms,
            last_ms: at_ms,
        });
        at_ms
    }
}

#[cfg(test)]
mod tests {
    use boop_wire::Digest;

    use super::*;

    #[test]
    fn a_move_is_one_change_and_there_and_back_again_is_one_more_each_time() {
        let changes = |path: &[u8]| {
            let mut places = Places::new(0);
            let moves = path.iter().map(|byte| places.arrive(at(*byte), 5, false));
            moves.filter(|counts| *counts).count()
        };

        assert_eq!(changes(&[1, 1, 1, 2, 2, 2]), 1);
        assert_eq!(changes(&[1, 2, 1, 2, 1]), 4);
    }

    #[test]
    fn places_of_the_first_hour_are_a_vendors_own_and_a_later_one_is_new_for_an_hour() {
        let mut places = Places::new(0);
        assert!(!places.arrive(at(1), 0, true));
        assert!(!places.arrive(at(2), SETTLING_MS - 1, true));
        assert!(!places.arrive(at(1), 2 * SETTLING_MS, true));

        assert!(places.arrive(at(3), 2 * SETTLING_MS, true));
        assert!(places.arrive(at(1), 2 * SETTLING_MS + 1, true));
        assert!(places.arrive(at(3), 3 * SETTLING_MS - 1, true));
        assert!(!places.arrive(at(3), 3 * SETTLING_MS, true));
        assert!(!places.arrive(at(1), 3 * SETTLING_MS, true));
    }

    #[test]
    fn a_scanner_has_no_first_hour() {
        let mut places = Places::new(0);

        assert!(!places.arrive(at(1), 0, false));
        assert!(places.arrive(at(2), 1, false));
        assert!(places.arrive(at(1), 2, false));
    }

    #[test]
    fn the_place_not_used_for_longest_makes_room() {
        let mut places = Places::new(0);
        for byte in 0..=u8::try_from(PLACES_MAX).unwrap() {
            places.arrive(at(byte), u64::from(byte), false);
        }

        assert_eq!(places.known.len(), PLACES_MAX);
        assert!(places.known.iter().all(|place| place.address != at(0)));
    }

    fn at(byte: u8) -> Pseudonym {
        Pseudonym::new(Digest::new([byte; 32]))
    }
}
