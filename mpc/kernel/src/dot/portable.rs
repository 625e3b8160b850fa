//! The dot products as defined; the oracle of the vector forms.

use super::rows::GROUP;
use super::tile::{LANES, Lanes, Pairs};

/// Adds, for each row, the products of its pairs with the lanes' pairs; the low half of a sum is
/// the sum modulo 2^16, the high half is arbitrary.
pub(super) fn code(tile: &[Pairs], rows: &[u32], sums: &mut [Lanes], _ahead: &[Pairs]) {
    let mut wide = [Pairs::ZERO; GROUP];
    for (pairs, row) in tile.iter().zip(rows.chunks_exact(sums.len())) {
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
pub(super) fn cells(tile: &[Lanes], rows: &[u32], sums: &mut [Lanes], _ahead: &[Lanes]) {
    for (cells, row) in tile.iter().zip(rows.chunks_exact(sums.len())) {
        for (sums, value) in sums.iter_mut().zip(row) {
            for (sum, cell) in sums.0.iter_mut().zip(&cells.0) {
                *sum = sum.wrapping_add(cell.wrapping_mul(*value));
            }
        }
    }
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
