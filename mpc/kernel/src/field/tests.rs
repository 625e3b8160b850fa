//! The field: laws, known products, and every form against the definition.

use std::vec::Vec;
use std::{println, vec};

use rand_chacha::ChaCha20Rng;
use rand_chacha::rand_core::{Rng, SeedableRng};

use super::*;

const LENGTHS: [usize; 12] = [0, 1, 2, 3, 4, 5, 7, 8, 31, 64, 100, 1027];

#[test]
fn the_product_is_that_of_polynomials() {
    let mut source = source(1);
    let mut pairs = vec![
        (0, 0),
        (0, 1),
        (1, 1),
        (u64::MAX, u64::MAX),
        (1 << 63, 1 << 63),
    ];
    pairs.extend((0..1000).map(|_| (source.next_u64(), source.next_u64())));
    pairs.extend((0..64 * 64).map(|i| (1 << (i / 64), 1 << (i % 64))));

    for (a, b) in pairs {
        assert_eq!(
            Gf64(a) * Gf64(b),
            Gf64(by_long_division(a, b)),
            "{a:#x} times {b:#x}"
        );
    }
}

#[test]
fn the_laws_of_a_field_hold() {
    let mut source = source(2);
    for _ in 0..200 {
        let [a, b, c] = [(); 3].map(|()| Gf64(source.next_u64()));

        assert_eq!(a + a, Gf64::ZERO);
        assert_eq!(a + Gf64::ZERO, a);
        assert_eq!(a * Gf64::ONE, a);
        assert_eq!(a * Gf64::ZERO, Gf64::ZERO);
        assert_eq!(a * b, b * a);
        assert_eq!((a * b) * c, a * (b * c));
        assert_eq!(a * (b + c), a * b + a * c);
        assert_eq!([a, b, c].into_iter().sum::<Gf64>(), a + b + c);
        assert_eq!(a * a.inverse(), Gf64::ONE);
    }
}

#[test]
fn x_has_the_inverse_that_the_modulus_gives() {
    // x * (x^63 + x^3 + x^2 + 1) = x^64 + x^4 + x^3 + x = 1
    let inverse = Gf64(1 << 63 | 0b1101);

    assert_eq!(Gf64(2) * inverse, Gf64::ONE);
    assert_eq!(Gf64(2).inverse(), inverse);
    assert_eq!(Gf64::ZERO.inverse(), Gf64::ZERO);
}

#[test]
fn the_field_has_no_smaller_one_that_holds_x() {
    // x^(2^64) = x, and x^(2^32) differs from it: the degree of x divides 64 and not 32.
    let mut power = Gf64(2);
    for _ in 0..32 {
        power *= power;
    }
    assert_ne!(power, Gf64(2));
    for _ in 0..32 {
        power *= power;
    }
    assert_eq!(power, Gf64(2));
}

#[test]
fn times_x_is_the_product_with_x() {
    let mut source = source(3);
    for element in [1, 1 << 63, u64::MAX, source.next_u64(), source.next_u64()] {
        assert_eq!(times_x(element), (Gf64(2) * Gf64(element)).0);
    }
}

#[test]
fn every_kernel_multiplies_element_by_element() {
    let mut source = source(4);
    for kernel in Kernel::all() {
        for (a, b) in [
            (1, 1),
            (u64::MAX, u64::MAX),
            (source.next_u64(), source.next_u64()),
        ] {
            assert_eq!(
                kernel.gf_mul(a, b),
                by_long_division(a, b),
                "{}",
                kernel.field.name
            );
        }
    }
}

#[test]
fn every_kernel_gives_the_inner_product() {
    let mut source = source(5);
    for (kernel, length) in cases() {
        let [a, b] = [(); 2].map(|()| words(&mut source, length));
        let pairs = a.iter().zip(&b);
        let sum: Gf64 = pairs.map(|(&a, &b)| Gf64(a) * Gf64(b)).sum();

        assert_eq!(
            kernel.gf_inner(&a, &b),
            sum.0,
            "{} of {length}",
            kernel.field.name
        );
    }
}

#[test]
fn every_kernel_scales_in_place() {
    let mut source = source(6);
    for (kernel, length) in cases() {
        let [by, mut values] = [(); 2].map(|()| words(&mut source, length));
        let pairs = by.iter().zip(&values);
        let expected: Vec<_> = pairs
            .map(|(&by, &value)| (Gf64(by) * Gf64(value)).0)
            .collect();

        kernel.gf_scale(&by, &mut values);

        assert_eq!(values, expected, "{} of {length}", kernel.field.name);
    }
}

#[test]
fn every_kernel_folds_halves() {
    let mut source = source(7);
    for (kernel, length) in cases() {
        let [mut lo, hi] = [(); 2].map(|()| words(&mut source, length));
        let r = Gf64(source.next_u64());
        let at_r = |(&lo, &hi)| (Gf64(lo) * (Gf64::ONE + r) + Gf64(hi) * r).0;
        let expected: Vec<_> = lo.iter().zip(&hi).map(at_r).collect();

        kernel.gf_fold(r.0, &mut lo, &hi);

        assert_eq!(lo, expected, "{} of {length}", kernel.field.name);
    }
}

#[test]
fn every_kernel_speaks_a_round_that_folding_bears_out() {
    let mut source = source(8);
    for (kernel, length) in cases() {
        let [f, g] = [(); 2].map(|()| words(&mut source, 2 * length));
        let r = Gf64(source.next_u64());
        let (claim, [at_0, at_inf]) = (kernel.gf_inner(&f, &g), kernel.gf_round(&f, &g));

        let folded = [f, g].map(|mut vector| {
            let hi = vector.split_off(length);
            kernel.gf_fold(r.0, &mut vector, &hi);
            vector
        });

        let [at_0, at_1, at_inf] = [at_0, claim ^ at_0, at_inf].map(Gf64);
        let at_r = at_0 * (Gf64::ONE + r) + at_1 * r + at_inf * (r * r + r);
        let name = kernel.field.name;
        assert_eq!(
            kernel.gf_inner(&folded[0], &folded[1]),
            at_r.0,
            "{name} of {length}"
        );
    }
}

#[test]
#[should_panic(expected = "vectors of an inner product")]
fn an_inner_product_wants_equal_lengths() {
    let _ = Kernel::portable().gf_inner(&[1], &[1, 2]);
}

#[test]
#[should_panic(expected = "a vector of two halves")]
fn a_round_wants_an_even_length() {
    let _ = Kernel::portable().gf_round(&[1], &[1]);
}

/// Each implementation with each length.
fn cases() -> impl Iterator<Item = (Kernel, usize)> {
    let kernels = Kernel::all().into_iter();
    kernels.flat_map(|kernel| LENGTHS.map(|length| (kernel, length)))
}

/// The product by the book: shift and add, then take the modulus off from the top.
fn by_long_division(a: u64, b: u64) -> u64 {
    let modulus = 1u128 << 64 | 0b11011;
    let mut product = 0u128;
    for i in (0..64).filter(|i| b >> i & 1 == 1) {
        product ^= u128::from(a) << i;
    }
    for i in (64..128).rev() {
        if product >> i & 1 == 1 {
            product ^= modulus << (i - 64);
        }
    }
    u64::try_from(product).expect("the remainder has degree 63 at most")
}

fn words(source: &mut ChaCha20Rng, length: usize) -> Vec<u64> {
    (0..length).map(|_| source.next_u64()).collect()
}

fn source(seed: u64) -> ChaCha20Rng {
    println!("seed {seed}");
    ChaCha20Rng::seed_from_u64(seed)
}
