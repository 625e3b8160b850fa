//! The dot products as defined; the oracle of the vector forms.

use alloc::vec::Vec;

use zeroize::{Zeroize, Zeroizing};

use super::rows::{HALF, halves};
use super::shifts::{term_count, terms};
use super::tile::{CELL_POSITIONS, GRID, LANES, Lanes, Pairs};

/// Adds, for each row, the products of its pairs with the lanes' pairs; the low half of a sum is
/// the sum modulo 2^16, the high half is arbitrary.
pub(super) fn code(tile: &[Pairs], rows: [&[u32]; 2], sums: &mut [Lanes], _ahead: &[Pairs]) {
    let [first, second] = halves(sums.len());
    let (of_first, of_second) = sums.split_at_mut(first);
    code_of_half(tile, rows[0], first, of_first);
    code_of_half(tile, rows[1], second, of_second);
}

fn code_of_half(tile: &[Pairs], values: &[u32], rows: usize, sums: &mut [Lanes]) {
    let mut wide = [Pairs::ZERO; HALF];
    for (pairs, row) in tile.iter().zip(values.chunks_exact(rows.max(1))) {
        for (wide, value) in wide.iter_mut().zip(row) {
            let [a, b, c, d] = value.to_le_bytes();
            let parts = [u16::from_le_bytes([a, b]), u16::from_le_bytes([c, d])];
            for lane in 0..2 * LANES {
                let product = pairs.0[lane].wrapping_mul(parts[lane % 2]);
                wide.0[lane] = wide.0[lane].wrapping_add(product);
            }
        }
    }
    for (sums, wide) in sums.iter_mut().zip(&wide) {
        for (sum, [low, high]) in sums.0.iter_mut().zip(wide.0.as_chunks().0) {
            *sum = sum.wrapping_add(u32::from(low.wrapping_add(*high)));
        }
    }
}

/// Adds, for each row, the products of its cells with the lanes' cells modulo 2^32.
pub(super) fn cells(tile: &[Lanes], rows: [&[u32]; 2], sums: &mut [Lanes], _ahead: &[Lanes]) {
    let [first, second] = halves(sums.len());
    let (of_first, of_second) = sums.split_at_mut(first);
    cells_of_half(tile, rows[0], first, of_first);
    cells_of_half(tile, rows[1], second, of_second);
}

fn cells_of_half(tile: &[Lanes], values: &[u32], rows: usize, sums: &mut [Lanes]) {
    for (cells, row) in tile.iter().zip(values.chunks_exact(rows.max(1))) {
        for (sums, value) in sums.iter_mut().zip(row) {
            for (sum, cell) in sums.0.iter_mut().zip(&cells.0) {
                *sum = sum.wrapping_add(cell.wrapping_mul(*value));
            }
        }
    }
}

/// Adds, for each term of blocks of rows of cells, the products of its pairs; the low half of a
/// sum is the sum modulo 2^16, the high half is arbitrary.
pub(super) fn code_terms(
    block: usize,
    cells: &[Pairs],
    factors: &[u32],
    sums: &mut [Lanes],
    _ahead: &[Pairs],
) {
    let add = |sum: &mut Pairs, other: &Pairs| add_one(other, sum);
    let rows = cells.as_chunks::<CELL_POSITIONS>().0;
    each_term(block, rows, factors, sums, add, code_of_half);
}

/// Adds, for each term of blocks of rows of cells, the products of its cells modulo 2^32.
pub(super) fn cell_terms(
    block: usize,
    cells: &[Lanes],
    factors: &[u32],
    sums: &mut [Lanes],
    _ahead: &[Lanes],
) {
    let add = |sum: &mut Lanes, other: &Lanes| {
        let lanes = sum.0.iter_mut().zip(&other.0);
        lanes.for_each(|(sum, other)| *sum = sum.wrapping_add(*other));
    };
    let rows = cells.as_chunks::<GRID>().0;
    each_term(block, rows, factors, sums, add, cells_of_half);
}

/// Makes what each term stands for, and multiplies it.
fn each_term<T: Copy + Zeroize, const N: usize>(
    block: usize,
    rows: &[[T; N]],
    mut factors: &[u32],
    sums: &mut [Lanes],
    add: impl Fn(&mut T, &T),
    multiply: fn(&[T], &[u32], usize, &mut [Lanes]),
) {
    let width = sums.len() / term_count(block);
    for ((i, j), sums) in terms(block).zip(sums.chunks_exact_mut(width)) {
        let member = |i| rows.iter().skip(i).step_by(block).flatten();
        let mut term: Zeroizing<Vec<T>> = Zeroizing::new(member(i).copied().collect());
        if i != j {
            let others = term.iter_mut().zip(member(j));
            others.for_each(|(sum, other)| add(sum, other));
        }
        let (now, later) = factors.split_at(term.len() * width);
        multiply(&term, now, width, sums);
        factors = later;
    }
}

/// Adds pairs, position by position. Inlined, so that a caller compiled for a vector unit gets
/// the loop for it.
#[inline(always)]
pub(super) fn add(one: &[Pairs], other: &[Pairs], sums: &mut [Pairs]) {
    for ((one, other), sum) in one.iter().zip(other).zip(sums) {
        *sum = *one;
        add_one(other, sum);
    }
}

#[inline(always)]
fn add_one(other: &Pairs, sum: &mut Pairs) {
    for (sum, other) in sum.0.iter_mut().zip(&other.0) {
        *sum = sum.wrapping_add(*other);
    }
}

/// Inlined, so that a caller compiled for a vector unit gets the loop for it.
#[inline(always)]
pub(super) fn plain(row: &[u16], template: &[u16]) -> u16 {
    let products = row.iter().zip(template);
    products.fold(0, |sum, (a, b)| sum.wrapping_add(a.wrapping_mul(*b)))
}

/// Multiplies and adds in registers; returns the number of operations and a checksum.
pub(super) fn peak(rounds: u32) -> (u64, u32) {
    let mut sums = [3_u16; 64];
    for _ in 0..rounds {
        for sum in &mut sums {
            *sum = sum.wrapping_add(sum.wrapping_mul(*sum));
        }
    }
    (
        u64::from(rounds) * 64,
        sums.iter().map(|sum| u32::from(*sum)).sum(),
    )
}
