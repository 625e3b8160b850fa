//! One of the two vectors of an inner product over GF(2^64), from bits down to a few elements.

use alloc::vec;
use alloc::vec::Vec;

use boop_kernel::{Gf64, Kernel};
use zeroize::{ZeroizeOnDrop, Zeroizing};

use super::weights::ROWS;
use crate::wipe::wipe;

/// A vector of even length: the first of the words.
pub(super) struct Vector {
    words: Vec<u64>,
    len: usize,
}

/// Columns whose weights are multiplied in at once, few enough to stay in the cache.
const BATCH: usize = 64;

impl Vector {
    /// Takes two vectors of bits to a point, given by the weights of the rows there, and puts
    /// them one behind the other, a place for each bit. Wipes the bits.
    pub(super) fn of_bits(kernel: Kernel, rows: &[u64], bits: &mut [Vec<u64>; 2]) -> Self {
        let half = bits[0].len() / ROWS * 64;
        let len = 2 * half;
        let mut vector = Self {
            words: vec![0; len],
            len,
        };
        for (bits, out) in bits.iter_mut().zip(vector.words.chunks_exact_mut(half)) {
            kernel.skip_fold(rows, bits, out);
            discard(bits);
        }
        vector
    }

    /// Multiplies in the weight of each bit: its column's, times `x^t` for bit t of a word.
    pub(super) fn weighted(mut self, kernel: Kernel, columns: &[u64]) -> Self {
        let (first, second) = self.words[..self.len].split_at_mut(self.len / 2);
        let halves = first
            .chunks_mut(64 * BATCH)
            .zip(second.chunks_mut(64 * BATCH));
        for (columns, (first, second)) in columns.chunks(BATCH).zip(halves) {
            let weights = Gf64::lane_weights(columns);
            kernel.gf_scale(&weights, first);
            kernel.gf_scale(&weights, second);
        }
        self
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

/// Wipes words and gives their memory back.
pub(super) fn discard(words: &mut Vec<u64>) {
    wipe(words);
    *words = Vec::new();
}
