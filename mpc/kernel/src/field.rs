//! The field of the gate proofs, GF(2^64), and sums over it.
//!
//! An element is a polynomial over GF(2) modulo x^64 + x^4 + x^3 + x + 1, held in a word: bit i is
//! the coefficient of x^i. Addition is exclusive or. [`Gf64`] is for the few elements a protocol
//! computes with by name; the methods of [`Kernel`] take slices of words, for the many.

use alloc::vec::Vec;
use core::ops::{Add, AddAssign, Mul, MulAssign};

use crate::kernel::Kernel;
use crate::skip::{Line, Sum};

mod known;
mod portable;
#[cfg(target_arch = "x86_64")]
pub(crate) mod x86;
pub(crate) use portable::{Product, times_x};

/// An element of GF(2^64).
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Gf64(pub u64);

impl Gf64 {
    /// The neutral element of addition.
    pub const ZERO: Self = Self(0);
    /// The neutral element of multiplication.
    pub const ONE: Self = Self(1);

    /// Returns the inverse; that of zero is given as zero. Takes the same time for every element.
    #[must_use]
    pub fn inverse(self) -> Self {
        // The exponent is 2^64 - 2, whose bits are all set but for the lowest.
        let mut inverse = Self::ONE;
        let mut power = self;
        for _ in 1..u64::BITS {
            power *= power;
            inverse *= power;
        }
        inverse
    }
}

impl From<u64> for Gf64 {
    fn from(word: u64) -> Self {
        Self(word)
    }
}

impl From<Gf64> for u64 {
    fn from(element: Gf64) -> Self {
        element.0
    }
}

impl Add for Gf64 {
    type Output = Self;

    #[expect(
        clippy::suspicious_arithmetic_impl,
        reason = "exclusive or is the addition of this field"
    )]
    fn add(self, other: Self) -> Self {
        Self(self.0 ^ other.0)
    }
}

impl AddAssign for Gf64 {
    fn add_assign(&mut self, other: Self) {
        *self = *self + other;
    }
}

impl Mul for Gf64 {
    type Output = Self;

    fn mul(self, other: Self) -> Self {
        Self(Product::of(self.0, other.0).reduce())
    }
}

impl MulAssign for Gf64 {
    fn mul_assign(&mut self, other: Self) {
        *self = *self * other;
    }
}

impl core::iter::Sum for Gf64 {
    fn sum<I: Iterator<Item = Self>>(elements: I) -> Self {
        elements.fold(Self::ZERO, Add::add)
    }
}

impl Kernel {
    /// Returns the product of two elements.
    #[must_use]
    pub fn gf_mul(self, a: u64, b: u64) -> u64 {
        (self.field.inner)(&[a], &[b])
    }

    /// Returns the inner product: the sum of all `a[i] * b[i]`.
    ///
    /// # Panics
    ///
    /// If the slices differ in length.
    #[must_use]
    pub fn gf_inner(self, a: &[u64], b: &[u64]) -> u64 {
        assert_eq!(a.len(), b.len(), "vectors of an inner product");
        (self.field.inner)(a, b)
    }

    /// Multiplies each value by the element in its place: `values[i] *= by[i]`.
    ///
    /// # Panics
    ///
    /// If the slices differ in length.
    pub fn gf_scale(self, by: &[u64], values: &mut [u64]) {
        assert_eq!(by.len(), values.len(), "values and their factors");
        (self.field.scale)(by, values);
    }

    /// Halves a vector at the point `r`: `lo[i] += r * (lo[i] + hi[i])`.
    ///
    /// # Panics
    ///
    /// If the halves differ in length.
    pub fn gf_fold(self, r: u64, lo: &mut [u64], hi: &[u64]) {
        assert_eq!(lo.len(), hi.len(), "halves of a vector");
        (self.field.fold)(r, lo, hi);
    }

    /// Returns what a prover says of two vectors before they are halved: `<f_lo, g_lo>` and
    /// `<f_lo + f_hi, g_lo + g_hi>`.
    ///
    /// # Panics
    ///
    /// If the vectors differ in length or their length is odd.
    #[must_use]
    pub fn gf_round(self, f: &[u64], g: &[u64]) -> [u64; 2] {
        assert_eq!(f.len(), g.len(), "vectors of an inner product");
        assert!(f.len().is_multiple_of(2), "a vector of two halves");
        let (f_halves, g_halves) = (f.split_at(f.len() / 2), g.split_at(g.len() / 2));
        (self.field.round)(f_halves.into(), g_halves.into())
    }
}

/// Two vectors of equal length, or two halves of one.
pub(crate) type Pair<'a> = [&'a [u64]; 2];

/// One implementation of the sums over the field. The functions rely on what the methods of
/// [`Kernel`] check.
pub(crate) struct FieldTable {
    pub(crate) name: &'static str,
    pub(crate) inner: fn(&[u64], &[u64]) -> u64,
    pub(crate) scale: fn(&[u64], &mut [u64]),
    pub(crate) fold: fn(u64, &mut [u64], &[u64]),
    pub(crate) round: fn(Pair<'_>, Pair<'_>) -> [u64; 2],
    /// The lines that `skip_add` works with.
    pub(crate) skip_scratch: usize,
    pub(crate) skip_add: fn(Pair<'_>, Pair<'_>, &[u64], &mut [Sum], &mut [Line]),
    pub(crate) skip_weights: fn(&[u64]) -> Vec<u64>,
    pub(crate) skip_fold: fn(&[u64], &[u64], &mut [u64]),
}

impl FieldTable {
    pub(crate) const PORTABLE: Self = Self {
        name: "portable",
        inner: portable::inner,
        scale: portable::scale,
        fold: portable::fold,
        round: portable::round,
        skip_scratch: 0,
        skip_add: |a, b, tau, sums, _| crate::skip::portable::skip_add(a, b, tau, sums),
        skip_weights: crate::skip::portable::skip_weights,
        skip_fold: crate::skip::portable::skip_fold,
    };

    pub(crate) fn best() -> &'static Self {
        Self::vectors().next_back().unwrap_or(&Self::PORTABLE)
    }

    /// Returns the vector forms that this processor runs and that answer as the portable one
    /// does, the slowest first.
    pub(crate) fn vectors() -> impl DoubleEndedIterator<Item = &'static Self> {
        #[cfg(target_arch = "x86_64")]
        let forms = x86::tables();
        #[cfg(not(target_arch = "x86_64"))]
        let forms = core::iter::empty();
        forms.filter(|form| known::agree(form, &Self::PORTABLE))
    }
}

#[cfg(test)]
mod tests;
