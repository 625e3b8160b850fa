//! The dot products: every alignment of a query with every template of a block.
//!
//! Four templates share each load of a query row, and the lanes of fixed arrays leave the
//! vectorising to the compiler.

use alloc::vec;
use alloc::vec::Vec;

use crate::share::{QueryShare, StoredShare};
use boop_wire::template::ALIGNMENT_COUNT;

/// Returns this party's summands of the scores, `lanes` to an alignment, zero beyond the block.
///
/// A summand is `(code product << 16) + cell product` modulo 2^32 [MPC-23].
pub(crate) fn scores(query: &QueryShare, block: &[&StoredShare], lanes: usize) -> Vec<u32> {
    let mut scores = vec![0; ALIGNMENT_COUNT * lanes];
    for (tile, templates) in block.chunks(TILE).enumerate() {
        let template = |k: usize| templates[k.min(templates.len() - 1)];
        let tile_of = [template(0), template(1), template(2), template(3)];
        for (row, (code, cells)) in query.rows().enumerate() {
            let dots = dot_code(code, tile_of.map(StoredShare::code));
            let penalties = dot_cells(cells, tile_of.map(StoredShare::cells));
            let start = row * lanes + tile * TILE;
            let targets = &mut scores[start..start + templates.len()];
            for ((score, dot), penalty) in targets.iter_mut().zip(dots).zip(penalties) {
                *score = (u32::from(dot) << 16).wrapping_add(penalty);
            }
        }
    }
    scores
}

fn dot_code(row: &[u16], [a, b, c, d]: [&[u16]; TILE]) -> [u16; TILE] {
    let mut sums = [0; TILE];
    for ((((q, a), b), c), d) in row.iter().zip(a).zip(b).zip(c).zip(d) {
        sums[0] = a.wrapping_mul(*q).wrapping_add(sums[0]);
        sums[1] = b.wrapping_mul(*q).wrapping_add(sums[1]);
        sums[2] = c.wrapping_mul(*q).wrapping_add(sums[2]);
        sums[3] = d.wrapping_mul(*q).wrapping_add(sums[3]);
    }
    sums
}

fn dot_cells(row: &[u32], [a, b, c, d]: [&[u32]; TILE]) -> [u32; TILE] {
    let mut sums = [0; TILE];
    for ((((q, a), b), c), d) in row.iter().zip(a).zip(b).zip(c).zip(d) {
        sums[0] = a.wrapping_mul(*q).wrapping_add(sums[0]);
        sums[1] = b.wrapping_mul(*q).wrapping_add(sums[1]);
        sums[2] = c.wrapping_mul(*q).wrapping_add(sums[2]);
        sums[3] = d.wrapping_mul(*q).wrapping_add(sums[3]);
    }
    sums
}

const TILE: usize = 4;

#[cfg(test)]
mod tests {
    use boop_wire::template::CODE_BITS;
    use rand_chacha::rand_core::Rng;

    use super::*;
    use crate::rule::Rule;
    use crate::share::STORED_SHARE_BYTES;
    use crate::testing::{seeded, share_values};
    use crate::values::Values;

    #[test]
    fn scores_of_random_ring_elements_equal_a_plain_loop() {
        let mut rng = seeded(1);
        let mut random = vec![0; 3 * STORED_SHARE_BYTES];
        rng.fill_bytes(&mut random);
        let palm = Values::from_bytes(&random, 3 * CODE_BITS);
        let [palm, ..] = share_values(&mut rng, &palm);
        let query = QueryShare::convert(&palm, Rule::PALM);
        let stored: Vec<_> = (0..9)
            .map(|_| {
                let mut bytes = vec![0; STORED_SHARE_BYTES];
                rng.fill_bytes(&mut bytes);
                StoredShare::from_bytes(&bytes).unwrap()
            })
            .collect();

        for count in 1..=stored.len() {
            let block: Vec<_> = stored[..count].iter().collect();
            let scores = scores(&query, &block, 64);

            assert_eq!(scores.len(), 31 * 64);
            for (row, (code, cells)) in query.rows().enumerate() {
                for lane in 0..64 {
                    let expected = block
                        .get(lane)
                        .map_or(0, |stored| naive(stored, code, cells));
                    assert_eq!(scores[row * 64 + lane], expected, "row {row}, lane {lane}");
                }
            }
        }
    }

    fn naive(stored: &StoredShare, code: &[u16], cells: &[u32]) -> u32 {
        let mut sum = 0_u32;
        for (a, b) in stored.code().iter().zip(code) {
            sum = sum.wrapping_add(u32::from(*a).wrapping_mul(u32::from(*b)) << 16);
        }
        for (a, b) in stored.cells().iter().zip(cells) {
            sum = sum.wrapping_add(a.wrapping_mul(*b));
        }
        sum
    }
}
