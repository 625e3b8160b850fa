//! The dot products for AVX2: two registers are the sixteen lanes, and the sums of up to six rows
//! stay in registers, beside a tile's two and two for work.
//!
//! `vpmaddwd` multiplies signed 16-bit values and adds neighbours in 32 bits; the low half of
//! its result is the same for unsigned values.
#![expect(
    unsafe_code,
    reason = "vector loads, and calls of functions for AVX2 after detection"
)]

use core::arch::x86_64::{
    __m256i, _MM_HINT_T1, _mm_prefetch, _mm256_add_epi16, _mm256_add_epi32, _mm256_load_si256,
    _mm256_madd_epi16, _mm256_mullo_epi32, _mm256_set1_epi32, _mm256_setzero_si256,
    _mm256_store_si256,
};

use super::rows::{HALF, halves};
use super::shifts::terms;
use super::tile::{Lanes, Pairs};
use super::{DotTable, portable};

cpufeatures::new!(detected, "avx2");

static TABLE: DotTable = DotTable {
    name: "avx2",
    code,
    cells,
    code_terms,
    cell_terms,
    // SAFETY: the table is reached through `table` alone, which has seen AVX2.
    add: |one, other, sums| unsafe { add_pairs(one, other, sums) },
    peak,
    // SAFETY: the table is reached through `table` alone, which has seen AVX2.
    plain: |row, template| unsafe { plain(row, template) },
};

/// Returns the table if this processor has AVX2; there is no other way to it.
pub(super) fn table() -> Option<&'static DotTable> {
    detected::get().then_some(&TABLE)
}

fn code(tile: &[Pairs], rows: [&[u32]; 2], sums: &mut [Lanes], ahead: &[Pairs]) {
    // SAFETY: this function is reached through `table` alone, which has seen AVX2.
    unsafe { both::<Pairs, true>(tile, rows, sums, ahead) }
}

fn cells(tile: &[Lanes], rows: [&[u32]; 2], sums: &mut [Lanes], ahead: &[Lanes]) {
    // SAFETY: this function is reached through `table` alone, which has seen AVX2.
    unsafe { both::<Lanes, false>(tile, rows, sums, ahead) }
}

fn code_terms(block: usize, cells: &[Pairs], factors: &[u32], sums: &mut [Lanes], ahead: &[Pairs]) {
    // SAFETY: this function is reached through `table` alone, which has seen AVX2.
    unsafe {
        match block {
            5 => each_term::<Pairs, true, 4, 1, 5, 3>(cells, factors, sums, ahead),
            _ => each_term::<Pairs, true, 4, 1, 3, 3>(cells, factors, sums, ahead),
        }
    }
}

fn cell_terms(block: usize, cells: &[Lanes], factors: &[u32], sums: &mut [Lanes], ahead: &[Lanes]) {
    // SAFETY: this function is reached through `table` alone, which has seen AVX2.
    unsafe {
        match block {
            5 => each_term::<Lanes, false, 4, 10, 5, 3>(cells, factors, sums, ahead),
            _ => each_term::<Lanes, false, 2, 20, 3, 6>(cells, factors, sums, ahead),
        }
    }
}

/// Works on the halves of a group, one after the other.
#[target_feature(enable = "avx2")]
fn both<T, const PAIRS: bool>(tile: &[T], rows: [&[u32]; 2], sums: &mut [Lanes], ahead: &[T]) {
    let [half, rest] = halves(sums.len());
    let (first, second) = sums.split_at_mut(half);
    if rest == 0 {
        return choose::<T, PAIRS>(tile, rows[0], first, ahead);
    }
    let (now, later) = ahead.split_at(ahead.len() / 2);
    choose::<T, PAIRS>(tile, rows[0], first, now);
    choose::<T, PAIRS>(tile, rows[1], second, later);
}

#[target_feature(enable = "avx2")]
fn choose<T, const PAIRS: bool>(tile: &[T], rows: &[u32], sums: &mut [Lanes], ahead: &[T]) {
    match sums.len() {
        0 => {}
        1 => block::<T, PAIRS, 1>(tile, rows, sums, ahead),
        2 => block::<T, PAIRS, 2>(tile, rows, sums, ahead),
        3 => block::<T, PAIRS, 3>(tile, rows, sums, ahead),
        4 => block::<T, PAIRS, 4>(tile, rows, sums, ahead),
        5 => block::<T, PAIRS, 5>(tile, rows, sums, ahead),
        HALF => block::<T, PAIRS, HALF>(tile, rows, sums, ahead),
        _ => unreachable!("a half of a group has at most six rows"),
    }
}

/// Multiplies `N` rows with the lanes of a tile, two positions at a time: each needs two loads,
/// `N` broadcasts, and a multiplication and an addition for each sum, and a processor that takes
/// in six instructions at once has little room for more.
#[target_feature(enable = "avx2")]
fn block<T, const PAIRS: bool, const N: usize>(
    tile: &[T],
    rows: &[u32],
    sums: &mut [Lanes],
    ahead: &[T],
) {
    assert!(sums.len() == N);
    let mut totals: [[__m256i; 2]; N] = core::array::from_fn(|row| load(&sums[row]));
    let mut hint = ahead.as_ptr().cast::<i8>();
    let (twos, last) = tile.as_chunks::<2>();
    let (values, last_values) = rows.as_chunks::<N>().0.as_chunks::<2>();
    let hint_step = size_of_val(ahead) / twos.len().max(1);
    for ([one, other], [values, other_values]) in twos.iter().zip(values) {
        _mm_prefetch::<_MM_HINT_T1>(hint);
        hint = hint.wrapping_add(hint_step);
        add::<PAIRS, N>(&mut totals, load(one), values);
        add::<PAIRS, N>(&mut totals, load(other), other_values);
    }
    for (lanes, values) in last.iter().zip(last_values) {
        add::<PAIRS, N>(&mut totals, load(lanes), values);
    }
    for (sums, totals) in sums.iter_mut().zip(totals) {
        store(sums, totals);
    }
}

/// Adds the products of one position.
#[target_feature(enable = "avx2")]
#[inline]
fn add<const PAIRS: bool, const N: usize>(
    totals: &mut [[__m256i; 2]; N],
    [left, right]: [__m256i; 2],
    values: &[u32; N],
) {
    for ([left_total, right_total], value) in totals.iter_mut().zip(values) {
        let value = _mm256_set1_epi32(value.cast_signed());
        *left_total = _mm256_add_epi32(*left_total, multiply::<PAIRS>(left, value));
        *right_total = _mm256_add_epi32(*right_total, multiply::<PAIRS>(right, value));
    }
}

/// Multiplies the terms of blocks of `N` rows, each of `W` times `S` positions, with `F` factors
/// each. `S` positions at a time are worth a hint, and not so many that the compiler moves sums
/// out of registers.
#[target_feature(enable = "avx2")]
fn each_term<
    T,
    const PAIRS: bool,
    const S: usize,
    const W: usize,
    const N: usize,
    const F: usize,
>(
    cells: &[T],
    factors: &[u32],
    sums: &mut [Lanes],
    ahead: &[T],
) {
    let rows = cells.as_chunks::<S>().0.as_chunks::<W>().0;
    let factors = factors.as_chunks::<F>().0.as_chunks::<S>().0;
    let mut factors = factors.as_chunks::<W>().0.iter();
    let mut hint = ahead.as_ptr().cast::<i8>();
    let hint_step = size_of_val(ahead) / (W * factors.len()).max(1);
    for ((i, j), sums) in terms(N).zip(sums.as_chunks_mut::<F>().0) {
        let mut totals: [[__m256i; 2]; F] = core::array::from_fn(|sum| load(&sums[sum]));
        let mut firsts = rows.iter().skip(i).step_by(N);
        if i != j {
            let seconds = rows.iter().skip(j).step_by(N);
            for (seconds, (firsts, factors)) in seconds.zip(firsts.by_ref().zip(factors.by_ref())) {
                for ((firsts, seconds), factors) in firsts.iter().zip(seconds).zip(factors) {
                    _mm_prefetch::<_MM_HINT_T1>(hint);
                    hint = hint.wrapping_add(hint_step);
                    for ((first, second), factors) in firsts.iter().zip(seconds).zip(factors) {
                        let term = sum::<PAIRS>(load(first), load(second));
                        add::<PAIRS, F>(&mut totals, term, factors);
                    }
                }
            }
        }
        for (firsts, factors) in firsts.zip(factors.by_ref()) {
            for (firsts, factors) in firsts.iter().zip(factors) {
                _mm_prefetch::<_MM_HINT_T1>(hint);
                hint = hint.wrapping_add(hint_step);
                for (first, factors) in firsts.iter().zip(factors) {
                    add::<PAIRS, F>(&mut totals, load(first), factors);
                }
            }
        }
        for (sums, totals) in sums.iter_mut().zip(totals) {
            store(sums, totals);
        }
    }
}

#[target_feature(enable = "avx2")]
#[inline]
fn sum<const PAIRS: bool>(one: [__m256i; 2], other: [__m256i; 2]) -> [__m256i; 2] {
    let add = |at: usize| {
        if PAIRS {
            _mm256_add_epi16(one[at], other[at])
        } else {
            _mm256_add_epi32(one[at], other[at])
        }
    };
    [add(0), add(1)]
}

#[target_feature(enable = "avx2")]
fn add_pairs(one: &[Pairs], other: &[Pairs], sums: &mut [Pairs]) {
    for ((one, other), at) in one.iter().zip(other).zip(sums) {
        store(at, sum::<true>(load(one), load(other)));
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

/// Stores the 64 bytes of a `Pairs` or a `Lanes`.
#[target_feature(enable = "avx2")]
#[inline]
fn store<T>(lanes: &mut T, [left, right]: [__m256i; 2]) {
    const { assert!(size_of::<T>() == 64 && align_of::<T>() == 64) }
    let at = (&raw mut *lanes).cast::<__m256i>();
    // SAFETY: `T` is 64 bytes, aligned to 64: two registers, each aligned to its size; `Pairs` and
    // `Lanes`, the types it stands for, are integers, of which every value is valid.
    unsafe {
        _mm256_store_si256(at, left);
        _mm256_store_si256(at.add(1), right);
    }
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

#[target_feature(enable = "avx2")]
fn plain(row: &[u16], template: &[u16]) -> u16 {
    portable::plain(row, template)
}

fn peak(rounds: u32) -> (u64, u32) {
    // SAFETY: this function is reached through `table` alone, which has seen AVX2.
    unsafe { peak_avx2(rounds) }
}

/// Each sum takes a product with itself, so that no multiplication can be left out.
#[target_feature(enable = "avx2")]
fn peak_avx2(rounds: u32) -> (u64, u32) {
    const SUMS: usize = 2 * HALF;
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
    store(&mut lanes, [total, _mm256_setzero_si256()]);
    let checksum = lanes.0.into_iter().fold(0, u32::wrapping_add);
    (u64::from(rounds) * (SUMS * 16) as u64, checksum)
}
