//! The bit slices compiled for AVX2.
#![expect(unsafe_code, reason = "calls of functions for AVX2 after detection")]

use super::{SUM_SLOTS, SliceTable, sums, transpose};

cpufeatures::new!(detected, "avx2");

static TABLE: SliceTable = SliceTable {
    name: "avx2",
    // SAFETY: the table is reached through `table` alone, which has seen AVX2.
    slices32: |values, out| unsafe { slices32(values, out) },
    // SAFETY: as above.
    slices16: |values, out| unsafe { slices16(values, out) },
    // SAFETY: as above.
    unslices32: |slices, values| unsafe { unslices32(slices, values) },
    // SAFETY: as above.
    subset_sums: |subsets, rows, out| unsafe { subset_sums(subsets, rows, out) },
};

/// Returns the table if this processor has AVX2; there is no other way to it.
pub(super) fn table() -> Option<&'static SliceTable> {
    detected::get().then_some(&TABLE)
}

#[target_feature(enable = "avx2")]
fn slices32(values: &[u32], out: &mut [u64]) {
    transpose::slices32(values, out);
}

#[target_feature(enable = "avx2")]
fn slices16(values: &[u16], out: &mut [u64]) {
    transpose::slices16(values, out);
}

#[target_feature(enable = "avx2")]
fn unslices32(slices: &[u64], values: &mut [u32]) {
    transpose::unslices32(slices, values);
}

#[target_feature(enable = "avx2")]
fn subset_sums(subsets: &[u64; SUM_SLOTS], rows: &[sums::Slots], out: &mut [u32]) {
    sums::subset_sums(subsets, rows, out);
}
