//! What was noted, as the 128 rows of a proof, a few columns of all rows at a time.

use alloc::vec;
use alloc::vec::Vec;

use boop_kernel::{Gf64, Kernel};

use super::weights::ROWS;
use crate::gates::Noted;
use crate::wipe::Wiping;

/// The columns read at once: few enough that all vectors of a statement stay in a cache.
const COLUMNS: usize = 64;

/// A vector laid out in rows of `width` words, with zeros where it ends before the last row.
pub(super) struct Rows<'a> {
    parts: Vec<&'a [u64]>,
    width: usize,
    done: usize,
    /// For each row, the part that goes on with it, and from where.
    places: Vec<(usize, usize)>,
    /// A few columns of every row.
    window: Wiping<u64>,
}

impl<'a> Rows<'a> {
    /// Lays a vector out, which is not longer than all rows.
    pub(super) fn new(noted: &'a Noted, width: usize) -> Self {
        debug_assert!(noted.len() <= ROWS * width, "rows for every word");
        let parts: Vec<_> = noted.parts().filter(|part| !part.is_empty()).collect();
        let (mut part, mut before) = (0, 0);
        let place = |row: usize| {
            while part < parts.len() && before + parts[part].len() <= row * width {
                before += parts[part].len();
                part += 1;
            }
            (part, row * width - before)
        };
        Self {
            places: (0..ROWS).map(place).collect(),
            window: vec![0; ROWS * COLUMNS.min(width)].into(),
            done: 0,
            width,
            parts,
        }
    }

    /// Returns the next columns: as many words of the first row as are returned of each.
    pub(super) fn next(&mut self) -> Option<&[u64]> {
        let columns = COLUMNS.min(self.width - self.done);
        if columns == 0 {
            return None;
        }
        self.done += columns;
        let window = &mut self.window[..ROWS * columns];
        let rows = window.chunks_exact_mut(columns);
        for (mut row, place) in rows.zip(&mut self.places) {
            while !row.is_empty() {
                let (index, from) = *place;
                let Some(part) = self.parts.get(index) else {
                    row.fill(0);
                    break;
                };
                let words = row.len().min(part.len() - from);
                let (now, later) = row.split_at_mut(words);
                now.copy_from_slice(&part[from..from + words]);
                row = later;
                *place = if from + words == part.len() {
                    (index + 1, 0)
                } else {
                    (index, from + words)
                };
            }
        }
        Some(window)
    }
}

/// Returns the sum of all words, each times its column's and its row's weight.
pub(super) fn weighted_sum(kernel: Kernel, noted: &Noted, rows: &[u64], columns: &[u64]) -> Gf64 {
    let mut sums = Wiping::from(vec![0; ROWS]);
    let mut place = 0;
    for mut part in noted.parts() {
        while !part.is_empty() {
            let (row, column) = (place / columns.len(), place % columns.len());
            let words = part.len().min(columns.len() - column);
            let (now, later) = part.split_at(words);
            sums[row] ^= kernel.gf_inner(&columns[column..column + words], now);
            place += words;
            part = later;
        }
    }
    Gf64(kernel.gf_inner(rows, &sums))
}
