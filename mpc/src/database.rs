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
