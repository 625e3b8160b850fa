//! Sums over secret subsets, with no branch and no address that depends on the subsets.

use alloc::sync::Arc;
use alloc::vec;
use alloc::vec::Vec;

use boop_kernel::{CELLS, CODE, Kernel, LANES, SUM_SLOTS, Tile};
use zeroize::Zeroizing;

use crate::values::Values;
use crate::wipe::wipe;

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
pub(super) fn add_score_sums(
    kernel: Kernel,
    subsets: &[u64],
    rows: usize,
    scores: &[u32],
    sums: &mut [u32],
) {
    let lanes = scores.len().checked_div(rows).unwrap_or(0);
    let slots = subsets.len().min(lanes);
    let mut some = vec![[0; SUM_SLOTS]; rows];
    let mut words = [0; SUM_SLOTS];
    for first in (0..slots).step_by(SUM_SLOTS) {
        let subsets = &subsets[first..slots.min(first + SUM_SLOTS)];
        for (some, row) in some.iter_mut().zip(scores.chunks_exact(lanes)) {
            some[..subsets.len()].copy_from_slice(&row[first..][..subsets.len()]);
        }
        // Slots after the last are in no subset, whatever scores are left of others.
        words[..subsets.len()].copy_from_slice(subsets);
        words[subsets.len()..].fill(0);
        kernel.add_subset_sums(&words, &some, sums);
    }
    wipe(some.as_flattened_mut());
    wipe(&mut words);
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
