//! The enrolled palms of a party in memory, in the layout of the dot products.

use alloc::sync::Arc;
use alloc::vec::Vec;
use core::fmt;

use boop_kernel::{LANES, Tile};

use crate::share::StoredShare;

/// A party's share of every enrolled palm. A clone shares memory until one of the two changes,
/// so a run keeps the palms it began with.
///
/// Palms stand in slots; the three parties put the same palm into the same slot. A slot without
/// a palm holds zeros at every party, which match nothing.
#[derive(Clone, Default)]
pub struct Database {
    tiles: Vec<Arc<Tile>>,
    slots: usize,
    edition: u64,
}

impl Database {
    /// Returns an empty database.
    pub fn new() -> Self {
        Self::default()
    }

    /// Returns how many slots there are, used or not.
    pub fn slots(&self) -> usize {
        self.slots
    }

    /// Returns how often a slot has changed after it was filled. What was prepared for the slots
    /// of another edition does not fit these.
    pub(crate) fn edition(&self) -> u64 {
        self.edition
    }

    /// Puts a palm into a new slot and returns its number.
    pub fn push(&mut self, share: &StoredShare) -> usize {
        let slot = self.slots;
        if slot.is_multiple_of(LANES) {
            self.tiles.push(Arc::new(Tile::new()));
        }
        self.slots += 1;
        self.change(slot, |tile, lane| {
            tile.set(lane, share.code(), share.cells())
        });
        slot
    }

    /// Puts palms into new slots. It is fastest with [`LANES`] of them.
    pub fn extend(&mut self, shares: &[StoredShare]) {
        let (mut few, mut many) = (shares, &[][..]);
        if self.slots.is_multiple_of(LANES) {
            (many, few) = shares.as_chunks::<LANES>();
        }
        for shares in many {
            let tile = Tile::of(shares.each_ref().map(|share| (share.code(), share.cells())));
            self.tiles.push(Arc::new(tile));
            self.slots += LANES;
        }
        for share in few {
            self.push(share);
        }
    }

    /// Puts another palm into a slot that exists; tells whether it does.
    pub fn replace(&mut self, slot: usize, share: &StoredShare) -> bool {
        self.edition += 1;
        self.change(slot, |tile, lane| {
            tile.set(lane, share.code(), share.cells())
        })
    }

    /// Empties a slot that exists; tells whether it does. The slot stays.
    pub fn remove(&mut self, slot: usize) -> bool {
        self.edition += 1;
        self.change(slot, Tile::clear)
    }

    /// Takes the last slot away.
    pub fn pop(&mut self) {
        if self.slots > 0 {
            self.remove(self.slots - 1);
            self.slots -= 1;
            self.tiles.truncate(self.slots.div_ceil(LANES));
        }
    }

    /// Returns the database as it was when it had no more than so many slots, if none of them
    /// changed since. It shares memory with this one.
    pub fn first(&self, slots: usize) -> Self {
        let slots = slots.min(self.slots);
        let mut first = Self {
            tiles: self.tiles[..slots.div_ceil(LANES)].to_vec(),
            slots,
            edition: self.edition,
        };
        if let Some(tile) = first.tiles.last_mut()
            && !slots.is_multiple_of(LANES)
        {
            let tile = Arc::make_mut(tile);
            (slots % LANES..LANES).for_each(|lane| tile.clear(lane));
        }
        first
    }

    /// Returns the share in a slot.
    pub fn get(&self, slot: usize) -> Option<StoredShare> {
        let tile = self.tiles.get(slot / LANES).filter(|_| slot < self.slots)?;
        Some(StoredShare::of_lane(tile, slot % LANES))
    }

    fn change(&mut self, slot: usize, change: impl FnOnce(&mut Tile, usize)) -> bool {
        let tile = self.tiles.get_mut(slot / LANES);
        let tile = tile.filter(|_| slot < self.slots);
        let exists = tile.is_some();
        if let Some(tile) = tile {
            change(Arc::make_mut(tile), slot % LANES);
        }
        exists
    }

    /// Returns the tiles, sixteen slots each.
    pub(crate) fn tiles(&self) -> &[Arc<Tile>] {
        &self.tiles
    }
}

impl fmt::Debug for Database {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Database({} slots, [secret])", self.slots)
    }
}

#[cfg(test)]
mod tests {
    use alloc::vec;

    use boop_kernel::Kernel;
    use boop_wire::template::{CELLS, CODE_BITS, ROTATIONS};

    use super::*;
    use crate::error::MpcError;
    use crate::identify::{TEMPLATES_MAX, identify};
    use crate::job::Job;
    use crate::local::run;
    use crate::rule::Rule;
    use crate::share::{QueryShare, STORED_SHARE_BYTES};
    use crate::testing::{contexts, seeded, share_values};
    use crate::values::Values;

    #[test]
    fn many_palms_at_once_stand_where_one_after_the_other_would() {
        let share = |byte| StoredShare::from_bytes(&vec![byte; STORED_SHARE_BYTES]).unwrap();
        let shares: Vec<_> = (1..=40).map(share).collect();
        for first in [0, 3, 16, 40] {
            let mut database = Database::new();
            database.extend(&shares[..first]);
            database.extend(&shares[first..]);

            assert_eq!(database.slots(), shares.len());
            for (slot, share) in shares.iter().enumerate() {
                let stored = database.get(slot).unwrap();
                assert_eq!(*stored.to_bytes(), *share.to_bytes());
            }
        }
    }

    #[test]
    fn the_first_slots_are_those_of_an_earlier_time_and_nothing_else() {
        let share = |byte| StoredShare::from_bytes(&vec![byte; STORED_SHARE_BYTES]).unwrap();
        let mut database = Database::new();
        let mut earlier = Vec::new();
        for byte in 1..=40 {
            earlier.push(database.clone());
            database.push(&share(byte));
        }

        for (slots, earlier) in earlier.iter().enumerate() {
            let first = database.first(slots);

            assert_eq!(first.slots(), slots);
            assert_eq!(first.tiles().len(), earlier.tiles().len());
            let tiles = first.tiles().iter().zip(earlier.tiles());
            for (own, earlier) in tiles {
                let of =
                    |tile| (0..LANES).map(move |lane| StoredShare::of_lane(tile, lane).to_bytes());
                assert!(of(own).eq(of(earlier)));
            }
        }
        assert_eq!(database.first(99).slots(), 40);
    }
    #[test]
    fn a_search_of_more_slots_than_one_run_takes_is_refused_before_anything_is_sent() {
        let mut rng = seeded(1);
        let nothing = Values {
            code: vec![0; ROTATIONS * CODE_BITS],
            cells: vec![0; ROTATIONS * CELLS],
        };
        let palm = share_values(&mut rng, &nothing);
        let jobs = contexts(&mut rng).map(|mut context| {
            // The slots are counted before they are looked at.
            let database = Database {
                tiles: Vec::new(),
                slots: TEMPLATES_MAX + 1,
                edition: 0,
            };
            let query = QueryShare::convert(&palm[context.me().as_usize()], Rule::PALM);
            Job::new(context.me(), |mut channel| async move {
                let (context, channel) = (&mut context, &mut channel);
                let (kernel, audit) = (Kernel::best(), Arc::default());
                identify(context, channel, kernel, &query, &database, &audit).await
            })
        });

        let outcome = run(jobs);

        let templates = TEMPLATES_MAX + 1;
        let refused = Some(Err(MpcError::DatabaseTooLarge { templates }));
        assert_eq!(outcome.results, [(); 3].map(|()| refused.clone()));
        assert!(outcome.counters.iter().all(|c| c.messages_sent == 0));
    }
}
