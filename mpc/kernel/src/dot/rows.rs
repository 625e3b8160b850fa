//! The rows of the queries, in the order the kernel reads them.

use alloc::vec;
use alloc::vec::Vec;
use core::fmt;
use core::ops::Range;

use zeroize::{Zeroize, ZeroizeOnDrop};

use super::shifts::{Base, Plan, Shift};
use super::tile::{CELLS, CODE, order};

/// The most rows that are worked on at once: as many sums as the largest register file holds.
pub(crate) const GROUP: usize = 2 * HALF;
/// The most rows of a half: as many sums as smaller register files hold.
pub(crate) const HALF: usize = 6;

/// Query rows, to be multiplied with every template. Wipes itself.
pub struct Rows {
    pub(super) count: usize,
    pub(super) code: Part,
    pub(super) cells: Part,
}

/// The code, or the cells, of all rows.
pub(super) enum Part {
    /// Rows that have nothing to do with each other.
    Each(Vec<Group>),
    /// Shifts of fewer rows.
    Shifts(Plan),
}

/// Up to [`GROUP`] rows in two halves of at most [`HALF`], each interleaved: all its rows' first
/// value, then all its rows' second value. Up to [`HALF`] rows are all in the first half.
pub(super) struct Group {
    /// How many rows there are in each half.
    pub(super) halves: [usize; 2],
    /// Cells, or two neighbouring code values, the first in the low half; in a tile's order.
    values: [Vec<u32>; 2],
}

impl Rows {
    /// Lays out the rows, each a template's code values and mask cells.
    ///
    /// # Panics
    ///
    /// Panics unless every row has [`CODE`] values and [`CELLS`] cells.
    pub fn new<'a>(rows: impl Iterator<Item = (&'a [u16], &'a [u32])>) -> Self {
        let (code, cells): (Vec<_>, Vec<_>) = rows.unzip();
        Self {
            count: code.len(),
            code: Part::each_code(&code),
            cells: Part::each_cells(&cells),
        }
    }

    /// Lays out shifts of three bases, a row for each shift.
    ///
    /// # Panics
    ///
    /// Panics unless a base has [`CODE`] values and three times [`CELLS`] cells, and there is
    /// such a shift of a base.
    pub fn shifts(bases: &[Base<'_>; 3], shifts: &[Shift]) -> Self {
        Self {
            count: shifts.len(),
            code: Part::Shifts(Plan::of_code(bases.map(|base| base.code), shifts)),
            cells: Part::Shifts(Plan::of_cells(bases.map(|base| base.cells), shifts)),
        }
    }

    /// Lays out rows whose code values are shifts of three bases' and whose cells are not.
    ///
    /// # Panics
    ///
    /// Panics unless a base has [`CODE`] values, there is such a shift of a base, and every shift
    /// has [`CELLS`] cells.
    pub fn shifts_of_code(bases: [&[u16]; 3], shifts: &[Shift], cells: &[&[u32]]) -> Self {
        assert!(cells.len() == shifts.len());
        Self {
            count: shifts.len(),
            code: Part::Shifts(Plan::of_code(bases, shifts)),
            cells: Part::each_cells(cells),
        }
    }

    /// Returns the number of rows.
    pub fn count(&self) -> usize {
        self.count
    }

    /// Returns how many products are made with the code values and with the cells of a template:
    /// for a benchmark.
    pub fn products(&self) -> [usize; 2] {
        [2 * self.code.factors(), self.cells.factors()]
    }
}

impl Part {
    fn each_code(rows: &[&[u16]]) -> Self {
        assert!(rows.iter().all(|row| row.len() == CODE));
        Self::each(CODE / 2, rows, |row| {
            let pairs = row.as_chunks().0;
            order().map(|pair| joined(pairs[pair]))
        })
    }

    fn each_cells(rows: &[&[u32]]) -> Self {
        assert!(rows.iter().all(|row| row.len() == CELLS));
        Self::each(CELLS, rows, |row| row.iter().copied())
    }

    /// Returns how many positions of a tile are multiplied, each as often as it is.
    fn factors(&self) -> usize {
        match self {
            Self::Each(groups) => groups
                .iter()
                .flat_map(|group| &group.values)
                .map(Vec::len)
                .sum(),
            Self::Shifts(plan) => {
                let passes = plan.stages.iter().flatten();
                passes.map(|pass| pass.factors.len()).sum()
            }
        }
    }

    /// Lays out rows of so many values in groups of almost equal size.
    fn each<'a, E, I: Iterator<Item = u32>>(
        length: usize,
        mut rows: &[&'a [E]],
        values: impl Fn(&'a [E]) -> I,
    ) -> Self {
        let groups = (1..=rows.len().div_ceil(GROUP)).rev().map(|left| {
            let (group, rest) = rows.split_at(rows.len().div_ceil(left));
            rows = rest;
            Group::new(length, group, &values)
        });
        Self::Each(groups.collect())
    }
}

/// Returns two neighbouring code values as one, the first in the low half.
pub(super) fn joined([low, high]: [u16; 2]) -> u32 {
    u32::from(low) | u32::from(high) << 16
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
    fn new<'a, E, I: Iterator<Item = u32>>(
        length: usize,
        rows: &[&'a [E]],
        values: impl Fn(&'a [E]) -> I,
    ) -> Self {
        let halves = halves(rows.len());
        let mut group = Self {
            halves,
            values: halves.map(|rows| vec![0; rows * length]),
        };
        let (first, second) = rows.split_at(halves[0]);
        for (all, rows) in group.values.iter_mut().zip([first, second]) {
            for (number, row) in rows.iter().enumerate() {
                let places = all.iter_mut().skip(number).step_by(rows.len());
                places
                    .zip(values(row))
                    .for_each(|(place, value)| *place = value);
            }
        }
        group
    }

    /// Returns the number of rows.
    pub(super) fn rows(&self) -> usize {
        self.halves.iter().sum()
    }

    /// Returns what each half has at some positions.
    pub(super) fn values(&self, positions: Range<usize>) -> [&[u32]; 2] {
        let of_half = |half: usize| {
            let rows = self.halves[half];
            &self.values[half][positions.start * rows..positions.end * rows]
        };
        [of_half(0), of_half(1)]
    }
}

impl Drop for Group {
    fn drop(&mut self) {
        self.values.zeroize();
    }
}

impl ZeroizeOnDrop for Group {}
impl ZeroizeOnDrop for Rows {}

impl fmt::Debug for Rows {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("Rows([secret])")
    }
}
