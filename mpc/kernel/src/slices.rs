//! Bit slices: the bits of one weight of many values, together in words.
//!
//! Slice `bit` of `count` values is `count / 64` words; bit `lane % 64` of word `lane / 64` is
//! bit `bit` of value `lane`.

#[cfg(target_arch = "x86_64")]
mod avx2;
mod sums;
mod transpose;

use crate::kernel::Kernel;

/// One implementation of the slices.
pub(crate) struct SliceTable {
    pub(crate) name: &'static str,
    slices32: fn(values: &[u32], out: &mut [u64]),
    slices16: fn(values: &[u16], out: &mut [u64]),
    unslices32: fn(slices: &[u64], values: &mut [u32]),
    subset_sums: fn(&[u64; SUM_SLOTS], &[sums::Slots], &mut [u32]),
}

/// The slots whose values [`Kernel::add_subset_sums`] adds up.
pub const SUM_SLOTS: usize = 256;

impl SliceTable {
    pub(crate) const PORTABLE: Self = Self {
        name: "portable",
        slices32: transpose::slices32,
        slices16: transpose::slices16,
        unslices32: transpose::unslices32,
        subset_sums: sums::subset_sums,
    };

    pub(crate) fn best() -> &'static Self {
        Self::vectors().last().unwrap_or(&Self::PORTABLE)
    }

    /// The vector forms that this processor runs and that give the portable form's answers.
    pub(crate) fn vectors() -> impl Iterator<Item = &'static Self> {
        #[cfg(target_arch = "x86_64")]
        let detected = avx2::table();
        #[cfg(not(target_arch = "x86_64"))]
        let detected = None;
        detected.into_iter().filter(|table| agrees(table))
    }
}

impl Kernel {
    /// Writes the 32 slices of the values, that of the lowest bits first.
    ///
    /// # Panics
    ///
    /// Panics unless the values are a multiple of 64 and `out` has a word for every two of them.
    pub fn slices32(self, values: &[u32], out: &mut [u64]) {
        assert!(values.len().is_multiple_of(64) && out.len() == values.len() / 2);
        (self.slices.slices32)(values, out);
    }

    /// Writes the 16 slices of the values, that of the lowest bits first.
    ///
    /// # Panics
    ///
    /// Panics unless the values are a multiple of 64 and `out` has a word for every four of them.
    pub fn slices16(self, values: &[u16], out: &mut [u64]) {
        assert!(values.len().is_multiple_of(64) && out.len() == values.len() / 4);
        (self.slices.slices16)(values, out);
    }

    /// Writes the values of 32 slices, that of the lowest bits first.
    ///
    /// # Panics
    ///
    /// Panics unless the values are a multiple of 64 and there is a word for every two of them.
    pub fn unslices32(self, slices: &[u64], values: &mut [u32]) {
        assert!(values.len().is_multiple_of(64) && slices.len() == values.len() / 2);
        (self.slices.unslices32)(slices, values);
    }
}

impl Kernel {
    /// Adds to `sums[j * rows + k]` the sum of the values in row k of the slots that are in subset
    /// j, which are those with bit j in their word set. How many subsets there are, the length of
    /// `sums` says.
    ///
    /// # Panics
    ///
    /// Panics unless there are as many sums as rows and whole subsets, of which 64 is the most.
    pub fn add_subset_sums(
        self,
        subsets: &[u64; SUM_SLOTS],
        rows: &[[u32; SUM_SLOTS]],
        sums: &mut [u32],
    ) {
        if rows.is_empty() && sums.is_empty() {
            return;
        }
        assert!(
            sums.len().is_multiple_of(rows.len()) && sums.len() <= 64 * rows.len(),
            "a sum for each subset and row"
        );
        (self.slices.subset_sums)(subsets, rows, sums);
    }
}

/// Says whether a table gives the portable answers on fixed values: full blocks and a remainder.
fn agrees(table: &SliceTable) -> bool {
    const VALUES: usize = 2 * transpose::BLOCK + 3 * 64;
    let mut numbers = [0_u32; VALUES];
    for (index, number) in (1_u32..).zip(&mut numbers) {
        *number = index.wrapping_mul(0x9e37_79b1).rotate_left(index % 32);
    }
    let halves = numbers.map(|number| {
        let [low, high, ..] = number.to_le_bytes();
        u16::from_le_bytes([low, high])
    });
    let (mut ours, mut theirs) = ([0; VALUES / 2], [0; VALUES / 2]);
    transpose::slices32(&numbers, &mut ours);
    (table.slices32)(&numbers, &mut theirs);
    let same32 = ours == theirs && same_sums(table, &numbers);
    let mut back = [0; VALUES];
    (table.unslices32)(&ours, &mut back);
    transpose::slices16(&halves, &mut ours[..VALUES / 4]);
    (table.slices16)(&halves, &mut theirs[..VALUES / 4]);
    same32 && back == numbers && ours[..VALUES / 4] == theirs[..VALUES / 4]
}

/// Says whether a table gives the portable sums of an odd number of rows and subsets.
fn same_sums(table: &SliceTable, numbers: &[u32]) -> bool {
    let number = |place: usize| numbers[place % numbers.len()];
    let subsets = core::array::from_fn(|slot| {
        u64::from(number(3 * slot)) << 32 | u64::from(number(5 * slot + 1))
    });
    let rows: [sums::Slots; 3] =
        core::array::from_fn(|row| core::array::from_fn(|slot| number(7 * slot + row)));
    let (mut ours, mut theirs) = ([1; 3 * 63], [1; 3 * 63]);
    sums::subset_sums(&subsets, &rows, &mut ours);
    (table.subset_sums)(&subsets, &rows, &mut theirs);
    ours == theirs
}

#[cfg(test)]
mod tests {
    use super::*;
    use rand_chacha::ChaCha8Rng;
    use rand_chacha::rand_core::{Rng as _, SeedableRng as _};
    use std::println;
    use std::vec;
    use std::vec::Vec;

    const COUNTS: [usize; 7] = [0, 64, 128, 448, 512, 576, 1_600];

    fn random(count: usize) -> Vec<u32> {
        let seed = 0x51_1ce5 + count as u64;
        println!("seed {seed}");
        let mut generator = ChaCha8Rng::seed_from_u64(seed);
        (0..count).map(|_| generator.next_u32()).collect()
    }

    #[test]
    fn every_form_puts_each_bit_of_each_32_bit_value_in_its_place() {
        for (kernel, count) in cases() {
            let values = random(count);
            let mut slices = vec![u64::MAX; count / 2];

            kernel.slices32(&values, &mut slices);

            let words = count / 64;
            for (lane, value) in values.iter().enumerate() {
                for bit in 0..32 {
                    let found = slices[bit * words + lane / 64] >> (lane % 64) & 1;
                    assert_eq!(found, u64::from(value >> bit & 1), "lane {lane}, bit {bit}");
                }
            }
        }
    }

    #[test]
    fn every_form_puts_each_bit_of_each_16_bit_value_in_its_place() {
        for (kernel, count) in cases() {
            let values: Vec<u16> = random(count)
                .iter()
                .map(|value| (value >> 16).try_into().unwrap())
                .collect();
            let mut slices = vec![u64::MAX; count / 4];

            kernel.slices16(&values, &mut slices);

            let words = count / 64;
            for (lane, value) in values.iter().enumerate() {
                for bit in 0..16 {
                    let found = slices[bit * words + lane / 64] >> (lane % 64) & 1;
                    assert_eq!(found, u64::from(value >> bit & 1), "lane {lane}, bit {bit}");
                }
            }
        }
    }

    #[test]
    fn every_form_turns_slices_back_into_the_values() {
        for (kernel, count) in cases() {
            let values = random(count);
            let mut slices = vec![0; count / 2];
            Kernel::portable().slices32(&values, &mut slices);
            let mut back = vec![u32::MAX; count];

            kernel.unslices32(&slices, &mut back);

            assert_eq!(back, values);
        }
    }

    #[test]
    fn every_form_adds_up_the_values_of_each_subset() {
        for (kernel, (subsets, count)) in Kernel::all()
            .into_iter()
            .flat_map(|kernel| [(1, 1), (2, 1), (5, 2), (40, 31), (64, 3)].map(|s| (kernel, s)))
        {
            let words = random(2 * SUM_SLOTS);
            let words: [u64; SUM_SLOTS] = core::array::from_fn(|slot| {
                u64::from(words[2 * slot]) << 32 | u64::from(words[2 * slot + 1])
            });
            let values = random(count * SUM_SLOTS);
            let rows = values.as_chunks().0;
            let mut sums: Vec<u32> = (0..).take(subsets * count).collect();

            kernel.add_subset_sums(&words, rows, &mut sums);

            for ((index, before), sum) in (0..).zip(0_u32..).zip(sums) {
                let (subset, row) = (index / count, index % count);
                let members = rows[row].iter().zip(&words);
                let members = members.filter(|(_, word)| **word >> subset & 1 == 1);
                let expected = members.fold(before, |sum, (value, _)| sum.wrapping_add(*value));
                assert_eq!(sum, expected, "subset {subset} of {subsets}, row {row}");
            }
        }
    }

    #[test]
    #[should_panic(expected = "a sum for each subset and row")]
    fn more_subsets_than_a_word_has_bits_are_refused() {
        Kernel::portable().add_subset_sums(&[0; SUM_SLOTS], &[[0; SUM_SLOTS]], &mut [0; 65]);
    }

    #[test]
    #[should_panic(expected = "is_multiple_of(64)")]
    fn values_that_fill_no_word_are_refused() {
        Kernel::portable().slices32(&[0; 32], &mut [0; 16]);
    }

    #[test]
    fn a_form_with_a_wrong_answer_is_not_taken() {
        fn wrong(values: &[u32], out: &mut [u64]) {
            transpose::slices32(values, out);
            out[out.len() - 1] ^= 1;
        }

        fn wrong_sums(subsets: &[u64; SUM_SLOTS], rows: &[sums::Slots], out: &mut [u32]) {
            sums::subset_sums(subsets, rows, out);
            out[out.len() - 1] ^= 1;
        }

        assert!(agrees(&SliceTable::PORTABLE));
        assert!(!agrees(&SliceTable {
            subset_sums: wrong_sums,
            ..SliceTable::PORTABLE
        }));
        assert!(!agrees(&SliceTable {
            slices32: wrong,
            ..SliceTable::PORTABLE
        }));
    }

    fn cases() -> impl Iterator<Item = (Kernel, usize)> {
        let kernels = Kernel::all().into_iter();
        kernels.flat_map(|kernel| COUNTS.into_iter().map(move |count| (kernel, count)))
    }
}
