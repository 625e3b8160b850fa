//! Sums over secret subsets, with no branch and no address that depends on the subsets.

use alloc::sync::Arc;
use alloc::vec;
use alloc::vec::Vec;

use boop_kernel::{CELLS, CODE, LANES, Tile};
use zeroize::Zeroizing;

use crate::values::Values;

/// Slots whose scores stay in the first-level cache, for 31 alignments.
const SLOTS_AT_ONCE: usize = 256;
type Slots = [u32; SLOTS_AT_ONCE];
/// Words of the sum of a subset.
pub(super) const SUM_WORDS: usize = CODE / 2 + CELLS;
/// Tiles whose templates are summed in one pass.
const TILES_AT_ONCE: usize = 2;
/// Code values and cells of a template that are summed at once: one line of a cache.
const CODE_AT_ONCE: usize = 32;
const CELLS_AT_ONCE: usize = 16;

/// Adds the scores of slots to the sums of the subsets they are in.
///
/// Bit j of `subsets[slot]` puts a slot into subset j, and `scores` has `rows` rows of equal
/// length; lanes after the last slot are in no subset. The sum of subset j and row k is at
/// `j * rows + k`.
pub(super) fn add_score_sums(subsets: &[u64], rows: usize, scores: &[u32], sums: &mut [u32]) {
    let lanes = scores.len().checked_div(rows).unwrap_or(0);
    let slots = subsets.len().min(lanes);
    // Two subsets and two rows go together; an odd number of them is filled up with zeros.
    let mut some = Zeroizing::new(vec![[0; SLOTS_AT_ONCE]; rows.next_multiple_of(2)]);
    for first in (0..slots).step_by(SLOTS_AT_ONCE) {
        let subsets = &subsets[first..slots.min(first + SLOTS_AT_ONCE)];
        for (some, row) in some.iter_mut().zip(scores.chunks_exact(lanes)) {
            some[..subsets.len()].copy_from_slice(&row[first..][..subsets.len()]);
        }
        for (pair, sums) in sums.chunks_mut(2 * rows).enumerate() {
            let masks = [2 * pair, 2 * pair + 1].map(|subset| masks(subsets, subset));
            let (of_first, of_second) = sums.split_at_mut(rows);
            for (pair, scores) in some.as_chunks().0.iter().enumerate() {
                let [a, b] = masked_sums(&masks, scores);
                for (sums, more) in [(&mut *of_first, a), (&mut *of_second, b)] {
                    let pairs = sums.iter_mut().skip(2 * pair).zip(more);
                    pairs.for_each(|(sum, more)| *sum = sum.wrapping_add(more));
                }
            }
        }
    }
}

/// Returns all ones for the slots that are in a subset, zeros for the others.
fn masks(subsets: &[u64], subset: usize) -> Slots {
    let mut masks = [0; SLOTS_AT_ONCE];
    for (mask, word) in masks.iter_mut().zip(subsets) {
        *mask = 0_u32.wrapping_sub((word >> subset & 1) as u32);
    }
    masks
}

/// Sums the masked scores of two subsets and two rows, in a form that compilers turn into
/// vector instructions.
fn masked_sums(masks: &[Slots; 2], scores: &[Slots; 2]) -> [[u32; 2]; 2] {
    let [mut a, mut b, mut c, mut d] = [0_u32; 4];
    for slot in 0..SLOTS_AT_ONCE {
        a = a.wrapping_add(masks[0][slot] & scores[0][slot]);
        b = b.wrapping_add(masks[0][slot] & scores[1][slot]);
        c = c.wrapping_add(masks[1][slot] & scores[0][slot]);
        d = d.wrapping_add(masks[1][slot] & scores[1][slot]);
    }
    [[a, b], [c, d]]
}

/// Returns the sums of the templates in each subset, for two families of subsets, one after the
/// other: for each subset the words of its code pairs, then its cells.
pub(super) fn share_sums(kappa: usize, tiles: &[Arc<Tile>], subsets: [&[u64]; 2]) -> Vec<u32> {
    let mut sums = [(); 2].map(|()| zeros(kappa));
    let mut records = zeros(TILES_AT_ONCE * LANES);
    for (index, tiles) in tiles.chunks(TILES_AT_ONCE).enumerate() {
        let code = records.code.chunks_exact_mut(CODE);
        let mut templates = code.zip(records.cells.chunks_exact_mut(CELLS));
        for tile in tiles {
            for (lane, (code, cells)) in templates.by_ref().take(LANES).enumerate() {
                tile.get(lane, code, cells);
            }
        }
        for (sums, subsets) in sums.iter_mut().zip(subsets) {
            let first = (index * TILES_AT_ONCE * LANES).min(subsets.len());
            let subsets = &subsets[first..];
            let (code, cells) = (&records.code, &records.cells);
            add_templates::<_, CODE_AT_ONCE, _>(CODE, subsets, code, &mut sums.code, |word| {
                let mask = 0_u16.wrapping_sub((word & 1) as u16);
                move |sum: u16, value: u16| sum.wrapping_add(value & mask)
            });
            add_templates::<_, CELLS_AT_ONCE, _>(CELLS, subsets, cells, &mut sums.cells, |word| {
                let mask = 0_u32.wrapping_sub((word & 1) as u32);
                move |sum: u32, value: u32| sum.wrapping_add(value & mask)
            });
        }
    }
    let mut words = Vec::with_capacity(sums.len() * kappa * SUM_WORDS);
    for sums in &sums {
        let code = sums.code.chunks_exact(CODE);
        for (code, cells) in code.zip(sums.cells.chunks_exact(CELLS)) {
            let pairs = code.as_chunks().0.iter();
            words.extend(pairs.map(|[low, high]| u32::from(*low) | u32::from(*high) << 16));
            words.extend_from_slice(cells);
        }
    }
    words
}

/// Reads one of the sums that [`share_sums`] returns.
pub(super) fn read_sum(words: &[u32]) -> Values {
    let bytes = words.iter().flat_map(|word| word.to_le_bytes());
    let bytes: Zeroizing<Vec<u8>> = Zeroizing::new(bytes.collect());
    Values::from_bytes(&bytes, CODE)
}

/// Returns so many templates of zeros.
pub(super) fn zeros(templates: usize) -> Values {
    Values {
        code: vec![0; templates * CODE],
        cells: vec![0; templates * CELLS],
    }
}

/// Adds templates of `length` values to the sums of the subsets they are in, `WIDTH` values of
/// all templates and subsets at a time. `adder` makes what adds a value if the lowest bit is set.
fn add_templates<T: Copy, const WIDTH: usize, F: Fn(T, T) -> T>(
    length: usize,
    subsets: &[u64],
    templates: &[T],
    sums: &mut [T],
    adder: impl Fn(u64) -> F,
) {
    for first in (0..length).step_by(WIDTH) {
        for (subset, sums) in sums.chunks_exact_mut(length).enumerate() {
            let Some(target) = sums[first..].first_chunk_mut::<WIDTH>() else {
                continue;
            };
            let mut sums = *target;
            for (template, word) in templates.chunks_exact(length).zip(subsets) {
                let add = adder(word >> subset);
                for (sum, value) in sums.iter_mut().zip(&template[first..]) {
                    *sum = add(*sum, *value);
                }
            }
            *target = sums;
        }
    }
}
