//! The rows of the queries, in the order the kernel reads them.

use alloc::vec;
use alloc::vec::Vec;
use core::fmt;
use core::ops::Range;

use zeroize::{Zeroize, ZeroizeOnDrop};

use super::tile::{CELLS, CODE};

/// The most rows that are worked on at once: as many sums as the largest register file holds.
pub(crate) const GROUP: usize = 2 * HALF;
/// The most rows of a half: as many sums as smaller register files hold.
pub(crate) const HALF: usize = 6;

/// Query rows, to be multiplied with every template. Wipes itself.
pub struct Rows {
    pub(super) groups: Vec<Group>,
}

/// Up to [`GROUP`] rows in two halves of at most [`HALF`], each interleaved: all its rows' first
/// pair, then all its rows' second pair. Up to [`HALF`] rows are all in the first half.
pub(super) struct Group {
    /// How many rows there are in each half.
    pub(super) halves: [usize; 2],
    /// Two neighbouring code values, the first in the low half.
    pub(super) code: [Vec<u32>; 2],
    pub(super) cells: [Vec<u32>; 2],
}

impl Rows {
    /// Lays out the rows, each a template's code values and mask cells.
    ///
    /// # Panics
    ///
    /// Panics unless every row has [`CODE`] values and [`CELLS`] cells.
    pub fn new<'a>(mut rows: impl ExactSizeIterator<Item = (&'a [u16], &'a [u32])>) -> Self {
        let groups = rows.len().div_ceil(GROUP);
        let mut built = Self {
            groups: Vec::with_capacity(groups),
        };
        for left in (1..=groups).rev() {
            let count = rows.len().div_ceil(left);
            built.groups.push(Group::new(count, &mut rows));
        }
        built
    }

    /// Returns the number of rows.
    pub fn count(&self) -> usize {
        self.groups.iter().map(Group::rows).sum()
    }
}

/// Returns how many of a group's rows are in each half.
pub(super) const fn halves(rows: usize) -> [usize; 2] {
    if rows > HALF {
        [rows.div_ceil(2), rows / 2]
    } else {
        [rows, 0]
    }
}

impl Group {
    fn new<'a>(rows: usize, source: &mut impl Iterator<Item = (&'a [u16], &'a [u32])>) -> Self {
        let halves = halves(rows);
        let mut group = Self {
            halves,
            code: halves.map(|rows| vec![0; rows * CODE / 2]),
            cells: halves.map(|rows| vec![0; rows * CELLS]),
        };
        let parts = group.code.iter_mut().zip(&mut group.cells);
        for (rows, (all_code, all_cells)) in halves.into_iter().zip(parts) {
            for (row, (code, cells)) in source.by_ref().take(rows).enumerate() {
                assert!(code.len() == CODE && cells.len() == CELLS);
                let pairs = code.as_chunks().0.iter();
                for (at, [low, high]) in all_code.iter_mut().skip(row).step_by(rows).zip(pairs) {
                    *at = u32::from(*low) | u32::from(*high) << 16;
                }
                for (at, cell) in all_cells.iter_mut().skip(row).step_by(rows).zip(cells) {
                    *at = *cell;
                }
            }
        }
        group
    }

    /// Returns the number of rows.
    pub(super) fn rows(&self) -> usize {
        self.halves.iter().sum()
    }

    /// Returns what each half has at some positions, of its code or its cells.
    pub(super) fn values<'a>(
        &self,
        part: &'a [Vec<u32>; 2],
        positions: Range<usize>,
    ) -> [&'a [u32]; 2] {
        let [first, second] = self.halves;
        let of_half =
            |half: &'a Vec<u32>, rows| &half[positions.start * rows..positions.end * rows];
        [of_half(&part[0], first), of_half(&part[1], second)]
    }
}

impl Drop for Group {
    fn drop(&mut self) {
        self.code.zeroize();
        self.cells.zeroize();
    }
}

impl ZeroizeOnDrop for Group {}
impl ZeroizeOnDrop for Rows {}

impl fmt::Debug for Rows {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("Rows([secret])")
    }
}
