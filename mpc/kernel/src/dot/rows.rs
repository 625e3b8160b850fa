//! The rows of the queries, in the order the kernel reads them.

use alloc::vec;
use alloc::vec::Vec;
use core::fmt;

use zeroize::{Zeroize, ZeroizeOnDrop};

use super::tile::{CELLS, CODE};

/// The most rows that are worked on at once: as many sums as the largest register file holds.
pub(crate) const GROUP: usize = 12;

/// Query rows, to be multiplied with every template. Wipes itself.
pub struct Rows {
    pub(super) groups: Vec<Group>,
}

/// Up to [`GROUP`] rows, interleaved: all rows' first pair, then all rows' second pair.
pub(super) struct Group {
    pub(super) rows: usize,
    /// Two neighbouring code values, the first in the low half.
    pub(super) code: Vec<u32>,
    pub(super) cells: Vec<u32>,
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
        self.groups.iter().map(|group| group.rows).sum()
    }
}

impl Group {
    fn new<'a>(rows: usize, source: &mut impl Iterator<Item = (&'a [u16], &'a [u32])>) -> Self {
        let mut group = Self {
            rows,
            code: vec![0; rows * CODE / 2],
            cells: vec![0; rows * CELLS],
        };
        for (row, (code, cells)) in source.take(rows).enumerate() {
            assert!(code.len() == CODE && cells.len() == CELLS);
            let pairs = code.as_chunks().0.iter();
            for (at, [low, high]) in group.code.iter_mut().skip(row).step_by(rows).zip(pairs) {
                *at = u32::from(*low) | u32::from(*high) << 16;
            }
            for (at, cell) in group.cells.iter_mut().skip(row).step_by(rows).zip(cells) {
                *at = *cell;
            }
        }
        group
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
