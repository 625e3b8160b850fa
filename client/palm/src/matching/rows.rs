//! A template by rows of words, so that a shift downward is an offset.

use boop_wire::template::{CODE_BYTES, GRID, ORIENTATIONS, PHASES, Template};
use zeroize::{Zeroize, ZeroizeOnDrop};

use super::Agreement;

const ROW_BYTES: usize = GRID * ORIENTATIONS / 8;
const MASK_ROW_BYTES: usize = GRID / 8;
/// Words of a row of 160 code bits; the last is half full.
const WORDS: usize = 3;

type Row = [u64; WORDS];

/// Code rows of both phases, the mask at the width of a code row, and the mask itself.
#[derive(Zeroize, ZeroizeOnDrop)]
pub(super) struct Rows {
    code: [Vec<u64>; PHASES],
    wide_mask: Vec<u64>,
    mask: Vec<u64>,
}

impl Rows {
    /// Lays out a template.
    pub(super) fn new(template: &Template) -> Self {
        let (code, mask) = template.expose_bytes().split_at(CODE_BYTES);
        let phases = code.chunks_exact(GRID * ROW_BYTES);
        let mut code = phases.map(|phase| phase.chunks_exact(ROW_BYTES).flat_map(words).collect());
        let masks = || mask.chunks_exact(MASK_ROW_BYTES);
        let wide = |cells: &[u8]| {
            let mut wide = [0; ROW_BYTES];
            for (four, cells) in wide.as_chunks_mut::<4>().0.iter_mut().zip(cells) {
                *four = four_times(*cells);
            }
            words(&wide)
        };
        Self {
            code: core::array::from_fn(|_| code.next().unwrap_or_default()),
            wide_mask: masks().flat_map(wide).collect(),
            mask: masks().map(|cells| words(cells)[0]).collect(),
        }
    }

    /// Moves every row by `dx` cells to the right; invalid cells come in.
    pub(super) fn moved_right(&self, dx: isize) -> Self {
        let bits = dx.unsigned_abs();
        let moved = |rows: &Vec<u64>| {
            let rows = rows.as_chunks::<WORDS>().0.iter();
            rows.flat_map(|row| shifted(row, dx)).collect()
        };
        let narrow = |row: &u64| match dx {
            ..0 => row >> bits,
            0.. => row << bits & ((1 << GRID) - 1),
        };
        Self {
            code: self.code.each_ref().map(moved),
            wide_mask: moved(&self.wide_mask),
            mask: self.mask.iter().map(narrow).collect(),
        }
    }

    /// Compares with a query that was moved to the side and is now moved `dy` rows down.
    pub(super) fn agree(&self, query: &Self, dy: isize) -> Agreement {
        let (down, up) = (dy.max(0).unsigned_abs(), dy.min(0).unsigned_abs());
        let rows = GRID - down - up;
        let own = WORDS * down..WORDS * (down + rows);
        let other = WORDS * up..WORDS * (up + rows);
        let masks = self.wide_mask[own.clone()]
            .iter()
            .zip(&query.wide_mask[other.clone()]);
        let first = self.code[0][own.clone()]
            .iter()
            .zip(&query.code[0][other.clone()]);
        let second = self.code[1][own].iter().zip(&query.code[1][other]);
        let mut differing = 0;
        for ((masks, first), second) in masks.zip(first).zip(second) {
            let both = masks.0 & masks.1;
            differing += ((first.0 ^ first.1) & both).count_ones();
            differing += ((second.0 ^ second.1) & both).count_ones();
        }
        let cells = self.mask[down..down + rows]
            .iter()
            .zip(&query.mask[up..up + rows]);
        let common: u32 = cells.map(|(own, other)| (own & other).count_ones()).sum();
        let valid = common * BITS_PER_CELL;
        Agreement {
            dot: valid.cast_signed() - 2 * differing.cast_signed(),
            valid,
        }
    }
}

const BITS_PER_CELL: u32 = 8;
const _: () = assert!(BITS_PER_CELL as usize == PHASES * ORIENTATIONS);

impl core::fmt::Debug for Rows {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.write_str("Rows([secret])")
    }
}

/// Moves a row by `dx` cells to the right; zeros come in.
///
/// What leaves the row to the right stays in the last word, where no valid cell is.
fn shifted(row: &Row, dx: isize) -> Row {
    let bits = dx.unsigned_abs() * ORIENTATIONS;
    match (bits, dx > 0) {
        (0, _) => *row,
        (_, true) => [
            row[0] << bits,
            row[1] << bits | row[0] >> (64 - bits),
            row[2] << bits | row[1] >> (64 - bits),
        ],
        (_, false) => [
            row[0] >> bits | row[1] << (64 - bits),
            row[1] >> bits | row[2] << (64 - bits),
            row[2] >> bits,
        ],
    }
}

fn words(bytes: &[u8]) -> Row {
    let mut padded = [0; 8 * WORDS];
    padded[..bytes.len()].copy_from_slice(bytes);
    let mut row = [0; WORDS];
    for (word, bytes) in row.iter_mut().zip(padded.as_chunks::<8>().0) {
        *word = u64::from_le_bytes(*bytes);
    }
    row
}

/// Repeats each bit of a byte four times.
fn four_times(cells: u8) -> [u8; 4] {
    core::array::from_fn(|pair| {
        let low = if cells >> (2 * pair) & 1 == 1 {
            0x0f
        } else {
            0
        };
        let high = if cells >> (2 * pair + 1) & 1 == 1 {
            0xf0
        } else {
            0
        };
        low | high
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rows_do_not_print_their_bits() {
        let rows = Rows::new(&Template::empty());

        assert_eq!(format!("{rows:?}"), "Rows([secret])");
    }
}
