//! The dot products for AVX-512 with VNNI: one register is the sixteen lanes, and the sums of a
//! whole group of rows stay in registers.
//!
//! `vpdpwssd` multiplies signed 16-bit values and adds neighbours to a 32-bit sum; the low half
//! of its result is the same for unsigned values.
#![expect(
    unsafe_code,
    reason = "vector loads, and calls of functions for AVX-512 after detection"
)]

use core::arch::x86_64::{
    __cpuid_count, __m512i, _MM_HINT_T1, _mm_prefetch, _mm512_add_epi16, _mm512_add_epi32,
    _mm512_dpwssd_epi32, _mm512_load_si512, _mm512_mullo_epi32, _mm512_set1_epi32,
    _mm512_setzero_si512, _mm512_store_si512,
};

use super::rows::{GROUP, HALF};
use super::shifts::terms;
use super::tile::{CELL_POSITIONS, GRID, Lanes, Pairs};
use super::{DotTable, portable};

cpufeatures::new!(detected, "avx512f", "avx512bw");

static TABLE: DotTable = DotTable {
    name: "avx512-vnni",
    code,
    cells,
    code_terms,
    cell_terms,
    // SAFETY: the table is reached through `table` alone, which has seen the features.
    add: |one, other, sums| unsafe { add_pairs(one, other, sums) },
    peak,
    // SAFETY: the table is reached through `table` alone, which has seen the features.
    plain: |row, template| unsafe { plain(row, template) },
};

/// Returns the table if this processor has AVX-512 F, BW and VNNI; there is no other way to it.
pub(super) fn table() -> Option<&'static DotTable> {
    (detected::get() && vnni()).then_some(&TABLE)
}

/// Says whether the processor has VNNI for AVX-512: leaf 7, register ECX, bit 11. Asked after
/// AVX-512 F was seen in the same leaf, which therefore exists.
fn vnni() -> bool {
    __cpuid_count(7, 0).ecx & 1 << 11 != 0
}

fn code(tile: &[Pairs], rows: [&[u32]; 2], sums: &mut [Lanes], ahead: &[Pairs]) {
    // SAFETY: this function is reached through `table` alone, which has seen the features.
    unsafe { choose::<Pairs, true>(tile, rows, sums, ahead) }
}

fn cells(tile: &[Lanes], rows: [&[u32]; 2], sums: &mut [Lanes], ahead: &[Lanes]) {
    // SAFETY: this function is reached through `table` alone, which has seen the features.
    unsafe { choose::<Lanes, false>(tile, rows, sums, ahead) }
}

fn code_terms(block: usize, cells: &[Pairs], factors: &[u32], sums: &mut [Lanes], ahead: &[Pairs]) {
    // SAFETY: this function is reached through `table` alone, which has seen the features.
    unsafe {
        match block {
            5 => each_term::<Pairs, true, CELL_POSITIONS, 5, 3>(cells, factors, sums, ahead),
            _ => each_term::<Pairs, true, CELL_POSITIONS, 3, 3>(cells, factors, sums, ahead),
        }
    }
}

fn cell_terms(block: usize, cells: &[Lanes], factors: &[u32], sums: &mut [Lanes], ahead: &[Lanes]) {
    // SAFETY: this function is reached through `table` alone, which has seen the features.
    unsafe {
        match block {
            5 => each_term::<Lanes, false, GRID, 5, 3>(cells, factors, sums, ahead),
            _ => each_term::<Lanes, false, GRID, 3, 6>(cells, factors, sums, ahead),
        }
    }
}

#[target_feature(enable = "avx512f,avx512bw,avx512vnni")]
fn choose<T, const PAIRS: bool>(tile: &[T], rows: [&[u32]; 2], sums: &mut [Lanes], ahead: &[T]) {
    match sums.len() {
        0 => {}
        1 => half::<T, PAIRS, 1>(tile, rows[0], sums, ahead),
        2 => half::<T, PAIRS, 2>(tile, rows[0], sums, ahead),
        3 => half::<T, PAIRS, 3>(tile, rows[0], sums, ahead),
        4 => half::<T, PAIRS, 4>(tile, rows[0], sums, ahead),
        5 => half::<T, PAIRS, 5>(tile, rows[0], sums, ahead),
        HALF => half::<T, PAIRS, HALF>(tile, rows[0], sums, ahead),
        7 => both::<T, PAIRS, 4, 3>(tile, rows, sums, ahead),
        8 => both::<T, PAIRS, 4, 4>(tile, rows, sums, ahead),
        9 => both::<T, PAIRS, 5, 4>(tile, rows, sums, ahead),
        10 => both::<T, PAIRS, 5, 5>(tile, rows, sums, ahead),
        11 => both::<T, PAIRS, 6, 5>(tile, rows, sums, ahead),
        GROUP => both::<T, PAIRS, HALF, HALF>(tile, rows, sums, ahead),
        _ => unreachable!("a group has at most {GROUP} rows"),
    }
}

/// Multiplies a group of `N` rows, all in its first half, with the lanes of a tile.
#[target_feature(enable = "avx512f,avx512bw,avx512vnni")]
fn half<T, const PAIRS: bool, const N: usize>(
    tile: &[T],
    rows: &[u32],
    sums: &mut [Lanes],
    ahead: &[T],
) {
    assert!(sums.len() == N);
    let mut totals: [__m512i; N] = core::array::from_fn(|row| load(&sums[row]));
    let mut hint = ahead.as_ptr().cast::<i8>();
    let hint_step = size_of_val(ahead) / tile.len().max(1);
    for (lanes, values) in tile.iter().zip(rows.as_chunks().0) {
        _mm_prefetch::<_MM_HINT_T1>(hint);
        hint = hint.wrapping_add(hint_step);
        add::<PAIRS, N>(&mut totals, load(lanes), values);
    }
    for (sums, total) in sums.iter_mut().zip(totals) {
        store(sums, total);
    }
}

/// Multiplies a group of `N` rows in its first half and `M` in its second one with the lanes of
/// a tile.
#[target_feature(enable = "avx512f,avx512bw,avx512vnni")]
fn both<T, const PAIRS: bool, const N: usize, const M: usize>(
    tile: &[T],
    rows: [&[u32]; 2],
    sums: &mut [Lanes],
    ahead: &[T],
) {
    assert!(sums.len() == N + M);
    let mut first: [__m512i; N] = core::array::from_fn(|row| load(&sums[row]));
    let mut second: [__m512i; M] = core::array::from_fn(|row| load(&sums[N + row]));
    let mut hint = ahead.as_ptr().cast::<i8>();
    let hint_step = size_of_val(ahead) / tile.len().max(1);
    let values = rows[0].as_chunks().0.iter().zip(rows[1].as_chunks().0);
    for (lanes, (of_first, of_second)) in tile.iter().zip(values) {
        _mm_prefetch::<_MM_HINT_T1>(hint);
        hint = hint.wrapping_add(hint_step);
        let lanes = load(lanes);
        add::<PAIRS, N>(&mut first, lanes, of_first);
        add::<PAIRS, M>(&mut second, lanes, of_second);
    }
    for (sums, total) in sums.iter_mut().zip(first.into_iter().chain(second)) {
        store(sums, total);
    }
}

/// Multiplies the terms of blocks of `N` rows, each `W` positions, with `F` factors each. The
/// positions of a row take turns with several sums, none of which then waits for another.
#[target_feature(enable = "avx512f,avx512bw,avx512vnni")]
fn each_term<T, const PAIRS: bool, const W: usize, const N: usize, const F: usize>(
    cells: &[T],
    factors: &[u32],
    sums: &mut [Lanes],
    ahead: &[T],
) {
    let rows = cells.as_chunks::<W>().0;
    let mut factors = factors.as_chunks::<F>().0.as_chunks::<W>().0.iter();
    let mut hint = ahead.as_ptr().cast::<i8>();
    let hint_step = size_of_val(ahead) / factors.len().max(1);
    for ((i, j), sums) in terms(N).zip(sums.as_chunks_mut::<F>().0) {
        let mut totals = [[_mm512_setzero_si512(); F]; TURNS];
        let mut firsts = rows.iter().skip(i).step_by(N);
        if i != j {
            let seconds = rows.iter().skip(j).step_by(N);
            for (second, (first, factors)) in seconds.zip(firsts.by_ref().zip(factors.by_ref())) {
                _mm_prefetch::<_MM_HINT_T1>(hint);
                hint = hint.wrapping_add(hint_step);
                for (at, factors) in factors.iter().enumerate() {
                    let (first, second) = (load(&first[at]), load(&second[at]));
                    let term = sum::<PAIRS>(first, second);
                    add::<PAIRS, F>(&mut totals[at % TURNS], term, factors);
                }
            }
        }
        for (first, factors) in firsts.zip(factors.by_ref()) {
            _mm_prefetch::<_MM_HINT_T1>(hint);
            hint = hint.wrapping_add(hint_step);
            for (at, factors) in factors.iter().enumerate() {
                add::<PAIRS, F>(&mut totals[at % TURNS], load(&first[at]), factors);
            }
        }
        for (number, sums) in sums.iter_mut().enumerate() {
            let totals = totals.iter().map(|totals| totals[number]);
            let total = totals.fold(load(sums), |sum, total| _mm512_add_epi32(sum, total));
            store(sums, total);
        }
    }
}

/// A divisor of both kinds of rows' positions.
const TURNS: usize = 4;

#[target_feature(enable = "avx512f,avx512bw")]
#[inline]
fn sum<const PAIRS: bool>(one: __m512i, other: __m512i) -> __m512i {
    if PAIRS {
        _mm512_add_epi16(one, other)
    } else {
        _mm512_add_epi32(one, other)
    }
}

#[target_feature(enable = "avx512f,avx512bw")]
fn add_pairs(one: &[Pairs], other: &[Pairs], sums: &mut [Pairs]) {
    portable::add(one, other, sums);
}

/// Adds the products of one position.
#[target_feature(enable = "avx512f,avx512bw,avx512vnni")]
#[inline]
fn add<const PAIRS: bool, const N: usize>(
    totals: &mut [__m512i; N],
    lanes: __m512i,
    values: &[u32; N],
) {
    for (total, value) in totals.iter_mut().zip(values) {
        let value = _mm512_set1_epi32(value.cast_signed());
        *total = if PAIRS {
            _mm512_dpwssd_epi32(*total, lanes, value)
        } else {
            _mm512_add_epi32(*total, _mm512_mullo_epi32(lanes, value))
        };
    }
}

/// Loads the 64 bytes of a `Pairs` or a `Lanes`.
#[target_feature(enable = "avx512f")]
#[inline]
fn load<T>(lanes: &T) -> __m512i {
    const { assert!(size_of::<T>() == 64 && align_of::<T>() == 64) }
    // SAFETY: `T` is 64 bytes, aligned to 64, as is the register; `Pairs` and `Lanes`, the types
    // it stands for, are integers without padding.
    unsafe { _mm512_load_si512((&raw const *lanes).cast()) }
}

#[target_feature(enable = "avx512f")]
#[inline]
fn store(lanes: &mut Lanes, value: __m512i) {
    // SAFETY: `Lanes` is 64 bytes, aligned to 64, as is the register; every value is a `Lanes`.
    unsafe { _mm512_store_si512((&raw mut *lanes).cast(), value) }
}

#[target_feature(enable = "avx512f,avx512bw")]
fn plain(row: &[u16], template: &[u16]) -> u16 {
    portable::plain(row, template)
}

fn peak(rounds: u32) -> (u64, u32) {
    // SAFETY: this function is reached through `table` alone, which has seen the features.
    unsafe { peak_avx512(rounds) }
}

/// Each sum takes a product with itself, so that no multiplication can be left out.
#[target_feature(enable = "avx512f,avx512bw,avx512vnni")]
fn peak_avx512(rounds: u32) -> (u64, u32) {
    const SUMS: usize = 24;
    let factor = _mm512_set1_epi32(0x0007_0005);
    let mut sums: [__m512i; SUMS] = core::array::from_fn(|_| _mm512_set1_epi32(3));
    for _ in 0..rounds {
        for sum in &mut sums {
            *sum = _mm512_dpwssd_epi32(*sum, *sum, factor);
        }
    }
    let total = sums
        .into_iter()
        .reduce(|a, b| _mm512_add_epi32(a, b))
        .unwrap_or(factor);
    let mut lanes = Lanes::ZERO;
    store(&mut lanes, total);
    (
        u64::from(rounds) * (SUMS * 32) as u64,
        lanes.0.into_iter().fold(0, u32::wrapping_add),
    )
}
