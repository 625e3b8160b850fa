//! Vectors of four words: loading, storing, and reducing products.

use core::arch::x86_64::{
    __m256i, _mm256_loadu_si256, _mm256_set1_epi64x, _mm256_setr_epi8, _mm256_setzero_si256,
    _mm256_shuffle_epi8, _mm256_slli_epi64, _mm256_srli_epi64, _mm256_storeu_si256,
    _mm256_unpackhi_epi64, _mm256_unpacklo_epi64, _mm256_xor_si256,
};

use crate::field::Product;

/// The products of words 0 and 2 of two vectors, and those of words 1 and 3.
pub(crate) type Products = [__m256i; 2];

#[inline]
#[target_feature(enable = "avx2")]
pub(crate) fn load(words: &[u64; 4]) -> __m256i {
    #[expect(unsafe_code, reason = "a load takes a pointer")]
    // SAFETY: the reference is to 32 readable bytes, and this load asks for no alignment.
    unsafe {
        _mm256_loadu_si256(words.as_ptr().cast())
    }
}

#[inline]
#[target_feature(enable = "avx2")]
pub(crate) fn store(words: &mut [u64; 4], vector: __m256i) {
    #[expect(unsafe_code, reason = "a store takes a pointer")]
    // SAFETY: the reference is to 32 writable bytes, and this store asks for no alignment.
    unsafe {
        _mm256_storeu_si256(words.as_mut_ptr().cast(), vector);
    }
}

#[inline]
#[target_feature(enable = "avx2")]
pub(crate) fn splat(word: u64) -> __m256i {
    _mm256_set1_epi64x(word.cast_signed())
}

/// Returns up to three words as four, with zeros behind.
pub(crate) fn padded(words: &[u64]) -> [u64; 4] {
    let mut four = [0; 4];
    four[..words.len()].copy_from_slice(words);
    four
}

#[inline]
#[target_feature(enable = "avx2")]
pub(crate) fn zero() -> Products {
    [_mm256_setzero_si256(); 2]
}

#[inline]
#[target_feature(enable = "avx2")]
pub(crate) fn add(sum: &mut Products, products: Products) {
    sum[0] = _mm256_xor_si256(sum[0], products[0]);
    sum[1] = _mm256_xor_si256(sum[1], products[1]);
}

/// Returns the sum of all four products as an element.
#[inline]
#[target_feature(enable = "avx2")]
pub(crate) fn total(sum: Products) -> u64 {
    let mut words = [0; 4];
    store(&mut words, _mm256_xor_si256(sum[0], sum[1]));
    element(words)
}

/// Returns the sum of two products as an element.
pub(crate) fn element(words: [u64; 4]) -> u64 {
    let low = words[0] ^ words[2];
    let high = words[1] ^ words[3];
    Product { low, high }.reduce()
}

/// Reduces each of four products; the elements come in the order of the factors.
#[inline]
#[target_feature(enable = "avx2")]
pub(crate) fn reduce([even, odd]: Products) -> __m256i {
    let low = _mm256_unpacklo_epi64(even, odd);
    let high = _mm256_unpackhi_epi64(even, odd);
    // The three highest coefficients of a product are lifted over the edge once more: here is
    // what they come to. The index is their number in the lowest byte of a word and zero in the
    // others.
    let lifted = _mm256_setr_epi8(
        0, 27, 45, 54, 90, 65, 119, 108, 0, 0, 0, 0, 0, 0, 0, 0, 0, 27, 45, 54, 90, 65, 119, 108,
        0, 0, 0, 0, 0, 0, 0, 0,
    );
    let over = _mm256_shuffle_epi8(lifted, _mm256_srli_epi64::<60>(high));
    let times_x = _mm256_xor_si256(high, _mm256_slli_epi64::<1>(high));
    let shifted = _mm256_xor_si256(_mm256_slli_epi64::<3>(high), _mm256_slli_epi64::<4>(high));
    let sum = _mm256_xor_si256(times_x, shifted);
    _mm256_xor_si256(_mm256_xor_si256(low, over), sum)
}
