//! The known-answer comparison that a vector form passes before it is used.

use alloc::vec::Vec;

use super::rows::{GROUP, halves};
use super::shifts::{term_count, terms};
use super::tile::{CELL_POSITIONS, GRID, Lanes, Pairs};
use super::{DotTable, MultiplyTerms};

/// The rows of cells compared: whole blocks and a part of one.
const ROWS: usize = 7;
/// The numbers of positions compared: none, one, and more than a loop is unrolled by.
const LENGTHS: [u32; 4] = [0, 1, 2, 9];

/// Says whether a table gives the portable answers on fixed pseudo-random data: every number of
/// rows of a group, each at several lengths; and all terms of both kinds of blocks, with as many
/// factors as plans have.
pub(super) fn agrees(table: &DotTable) -> bool {
    let mut numbers = Numbers(0x9e37_79b9_7f4a_7c15);
    let same_rows = (1..=GROUP).all(|rows| {
        LENGTHS
            .iter()
            .all(|length| same(table, rows, *length, &mut numbers))
    });
    same_rows && same_sums(table, &mut numbers) && same_terms(table, &mut numbers)
}

fn same(table: &DotTable, rows: usize, length: u32, numbers: &mut Numbers) -> bool {
    let mut pairs = Vec::new();
    let mut cells = Vec::new();
    let mut values = [Vec::new(), Vec::new()];
    for _ in 0..length {
        pairs.push(Pairs(core::array::from_fn(|_| numbers.half())));
        cells.push(Lanes(core::array::from_fn(|_| numbers.word())));
        for (values, rows) in values.iter_mut().zip(halves(rows)) {
            values.extend((0..rows).map(|_| numbers.word()));
        }
    }
    let values = values.each_ref().map(Vec::as_slice);
    let before: Vec<Lanes> = (0..rows)
        .map(|_| Lanes(core::array::from_fn(|_| numbers.word())))
        .collect();
    let (mut ours, mut theirs) = (before.clone(), before.clone());
    (DotTable::PORTABLE.code)(&pairs, values, &mut ours, &[]);
    (table.code)(&pairs, values, &mut theirs, &[]);
    let code = ours.iter().flat_map(|sums| sums.0).map(|sum| sum << 16);
    let same_code = code.eq(theirs.iter().flat_map(|sums| sums.0).map(|sum| sum << 16));
    let (mut ours, mut theirs) = (before.clone(), before);
    (DotTable::PORTABLE.cells)(&cells, values, &mut ours, &[]);
    (table.cells)(&cells, values, &mut theirs, &[]);
    same_code
        && ours
            .iter()
            .zip(&theirs)
            .all(|(ours, theirs)| ours.0 == theirs.0)
}

/// Compares the sums of two columns.
fn same_sums(table: &DotTable, numbers: &mut Numbers) -> bool {
    let mut column = || numbers.pairs(ROWS * CELL_POSITIONS);
    let (one, other, mut ours) = (column(), column(), column());
    let mut theirs = ours.clone();
    (DotTable::PORTABLE.add)(&one, &other, &mut ours);
    (table.add)(&one, &other, &mut theirs);
    ours.iter()
        .zip(&theirs)
        .all(|(ours, theirs)| ours.0 == theirs.0)
}

/// Compares the terms of rows of code and of cells.
fn same_terms(table: &DotTable, numbers: &mut Numbers) -> bool {
    [(5, 3, 3), (3, 3, 6)]
        .into_iter()
        .all(|(block, code_width, cells_width)| {
            let column = numbers.pairs(ROWS * CELL_POSITIONS);
            let forms = [DotTable::PORTABLE.code_terms, table.code_terms];
            let [ours, theirs] = sums_of(forms, block, &column, code_width, numbers);
            let low = |sums: &Lanes| sums.0.map(|sum| sum << 16);
            let same_code = ours.iter().map(low).eq(theirs.iter().map(low));
            let cells = numbers.lanes(ROWS * GRID);
            let forms = [DotTable::PORTABLE.cell_terms, table.cell_terms];
            let [ours, theirs] = sums_of(forms, block, &cells, cells_width, numbers);
            let whole = |sums: &Lanes| sums.0;
            same_code && ours.iter().map(whole).eq(theirs.iter().map(whole))
        })
}

/// Returns the sums that two forms come to, with factors and sums drawn for both.
fn sums_of<T>(
    forms: [MultiplyTerms<T>; 2],
    block: usize,
    cells: &[T],
    width: usize,
    numbers: &mut Numbers,
) -> [Vec<Lanes>; 2] {
    let of_term = |(i, _): (usize, usize)| (ROWS - i).div_ceil(block) * (cells.len() / ROWS);
    let factors = terms(block).map(of_term).sum::<usize>() * width;
    let factors: Vec<u32> = (0..factors).map(|_| numbers.word()).collect();
    let before = numbers.lanes(term_count(block) * width);
    forms.map(|form| {
        let mut sums = before.clone();
        form(block, cells, &factors, &mut sums, &[]);
        sums
    })
}

/// Marsaglia's xorshift with a multiplication; every sixteenth number is an extreme.
struct Numbers(u64);

impl Numbers {
    fn word(&mut self) -> u32 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        let [a, b, c, d, e, ..] = self.0.wrapping_mul(0x2545_f491_4f6c_dd1d).to_be_bytes();
        match e {
            0..8 => 0x8000_8000,
            8..16 => u32::MAX,
            _ => u32::from_le_bytes([a, b, c, d]),
        }
    }

    fn pairs(&mut self, count: usize) -> Vec<Pairs> {
        let mut pairs = || Pairs(core::array::from_fn(|_| self.half()));
        (0..count).map(|_| pairs()).collect()
    }

    fn lanes(&mut self, count: usize) -> Vec<Lanes> {
        let mut lanes = || Lanes(core::array::from_fn(|_| self.word()));
        (0..count).map(|_| lanes()).collect()
    }

    fn half(&mut self) -> u16 {
        let [a, b, ..] = self.word().to_le_bytes();
        u16::from_le_bytes([a, b])
    }
}
