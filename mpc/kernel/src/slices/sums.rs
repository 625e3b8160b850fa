//! Sums of values over subsets given by masks, with no branch and no address that depends on them.

use super::SUM_SLOTS;

/// A value of each slot.
pub(super) type Slots = [u32; SUM_SLOTS];

/// Adds to `sums[j * rows + k]` the values in row k of the slots that are in subset j. Two subsets
/// and two rows go together, so that what is loaded serves twice.
#[inline(always)]
pub(super) fn subset_sums(subsets: &[u64; SUM_SLOTS], rows: &[Slots], sums: &mut [u32]) {
    let count = rows.len();
    for (pair, sums) in sums.chunks_mut(2 * count).enumerate() {
        let masks = [masks(subsets, 2 * pair), masks(subsets, 2 * pair + 1)];
        let (of_first, of_second) = sums.split_at_mut(count);
        let (pairs, last) = rows.as_chunks();
        for (k, [one, other]) in pairs.iter().enumerate() {
            let [a, b] = masked_sums(&masks, [one, other]);
            add(&mut of_first[2 * k..], a);
            if let Some(of_second) = of_second.get_mut(2 * k..) {
                add(of_second, b);
            }
        }
        if let [row] = last {
            let [a, b] = masked_sums(&masks, [row, row]);
            add(&mut of_first[count - 1..], a);
            if let Some(of_second) = of_second.get_mut(count - 1..) {
                add(of_second, b);
            }
        }
    }
}

/// Adds to as many sums as there are.
#[inline(always)]
fn add(sums: &mut [u32], more: [u32; 2]) {
    for (sum, more) in sums.iter_mut().zip(more) {
        *sum = sum.wrapping_add(more);
    }
}

/// Returns all ones for the slots that are in a subset, zeros for the others.
#[inline(always)]
fn masks(subsets: &[u64; SUM_SLOTS], subset: usize) -> Slots {
    let mut masks = [0; SUM_SLOTS];
    for (mask, word) in masks.iter_mut().zip(subsets) {
        // Of an odd number of subsets, the last goes with one that is not there: its number may
        // be 64, and its sums are dropped.
        *mask = 0_u32.wrapping_sub((word >> (subset % 64) & 1) as u32);
    }
    masks
}

/// Sums the masked values of two subsets and two rows, in a form that compilers turn into vector
/// instructions.
#[inline(always)]
fn masked_sums(masks: &[Slots; 2], rows: [&Slots; 2]) -> [[u32; 2]; 2] {
    let [mut a, mut b, mut c, mut d] = [0_u32; 4];
    for slot in 0..SUM_SLOTS {
        a = a.wrapping_add(masks[0][slot] & rows[0][slot]);
        b = b.wrapping_add(masks[0][slot] & rows[1][slot]);
        c = c.wrapping_add(masks[1][slot] & rows[0][slot]);
        d = d.wrapping_add(masks[1][slot] & rows[1][slot]);
    }
    [[a, b], [c, d]]
}
