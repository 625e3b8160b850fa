//! Taking bits to a point, by tables that a byte shuffle looks up.
//!
//! Four rows at a time, the bits of one place are a number below 16, and the sum of the weights it
//! stands for is in a table made before. A shuffle looks 32 places up at once, one byte of the sum
//! at a time. Its index is the content of a register: the time taken tells nothing of the bits.

use core::arch::x86_64::{
    __m256i, _mm256_and_si256 as and, _mm256_permute2x128_si256, _mm256_set1_epi8,
    _mm256_setzero_si256, _mm256_shuffle_epi8, _mm256_slli_epi64, _mm256_srli_epi64,
    _mm256_unpackhi_epi8, _mm256_unpackhi_epi16, _mm256_unpackhi_epi32, _mm256_unpackhi_epi64,
    _mm256_unpacklo_epi8, _mm256_unpacklo_epi16, _mm256_unpacklo_epi32, _mm256_unpacklo_epi64,
    _mm256_xor_si256 as xor,
};

use alloc::vec::Vec;

use zeroize::Zeroize;

use super::{Line, SKIP_ROWS};
use crate::field::x86::avx2::{load, store};

/// Four words, or 32 bytes.
#[derive(Clone, Copy, Default, Zeroize)]
#[repr(align(32))]
struct Bytes([u64; 4]);

/// For each bit of a byte and each eight rows: in 32 places, the bits of those rows.
type Octets = [[Bytes; OCTETS]; 8];

/// For each bit of a byte and each byte of an element: in 32 places, that byte of the sum.
type Planes = [[[Bytes; 4]; 2]; 8];

/// For each of two times four rows, and each byte of half an element: that byte of the sum of each
/// of 16 subsets, twice, once for each half of a vector.
type Table = [[u64; 4]; 8];

/// Returns the tables of each eight rows, and there of each half of an element.
pub(crate) fn skip_weights(rows: &[u64]) -> Vec<u64> {
    let mut words = Vec::with_capacity(OCTETS * 2 * 32);
    for eight in rows.as_chunks::<8>().0 {
        let sums = eight.as_chunks::<4>().0.iter().map(subset_sums);
        let sums: Vec<_> = sums.collect();
        for part in 0..2 {
            for (sums, plane) in sums.iter().flat_map(|sums| (0..4).map(move |i| (sums, i))) {
                let byte = |subset: usize| sums[subset].to_le_bytes()[4 * part + plane];
                let [low, high] = [0, 8]
                    .map(|first| u64::from_le_bytes(core::array::from_fn(|i| byte(first + i))));
                words.extend([low, high, low, high]);
            }
        }
    }
    words
}

#[target_feature(enable = "avx2")]
pub(crate) fn skip_fold(weights: &[u64], words: &[u64], out: &mut [u64]) {
    let width = words.len() / SKIP_ROWS;
    let tables = weights.as_chunks::<4>().0.as_chunks::<8>().0.as_chunks().0;
    let mut lines = [Line::default(); SKIP_ROWS];
    let mut octets = Octets::default();
    let mut planes = Planes::default();
    for (block, out) in out.chunks_mut(8 * 64).enumerate() {
        for (row, line) in words.chunks_exact(width).zip(&mut lines) {
            line.set(&row[8 * block..]);
        }
        for (half, out) in out.chunks_mut(4 * 64).enumerate() {
            transpose_bits(&lines, half, &mut octets);
            look_up(tables, &octets, &mut planes);
            transpose_bytes(&planes, out);
        }
    }
    lines.zeroize();
    octets.zeroize();
    planes.zeroize();
}

/// Returns the sum of the weights that each number below 16 has bits for.
fn subset_sums(weights: &[u64; 4]) -> [u64; 16] {
    let mut sums = [0; 16];
    for (i, weight) in weights.iter().enumerate() {
        for subset in 0..1 << i {
            sums[subset + (1 << i)] = sums[subset] ^ weight;
        }
    }
    sums
}

/// Brings the bits of eight rows at one place into one byte.
#[target_feature(enable = "avx2")]
fn transpose_bits(lines: &[Line; SKIP_ROWS], half: usize, octets: &mut Octets) {
    for (octet, lines) in lines.as_chunks::<8>().0.iter().enumerate() {
        let mut rows = [_mm256_setzero_si256(); 8];
        for (row, line) in rows.iter_mut().zip(lines) {
            *row = load(&line.0[half]);
        }
        for i in 0..4 {
            swap::<4>(&mut rows, i, i + 4, 0x0f);
        }
        for i in [0, 1, 4, 5] {
            swap::<2>(&mut rows, i, i + 2, 0x33);
        }
        for i in [0, 2, 4, 6] {
            swap::<1>(&mut rows, i, i + 1, 0x55);
        }
        for (octets, row) in octets.iter_mut().zip(rows) {
            store(&mut octets[octet].0, row);
        }
    }
}

/// Exchanges the bits of row i above those that `low` selects with those of row j that it selects.
#[inline]
#[target_feature(enable = "avx2")]
fn swap<const BITS: i32>(rows: &mut [__m256i; 8], i: usize, j: usize, low: i8) {
    let differ = xor(_mm256_srli_epi64::<BITS>(rows[i]), rows[j]);
    let differ = and(differ, _mm256_set1_epi8(low));
    rows[i] = xor(rows[i], _mm256_slli_epi64::<BITS>(differ));
    rows[j] = xor(rows[j], differ);
}

/// Adds up what the tables give for all rows; two bits and four bytes at a time, so that the sums
/// stay in registers.
#[target_feature(enable = "avx2")]
fn look_up(tables: &[[Table; 2]], octets: &Octets, planes: &mut Planes) {
    let (octets, planes) = (octets.as_chunks::<2>().0, planes.as_chunks_mut::<2>().0);
    for ([even, odd], [even_planes, odd_planes]) in octets.iter().zip(planes) {
        for part in 0..2 {
            let mut sums = [[_mm256_setzero_si256(); 4]; 2];
            for ((tables, even), odd) in tables.iter().zip(even).zip(odd) {
                add_octet(&mut sums[0], &tables[part], even);
                add_octet(&mut sums[1], &tables[part], odd);
            }
            for plane in 0..4 {
                store(&mut even_planes[part][plane].0, sums[0][plane]);
                store(&mut odd_planes[part][plane].0, sums[1][plane]);
            }
        }
    }
}

#[inline]
#[target_feature(enable = "avx2")]
fn add_octet(sums: &mut [__m256i; 4], table: &Table, octet: &Bytes) {
    let nibble = _mm256_set1_epi8(0x0f);
    let bytes = load(&octet.0);
    let low = and(bytes, nibble);
    let high = and(_mm256_srli_epi64::<4>(bytes), nibble);
    for plane in 0..4 {
        let first = _mm256_shuffle_epi8(load(&table[plane]), low);
        let last = _mm256_shuffle_epi8(load(&table[4 + plane]), high);
        sums[plane] = xor(sums[plane], xor(first, last));
    }
}

/// Puts the bytes of each sum together, and the sums in their order.
#[target_feature(enable = "avx2")]
fn transpose_bytes(planes: &Planes, out: &mut [u64]) {
    let (out, _) = out.as_chunks_mut::<4>();
    for (part, [a, b, c, d]) in planes.as_chunks::<4>().0.iter().enumerate() {
        let [a, b, c, d] = [elements(a), elements(b), elements(c), elements(d)];
        for i in 0..8 {
            let words = transpose_words([a[i], b[i], c[i], d[i]]);
            let places = [2 * i, 2 * i + 1, 16 + 2 * i, 17 + 2 * i];
            for (place, four) in places.into_iter().zip(words) {
                if let Some(out) = out.get_mut(2 * place + part) {
                    store(out, four);
                }
            }
        }
    }
}

/// Returns the elements of 32 places: vector i holds those of places `2i`, `2i + 1`, `16 + 2i` and
/// `17 + 2i`.
#[inline]
#[target_feature(enable = "avx2")]
fn elements([low, high]: &[[Bytes; 4]; 2]) -> [__m256i; 8] {
    let mut elements = [_mm256_setzero_si256(); 8];
    let (low, high) = (fours(low), fours(high));
    for i in 0..4 {
        elements[2 * i] = _mm256_unpacklo_epi32(low[i], high[i]);
        elements[2 * i + 1] = _mm256_unpackhi_epi32(low[i], high[i]);
    }
    elements
}

/// Returns halves of elements: vector i holds those of places `4i` to `4i + 3` and the same behind
/// 16.
#[inline]
#[target_feature(enable = "avx2")]
fn fours([a, b, c, d]: &[Bytes; 4]) -> [__m256i; 4] {
    let [a, b, c, d] = [load(&a.0), load(&b.0), load(&c.0), load(&d.0)];
    let [ab_low, ab_high] = [_mm256_unpacklo_epi8(a, b), _mm256_unpackhi_epi8(a, b)];
    let [cd_low, cd_high] = [_mm256_unpacklo_epi8(c, d), _mm256_unpackhi_epi8(c, d)];
    [
        _mm256_unpacklo_epi16(ab_low, cd_low),
        _mm256_unpackhi_epi16(ab_low, cd_low),
        _mm256_unpacklo_epi16(ab_high, cd_high),
        _mm256_unpackhi_epi16(ab_high, cd_high),
    ]
}

/// Returns the vectors of the first, second, third and fourth words.
#[inline]
#[target_feature(enable = "avx2")]
fn transpose_words([a, b, c, d]: [__m256i; 4]) -> [__m256i; 4] {
    let [ab_even, ab_odd] = [_mm256_unpacklo_epi64(a, b), _mm256_unpackhi_epi64(a, b)];
    let [cd_even, cd_odd] = [_mm256_unpacklo_epi64(c, d), _mm256_unpackhi_epi64(c, d)];
    [
        _mm256_permute2x128_si256::<0x20>(ab_even, cd_even),
        _mm256_permute2x128_si256::<0x20>(ab_odd, cd_odd),
        _mm256_permute2x128_si256::<0x31>(ab_even, cd_even),
        _mm256_permute2x128_si256::<0x31>(ab_odd, cd_odd),
    ]
}

const OCTETS: usize = SKIP_ROWS / 8;
