//! Comparison in the clear: the reference that the joint computation must agree with.
//!
//! A code bit counts as +1 or -1 where its cell is valid and as 0 elsewhere. `dot` is the sum of
//! products of two codes and `valid` the number of places where neither is 0; both are plain
//! integers, and `(valid - dot) / (2 * valid)` is the share of bits that differ.

use boop_wire::template::{
    Alignment, CODE_BYTES, Encodings, GRID, ORIENTATIONS, PHASES, THRESHOLD, Template, alignments,
};

const ROW_BYTES: usize = GRID * ORIENTATIONS / 8;
const MASK_ROW_BYTES: usize = GRID / 8;
const WORDS: usize = 3;
const ROWS: usize = PHASES * GRID;

/// Two templates compared at one alignment.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Agreement {
    /// Equal bits less differing bits.
    pub dot: i32,
    /// Bits compared.
    pub valid: u32,
}

impl Agreement {
    /// Returns the share of compared bits that differ; 1 if none could be compared.
    pub fn distance(&self) -> f64 {
        if self.valid == 0 {
            return 1.0;
        }
        let valid = f64::from(self.valid);
        (valid - f64::from(self.dot)) / (2.0 * valid)
    }

    /// Applies the match rule `65536 * dot > THRESHOLD * valid`.
    pub fn matches(&self) -> bool {
        65_536 * i64::from(self.dot) > i64::from(THRESHOLD) * i64::from(self.valid)
    }
}

/// The best of all alignments.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Distance {
    /// Share of compared bits that differ.
    pub value: f64,
    /// Where the two agree best; the first of several.
    pub alignment: Alignment,
    /// Bits compared there.
    pub valid: u32,
    /// Equal bits less differing bits there.
    pub dot: i32,
}

impl Distance {
    /// Applies the match rule; some alignment matches exactly when the best one does.
    pub fn matches(&self) -> bool {
        Agreement {
            dot: self.dot,
            valid: self.valid,
        }
        .matches()
    }
}

/// Compares a query with a stored template at every alignment and returns the best.
pub fn distance(stored: &Template, query: &Encodings) -> Distance {
    let stored = Rows::new(stored);
    let queries: Vec<Rows> = query.0.iter().map(Rows::new).collect();
    let all = alignments();
    let mut best = (all[0], agree(&stored, &queries[all[0].rotation], all[0]));
    for alignment in &all[1..] {
        let agreement = agree(&stored, &queries[alignment.rotation], *alignment);
        if closer(&agreement, &best.1) {
            best = (*alignment, agreement);
        }
    }
    let (alignment, agreement) = best;
    Distance {
        value: agreement.distance(),
        alignment,
        valid: agreement.valid,
        dot: agreement.dot,
    }
}

/// Compares a query with a stored template at one alignment.
pub fn agreement(stored: &Template, query: &Encodings, alignment: Alignment) -> Agreement {
    agree(
        &Rows::new(stored),
        &Rows::new(&query.0[alignment.rotation]),
        alignment,
    )
}

/// Compares two distances as fractions, without rounding.
fn closer(a: &Agreement, b: &Agreement) -> bool {
    match (a.valid, b.valid) {
        (0, _) => false,
        (_, 0) => true,
        _ => i64::from(a.dot) * i64::from(b.valid) > i64::from(b.dot) * i64::from(a.valid),
    }
}

/// A row of 160 code bits or of 40 cells, each four times, in 192.
type Row = [u64; WORDS];

/// A template by rows: code rows of both phases, and the mask at the width of a code row.
struct Rows {
    code: [Row; ROWS],
    mask: [Row; GRID],
}

impl Rows {
    fn new(template: &Template) -> Self {
        let (code, mask) = template.expose_bytes().split_at(CODE_BYTES);
        let code_row = |row: usize| words(&code[row * ROW_BYTES..][..ROW_BYTES]);
        let mask_row = |row: usize| {
            let mut wide = [0; ROW_BYTES];
            for (byte, cells) in mask[row * MASK_ROW_BYTES..][..MASK_ROW_BYTES]
                .iter()
                .enumerate()
            {
                wide[byte * 4..][..4].copy_from_slice(&four_times(*cells));
            }
            words(&wide)
        };
        Self {
            code: core::array::from_fn(code_row),
            mask: core::array::from_fn(mask_row),
        }
    }
}

fn agree(stored: &Rows, query: &Rows, alignment: Alignment) -> Agreement {
    let Alignment { dy, dx, .. } = alignment;
    let (mut valid, mut differing) = (0, 0);
    for row in 0..GRID {
        let Some(source) = row.checked_add_signed(-dy).filter(|source| *source < GRID) else {
            continue;
        };
        let both = and(&stored.mask[row], &shifted(&query.mask[source], dx));
        valid += 2 * ones(&both);
        for phase in 0..PHASES {
            let moved = shifted(&query.code[phase * GRID + source], dx);
            let differ = xor(&stored.code[phase * GRID + row], &moved);
            differing += ones(&and(&differ, &both));
        }
    }
    Agreement {
        dot: valid.cast_signed() - 2 * differing.cast_signed(),
        valid,
    }
}

/// Moves a row by `dx` cells to the right; zeros come in.
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

fn and(a: &Row, b: &Row) -> Row {
    [a[0] & b[0], a[1] & b[1], a[2] & b[2]]
}

fn xor(a: &Row, b: &Row) -> Row {
    [a[0] ^ b[0], a[1] ^ b[1], a[2] ^ b[2]]
}

fn ones(row: &Row) -> u32 {
    row.iter().map(|word| word.count_ones()).sum()
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
pub(crate) mod tests {
    use boop_wire::template::{CELLS, CODE_BITS, code_index};

    use super::*;

    #[test]
    fn every_alignment_agrees_with_the_definition() {
        for seed in 1..4 {
            let (stored, query) = (noise(seed), encodings(seed + 10));

            for alignment in alignments() {
                let wanted = by_definition(&stored, &query.0[alignment.rotation], alignment);
                assert_eq!(agreement(&stored, &query, alignment), wanted, "seed {seed}");
            }
        }
    }

    #[test]
    fn the_distance_is_the_smallest_over_all_alignments() {
        let (stored, query) = (noise(5), encodings(6));

        let best = distance(&stored, &query);

        let all = alignments().map(|a| agreement(&stored, &query, a).distance());
        assert_eq!(best.value, all.into_iter().fold(1.0, f64::min));
        assert_eq!(agreement(&stored, &query, best.alignment).valid, best.valid);
    }

    #[test]
    fn a_template_is_at_distance_zero_from_itself() {
        let stored = noise(7);
        let query = Encodings([stored.clone(), noise(8), noise(9)]);

        let same = distance(&stored, &query);

        assert_eq!(
            (same.value, same.alignment),
            (
                0.0,
                Alignment {
                    rotation: 0,
                    dy: 0,
                    dx: 0
                }
            )
        );
        assert!(same.matches());
    }

    #[test]
    fn noise_does_not_match() {
        let other = distance(&noise(7), &encodings(20));

        assert!(other.value > 0.45 && !other.matches());
    }

    #[test]
    fn templates_without_a_common_cell_do_not_match() {
        let empty = distance(&Template::empty(), &encodings(20));

        assert_eq!((empty.value, empty.valid), (1.0, 0));
        assert!(!empty.matches());
    }

    /// Builds random codes with nine cells of ten valid.
    pub(crate) fn noise(seed: u64) -> Template {
        let mut state = seed;
        let mut next = || {
            state = state.wrapping_add(0x9e37_79b9_7f4a_7c15);
            let mixed = (state ^ state >> 30).wrapping_mul(0xbf58_476d_1ce4_e5b9);
            (mixed ^ mixed >> 27).wrapping_mul(0x94d0_49bb_1331_11eb) >> 33
        };
        let mut template = Template::empty();
        (0..CODE_BITS).for_each(|bit| template.set_code_bit(bit, next() % 2 == 0));
        (0..CELLS).for_each(|cell| template.set_cell_valid(cell, next() % 10 > 0));
        template
    }

    pub(crate) fn encodings(seed: u64) -> Encodings {
        Encodings([noise(3 * seed), noise(3 * seed + 1), noise(3 * seed + 2)])
    }

    fn by_definition(stored: &Template, query: &Template, alignment: Alignment) -> Agreement {
        let (mut dot, mut valid) = (0, 0);
        for row in 0..GRID {
            for column in 0..GRID {
                let source_row = row.checked_add_signed(-alignment.dy).filter(|r| *r < GRID);
                let source_column = column
                    .checked_add_signed(-alignment.dx)
                    .filter(|c| *c < GRID);
                let (Some(y), Some(x)) = (source_row, source_column) else {
                    continue;
                };
                if !stored.cell_valid(row * GRID + column) || !query.cell_valid(y * GRID + x) {
                    continue;
                }
                for phase in 0..PHASES {
                    for orientation in 0..ORIENTATIONS {
                        let a = stored.code_bit(code_index(phase, row, column, orientation));
                        let b = query.code_bit(code_index(phase, y, x, orientation));
                        dot += if a == b { 1 } else { -1 };
                        valid += 1;
                    }
                }
            }
        }
        Agreement { dot, valid }
    }
}
