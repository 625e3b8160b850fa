//! The question that a vector form has to answer before it is used.

use alloc::vec;
use alloc::vec::Vec;

use super::FieldTable;
use crate::skip::{Line, SKIP_POINTS, SKIP_ROWS, Sum};

/// Tells whether two implementations give the same answers on fixed data.
pub(super) fn agree(one: &FieldTable, other: &FieldTable) -> bool {
    answers(one) == answers(other)
}

/// Everything an implementation computes, from data that fills a block of every vector form and
/// leaves a rest.
fn answers(table: &FieldTable) -> Vec<u64> {
    let mut state = 0;
    let [f, g, h] = [(); 3].map(|()| words(&mut state, LENGTH));
    let [a0, a1, b0, b1] = [(); 4].map(|()| words(&mut state, SKIP_ROWS * WIDTH));
    let [tau, eq] = [WIDTH, SKIP_ROWS].map(|length| words(&mut state, length));

    let mut scaled = f.clone();
    (table.scale)(&g, &mut scaled);
    let mut folded = f.clone();
    (table.fold)(tau[0], &mut folded, &g);
    let mut sums = vec![Sum::default(); SKIP_POINTS];
    let mut scratch = vec![Line::default(); table.skip_scratch];
    (table.skip_add)([&a0, &a1], [&b0, &b1], &tau, &mut sums, &mut scratch);
    let q: Vec<u64> = sums.iter().map(Sum::element).collect();
    let mut out = vec![0; 64 * WIDTH];
    (table.skip_fold)(&(table.skip_weights)(&eq), &a0, &mut out);

    let inner = (table.inner)(&f, &g);
    let round = (table.round)([&f, &g], [&g, &h]);
    [&[inner][..], &round, &scaled, &folded, &q, &out].concat()
}

/// The output of the generator `splitmix64`.
fn words(state: &mut u64, length: usize) -> Vec<u64> {
    let next = || {
        *state = state.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut word = *state;
        word = (word ^ word >> 30).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        word = (word ^ word >> 27).wrapping_mul(0x94d0_49bb_1331_11eb);
        word ^ word >> 31
    };
    core::iter::repeat_with(next).take(length).collect()
}

const LENGTH: usize = 21;
const WIDTH: usize = 9;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_form_that_is_wrong_in_one_place_is_told_apart() {
        let wrong = FieldTable {
            name: "wrong",
            inner: |a, b| (FieldTable::PORTABLE.inner)(a, b) ^ 1,
            ..FieldTable::PORTABLE
        };

        assert!(agree(&FieldTable::PORTABLE, &FieldTable::PORTABLE));
        assert!(!agree(&wrong, &FieldTable::PORTABLE));
    }
}
