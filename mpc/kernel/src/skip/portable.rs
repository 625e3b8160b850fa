//! The first step of a gate proof in plain words: the definition that vector forms are held
//! against.

use alloc::vec;
use alloc::vec::Vec;

use zeroize::Zeroizing;

use super::{SKIP_POINTS, SKIP_ROWS, SKIP_VARIABLES, Sum};
use crate::field::{Pair, Product};

pub(crate) fn skip_add(a: Pair<'_>, b: Pair<'_>, tau: &[u64], sums: &mut [Sum]) {
    let mut points = [0; 4].map(|_| Zeroizing::new(vec![0; SKIP_POINTS]));
    let mut spare = Zeroizing::new(vec![0; SKIP_POINTS]);
    for (w, &tau) in tau.iter().enumerate() {
        let stride = a[0].len() / SKIP_ROWS;
        for (vector, points) in [a[0], b[0], a[1], b[1]].into_iter().zip(&mut points) {
            for (row, point) in points[..SKIP_ROWS].iter_mut().enumerate() {
                *point = vector[row * stride + w];
            }
            extend(points, &mut spare);
        }
        for (z, Sum([low, high, ..])) in sums.iter_mut().enumerate() {
            let word = (points[0][z] & points[1][z]) ^ (points[2][z] & points[3][z]);
            let product = Product::of(tau, word);
            *low ^= product.low;
            *high ^= product.high;
        }
    }
}

pub(crate) fn skip_weights(rows: &[u64]) -> Vec<u64> {
    rows.to_vec()
}

pub(crate) fn skip_fold(eq: &[u64], words: &[u64], out: &mut [u64]) {
    let stride = words.len() / SKIP_ROWS;
    for (w, out) in out.chunks_exact_mut(64).enumerate() {
        out.fill(0);
        for (row, &eq) in eq.iter().enumerate() {
            let word = words[row * stride + w];
            for (t, out) in out.iter_mut().enumerate() {
                *out ^= 0u64.wrapping_sub(word >> t & 1) & eq;
            }
        }
    }
}

/// Extends 128 words, one of each row, to all 3^7 points, variable by variable.
fn extend(points: &mut Vec<u64>, spare: &mut Vec<u64>) {
    let (mut block, mut len) = (1, SKIP_ROWS);
    for _ in 0..SKIP_VARIABLES {
        // Blocks hold what differs in the variables done; two in a row differ in the next one.
        let pairs = points[..len].chunks_exact(2 * block);
        for (pair, triple) in pairs.zip(spare.chunks_exact_mut(3 * block)) {
            triple[..2 * block].copy_from_slice(pair);
            for (i, sum) in triple[2 * block..].iter_mut().enumerate() {
                *sum = pair[i] ^ pair[block + i];
            }
        }
        core::mem::swap(points, spare);
        (block, len) = (3 * block, len / 2 * 3);
    }
}
