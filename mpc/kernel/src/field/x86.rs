//! The field on x86-64: carry-less multiplication of words in vectors of four.
//!
//! Two forms share everything but the multiplication: one has the instruction for one pair of
//! words at a time, the other for two.

use core::arch::x86_64::__cpuid_count;

use super::FieldTable;

pub(crate) mod avx2;
mod forms;

cpufeatures::new!(vectors_of_four, "avx2", "pclmulqdq");

/// Returns the forms that this processor runs, the slowest first.
pub(super) fn tables() -> impl DoubleEndedIterator<Item = &'static FieldTable> {
    let narrow = vectors_of_four::get();
    let wide = narrow && multiplies_two_pairs();
    let forms = [(narrow, &forms::narrow::TABLE), (wide, &forms::wide::TABLE)];
    forms
        .into_iter()
        .filter_map(|(runs, table)| runs.then_some(table))
}

/// Tells whether the processor multiplies two pairs at once, given that it has vectors of four
/// words. The instruction needs nothing else; `cpufeatures` would ask for AVX-512 with it.
fn multiplies_two_pairs() -> bool {
    __cpuid_count(7, 0).ecx >> 10 & 1 == 1
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::field::known::agree;

    #[test]
    fn no_form_that_runs_is_skipped() {
        for form in tables() {
            assert!(agree(form, &FieldTable::PORTABLE), "{}", form.name);
        }
    }
}
