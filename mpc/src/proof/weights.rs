//! The random weights that turn all statements of a proof into one sum [MPC-42].

use alloc::vec::Vec;

use crate::prg::Prg;

/// The bits of a row's number.
pub(super) const VARIABLES: usize = 7;
/// The rows that a vector is laid out in.
pub(super) const ROWS: usize = 1 << VARIABLES;
/// The points {0, 1, inf}^7.
pub(super) const POINTS: usize = 2_187;
/// The challenge that all weights are drawn from.
pub(super) const SEED_BYTES: usize = 32;

/// A word's statements count with the product of its row's and its column's weight.
pub(super) struct Weights {
    pub(super) rows: Vec<u64>,
    pub(super) columns: Vec<u64>,
}

impl Weights {
    /// Draws the weights of 128 rows and so many columns. The seed has [`SEED_BYTES`].
    pub(super) fn expand(seed: &[u8], columns: usize) -> Self {
        debug_assert_eq!(seed.len(), SEED_BYTES, "a whole seed");
        let seed = seed.first_chunk().copied().unwrap_or_default();
        let mut prg = Prg::new(DOMAIN, &seed);
        Self {
            rows: prg.draw_numbers(ROWS),
            columns: prg.draw_numbers(columns),
        }
    }
}

const DOMAIN: &[u8] = b"boop/proof-weights/v1\0";
