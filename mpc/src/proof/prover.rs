//! What a prover computes.

use alloc::vec::Vec;

use boop_kernel::{Gf64, Kernel};
use zeroize::Zeroizing;

use super::COEFFICIENTS;
use super::rows::Rows;
use super::vector::Vector;
use super::weights::{ROWS, VARIABLES, Weights};
use crate::bits::xor;
use crate::gates::ProverLog;
use crate::wipe::Wiping;

/// A prover whose vectors are still bits.
pub(super) struct BitProver {
    kernel: Kernel,
    log: ProverLog,
    columns: Vec<u64>,
}

/// A prover of an inner product over GF(2^64).
pub(super) struct Prover {
    kernel: Kernel,
    a: Vector,
    b: Vector,
}

impl BitProver {
    /// Takes what the prover knows.
    pub(super) fn new(kernel: Kernel, log: ProverLog, weights: Weights) -> Self {
        Self {
            kernel,
            log,
            columns: weights.columns,
        }
    }

    /// Returns the weighted sum of each row, and of the rows' extension to the points with a
    /// coordinate inf.
    pub(super) fn values(&self) -> Wiping<u64> {
        let width = self.columns.len();
        let ProverLog { a, b } = &self.log;
        let rows = [&a[0], &a[1], &b[0], &b[1]].map(|noted| Rows::new(noted, width));
        let [mut a0, mut a1, mut b0, mut b1] = rows;
        let mut sums = self.kernel.skip_sums();
        let mut columns = &self.columns[..];
        while let (Some(a0), Some(a1), Some(b0), Some(b1)) =
            (a0.next(), a1.next(), b0.next(), b1.next())
        {
            let (now, later) = columns.split_at(a0.len() / ROWS);
            self.kernel.skip_add([a0, a1], [b0, b1], now, &mut sums);
            columns = later;
        }
        sums.values().into()
    }

    /// Takes the rows to a point.
    pub(super) fn fold(self, point: &[Gf64; VARIABLES]) -> Prover {
        let (kernel, columns) = (self.kernel, &self.columns);
        let rows = kernel.skip_weights(&Gf64::row_weights(point));
        Prover {
            kernel,
            a: Vector::of_weighted_bits(kernel, &rows, &self.log.a, columns),
            b: Vector::of_bits(kernel, &rows, &self.log.b, columns),
        }
    }
}

impl Prover {
    /// Returns the length of the vectors.
    pub(super) fn len(&self) -> usize {
        self.a.len()
    }

    /// Returns the inner product of the first halves and the one of the halves' sums.
    pub(super) fn values(&self) -> [u64; 2] {
        self.kernel.gf_round(self.a.as_slice(), self.b.as_slice())
    }

    /// Takes the halves to a point.
    pub(super) fn fold(&mut self, point: Gf64) {
        self.a.fold(self.kernel, point);
        self.b.fold(self.kernel, point);
    }

    /// Returns the coefficients of the inner product of two parabolas, constant term first: those
    /// through the halves at 0 and 1 whose square terms are the masks.
    pub(super) fn coefficients(&self, a_mask: &[u64], b_mask: &[u64]) -> [u64; COEFFICIENTS] {
        let (a, b) = (parabola(&self.a, a_mask), parabola(&self.b, b_mask));
        let mut coefficients = [0; COEFFICIENTS];
        for (i, a) in a.iter().enumerate() {
            for (j, b) in b.iter().enumerate() {
                coefficients[i + j] ^= self.kernel.gf_inner(a, b);
            }
        }
        coefficients
    }
}

/// Returns the coefficients of `lo + X (lo + hi) + X (X + 1) mask`.
fn parabola(vector: &Vector, mask: &[u64]) -> [Zeroizing<Vec<u64>>; 3] {
    let [lo, hi] = vector.halves();
    let linear = xor(&Zeroizing::new(xor(lo, hi)), mask);
    [lo.to_vec(), linear, mask.to_vec()].map(Zeroizing::new)
}
