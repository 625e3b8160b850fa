//! Sixteen stored templates, side by side.
//!
//! A vector register holds the same position of sixteen templates, so that a dot product needs no
//! sum across a register and the sixteen scores of a tile come out next to each other.
//!
//! The code values of a column of cells lie together, because [`super::shifts`] works on columns.

use alloc::boxed::Box;
use alloc::vec;
use core::fmt;

use zeroize::{Zeroize, ZeroizeOnDrop};

/// The templates of one [`Tile`].
pub const LANES: usize = 16;
/// The code values of one template: two phases of rows of cells, each cell four values.
pub const CODE: usize = PHASES * CELLS * 2 * CELL_PAIRS;
/// The mask cells of one template, row by row.
pub const CELLS: usize = GRID * GRID;

/// The rows of cells, and the cells of a row.
pub(super) const GRID: usize = 40;
pub(super) const PHASES: usize = 2;
/// The pairs of code values of one cell in one phase.
pub(super) const CELL_PAIRS: usize = 2;
/// The positions of a tile's code that belong to one cell.
pub(super) const CELL_POSITIONS: usize = PHASES * CELL_PAIRS;

/// Two neighbouring code values of each lane: value `part` of lane `lane` is at `2 * lane + part`.
#[derive(Clone, Copy, Zeroize)]
#[repr(C, align(64))]
pub(crate) struct Pairs(pub(crate) [u16; 2 * LANES]);

/// One mask cell, or one sum, of each lane.
#[derive(Clone, Copy, Zeroize)]
#[repr(C, align(64))]
pub(crate) struct Lanes(pub(crate) [u32; LANES]);

impl Pairs {
    pub(crate) const ZERO: Self = Self([0; 2 * LANES]);
}

impl Lanes {
    pub(crate) const ZERO: Self = Self([0; LANES]);
}

/// Returns which pair of a template's code values is at each position of a tile: column by
/// column, in it row by row, the phases of a cell together.
pub(super) fn order() -> impl Iterator<Item = usize> {
    ORDER.iter().copied()
}

/// Made once: going through it is what filling a tile costs.
static ORDER: [usize; CODE / 2] = {
    let mut order = [0; CODE / 2];
    let (mut position, mut cell) = (0, 0);
    while position < order.len() {
        // Cells column by column: the next one is a row further down.
        let place = (cell % GRID) * GRID + cell / GRID;
        let (phase, pair) = (position / CELL_PAIRS % PHASES, position % CELL_PAIRS);
        order[position] = (phase * CELLS + place) * CELL_PAIRS + pair;
        position += 1;
        if position % (PHASES * CELL_PAIRS) == 0 {
            cell += 1;
        }
    }
    order
};

/// Sixteen stored templates in the order the kernel reads them; a lane never set holds zeros.
/// Wipes itself.
#[derive(Clone)]
pub struct Tile {
    pub(super) code: Box<[Pairs]>,
    pub(super) cells: Box<[Lanes]>,
}

impl Tile {
    /// Returns a tile of zeros.
    pub fn new() -> Self {
        Self {
            code: vec![Pairs::ZERO; CODE / 2].into_boxed_slice(),
            cells: vec![Lanes::ZERO; CELLS].into_boxed_slice(),
        }
    }

    /// Returns a tile full of templates, code values and mask cells of each. It takes little
    /// longer than putting one of them into its lane.
    ///
    /// # Panics
    ///
    /// Panics unless the lengths are [`CODE`] and [`CELLS`].
    pub fn of(templates: [(&[u16], &[u32]); LANES]) -> Self {
        let code: [&[[u16; 2]; CODE / 2]; LANES] =
            templates.map(|(code, _)| whole(code.as_chunks().0));
        let cells: [&[u32; CELLS]; LANES] = templates.map(|(_, cells)| whole(cells));
        let pairs = order().map(|pair| {
            let mut pairs = Pairs::ZERO;
            let lanes = pairs.0.as_chunks_mut().0.iter_mut().zip(code);
            lanes.for_each(|(lane, code)| *lane = code[pair]);
            pairs
        });
        Self {
            code: pairs.collect(),
            cells: (0..CELLS)
                .map(|cell| Lanes(cells.map(|cells| cells[cell])))
                .collect(),
        }
    }

    /// Puts a template into a lane.
    ///
    /// # Panics
    ///
    /// Panics unless `lane` is below [`LANES`] and the lengths are [`CODE`] and [`CELLS`].
    pub fn set(&mut self, lane: usize, code: &[u16], cells: &[u32]) {
        assert!(lane < LANES && code.len() == CODE && cells.len() == CELLS);
        let code = code.as_chunks().0;
        for (pairs, [low, high]) in self.code.iter_mut().zip(order().map(|pair| code[pair])) {
            pairs.0[2 * lane] = low;
            pairs.0[2 * lane + 1] = high;
        }
        for (lanes, cell) in self.cells.iter_mut().zip(cells) {
            lanes.0[lane] = *cell;
        }
    }

    /// Copies the template of a lane out.
    ///
    /// # Panics
    ///
    /// Panics unless `lane` is below [`LANES`] and the lengths are [`CODE`] and [`CELLS`].
    pub fn get(&self, lane: usize, code: &mut [u16], cells: &mut [u32]) {
        assert!(lane < LANES && code.len() == CODE && cells.len() == CELLS);
        let code = code.as_chunks_mut().0;
        for (pairs, pair) in self.code.iter().zip(order()) {
            code[pair] = [pairs.0[2 * lane], pairs.0[2 * lane + 1]];
        }
        for (lanes, cell) in self.cells.iter().zip(cells) {
            *cell = lanes.0[lane];
        }
    }

    /// Overwrites a lane with zeros.
    ///
    /// # Panics
    ///
    /// Panics unless `lane` is below [`LANES`].
    pub fn clear(&mut self, lane: usize) {
        assert!(lane < LANES);
        for pairs in &mut self.code {
            pairs.0[2 * lane..2 * lane + 2].zeroize();
        }
        for lanes in &mut self.cells {
            lanes.0[lane].zeroize();
        }
    }
}

/// Returns values as the array that they are.
fn whole<T, const N: usize>(values: &[T]) -> &[T; N] {
    values.try_into().expect("a template has this length")
}

impl Default for Tile {
    fn default() -> Self {
        Self::new()
    }
}

impl Drop for Tile {
    fn drop(&mut self) {
        self.code.zeroize();
        self.cells.zeroize();
    }
}

impl ZeroizeOnDrop for Tile {}

impl fmt::Debug for Tile {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("Tile([secret])")
    }
}
