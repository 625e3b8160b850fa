//! Bit slices by transposing squares of bits, many squares side by side.
//!
//! Up to eight columns of 64 values are worked on at once: what is done to one word is done to
//! its seven neighbours, which the compiler turns into vector instructions. The functions are
//! inlined wherever they are used, so that a caller compiled for a wider vector unit gets it.

/// The columns worked on at once: a cache line of a slice.
const COLUMNS: usize = 8;

/// The values of a full block.
pub(super) const BLOCK: usize = 64 * COLUMNS;

type Row = [u64; COLUMNS];

#[inline(always)]
pub(super) fn slices32(values: &[u32], out: &mut [u64]) {
    let words = values.len() / 64;
    for (block, values) in values.chunks(BLOCK).enumerate() {
        let mut rows = [Row::default(); 32];
        for (column, values) in values.as_chunks::<64>().0.iter().enumerate() {
            for (index, row) in rows.iter_mut().enumerate() {
                row[column] = u64::from(values[index]) | u64::from(values[index + 32]) << 32;
            }
        }
        transpose32(&mut rows);
        store(&rows, out, words, block);
    }
}

#[inline(always)]
pub(super) fn slices16(values: &[u16], out: &mut [u64]) {
    let words = values.len() / 64;
    for (block, values) in values.chunks(BLOCK).enumerate() {
        let mut rows = [Row::default(); 16];
        for (column, values) in values.as_chunks::<64>().0.iter().enumerate() {
            for (index, row) in rows.iter_mut().enumerate() {
                let part = |quarter: usize| u64::from(values[index + 16 * quarter]);
                row[column] = part(0) | part(1) << 16 | part(2) << 32 | part(3) << 48;
            }
        }
        transpose16(&mut rows);
        store(&rows, out, words, block);
    }
}

#[inline(always)]
pub(super) fn unslices32(slices: &[u64], values: &mut [u32]) {
    let words = values.len() / 64;
    for (block, values) in values.chunks_mut(BLOCK).enumerate() {
        let mut rows = [Row::default(); 32];
        let columns = values.len() / 64;
        for (bit, row) in rows.iter_mut().enumerate() {
            let slice = &slices[bit * words + block * COLUMNS..][..columns];
            row[..columns].copy_from_slice(slice);
        }
        transpose32(&mut rows);
        for (column, values) in values.as_chunks_mut::<64>().0.iter_mut().enumerate() {
            for (index, row) in rows.iter().enumerate() {
                let [a, b, c, d, e, f, g, h] = row[column].to_le_bytes();
                values[index] = u32::from_le_bytes([a, b, c, d]);
                values[index + 32] = u32::from_le_bytes([e, f, g, h]);
            }
        }
    }
}

/// Writes a block's columns to its place in every slice.
#[inline(always)]
fn store(rows: &[Row], out: &mut [u64], words: usize, block: usize) {
    let columns = COLUMNS.min(words - block * COLUMNS);
    for (bit, row) in rows.iter().enumerate() {
        out[bit * words + block * COLUMNS..][..columns].copy_from_slice(&row[..columns]);
    }
}

/// Transposes the two squares of 32 bits in each column.
#[inline(always)]
fn transpose32(rows: &mut [Row; 32]) {
    exchange::<16>(rows, 0x0000_ffff_0000_ffff);
    exchange::<8>(rows, 0x00ff_00ff_00ff_00ff);
    exchange::<4>(rows, 0x0f0f_0f0f_0f0f_0f0f);
    exchange::<2>(rows, 0x3333_3333_3333_3333);
    exchange::<1>(rows, 0x5555_5555_5555_5555);
}

/// Transposes the four squares of 16 bits in each column.
#[inline(always)]
fn transpose16(rows: &mut [Row; 16]) {
    exchange::<8>(rows, 0x00ff_00ff_00ff_00ff);
    exchange::<4>(rows, 0x0f0f_0f0f_0f0f_0f0f);
    exchange::<2>(rows, 0x3333_3333_3333_3333);
    exchange::<1>(rows, 0x5555_5555_5555_5555);
}

/// Exchanges the high bits of a row with the low bits of the row `BY` further, where both are
/// told apart by the weight `BY` of their place; `low` has the bits of the low places.
#[inline(always)]
fn exchange<const BY: usize>(rows: &mut [Row], low: u64) {
    for rows in rows.chunks_exact_mut(2 * BY) {
        let (upper, lower) = rows.split_at_mut(BY);
        for (upper, lower) in upper.iter_mut().zip(lower) {
            for (upper, lower) in upper.iter_mut().zip(lower) {
                let moved = (*upper >> BY ^ *lower) & low;
                *upper ^= moved << BY;
                *lower ^= moved;
            }
        }
    }
}
