//! The row sums of the proofs: every form against the definition.

use std::println;
use std::vec;
use std::vec::Vec;

use rand_chacha::ChaCha20Rng;
use rand_chacha::rand_core::{Rng, SeedableRng};

use super::*;

const WIDTHS: [usize; 11] = [0, 1, 2, 3, 4, 5, 7, 8, 9, 64, 100];

#[test]
fn the_portable_round_is_the_sum_over_extended_rows() {
    let mut source = source(1);
    let width = 2;
    let Case { a, b, tau } = case(&mut source, width);

    let q = round(Kernel::portable(), &a, &b, &tau);

    for (z, found) in q.into_iter().enumerate() {
        let mut expected = Gf64::ZERO;
        for (w, &tau) in tau.iter().enumerate() {
            let [a, b] = [&a, &b].map(|pair| pair.each_ref().map(|v| at_point(v, z, w)));
            expected += Gf64(tau) * Gf64((a[0] & b[0]) ^ (a[1] & b[1]));
        }
        assert_eq!(found, expected.0, "point {z}");
    }
}

#[test]
fn the_portable_fold_is_the_weighted_sum_of_rows() {
    let mut source = source(2);
    let width = 3;
    let [eq, words] = [SKIP_ROWS, SKIP_ROWS * width].map(|length| words(&mut source, length));
    let mut out = vec![7; 64 * width];

    let kernel = Kernel::portable();
    kernel.skip_fold(&kernel.skip_weights(&eq), &words, &mut out);

    for (place, out) in out.into_iter().enumerate() {
        let (w, t) = (place / 64, place % 64);
        let rows = (0..SKIP_ROWS).filter(|row| words[row * width + w] >> t & 1 == 1);
        assert_eq!(
            out,
            rows.fold(0, |sum, row| sum ^ eq[row]),
            "bit {t} of word {w}"
        );
    }
}

#[test]
fn every_kernel_gives_the_round_of_the_portable_one() {
    let mut source = source(3);
    for width in WIDTHS {
        let Case { a, b, tau } = case(&mut source, width);
        let [first, others @ ..] = &Kernel::all()[..] else {
            unreachable!("the portable kernel runs everywhere");
        };

        let expected = round(*first, &a, &b, &tau);

        for other in others {
            let found = round(*other, &a, &b, &tau);
            assert!(found == expected, "{} of {width}", other.field.name);
        }
    }
}

#[test]
fn every_kernel_gives_the_fold_of_the_portable_one() {
    let mut source = source(4);
    for width in WIDTHS {
        let [eq, words] = [SKIP_ROWS, SKIP_ROWS * width].map(|length| words(&mut source, length));
        let fold = |kernel: Kernel| {
            let mut out = vec![7; 64 * width];
            kernel.skip_fold(&kernel.skip_weights(&eq), &words, &mut out);
            out
        };

        let expected = fold(Kernel::portable());

        for kernel in Kernel::all() {
            assert!(fold(kernel) == expected, "{} of {width}", kernel.field.name);
        }
    }
}

#[test]
fn the_round_at_a_point_is_the_product_of_what_is_folded_there() {
    let mut source = source(5);
    for (kernel, width) in Kernel::all()
        .into_iter()
        .flat_map(|kernel| [(kernel, 1), (kernel, 6)])
    {
        let Case { a, b, tau } = case(&mut source, width);
        let point = [(); SKIP_VARIABLES].map(|()| Gf64(source.next_u64()));
        let q = round(kernel, &a, &b, &tau);
        let claim = kernel.gf_inner(&Gf64::point_weights(&point), &q);

        let eq = Gf64::row_weights(&point);
        let lanes = Gf64::lane_weights(&tau);
        let mut sum = 0;
        for (a, b) in a.iter().zip(&b) {
            let [mut a, b] = [a, b].map(|words| {
                let mut out = vec![0; 64 * width];
                kernel.skip_fold(&kernel.skip_weights(&eq), words, &mut out);
                out
            });
            kernel.gf_scale(&lanes, &mut a);
            sum ^= kernel.gf_inner(&a, &b);
        }

        assert_eq!(sum, claim, "{} of {width}", kernel.field.name);
    }
}

#[test]
fn a_row_among_the_points_gives_the_product_of_that_row() {
    let mut source = source(6);
    let Case { a, b, tau } = case(&mut source, 1);
    let q = round(Kernel::portable(), &a, &b, &tau);

    for row in 0..SKIP_ROWS {
        let word = (a[0][row] & b[0][row]) ^ (a[1][row] & b[1][row]);
        let expected = Gf64(tau[0]) * Gf64(word);
        assert_eq!(q[Gf64::point_of_row(row)], expected.0, "row {row}");
    }
}

#[test]
fn weights_at_a_row_choose_that_row() {
    let row = 0b101_1001;
    let point = core::array::from_fn(|i| Gf64((row >> i & 1) as u64));

    let chosen = |weights: Vec<u64>| -> Vec<(usize, u64)> {
        let places = weights.into_iter().enumerate();
        places.filter(|(_, weight)| *weight != 0).collect()
    };

    assert_eq!(chosen(Gf64::row_weights(&point)), [(row, 1)]);
    assert_eq!(
        chosen(Gf64::point_weights(&point)),
        [(Gf64::point_of_row(row), 1)]
    );
}

#[test]
fn lane_weights_are_powers_of_x_times_the_words_weight() {
    let mut source = source(7);
    let tau = words(&mut source, 2);

    let weights = Gf64::lane_weights(&tau);

    let mut power = Gf64::ONE;
    for t in 0..64 {
        assert_eq!(weights[t], (power * Gf64(tau[0])).0);
        assert_eq!(weights[64 + t], (power * Gf64(tau[1])).0);
        power *= Gf64(2);
    }
    assert_eq!(weights.len(), 128);
}

#[test]
#[should_panic(expected = "rows and their weights")]
fn a_round_wants_128_rows() {
    let [row, rows] = [&[0; 1][..], &[0; SKIP_ROWS]];
    let kernel = Kernel::portable();
    kernel.skip_add([rows, row], [rows; 2], &[1], &mut kernel.skip_sums());
}

#[test]
#[should_panic(expected = "bits of a row")]
fn a_fold_wants_a_place_for_each_bit() {
    let kernel = Kernel::portable();
    let weights = kernel.skip_weights(&[0; SKIP_ROWS]);
    kernel.skip_fold(&weights, &[0; SKIP_ROWS], &mut [0; 63]);
}

#[test]
fn words_added_in_two_parts_come_to_what_they_come_to_at_once() {
    let mut source = source(8);
    for kernel in Kernel::all() {
        let parts = [9, 4].map(|width| case(&mut source, width));
        let mut sums = kernel.skip_sums();
        let mut expected = vec![0; SKIP_POINTS];

        for Case { a, b, tau } in &parts {
            kernel.skip_add(views(a), views(b), tau, &mut sums);
            let part = round(kernel, a, b, tau);
            expected
                .iter_mut()
                .zip(part)
                .for_each(|(q, part)| *q ^= part);
        }

        assert!(sums.values() == expected, "{}", kernel.field.name);
    }
}

/// Returns the sums of a whole vector.
fn round(kernel: Kernel, a: &[Vec<u64>; 2], b: &[Vec<u64>; 2], tau: &[u64]) -> Vec<u64> {
    let mut sums = kernel.skip_sums();
    kernel.skip_add(views(a), views(b), tau, &mut sums);
    sums.values()
}

struct Case {
    a: [Vec<u64>; 2],
    b: [Vec<u64>; 2],
    tau: Vec<u64>,
}

fn case(source: &mut ChaCha20Rng, width: usize) -> Case {
    let [a, b] = [(); 2].map(|()| [(); 2].map(|()| words(source, SKIP_ROWS * width)));
    let tau = words(source, width);
    Case { a, b, tau }
}

fn views(pair: &[Vec<u64>; 2]) -> [&[u64]; 2] {
    [&pair[0], &pair[1]]
}

/// Word w of the row that extends the vector to point z: the sum of the rows that agree with z in
/// the finite coordinates.
fn at_point(vector: &[u64], z: usize, w: usize) -> u64 {
    let width = vector.len() / SKIP_ROWS;
    let digits: [usize; SKIP_VARIABLES] =
        core::array::from_fn(|i| z / 3usize.pow(u32::try_from(i).expect("below 7")) % 3);
    let agrees = |row: &usize| {
        let mut digits = digits.iter().enumerate();
        digits.all(|(i, &digit)| digit == 2 || digit == row >> i & 1)
    };
    let rows = (0..SKIP_ROWS).filter(agrees);
    rows.fold(0, |sum, row| sum ^ vector[row * width + w])
}

fn words(source: &mut ChaCha20Rng, length: usize) -> Vec<u64> {
    (0..length).map(|_| source.next_u64()).collect()
}

fn source(seed: u64) -> ChaCha20Rng {
    println!("seed {seed}");
    ChaCha20Rng::seed_from_u64(seed)
}
