//! The field in plain words: the definition that vector forms are held against.
//!
//! Carry-less products come from integer multiplications of words with holes, whose time does not
//! depend on what is multiplied.

use super::Pair;

/// A product of two elements, or a sum of such, before reduction: a polynomial of degree at most
/// 126, lower coefficients first.
#[derive(Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Product {
    pub(crate) low: u64,
    pub(crate) high: u64,
}

impl Product {
    /// Returns the product of two polynomials.
    pub(crate) fn of(a: u64, b: u64) -> Self {
        // The product read backwards is that of the factors read backwards.
        let mirrored = product_low(a.reverse_bits(), b.reverse_bits());
        Self {
            low: product_low(a, b),
            high: mirrored.reverse_bits() >> 1,
        }
    }

    /// Adds a product to this one.
    pub(crate) fn add(&mut self, other: Self) {
        self.low ^= other.low;
        self.high ^= other.high;
    }

    /// Returns the element that this polynomial stands for.
    pub(crate) fn reduce(self) -> u64 {
        let Self { low, high } = self;
        // x^64 = x^4 + x^3 + x + 1; what that lifts over the edge has degree at most 3.
        let over = (high >> 63) ^ (high >> 61) ^ (high >> 60);
        low ^ times_reduction(high) ^ times_reduction(over)
    }
}

/// Returns `x * element`.
pub(crate) fn times_x(element: u64) -> u64 {
    let over = 0u64.wrapping_sub(element >> 63);
    (element << 1) ^ (over & 0x1b)
}

pub(super) fn inner(a: &[u64], b: &[u64]) -> u64 {
    let mut sum = Product::default();
    for (&a, &b) in a.iter().zip(b) {
        sum.add(Product::of(a, b));
    }
    sum.reduce()
}

pub(super) fn scale(by: &[u64], values: &mut [u64]) {
    for (value, &by) in values.iter_mut().zip(by) {
        *value = Product::of(*value, by).reduce();
    }
}

pub(super) fn fold(r: u64, lo: &mut [u64], hi: &[u64]) {
    for (lo, &hi) in lo.iter_mut().zip(hi) {
        *lo ^= Product::of(r, *lo ^ hi).reduce();
    }
}

pub(super) fn round(f: Pair<'_>, g: Pair<'_>) -> [u64; 2] {
    let mut sums = [Product::default(); 2];
    let (f, g) = (f[0].iter().zip(f[1]), g[0].iter().zip(g[1]));
    for ((f_lo, f_hi), (g_lo, g_hi)) in f.zip(g) {
        sums[0].add(Product::of(*f_lo, *g_lo));
        sums[1].add(Product::of(f_lo ^ f_hi, g_lo ^ g_hi));
    }
    sums.map(Product::reduce)
}

fn times_reduction(word: u64) -> u64 {
    word ^ (word << 1) ^ (word << 3) ^ (word << 4)
}

/// Returns the 64 lower coefficients of a product of polynomials.
fn product_low(a: u64, b: u64) -> u64 {
    // Of each factor, every fourth bit: a column of the integer product then counts at most 16
    // pairs, and it is 16 in the highest column alone, so that no carry reaches a bit that is kept.
    let every_fourth = |word: u64| [0, 1, 2, 3].map(|first| word & (HOLES << first));
    let (a, b) = (every_fourth(a), every_fourth(b));
    let mut product = 0;
    for column in 0..4 {
        let mut sum = 0;
        for row in 0..4 {
            sum ^= a[row].wrapping_mul(b[(4 + column - row) % 4]);
        }
        product ^= sum & (HOLES << column);
    }
    product
}

const HOLES: u64 = 0x1111_1111_1111_1111;
