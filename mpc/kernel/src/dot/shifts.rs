//! Shifts of a few bases, from half of the multiplications.
//!
//! A shift by `s` of a base `h` meets a template `t` in the sum of `h(y - s) t(y)`. Cut the
//! template into blocks of `n` neighbours. The products of a block with `n` neighbouring shifts
//! are those of a matrix that is constant along its antidiagonals, and for it
//!
//! ```text
//!   out(i)  =  sum over j of  h(i+j) t(j)
//!           =  sum over j != i of  h(i+j) (t(i) + t(j))
//!            + (h(2i) - sum over j != i of  h(i+j)) t(i)
//! ```
//!
//! The product of `t(i) + t(j)` serves `out(i)` and `out(j)`: a block takes `n (n+1) / 2` products
//! instead of `n n`. There is no division, so this holds in every ring. The factors depend on the
//! query alone, and the products of all blocks are added up before they are put together.
//!
//! ```text
//!                dx  -1  0  1
//!      dy  -2            x
//!          -1         x  x  x      blocks of three columns; of those, in each column or sum of
//!           0         x  x  x      two, blocks of five rows where dx = 0 is among the outputs,
//!           1         x  x  x      and of three rows elsewhere
//!           2            x
//! ```
//!
//! That is 15 products for a cell instead of 33. The cells of a mask have another base for each
//! dx, so that columns stay apart; blocks of rows take 21 products instead of 33.

use alloc::vec;
use alloc::vec::Vec;
use core::ops::Range;

use zeroize::{Zeroize, ZeroizeOnDrop, Zeroizing};

use super::rows::joined;
use super::tile::{CELL_PAIRS, CELL_POSITIONS, CELLS, CODE, GRID};

/// The neighbours of a block of columns, and of a block of rows where there are as many shifts.
const NEAR: usize = 3;
/// The neighbours of a block of rows where all shifts are.
const FAR: usize = 5;
/// The bases that are shifted together.
const BASES: usize = 3;
/// The positions of a column of a tile's code.
const COLUMN: usize = GRID * CELL_POSITIONS;

/// A row of which there are shifts, for instance a rotation of a query.
#[derive(Clone, Copy)]
pub struct Base<'a> {
    /// The code values at no shift.
    pub code: &'a [u16],
    /// The mask cells at no shift downwards, and at shifts by -1, 0 and 1 to the right.
    pub cells: [&'a [u32]; 3],
}

/// A shift of a base: its cell at `(y - dy, x - dx)` meets the template's at `(y, x)`; one that
/// is not on the grid is zero.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Shift {
    /// The number of the base.
    pub base: usize,
    /// Downwards: at most 2, and at most 1 unless `dx` is 0.
    pub dy: isize,
    /// To the right: at most 1.
    pub dx: isize,
}

/// What is multiplied with a tile's code or cells, and how scores come of it.
pub(super) struct Plan {
    /// Passes over neighbouring positions, which stay in the first-level cache.
    pub(super) stages: Vec<Vec<Pass>>,
    /// How many sums of products there are.
    pub(super) sums: usize,
    /// The sums that make the score of each row.
    pub(super) scores: Vec<Vec<usize>>,
}

/// Positions of a tile that are worked on together: rows of cells, one below the other.
pub(super) struct Pass {
    pub(super) first: Range<usize>,
    /// Positions that are added to them before.
    pub(super) second: Option<Range<usize>>,
    /// Positions of the next stage, or of another tile's first, to be asked for meanwhile.
    pub(super) ahead: Range<usize>,
    /// The rows of a block.
    pub(super) block: usize,
    /// The sums that the products are added to: term by term, those of all factors.
    pub(super) sums: Range<usize>,
    /// The factors: term by term, and of each term for every position those of all its sums.
    pub(super) factors: Vec<u32>,
}

/// Returns the terms of a block: its members alone, and the sums of two.
pub(super) fn terms(block: usize) -> impl Iterator<Item = (usize, usize)> {
    (0..block).flat_map(move |i| (i..block).map(move |j| (i, j)))
}

/// Returns how many terms a block has.
pub(super) const fn term_count(block: usize) -> usize {
    block * (block + 1) / 2
}

impl Plan {
    /// Plans the products of code values.
    ///
    /// # Panics
    ///
    /// Panics unless a base has [`CODE`] values and there is such a shift of a base.
    pub(super) fn of_code(bases: [&[u16]; BASES], shifts: &[Shift]) -> Self {
        assert!(bases.iter().all(|base| base.len() == CODE));
        assert!(shifts.iter().all(|shift| shift.is_planned()));
        let sums = terms(NEAR).scan(0, |end, columns| {
            let start = *end;
            *end += BASES * term_count(block_of(columns));
            Some(start..*end)
        });
        let sums: Vec<_> = sums.collect();
        let stages = (0..GRID).step_by(NEAR).map(|left| {
            let present = terms(NEAR).zip(&sums).filter(|((i, _), _)| left + i < GRID);
            let next = if left + NEAR < GRID { left + NEAR } else { 0 };
            let ahead = next * COLUMN..GRID * COLUMN;
            let passes = present.enumerate().map(|(number, (columns, sums))| {
                Pass::of_code(bases, left, columns, sums.clone(), part(&ahead, number))
            });
            passes.collect()
        });
        let stages = stages.collect();
        let scores = shifts.iter().map(|shift| {
            let of_columns = terms(NEAR)
                .zip(&sums)
                .filter(|(columns, _)| shift.needs(*columns));
            let of_rows = of_columns.flat_map(|(columns, sums)| {
                shift.sums(block_of(columns), BASES, sums.start + shift.base)
            });
            of_rows.collect()
        });
        Self {
            sums: sums.last().map_or(0, |sums| sums.end),
            scores: scores.collect(),
            stages,
        }
    }

    /// Plans the products of mask cells.
    ///
    /// # Panics
    ///
    /// Panics unless a base has three times [`CELLS`] cells and there is such a shift of a base.
    pub(super) fn of_cells(bases: [[&[u32]; 3]; BASES], shifts: &[Shift]) -> Self {
        assert!(bases.iter().flatten().all(|cells| cells.len() == CELLS));
        assert!(shifts.iter().all(|shift| shift.is_planned()));
        let far = BASES * term_count(FAR);
        let sums = far + 2 * BASES * term_count(NEAR);
        let pass = |block, sums, bases: &[&[u32]]| Pass {
            first: 0..CELLS,
            second: None,
            ahead: CELLS..CELLS,
            block,
            sums,
            factors: cell_factors(bases, block),
        };
        let middle = bases.map(|[_, middle, _]| middle);
        let [a, b, c] = bases;
        let sides = [a[0], b[0], c[0], a[2], b[2], c[2]];
        let scores = shifts.iter().map(|shift| match shift.dx {
            0 => shift.sums(FAR, BASES, shift.base).collect(),
            -1 => shift.sums(NEAR, 2 * BASES, far + shift.base).collect(),
            _ => shift
                .sums(NEAR, 2 * BASES, far + BASES + shift.base)
                .collect(),
        });
        Self {
            sums,
            scores: scores.collect(),
            stages: vec![vec![
                pass(FAR, 0..far, &middle),
                pass(NEAR, far..sums, &sides),
            ]],
        }
    }
}

impl Plan {
    /// Returns the positions of the longest pass.
    pub(super) fn longest(&self) -> usize {
        let passes = self.stages.iter().flatten();
        passes.map(|pass| pass.first.len()).max().unwrap_or(0)
    }
}

impl Pass {
    /// Plans the products of a term of the columns from `left` on.
    fn of_code(
        bases: [&[u16]; BASES],
        left: usize,
        (i, j): (usize, usize),
        sums: Range<usize>,
        ahead: Range<usize>,
    ) -> Self {
        let column = |i| (left + i) * COLUMN..(left + i + 1) * COLUMN;
        Self {
            first: column(i),
            second: (i != j && left + j < GRID).then(|| column(j)),
            ahead,
            block: block_of((i, j)),
            sums,
            factors: code_factors(bases, left, (i, j)),
        }
    }
}

/// Returns the part of what lies ahead that a term of columns asks for.
fn part(ahead: &Range<usize>, term: usize) -> Range<usize> {
    let at = |term: usize| {
        ahead
            .end
            .min(ahead.start + term * NEAR * COLUMN / term_count(NEAR))
    };
    at(term)..at(term + 1)
}

impl Shift {
    fn is_planned(self) -> bool {
        let rows = if self.dx == 0 { FAR } else { NEAR };
        let near = |offset: isize, block: usize| offset.unsigned_abs() <= block / 2;
        self.base < BASES && near(self.dy, rows) && near(self.dx, NEAR)
    }

    /// Says whether the products of a term of columns are part of this shift's score.
    fn needs(self, (i, j): (usize, usize)) -> bool {
        let output = (NEAR / 2).wrapping_add_signed(-self.dx);
        i == output || j == output
    }

    /// Returns the sums of the terms of rows that make this shift's score, of terms with so many
    /// sums each.
    fn sums(self, block: usize, width: usize, start: usize) -> impl Iterator<Item = usize> {
        let output = (block / 2).wrapping_add_signed(-self.dy);
        let here = terms(block)
            .enumerate()
            .filter(move |(_, (i, j))| *i == output || *j == output);
        here.map(move |(term, _)| start + term * width)
    }
}

impl Drop for Pass {
    fn drop(&mut self) {
        self.factors.zeroize();
    }
}

impl ZeroizeOnDrop for Pass {}

/// Returns the rows of a block in the columns of a term: more if it is for `dx = 0`.
fn block_of((i, j): (usize, usize)) -> usize {
    if i == NEAR / 2 || j == NEAR / 2 {
        FAR
    } else {
        NEAR
    }
}

/// What belongs to each row of a column, and zeros above and below, so that blocks of rows and
/// their shifts do not leave it.
type Padded<T> = Zeroizing<[T; ABOVE + GRID + BELOW]>;
const ABOVE: usize = FAR / 2;
const BELOW: usize = FAR / 2 + NEAR - 1;

/// Code values of a cell, phase by phase.
type CellCode = [u16; 2 * CELL_POSITIONS];

/// Returns the factors of a term of the three columns from `left` on, for each term of rows.
fn code_factors(bases: [&[u16]; BASES], left: usize, columns: (usize, usize)) -> Vec<u32> {
    let of_columns = bases.map(|base| {
        let near: [Padded<CellCode>; 2 * NEAR - 1] =
            core::array::from_fn(|k| column(base, (left + k).checked_sub(NEAR / 2)));
        let mut of_term = near[0].clone();
        for (row, cell) in of_term.iter_mut().enumerate() {
            *cell = factor(NEAR, columns, |k| near[k][row]);
        }
        of_term
    });
    let block = block_of(columns);
    let mut factors = Vec::with_capacity(BASES * COLUMN * term_count(block));
    for (term, start) in starts(block) {
        let cells = of_columns.each_ref().map(|column| {
            let cell = factor(block, term, |k| column[start + k]);
            Zeroizing::new(cell)
        });
        for pair in 0..CELL_POSITIONS {
            factors.extend(
                cells
                    .each_ref()
                    .map(|cell| joined(cell.as_chunks().0[pair])),
            );
        }
    }
    factors
}

/// Returns the factors of cells for each term of rows.
fn cell_factors(bases: &[&[u32]], block: usize) -> Vec<u32> {
    let padded = |base: &&[u32]| {
        let mut rows: Padded<[u32; GRID]> = Zeroizing::new([[0; GRID]; _]);
        rows[ABOVE..][..GRID].copy_from_slice(base.as_chunks().0);
        rows
    };
    let padded: Vec<_> = bases.iter().map(padded).collect();
    let mut factors = Vec::with_capacity(bases.len() * CELLS * term_count(block));
    for (term, start) in starts(block) {
        let rows = padded
            .iter()
            .map(|base| factor(block, term, |k| base[start + k]));
        let rows = Zeroizing::new(rows.collect::<Vec<_>>());
        for x in 0..GRID {
            factors.extend(rows.iter().map(|row| row[x]));
        }
    }
    factors
}

/// Returns, for each term and block of rows that has its first member, the padded row where the
/// factors of the block begin.
fn starts(block: usize) -> impl Iterator<Item = ((usize, usize), usize)> {
    terms(block).flat_map(move |term| {
        let firsts = (0..GRID - term.0).step_by(block);
        firsts.map(move |first| (term, ABOVE - block / 2 + first))
    })
}

/// Returns a column of a base's code.
fn column(base: &[u16], x: Option<usize>) -> Padded<CellCode> {
    let mut column: Padded<CellCode> = Zeroizing::new([[0; _]; _]);
    let Some(x) = x.filter(|x| *x < GRID) else {
        return column;
    };
    let cells = base.as_chunks::<{ 2 * CELL_PAIRS }>().0;
    for (y, values) in column[ABOVE..][..GRID].iter_mut().enumerate() {
        for (phase, values) in values.as_chunks_mut().0.iter_mut().enumerate() {
            *values = cells[phase * CELLS + y * GRID + x];
        }
    }
    column
}

/// Returns the factor of a term of a block, from what is constant along antidiagonals.
fn factor<E: Ring, const N: usize>(
    block: usize,
    (i, j): (usize, usize),
    of: impl Fn(usize) -> [E; N],
) -> [E; N] {
    if i != j {
        return of(i + j);
    }
    let mut factor = of(2 * i);
    for j in (0..block).filter(|j| *j != i) {
        let others = of(i + j);
        for (factor, other) in factor.iter_mut().zip(others) {
            *factor = factor.minus(other);
        }
    }
    factor
}

trait Ring: Copy {
    fn minus(self, other: Self) -> Self;
}

impl Ring for u16 {
    fn minus(self, other: Self) -> Self {
        self.wrapping_sub(other)
    }
}

impl Ring for u32 {
    fn minus(self, other: Self) -> Self {
        self.wrapping_sub(other)
    }
}
