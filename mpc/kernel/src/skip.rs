//! The first step of a gate proof, which treats seven variables at once while the vectors it is
//! about are still bits.
//!
//! A vector of `128 * W` words is 128 rows of `W` words. Bit i of a row's number is the value of
//! variable i. Between the rows a vector is extended multilinearly to points with coordinates in
//! {0, 1, inf}, where inf stands for the leading coefficient: the sum of both rows. There are 3^7
//! such points; point z has number `z_0 + 3 z_1 + ... + 3^6 z_6` with inf written as digit 2.

use alloc::vec::Vec;

use zeroize::{Zeroize, ZeroizeOnDrop, optimization_barrier};

use crate::field::{Gf64, Product, times_x};
use crate::kernel::Kernel;

#[cfg(target_arch = "x86_64")]
pub(crate) mod avx2;
pub(crate) mod portable;

/// The variables that one step treats.
pub const SKIP_VARIABLES: usize = 7;
/// The rows of a vector: the points {0, 1}^7.
pub const SKIP_ROWS: usize = 1 << SKIP_VARIABLES;
/// The points {0, 1, inf}^7.
pub const SKIP_POINTS: usize = 2187;

impl Gf64 {
    /// Returns the factor of each row in a vector's value at `point`: of row l, the product of
    /// `1 + point[i]` or `point[i]` as bit i of l is 0 or 1.
    #[must_use]
    pub fn row_weights(point: &[Self; SKIP_VARIABLES]) -> Vec<u64> {
        tensor(point.map(|r| [r + Self::ONE, r]))
    }

    /// Returns the factor of each of the 3^7 values of a product of two vectors in its value at
    /// `point`: per variable `1 + r`, `r` and `r^2 + r` for 0, 1 and inf.
    #[must_use]
    pub fn point_weights(point: &[Self; SKIP_VARIABLES]) -> Vec<u64> {
        tensor(point.map(|r| [r + Self::ONE, r, r * (r + Self::ONE)]))
    }

    /// Returns the number among the 3^7 points of the one that is row `row`.
    ///
    /// # Panics
    ///
    /// If there is no such row.
    #[must_use]
    pub fn point_of_row(row: usize) -> usize {
        assert!(row < SKIP_ROWS, "a row of 128");
        (0..SKIP_VARIABLES)
            .rev()
            .fold(0, |point, i| 3 * point + (row >> i & 1))
    }

    /// Returns `x^t * tau[w]` at place `w * 64 + t`: the factor of bit t in word w.
    #[must_use]
    pub fn lane_weights(tau: &[u64]) -> Vec<u64> {
        let powers = |&first: &u64| {
            core::iter::successors(Some(first), |&power| Some(times_x(power))).take(64)
        };
        tau.iter().flat_map(powers).collect()
    }
}

/// Sums over words for each of the 3^7 points, which wait for their reduction; and what it takes
/// to add to them. All of it wipes itself.
pub struct SkipSums {
    sums: Vec<Sum>,
    scratch: Vec<Line>,
}

/// The weights of 128 rows, in the form in which they are looked up.
pub struct SkipWeights(Vec<u64>);

/// Eight words: what a cache line holds.
#[derive(Clone, Copy, Default, Zeroize)]
#[repr(align(64))]
pub(crate) struct Line(pub(crate) [[u64; 4]; 2]);

/// Two sums of products that wait for their reduction.
#[derive(Clone, Copy, Default, Zeroize)]
#[repr(align(32))]
pub(crate) struct Sum(pub(crate) [u64; 4]);

impl SkipSums {
    /// Returns the sums as elements.
    #[must_use]
    pub fn values(&self) -> Vec<u64> {
        self.sums.iter().map(Sum::element).collect()
    }
}

impl Sum {
    /// Returns the sum as an element.
    pub(crate) fn element(&self) -> u64 {
        let Self([low, high, lows, highs]) = self;
        let (low, high) = (low ^ lows, high ^ highs);
        Product { low, high }.reduce()
    }
}

impl Drop for SkipSums {
    fn drop(&mut self) {
        self.sums.fill(Sum::default());
        self.scratch.fill(Line::default());
        optimization_barrier(&self.sums[..]);
        optimization_barrier(&self.scratch[..]);
    }
}

impl ZeroizeOnDrop for SkipSums {}

impl Kernel {
    /// Returns sums over no words.
    #[must_use]
    pub fn skip_sums(self) -> SkipSums {
        SkipSums {
            sums: alloc::vec![Sum::default(); SKIP_POINTS],
            scratch: alloc::vec![Line::default(); self.field.skip_scratch],
        }
    }

    /// Adds to the sums, for each of the 3^7 points z, the sum over all words w of `tau[w]` times
    /// the word `(a[0](z)[w] & b[0](z)[w]) ^ (a[1](z)[w] & b[1](z)[w])` read as an element.
    ///
    /// # Panics
    ///
    /// If one of the vectors is not 128 times as long as `tau`.
    pub fn skip_add(self, a: [&[u64]; 2], b: [&[u64]; 2], tau: &[u64], sums: &mut SkipSums) {
        for vector in [a[0], a[1], b[0], b[1]] {
            assert_eq!(
                vector.len(),
                SKIP_ROWS * tau.len(),
                "rows and their weights"
            );
        }
        (self.field.skip_add)(a, b, tau, &mut sums.sums, &mut sums.scratch);
    }

    /// Prepares the weights of 128 rows, as [`Gf64::row_weights`] makes them, for
    /// [`Self::skip_fold`].
    ///
    /// # Panics
    ///
    /// If there are not 128.
    #[must_use]
    pub fn skip_weights(self, rows: &[u64]) -> SkipWeights {
        assert_eq!(rows.len(), SKIP_ROWS, "weights of 128 rows");
        SkipWeights((self.field.skip_weights)(rows))
    }

    /// Takes a vector of bits to a point, given by the weights of the rows there:
    /// `out[w * 64 + t]` is the sum of the weights of the rows whose word w has bit t set. The
    /// weights are of this kernel.
    ///
    /// # Panics
    ///
    /// If `words` is not twice as long as `out` and a multiple of 128.
    pub fn skip_fold(self, rows: &SkipWeights, words: &[u64], out: &mut [u64]) {
        assert!(
            words.len().is_multiple_of(SKIP_ROWS),
            "rows of equal length"
        );
        assert_eq!(out.len(), words.len() / SKIP_ROWS * 64, "bits of a row");
        (self.field.skip_fold)(&rows.0, words, out);
    }
}

/// Returns the products of one factor of each variable, the first variable's turning fastest.
fn tensor<const N: usize>(factors: [[Gf64; N]; SKIP_VARIABLES]) -> Vec<u64> {
    let mut products = alloc::vec![Gf64::ONE];
    for factors in factors {
        let times = |factor: Gf64| products.iter().map(move |&product| product * factor);
        products = factors.into_iter().flat_map(times).collect();
    }
    products.into_iter().map(u64::from).collect()
}

#[cfg(test)]
mod tests;
