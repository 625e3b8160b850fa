//! One of the two vectors of an inner product over GF(2^64), from bits down to a few elements.

use alloc::vec;
use alloc::vec::Vec;

use boop_kernel::{Gf64, Kernel, SkipWeights};
use zeroize::{ZeroizeOnDrop, Zeroizing};

use super::rows::Rows;
use super::weights::ROWS;
use crate::gates::Noted;
use crate::wipe::wipe;

/// A vector of even length: the first of the words.
pub(super) struct Vector {
    words: Vec<u64>,
    len: usize,
}

impl Vector {
    /// Takes two vectors of bits to a point, given by the weights of the rows there, and puts
    /// them one behind the other, a place for each bit. There are as many columns as weights.
    pub(super) fn of_bits(
        kernel: Kernel,
        rows: &SkipWeights,
        bits: &[Noted; 2],
        columns: &[u64],
    ) -> Self {
        Self::folded(kernel, rows, bits, columns.len(), |_, _| {})
    }

    /// As [`Self::of_bits`], and multiplies in the weight of each bit: its column's, times `x^t`
    /// for bit t of a word.
    pub(super) fn of_weighted_bits(
        kernel: Kernel,
        rows: &SkipWeights,
        bits: &[Noted; 2],
        columns: &[u64],
    ) -> Self {
        Self::folded(kernel, rows, bits, columns.len(), |first, places| {
            let columns = &columns[first..first + places.len() / 64];
            kernel.gf_scale(&Gf64::lane_weights(columns), places);
        })
    }

    /// Folds the columns window by window, and hands each window's places to `finish` with the
    /// number of its first column, while they are in a cache.
    fn folded(
        kernel: Kernel,
        rows: &SkipWeights,
        bits: &[Noted; 2],
        width: usize,
        mut finish: impl FnMut(usize, &mut [u64]),
    ) -> Self {
        let half = 64 * width;
        let len = 2 * half;
        let mut words = vec![0; len];
        for (bits, out) in bits.iter().zip(words.chunks_exact_mut(half)) {
            let (mut windows, mut first) = (Rows::new(bits, width), 0);
            while let Some(window) = windows.next() {
                let columns = window.len() / ROWS;
                let places = &mut out[64 * first..64 * (first + columns)];
                kernel.skip_fold(rows, window, places);
                finish(first, places);
                first += columns;
            }
        }
        Self { words, len }
    }

    pub(super) fn len(&self) -> usize {
        self.len
    }

    pub(super) fn as_slice(&self) -> &[u64] {
        &self.words[..self.len]
    }

    pub(super) fn halves(&self) -> [&[u64]; 2] {
        let (lo, hi) = self.as_slice().split_at(self.len / 2);
        [lo, hi]
    }

    /// Becomes the value at `point` of the line through its halves, with a zero at the end if
    /// the length is odd.
    pub(super) fn fold(&mut self, kernel: Kernel, point: Gf64) {
        let half = self.len / 2;
        let (lo, hi) = self.words[..self.len].split_at_mut(half);
        kernel.gf_fold(point.0, lo, hi);
        self.len = half.next_multiple_of(2);
        self.words[half..self.len].fill(0);
    }

    /// Returns the value at `point` of the parabola through the halves at 0 and 1 whose square
    /// term is `mask`: uniform, but at 0 and 1.
    pub(super) fn masked_at(mut self, kernel: Kernel, mask: &[u64], point: Gf64) -> Vec<u64> {
        self.fold(kernel, point);
        let mut values = Zeroizing::new(mask.to_vec());
        let bend = point * (point + Gf64::ONE);
        kernel.gf_scale(&vec![bend.0; mask.len()], &mut values);
        debug_assert!(self.len() >= values.len(), "a mask for each place");
        self.as_slice()
            .iter()
            .zip(values.iter())
            .map(|(v, m)| v ^ m)
            .collect()
    }
}

impl Drop for Vector {
    fn drop(&mut self) {
        wipe(&mut self.words);
    }
}

impl ZeroizeOnDrop for Vector {}
