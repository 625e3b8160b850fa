//! The rule on palms in the clear: what the protocol must equal exactly [MPC-20].
//!
//! Scanners and tests hold palms in the clear; servers have no use for this module.

pub mod packed;

use crate::rule::SCALE;
use crate::share::source_cell;
use boop_wire::template::{
    ALIGNMENT_COUNT, Alignment, CELLS, Encodings, ORIENTATIONS, PHASES, Template, alignments,
};

/// The comparison of two templates at one alignment.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Score {
    /// Equal code bits less different ones, where both cells are valid.
    pub dot: i64,
    /// Code bits compared.
    pub valid: i64,
}

impl Score {
    /// Returns `65536 * dot - threshold * valid`, positive for a match.
    pub fn margin(self, threshold: u32) -> i64 {
        i64::from(SCALE) * self.dot - i64::from(threshold) * self.valid
    }
}

/// Tells whether a query matches a stored template at some alignment.
pub fn matches(stored: &Template, query: &Encodings, threshold: u32) -> bool {
    scores(stored, query)
        .into_iter()
        .any(|score| score.margin(threshold) > 0)
}

/// Compares a query with a stored template at every alignment.
pub fn scores(stored: &Template, query: &Encodings) -> [Score; ALIGNMENT_COUNT] {
    alignments().map(|alignment| score(stored, &query.0[alignment.rotation], alignment))
}

fn score(stored: &Template, query: &Template, alignment: Alignment) -> Score {
    let mut score = Score { dot: 0, valid: 0 };
    for target in 0..CELLS {
        let Some(source) = source_cell(alignment, target) else {
            continue;
        };
        if !stored.cell_valid(target) || !query.cell_valid(source) {
            continue;
        }
        for (phase, k) in (0..PHASES).flat_map(|p| (0..ORIENTATIONS).map(move |k| (p, k))) {
            let bit = |t: &Template, cell| t.code_bit((phase * CELLS + cell) * ORIENTATIONS + k);
            score.valid += 1;
            score.dot += if bit(stored, target) == bit(query, source) {
                1
            } else {
                -1
            };
        }
    }
    score
}
