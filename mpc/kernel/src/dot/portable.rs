//! The dot products as defined; the oracle of the vector forms.

use super::rows::{HALF, halves};
use super::tile::{LANES, Lanes, Pairs};

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
