//! Dot products of query rows with stored templates.
//!
//! A score is the code values' dot product modulo 2^16, times 2^16, plus the mask cells' dot
//! product, modulo 2^32. The vector forms differ in their inner loops; the order in which tiles
//! and rows go through the caches is common to all, and written here.

#[cfg(target_arch = "x86_64")]
mod avx2;
#[cfg(target_arch = "x86_64")]
mod avx512;
mod check;
mod portable;
mod rows;
mod shifts;
mod tile;

use alloc::vec;
use core::iter;

use zeroize::Zeroizing;

pub use self::rows::Rows;
pub use self::shifts::{Base, Shift};
pub use self::tile::{CELLS, CODE, LANES, Tile};

use self::rows::{Group, Part};
use self::shifts::Plan;
use self::tile::{Lanes, Pairs};
use crate::kernel::Kernel;

/// The positions of a template that go through all rows before the next positions: so few that
/// they and the rows' values stay in the second-level cache, and so many that it does not matter
/// what a call costs. A divisor of both lengths.
const CHUNK: usize = 800;

/// The tiles that share one pass over rows of any kind, which come from a cache further away.
const TILES: usize = 8;

/// The tiles that share one pass over the factors of shifted code: so few that all they work on
/// stays in half of a second-level cache, whose rest is for what is asked for ahead.
const TILES_OF_SHIFTS: usize = 2;

/// Adds the products of some positions of a tile with a group's values there, both halves of it,
/// to the sums of the group's rows. What lies `ahead` is needed soon: a form may ask the memory
/// for it meanwhile.
type Multiply<T> = fn(tile: &[T], rows: [&[u32]; 2], sums: &mut [Lanes], ahead: &[T]);

/// Adds the products of the terms of blocks of so many rows of cells, with the factors of a
/// [`shifts::Pass`], to its sums.
type MultiplyTerms<T> =
    fn(block: usize, cells: &[T], factors: &[u32], sums: &mut [Lanes], ahead: &[T]);

/// The inner loops of one implementation.
pub(crate) struct DotTable {
    pub(crate) name: &'static str,
    /// Adds the products of pairs; only the low half of a sum counts.
    code: Multiply<Pairs>,
    /// Adds the products of cells.
    cells: Multiply<Lanes>,
    /// Adds the products of terms of pairs; only the low half of a sum counts.
    code_terms: MultiplyTerms<Pairs>,
    /// Adds the products of terms of cells.
    cell_terms: MultiplyTerms<Lanes>,
    /// Adds pairs, position by position.
    add: fn(one: &[Pairs], other: &[Pairs], sums: &mut [Pairs]),
    peak: fn(rounds: u32) -> (u64, u32),
    plain: fn(row: &[u16], template: &[u16]) -> u16,
}

impl DotTable {
    pub(crate) const PORTABLE: Self = Self {
        name: "portable",
        code: portable::code,
        cells: portable::cells,
        code_terms: portable::code_terms,
        cell_terms: portable::cell_terms,
        add: portable::add,
        peak: portable::peak,
        plain: portable::plain,
    };

    pub(crate) fn best() -> &'static Self {
        Self::vectors().last().unwrap_or(&Self::PORTABLE)
    }

    /// The vector forms that this processor runs and that give the portable form's answers, the
    /// fastest last.
    pub(crate) fn vectors() -> impl Iterator<Item = &'static Self> {
        #[cfg(target_arch = "x86_64")]
        let detected = [avx2::table(), avx512::table()];
        #[cfg(not(target_arch = "x86_64"))]
        let detected: [Option<&'static Self>; 0] = [];
        detected
            .into_iter()
            .flatten()
            .filter(|table| check::agrees(table))
    }
}

impl Kernel {
    /// Multiplies every row with every template: `out[row * stride + tile * LANES + lane]` is
    /// the score of a row and the template in a lane of a tile.
    ///
    /// # Panics
    ///
    /// Panics if `stride` is less than the templates, or `out` ends before the last score.
    pub fn scores(self, rows: &Rows, tiles: &[&Tile], out: &mut [u32], stride: usize) {
        assert!(tiles.len() * LANES <= stride);
        let count = rows.count();
        let mut sums = Zeroizing::new(vec![Lanes::ZERO; count * TILES.min(tiles.len())]);
        for (index, tiles) in tiles.chunks(TILES).enumerate() {
            let sums = &mut sums[..count * tiles.len()];
            sums.fill(Lanes::ZERO);
            let mut batch = Batch { tiles, count, sums };
            match &rows.code {
                Part::Each(groups) => batch.each(groups, |tile| &tile.code, self.dot.code),
                Part::Shifts(plan) => batch.shifts_of_code(plan, self.dot),
            }
            let scores = batch.sums.iter_mut().flat_map(|sums| &mut sums.0);
            scores.for_each(|score| *score <<= 16);
            match &rows.cells {
                Part::Each(groups) => batch.each(groups, |tile| &tile.cells, self.dot.cells),
                Part::Shifts(plan) => batch.shifts_of_cells(plan, self.dot),
            }
            batch.write(&mut out[index * TILES * LANES..], stride);
        }
    }

    /// Runs the 16-bit multiply-add of [`Kernel::scores`] on registers alone, and returns how
    /// many products were added, and a checksum that keeps the work from being left out: a
    /// benchmark's measure of what the processor could do.
    pub fn multiply_add_peak(self, rounds: u32) -> (u64, u32) {
        (self.dot.peak)(rounds)
    }

    /// Returns the dot product of two rows modulo 2^16, by a plain loop of which the compiler
    /// makes what it can for this processor: a benchmark's measure of [`Kernel::scores`].
    pub fn plain_product(self, row: &[u16], template: &[u16]) -> u16 {
        (self.dot.plain)(row, template)
    }
}

/// The tiles of one pass over the rows, and the sums of every tile: a row's sums one after the
/// other.
struct Batch<'a> {
    tiles: &'a [&'a Tile],
    /// How many rows there are.
    count: usize,
    sums: &'a mut [Lanes],
}

impl Batch<'_> {
    /// Adds the products of one part of the templates, code or cells, with rows of any kind.
    fn each<T>(&mut self, groups: &[Group], of_tile: fn(&Tile) -> &[T], multiply: Multiply<T>) {
        let Some(length) = self.tiles.first().map(|tile| of_tile(tile).len()) else {
            return;
        };
        for start in (0..length).step_by(CHUNK) {
            let end = length.min(start + CHUNK);
            for (index, tile) in self.tiles.iter().enumerate() {
                let tile = &of_tile(tile)[start..end];
                let next = after(self.tiles, index, start, of_tile);
                let mut sums = &mut self.sums[index * self.count..][..self.count];
                for (number, group) in groups.iter().enumerate() {
                    let ahead = &next[number * next.len() / groups.len()..];
                    let ahead = &ahead[..next.len() / groups.len()];
                    let (of_group, rest) = sums.split_at_mut(group.rows());
                    multiply(tile, group.values(start..end), of_group, ahead);
                    sums = rest;
                }
            }
        }
    }

    /// Adds the products of the code values with shifted rows.
    fn shifts_of_code(&mut self, plan: &Plan, table: &DotTable) {
        let mut scratch = Zeroizing::new(vec![Pairs::ZERO; plan.longest()]);
        let mut sums = Zeroizing::new(vec![Lanes::ZERO; plan.sums * self.tiles.len()]);
        let together = plan.sums * TILES_OF_SHIFTS;
        for (start, sums) in (0..)
            .step_by(TILES_OF_SHIFTS)
            .zip(sums.chunks_mut(together))
        {
            for (stage, is_last) in last_marked(&plan.stages) {
                for (index, sums) in (start..).zip(sums.chunks_exact_mut(plan.sums)) {
                    let code = &self.tiles[index].code;
                    let next = if is_last {
                        index + TILES_OF_SHIFTS
                    } else {
                        index
                    };
                    let next = self.tiles.get(next).map_or(&[][..], |tile| &tile.code);
                    for pass in stage {
                        let mut cells = &code[pass.first.clone()];
                        if let Some(second) = pass.second.clone() {
                            let sums = &mut scratch[..cells.len()];
                            (table.add)(cells, &code[second], sums);
                            cells = sums;
                        }
                        let sums = &mut sums[pass.sums.clone()];
                        let ahead = next.get(pass.ahead.clone()).unwrap_or_default();
                        (table.code_terms)(pass.block, cells, &pass.factors, sums, ahead);
                    }
                }
            }
        }
        self.add_scores(plan, &sums);
    }

    /// Adds the products of the mask cells with shifted rows.
    fn shifts_of_cells(&mut self, plan: &Plan, table: &DotTable) {
        let mut sums = Zeroizing::new(vec![Lanes::ZERO; plan.sums * self.tiles.len()]);
        for (index, sums) in sums.chunks_exact_mut(plan.sums).enumerate() {
            let cells = &self.tiles[index].cells;
            let next = self.tiles.get(index + 1);
            let next = next.map_or(&[][..], |tile| &tile.cells);
            for stage in &plan.stages {
                let parts = next.chunks(next.len().div_ceil(stage.len()).max(1));
                for (pass, ahead) in stage.iter().zip(parts.chain(iter::repeat(&[][..]))) {
                    let (cells, sums) = (&cells[pass.first.clone()], &mut sums[pass.sums.clone()]);
                    (table.cell_terms)(pass.block, cells, &pass.factors, sums, ahead);
                }
            }
        }
        self.add_scores(plan, &sums);
    }

    /// Puts the sums of products together.
    fn add_scores(&mut self, plan: &Plan, sums: &[Lanes]) {
        let tiles = self.sums.chunks_exact_mut(self.count.max(1));
        for (scores, sums) in tiles.zip(sums.chunks_exact(plan.sums)) {
            for (score, parts) in scores.iter_mut().zip(&plan.scores) {
                for part in parts {
                    let lanes = score.0.iter_mut().zip(&sums[*part].0);
                    lanes.for_each(|(score, sum)| *score = score.wrapping_add(*sum));
                }
            }
        }
    }

    /// Writes the sums to the rows of `out`, at its front.
    fn write(&self, out: &mut [u32], stride: usize) {
        for (tile, sums) in self.sums.chunks_exact(self.count.max(1)).enumerate() {
            for (row, sums) in sums.iter().enumerate() {
                out[row * stride + tile * LANES..][..LANES].copy_from_slice(&sums.0);
            }
        }
    }
}

/// Returns the items, and of each whether it is the last.
fn last_marked<T>(items: &[T]) -> impl Iterator<Item = (&T, bool)> {
    (1..)
        .zip(items)
        .map(|(count, item)| (item, count == items.len()))
}

/// Returns what [`Batch::each`] reads after a tile's positions from `start` on.
fn after<'a, T>(
    tiles: &[&'a Tile],
    index: usize,
    start: usize,
    of_tile: fn(&Tile) -> &[T],
) -> &'a [T] {
    let (tile, start) = match tiles.get(index + 1) {
        Some(tile) => (tile, start),
        None => (&tiles[0], start + CHUNK),
    };
    let part = of_tile(tile);
    &part[part.len().min(start)..part.len().min(start + CHUNK)]
}

#[cfg(test)]
mod tests;
