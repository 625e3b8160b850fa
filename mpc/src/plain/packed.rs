//! The plain rule on packed bits: the definition's scores, fast enough for a million pairs.
//!
//! Tests and claims hold the protocol against it; servers have no use for this module.

use core::fmt;

use boop_wire::template::{
    ALIGNMENT_COUNT, CELLS, Encodings, GRID, ORIENTATIONS, PHASES, ROTATIONS, Template, alignments,
    code_index,
};

use super::Score;
use crate::rule::{Profile, Rule};

/// A row of 40 cells, four bits each.
type Row = [u64; ROW_WORDS];

/// A template with its bits in rows.
#[derive(Clone)]
pub struct Packed {
    /// Each cell's validity, four times.
    valid: [Row; GRID],
    code: [[Row; GRID]; PHASES],
}

/// A rule that weighs cells one by one, made ready for packed palms.
pub struct PackedRule {
    rule: Rule,
    /// What every cell weighs at least.
    least: i64,
    /// The cells that weigh one more, four times each.
    heavier: [Row; GRID],
}

/// A palm, at each of its rotations moved by -1, 0 and 1 columns.
pub struct PackedQuery([[Packed; 3]; ROTATIONS]);

impl Packed {
    /// Packs a template.
    pub fn of(template: &Template) -> Self {
        let mut packed = Self {
            valid: [[0; ROW_WORDS]; GRID],
            code: [[[0; ROW_WORDS]; GRID]; PHASES],
        };
        for (cell, k) in (0..CELLS).flat_map(|cell| (0..ORIENTATIONS).map(move |k| (cell, k))) {
            let (row, column) = (cell / GRID, cell % GRID);
            let bit = column * ORIENTATIONS + k;
            let put = |target: &mut Row, value| target[bit / 64] |= u64::from(value) << (bit % 64);
            put(&mut packed.valid[row], template.cell_valid(cell));
            for phase in 0..PHASES {
                let value = template.code_bit(code_index(phase, row, column, k));
                put(&mut packed.code[phase][row], value);
            }
        }
        packed
    }

    fn moved(&self, columns: isize) -> Self {
        Self {
            valid: self.valid.map(|row| moved(row, columns)),
            code: self.code.map(|rows| rows.map(|row| moved(row, columns))),
        }
    }
}

impl PackedRule {
    /// Prepares a rule of any profile.
    pub fn of(rule: Rule) -> Self {
        let mut heavier = [[0; ROW_WORDS]; GRID];
        let least = (0..CELLS).map(|cell| rule.cell_weight(cell)).min();
        let least = least.unwrap_or_default();
        for cell in (0..CELLS).filter(|cell| rule.cell_weight(*cell) > least) {
            let bit = cell % GRID * ORIENTATIONS;
            heavier[cell / GRID][bit / 64] |= 0b1111 << (bit % 64);
        }
        Self {
            rule,
            least: least.into(),
            heavier,
        }
    }

    fn matches(&self, Compared { score, heavier }: Compared) -> bool {
        match self.rule.profile() {
            Profile::Exact => score.margin(self.rule.threshold()) > 0,
            Profile::Sixteen => score.dot > self.least * (score.valid / 8) + heavier,
        }
    }
}

/// A comparison at one alignment.
struct Compared {
    score: Score,
    /// Cells compared that weigh one more.
    heavier: i64,
}

impl PackedQuery {
    /// Packs a palm.
    pub fn of(palm: &Encodings) -> Self {
        Self(palm.0.each_ref().map(|template| {
            let packed = Packed::of(template);
            [-1, 0, 1].map(|columns| packed.moved(columns))
        }))
    }

    /// Tells whether the palm matches a template at some alignment.
    pub fn matches(&self, stored: &Packed, threshold: u32) -> bool {
        let scores = self.scores(stored);
        scores.into_iter().any(|score| score.margin(threshold) > 0)
    }

    /// Tells whether the palm matches a template at some alignment, under a rule of any profile.
    pub fn matches_under(&self, rule: &PackedRule, stored: &Packed) -> bool {
        let mut compared = self.compared(stored, &rule.heavier).into_iter();
        compared.any(|compared| rule.matches(compared))
    }

    /// Compares the palm with a template at every alignment.
    pub fn scores(&self, stored: &Packed) -> [Score; ALIGNMENT_COUNT] {
        let compared = self.compared(stored, &[[0; ROW_WORDS]; GRID]);
        compared.map(|compared| compared.score)
    }

    fn compared(&self, stored: &Packed, heavier: &[Row; GRID]) -> [Compared; ALIGNMENT_COUNT] {
        alignments().map(|alignment| {
            let query = &self.0[alignment.rotation][(alignment.dx + 1).unsigned_abs()];
            let mut valid = [[0; ROW_WORDS]; GRID];
            let mut different = [[[0; ROW_WORDS]; GRID]; PHASES];
            for row in 0..GRID {
                let from = row.checked_add_signed(-alignment.dy);
                let Some(from) = from.filter(|from| *from < GRID) else {
                    continue;
                };
                for word in 0..ROW_WORDS {
                    let both = stored.valid[row][word] & query.valid[from][word];
                    valid[row][word] = both;
                    let codes = stored.code.iter().zip(&query.code);
                    for (different, (stored, query)) in different.iter_mut().zip(codes) {
                        different[row][word] = (stored[row][word] ^ query[from][word]) & both;
                    }
                }
            }
            let mut heavy = valid;
            for (words, heavier) in heavy
                .as_flattened_mut()
                .iter_mut()
                .zip(heavier.as_flattened())
            {
                *words &= heavier;
            }
            let valid = 2 * ones(valid.as_flattened());
            let dot = valid - 2 * ones(different.as_flattened().as_flattened());
            Compared {
                score: Score { dot, valid },
                heavier: ones(heavy.as_flattened()) / 4,
            }
        })
    }
}

impl fmt::Debug for Packed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Packed([secret])")
    }
}

impl fmt::Debug for PackedQuery {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("PackedQuery([secret])")
    }
}

/// Counts bits, a multiple of eight words of them: adders count eight words at each bit, and
/// only what is carried to eights is counted word by word.
fn ones(words: &[u64]) -> i64 {
    let (mut ones, mut twos, mut fours, mut eights) = (0, 0, 0, 0);
    let add = |sum: &mut u64, a: u64, b: u64| {
        let half = *sum ^ a;
        let carry = (*sum & a) | (half & b);
        *sum = half ^ b;
        carry
    };
    for [a, b, c, d, e, f, g, h] in words.as_chunks::<8>().0.iter().copied() {
        let two = [add(&mut ones, a, b), add(&mut ones, c, d)];
        let four = add(&mut twos, two[0], two[1]);
        let two = [add(&mut ones, e, f), add(&mut ones, g, h)];
        let four = [four, add(&mut twos, two[0], two[1])];
        eights += add(&mut fours, four[0], four[1]).count_ones();
    }
    let rest = 4 * fours.count_ones() + 2 * twos.count_ones() + ones.count_ones();
    i64::from(8 * eights + rest)
}

/// Moves the cells of a row; what leaves it is lost.
fn moved(row: Row, columns: isize) -> Row {
    let [a, b, c] = row;
    match columns {
        1 => [a << 4, b << 4 | a >> 60, (c << 4 | b >> 60) & LAST_WORD],
        -1 => [a >> 4 | b << 60, b >> 4 | c << 60, c >> 4],
        _ => row,
    }
}

const ROW_WORDS: usize = (GRID * ORIENTATIONS).div_ceil(64);
const LAST_WORD: u64 = u64::MAX >> (64 * ROW_WORDS - GRID * ORIENTATIONS);
const _: () = assert!(ORIENTATIONS == 4 && ROW_WORDS == 3 && PHASES == 2);
const _: () = assert!((GRID * ROW_WORDS).is_multiple_of(8));
