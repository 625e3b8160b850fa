//! The dot products for AVX2: two registers are the sixteen lanes, and the sums of up to six rows
//! stay in registers.
//!
//! `vpmaddwd` multiplies signed 16-bit values and adds neighbours in 32 bits; the low half of
//! its result is the same for unsigned values.
#![expect(
    unsafe_code,
    reason = "vector loads, and calls of functions for AVX2 after detection"
)]

use core::arch::x86_64::{
    __m256i, _MM_HINT_T1, _mm_prefetch, _mm256_add_epi32, _mm256_load_si256, _mm256_madd_epi16,
    _mm256_mullo_epi32, _mm256_set1_epi32, _mm256_store_si256,
};

use super::DotTable;
use super::tile::{Lanes, Pairs};

cpufeatures::new!(detected, "avx2");

/// The rows whose sums stay in registers, beside a tile's two registers and two for work.
const ROWS: usize = 6;

static TABLE: DotTable = DotTable {
    name: "avx2",
    code,
    cells,
    peak,
};

/// Returns the table if this processor has AVX2; there is no other way to it.
pub(super) fn table() -> Option<&'static DotTable> {
    detected::get().then_some(&TABLE)
}

fn code(tile: &[Pairs], rows: &[u32], sums: &mut [Lanes], ahead: &[Pairs]) {
    // SAFETY: this function is reached through `table` alone, which has seen AVX2.
    unsafe { split::<Pairs, true>(tile, rows, sums, ahead) }
}

fn cells(tile: &[Lanes], rows: &[u32], sums: &mut [Lanes], ahead: &[Lanes]) {
    // SAFETY: this function is reached through `table` alone, which has seen AVX2.
    unsafe { split::<Lanes, false>(tile, rows, sums, ahead) }
}

/// Works on a group of rows in one or two halves.
#[target_feature(enable = "avx2")]
fn split<T, const PAIRS: bool>(tile: &[T], rows: &[u32], sums: &mut [Lanes], ahead: &[T]) {
    let step = sums.len();
    let half = if step > ROWS { step.div_ceil(2) } else { step };
    let (first, second) = sums.split_at_mut(half);
    if second.is_empty() || tile.is_empty() {
        return choose::<T, PAIRS>(tile, (rows, step), first, ahead);
    }
    let (now, later) = ahead.split_at(ahead.len() / 2);
    choose::<T, PAIRS>(tile, (rows, step), first, now);
    choose::<T, PAIRS>(tile, (&rows[half..], step), second, later);
}

#[target_feature(enable = "avx2")]
fn choose<T, const PAIRS: bool>(
    tile: &[T],
    rows: (&[u32], usize),
    sums: &mut [Lanes],
    ahead: &[T],
) {
    match sums.len() {
        0 => {}
        1 => block::<T, PAIRS, 1>(tile, rows, sums, ahead),
        2 => block::<T, PAIRS, 2>(tile, rows, sums, ahead),
        3 => block::<T, PAIRS, 3>(tile, rows, sums, ahead),
        4 => block::<T, PAIRS, 4>(tile, rows, sums, ahead),
        5 => block::<T, PAIRS, 5>(tile, rows, sums, ahead),
        ROWS => block::<T, PAIRS, ROWS>(tile, rows, sums, ahead),
        _ => unreachable!("a group is two halves of at most six rows"),
    }
}

/// Multiplies `N` rows, the first `N` of every `step` values, with the lanes of a tile.
#[target_feature(enable = "avx2")]
fn block<T, const PAIRS: bool, const N: usize>(
    tile: &[T],
    (rows, step): (&[u32], usize),
    sums: &mut [Lanes],
    ahead: &[T],
) {
    assert!(sums.len() == N && N <= step);
    assert!(tile.is_empty() || rows.len() >= (tile.len() - 1) * step + N);
    let mut totals: [[__m256i; 2]; N] = core::array::from_fn(|row| load(&sums[row]));
    let mut row = rows.as_ptr();
    let mut hint = ahead.as_ptr().cast::<i8>();
    let hint_step = size_of_val(ahead) / tile.len().max(1);
    for lanes in tile {
        _mm_prefetch::<_MM_HINT_T1>(hint);
        hint = hint.wrapping_add(hint_step);
        let [left, right] = load(lanes);
        for (index, [left_total, right_total]) in totals.iter_mut().enumerate() {
            // SAFETY: `row` is `step` values times the lanes passed, `index` is below `N`, and
            // `rows` has at least `N` values from there, as asserted above.
            let value = _mm256_set1_epi32(unsafe { *row.add(index) }.cast_signed());
            let left = multiply::<PAIRS>(left, value);
            let right = multiply::<PAIRS>(right, value);
            *left_total = _mm256_add_epi32(*left_total, left);
            *right_total = _mm256_add_epi32(*right_total, right);
        }
        row = row.wrapping_add(step);
    }
    for (sums, [left, right]) in sums.iter_mut().zip(totals) {
        let at = sums.0.as_mut_ptr().cast::<__m256i>();
        // SAFETY: `Lanes` is 64 bytes, aligned to 64: two registers, each aligned to its size.
        unsafe {
            _mm256_store_si256(at, left);
            _mm256_store_si256(at.add(1), right);
        }
    }
}

/// Loads the 64 bytes of a `Pairs` or a `Lanes`.
#[target_feature(enable = "avx2")]
#[inline]
fn load<T>(lanes: &T) -> [__m256i; 2] {
    const { assert!(size_of::<T>() == 64 && align_of::<T>() == 64) }
    let at = (&raw const *lanes).cast::<__m256i>();
    // SAFETY: `T` is 64 bytes, aligned to 64: two registers, each aligned to its size; `Pairs` and
    // `Lanes`, the types it stands for, are integers without padding.
    unsafe { [_mm256_load_si256(at), _mm256_load_si256(at.add(1))] }
}

#[target_feature(enable = "avx2")]
#[inline]
fn multiply<const PAIRS: bool>(lanes: __m256i, value: __m256i) -> __m256i {
    if PAIRS {
        _mm256_madd_epi16(lanes, value)
    } else {
        _mm256_mullo_epi32(lanes, value)
    }
}

fn peak(rounds: u32) -> (u64, u32) {
    // SAFETY: this function is reached through `table` alone, which has seen AVX2.
    unsafe { peak_avx2(rounds) }
}

/// Each sum takes a product with itself, so that no multiplication can be left out.
#[target_feature(enable = "avx2")]
fn peak_avx2(rounds: u32) -> (u64, u32) {
    const SUMS: usize = 2 * ROWS;
    let factor = _mm256_set1_epi32(0x0007_0005);
    let mut sums: [__m256i; SUMS] = core::array::from_fn(|_| _mm256_set1_epi32(3));
    for _ in 0..rounds {
        for sum in &mut sums {
            *sum = _mm256_add_epi32(*sum, _mm256_madd_epi16(*sum, factor));
        }
    }
    let total = sums
        .into_iter()
        .reduce(|a, b| _mm256_add_epi32(a, b))
        .unwrap_or(factor);
    let mut lanes = Lanes::ZERO;
    // SAFETY: `Lanes` is 64 bytes, aligned to 64, of which one register takes the first 32.
    unsafe { _mm256_store_si256(lanes.0.as_mut_ptr().cast(), total) };
    let checksum = lanes.0.into_iter().fold(0, u32::wrapping_add);
    (u64::from(rounds) * (SUMS * 16) as u64, checksum)
}
