//! What a prover computes.

use alloc::vec;
use alloc::vec::Vec;

use boop_kernel::{Gf64, Kernel};
use zeroize::Zeroizing;

use super::COEFFICIENTS;
use super::vector::Vector;
use super::weights::{POINTS, ROWS, VARIABLES, Weights};
use crate::bits::xor;
use crate::gates::ProverLog;

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
    /// Takes what the prover knows, and fills it up to whole rows.
    pub(super) fn new(kernel: Kernel, mut log: ProverLog, weights: Weights) -> Self {
        let length = log.a[0].len();
        for vector in log.vectors() {
            debug_assert_eq!(vector.len(), length, "vectors of one statement");
            vector.resize(ROWS * weights.columns.len(), 0);
        }
        Self {
            kernel,
            log,
            columns: weights.columns,
        }
    }

    /// Returns the weighted sum of each row, and of the rows' extension to the points with a
    /// coordinate inf.
    pub(super) fn values(&self) -> Zeroizing<Vec<u64>> {
        let mut values = Zeroizing::new(vec![0; POINTS]);
        let [a, b] = [&self.log.a, &self.log.b].map(|[first, second]| [&**first, &**second]);
        self.kernel.skip_round(a, b, &self.columns, &mut values);
        values
    }

    /// Takes the rows to a point.
    pub(super) fn fold(mut self, point: &[Gf64; VARIABLES]) -> Prover {
        let (kernel, rows) = (self.kernel, Gf64::row_weights(point));
        let a = Vector::of_bits(kernel, &rows, &mut self.log.a);
        Prover {
            kernel,
            a: a.weighted(kernel, &self.columns),
            b: Vector::of_bits(kernel, &rows, &mut self.log.b),
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
