//! The first step of a gate proof in vectors of four words.

use core::arch::x86_64::{__m256i, _mm256_and_si256 as and, _mm256_xor_si256 as xor};

use super::{Line, SKIP_ROWS, SKIP_VARIABLES, Sum};
use crate::field::Pair;
use crate::field::x86::avx2::{load, store};

mod fold;
pub(crate) use fold::{skip_fold, skip_weights};

impl Line {
    /// Takes the first words of a slice, with zeros behind its end.
    #[inline]
    #[target_feature(enable = "avx2")]
    fn set(&mut self, words: &[u64]) {
        if let [first, second, ..] = words.as_chunks().0 {
            store(&mut self.0[0], load(first));
            store(&mut self.0[1], load(second));
        } else {
            *self = Self::default();
            self.0.as_flattened_mut()[..words.len()].copy_from_slice(words);
        }
    }

    #[inline]
    #[target_feature(enable = "avx2")]
    fn set_sum(&mut self, one: &Self, other: &Self) {
        for half in 0..2 {
            let sum = xor(load(&one.0[half]), load(&other.0[half]));
            store(&mut self.0[half], sum);
        }
    }
}

/// The same words of the four vectors, in the order in which they are multiplied:
/// `a[0], b[0], a[1], b[1]`.
pub(crate) type Cell = [Line; 4];

/// Adds the points up block by block. Between the rows of a block the points are walked in order,
/// so that the arena holds the extensions that lead to the current ones alone: 128 rows, then 64
/// sums where inf is chosen for the last variable, and so on to the four that `add_points` makes
/// nine points of.
#[target_feature(enable = "avx2")]
pub(crate) fn skip_add(
    a: Pair<'_>,
    b: Pair<'_>,
    tau: &[u64],
    sums: &mut [Sum],
    scratch: &mut [Line],
    mut add_points: impl FnMut(&[Cell; 4], &Line, &mut [Sum; 9]),
) {
    let arena = scratch.as_chunks_mut().0;
    let mut weights = Line::default();
    for (block, tau) in tau.chunks(8).enumerate() {
        gather([a[0], b[0], a[1], b[1]], 8 * block, arena);
        weights.set(tau);
        let mut walk = Walk::new();
        for sums in sums.as_chunks_mut().0 {
            add_points(walk.leaf(arena), &weights, sums);
            walk.advance(arena);
        }
    }
}

/// Returns the words of the points with digit 0, 1 and 2 of variable 0 and digit `ROW` of
/// variable 1.
#[inline]
#[target_feature(enable = "avx2")]
pub(crate) fn three_points<const ROW: usize, const HALF: usize>(cells: &[Cell; 4]) -> [__m256i; 3] {
    let [a0_zero, a0_one] = two_points::<ROW, HALF, 0>(cells);
    let [b0_zero, b0_one] = two_points::<ROW, HALF, 1>(cells);
    let [a1_zero, a1_one] = two_points::<ROW, HALF, 2>(cells);
    let [b1_zero, b1_one] = two_points::<ROW, HALF, 3>(cells);
    let [a0_inf, b0_inf] = [xor(a0_zero, a0_one), xor(b0_zero, b0_one)];
    let [a1_inf, b1_inf] = [xor(a1_zero, a1_one), xor(b1_zero, b1_one)];
    [
        xor(and(a0_zero, b0_zero), and(a1_zero, b1_zero)),
        xor(and(a0_one, b0_one), and(a1_one, b1_one)),
        xor(and(a0_inf, b0_inf), and(a1_inf, b1_inf)),
    ]
}

/// Returns the words of one vector at digit 0 and 1 of variable 0.
#[inline]
#[target_feature(enable = "avx2")]
fn two_points<const ROW: usize, const HALF: usize, const VECTOR: usize>(
    cells: &[Cell; 4],
) -> [__m256i; 2] {
    let [c0, c1, c2, c3] = cells;
    let [c0, c1] = [&c0[VECTOR].0[HALF], &c1[VECTOR].0[HALF]];
    let [c2, c3] = [&c2[VECTOR].0[HALF], &c3[VECTOR].0[HALF]];
    match ROW {
        0 => [load(c0), load(c1)],
        1 => [load(c2), load(c3)],
        _ => [xor(load(c0), load(c2)), xor(load(c1), load(c3))],
    }
}

/// Fills the roots with eight words of all rows from `first` on, as far as they go.
#[target_feature(enable = "avx2")]
fn gather(vectors: [&[u64]; 4], first: usize, arena: &mut [Cell]) {
    for (place, vector) in vectors.into_iter().enumerate() {
        let width = vector.len() / SKIP_ROWS;
        for (words, root) in vector.chunks_exact(width).zip(&mut *arena) {
            root[place].set(&words[first..]);
        }
    }
}

/// A walk through the points of all variables but the first two, in order.
struct Walk {
    /// The digit of each variable; those of the first two stay zero.
    digits: [u8; SKIP_VARIABLES],
    /// Where in the arena the `2^i` cells begin that are left when variable i and those above it
    /// are chosen.
    places: [usize; SKIP_VARIABLES + 1],
}

impl Walk {
    /// Begins where every variable is 0.
    fn new() -> Self {
        Self {
            digits: [0; SKIP_VARIABLES],
            places: [0; SKIP_VARIABLES + 1],
        }
    }

    /// Returns the four cells that are left.
    fn leaf<'a>(&self, arena: &'a [Cell]) -> &'a [Cell; 4] {
        &arena.as_chunks().0[self.places[FIRST] / LEAF]
    }

    /// Goes to the next point, if there is one.
    #[inline]
    #[target_feature(enable = "avx2")]
    fn advance(&mut self, arena: &mut [Cell]) {
        let Some(variable) = (FIRST..SKIP_VARIABLES).find(|&i| self.digits[i] < 2) else {
            return;
        };
        self.digits[variable] += 1;
        let (parent, cells) = (self.places[variable + 1], 1 << variable);
        let place = if self.digits[variable] == 1 {
            parent + cells
        } else {
            let place = 2 * (SKIP_ROWS - cells);
            let (rows, sums) = arena.split_at_mut(place);
            let (zero, one) = rows[parent..parent + 2 * cells].split_at(cells);
            for ((zero, one), sum) in zero.iter().zip(one).zip(sums) {
                for vector in 0..4 {
                    sum[vector].set_sum(&zero[vector], &one[vector]);
                }
            }
            place
        };
        self.digits[FIRST..variable].fill(0);
        self.places[FIRST..=variable].fill(place);
    }
}

/// The lines of the arena: rows, and behind them sums of rows.
pub(crate) const SCRATCH: usize = 4 * (2 * SKIP_ROWS - LEAF);
/// The first variable of a walk, and the cells that are left to those before it.
const FIRST: usize = 2;
const LEAF: usize = 1 << FIRST;
