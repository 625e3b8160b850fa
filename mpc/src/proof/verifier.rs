//! What the two parties next to a prover compute, each on its shares and its side of the
//! statements: the next party has a, the previous one b.

use alloc::vec::Vec;

use boop_kernel::{Gf64, Kernel, SkipWeights};
use zeroize::Zeroize;

use super::COEFFICIENTS;
use super::rows::weighted_sum;
use super::vector::Vector;
use super::weights::{ROWS, VARIABLES, Weights};
use crate::gates::{Noted, VerifierLog};

/// A verifier whose vectors are still bits.
pub(super) struct BitVerifier {
    kernel: Kernel,
    side: [Noted; 2],
    weights: Weights,
    /// The share of the weighted sum of what is claimed.
    claimed: Gf64,
}

/// A verifier of an inner product over GF(2^64).
pub(super) struct Verifier {
    kernel: Kernel,
    vector: Vector,
    /// The share of what the inner product should be.
    claimed: Gf64,
    /// The share of the difference between rows and claims.
    rows_difference: Gf64,
}

/// What is left of a proof at one verifier.
pub(super) struct End {
    /// The vector at the last point, masked.
    vector: Vec<u64>,
    /// Shares of the last polynomial there, and of the two differences that have to be zero.
    shares: [Gf64; 3],
}

impl BitVerifier {
    /// Takes what the verifier knows, and sums up the claims.
    pub(super) fn new(kernel: Kernel, log: VerifierLog, weights: Weights) -> Self {
        let VerifierLog { side, claim } = log;
        let claimed = weighted_sum(kernel, &claim, &weights.rows, &weights.columns);
        Self {
            kernel,
            side,
            weights,
            claimed,
        }
    }

    /// Takes the rows to a point.
    pub(super) fn fold(self, values: &[u64], point: &[Gf64; VARIABLES]) -> Verifier {
        self.folded(values, point, Vector::of_bits)
    }

    /// Takes the rows to a point, where the bits' weights belong to this side.
    pub(super) fn fold_weighted(self, values: &[u64], point: &[Gf64; VARIABLES]) -> Verifier {
        self.folded(values, point, Vector::of_weighted_bits)
    }

    fn folded(
        self,
        values: &[u64],
        point: &[Gf64; VARIABLES],
        vector: impl Fn(Kernel, &SkipWeights, &[Noted; 2], &[u64]) -> Vector,
    ) -> Verifier {
        let (kernel, columns) = (self.kernel, &self.weights.columns);
        let rows = kernel.skip_weights(&Gf64::row_weights(point));
        let points = Gf64::point_weights(point);
        Verifier {
            kernel,
            vector: vector(kernel, &rows, &self.side, columns),
            claimed: Gf64(kernel.gf_inner(&points, values)),
            rows_difference: self.rows(values) + self.claimed,
        }
    }

    /// Returns the weighted sum of the values at those points that are rows.
    fn rows(&self, values: &[u64]) -> Gf64 {
        let rows = (0..ROWS).map(|row| values[Gf64::point_of_row(row)]);
        let rows: Vec<u64> = rows.collect();
        Gf64(self.kernel.gf_inner(&self.weights.rows, &rows))
    }
}

impl Verifier {
    /// Takes the halves to a point. The values are those of the polynomial at 0 and inf; the one
    /// at 1 makes up for what is claimed.
    pub(super) fn fold(&mut self, values: &[u64], point: Gf64) {
        let [at_zero, at_inf] = [Gf64(values[0]), Gf64(values[1])];
        let at_one = self.claimed + at_zero;
        let off = point + Gf64::ONE;
        self.claimed = off * at_zero + point * at_one + point * off * at_inf;
        self.vector.fold(self.kernel, point);
    }

    /// Takes the halves to the last point, with a mask.
    pub(super) fn end(self, coefficients: &[u64], mask: &[u64], point: Gf64) -> End {
        debug_assert_eq!(coefficients.len(), COEFFICIENTS, "a polynomial of degree 4");
        let coefficients = coefficients.iter().copied().map(Gf64);
        let value = coefficients
            .clone()
            .rfold(Gf64::ZERO, |sum, c| sum * point + c);
        // At 0 and 1 together, the constant term cancels.
        let difference = self.claimed + coefficients.skip(1).sum();
        End {
            vector: self.vector.masked_at(self.kernel, mask, point),
            shares: [value, self.rows_difference, difference],
        }
    }
}

impl End {
    /// Tells whether both differences are zero and the inner product is the last polynomial's
    /// value.
    pub(super) fn fits(&self, other: &Self, kernel: Kernel) -> bool {
        let product = Gf64(kernel.gf_inner(&self.vector, &other.vector));
        let [value, rows, last] = [0, 1, 2].map(|i| self.shares[i] + other.shares[i]);
        (value + product).0 | rows.0 | last.0 == 0
    }

    pub(super) fn to_words(&self) -> Vec<u64> {
        let shares = self.shares.iter().map(|share| share.0);
        self.vector.iter().copied().chain(shares).collect()
    }

    /// Reads words that end with three shares.
    pub(super) fn from_words(mut words: Vec<u64>) -> Self {
        let shares = words.split_off(words.len().saturating_sub(3));
        let shares = shares.first_chunk().copied().unwrap_or_default();
        Self {
            vector: words,
            shares: shares.map(Gf64),
        }
    }
}

impl Drop for End {
    fn drop(&mut self) {
        self.vector.zeroize();
    }
}
