//! The rule on palms in the clear: what the protocol must equal exactly [MPC-20].
//!
//! Scanners and tests hold palms in the clear; servers have no use for this module.

pub mod packed;

use crate::rule::{Profile, Rule, SCALE};
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

/// Tells whether a query matches a stored template at some alignment, under a rule of any
/// profile [MPC-20], [MPC-24].
pub fn matches_under(rule: Rule, stored: &Template, query: &Encodings) -> bool {
    margins(rule, stored, query)
        .into_iter()
        .any(|margin| margin > 0)
}

/// Returns at every alignment by how much a query matches a stored template: above 0, it does.
pub fn margins(rule: Rule, stored: &Template, query: &Encodings) -> [i64; ALIGNMENT_COUNT] {
    alignments().map(|alignment| {
        let query = &query.0[alignment.rotation];
        let Score { dot, valid } = score(stored, query, alignment);
        match rule.profile() {
            Profile::Exact => Score { dot, valid }.margin(rule.threshold()),
            Profile::Sixteen => {
                let cells = cells_valid_in_both(stored, query, alignment);
                let weights = cells.map(|(cell, _)| i64::from(rule.cell_weight(cell)));
                dot - weights.sum::<i64>()
            }
        }
    })
}

/// Tells whether a query matches a stored template at some alignment, under the exact rule.
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
    for (target, source) in cells_valid_in_both(stored, query, alignment) {
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

/// Returns the cells of the stored template that are valid and meet a valid one of the query,
/// each with that one.
fn cells_valid_in_both(
    stored: &Template,
    query: &Template,
    alignment: Alignment,
) -> impl Iterator<Item = (usize, usize)> {
    let meeting = (0..CELLS).filter_map(move |target| {
        let source = source_cell(alignment, target)?;
        Some((target, source))
    });
    meeting.filter(|(target, source)| stored.cell_valid(*target) && query.cell_valid(*source))
}
