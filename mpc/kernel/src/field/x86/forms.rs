//! The two forms: what they multiply with, and the loops written once for both.

/// Writes the loops for one form, whose module says how it multiplies.
macro_rules! loops {
    ($name:literal, $features:literal) => {
        use core::arch::x86_64::{__m256i, _mm256_xor_si256};

        use crate::field::x86::avx2::{Products, add, padded, reduce, total, zero};
        use crate::field::x86::avx2::{load, splat, store};
        use crate::field::{FieldTable, Pair};
        use crate::skip::avx2::{self as skip, Cell};
        use crate::skip::{Line, Sum};

        #[expect(
            unsafe_code,
            reason = "the table is offered after asking the processor"
        )]
        pub(in crate::field::x86) static TABLE: FieldTable = FieldTable {
            name: $name,
            // SAFETY: `tables` hands this table out on a processor that has the features.
            inner: |a, b| unsafe { inner(a, b) },
            // SAFETY: as for `inner`.
            scale: |by, values| unsafe { scale(by, values) },
            // SAFETY: as for `inner`.
            fold: |r, lo, hi| unsafe { fold(r, lo, hi) },
            // SAFETY: as for `inner`.
            round: |f, g| unsafe { round(f, g) },
            // SAFETY: as for `inner`.
            skip_add: |a, b, tau, sums, scratch| unsafe { skip_add(a, b, tau, sums, scratch) },
            skip_scratch: skip::SCRATCH,
            skip_weights: skip::skip_weights,
            // SAFETY: as for `inner`; both forms have what this one wants.
            skip_fold: |eq, words, out| unsafe { skip::skip_fold(eq, words, out) },
        };

        #[target_feature(enable = $features)]
        fn inner(a: &[u64], b: &[u64]) -> u64 {
            let ((a, a_rest), (b, b_rest)) = (a.as_chunks(), b.as_chunks());
            let mut sum = multiply(load(&padded(a_rest)), load(&padded(b_rest)));
            for (a, b) in a.iter().zip(b) {
                add(&mut sum, multiply(load(a), load(b)));
            }
            total(sum)
        }

        #[target_feature(enable = $features)]
        fn scale(by: &[u64], values: &mut [u64]) {
            let (by, by_rest) = by.as_chunks();
            let (values, rest) = values.as_chunks_mut();
            for (value, by) in values.iter_mut().zip(by) {
                scale_four(by, value);
            }
            let mut last = padded(rest);
            scale_four(&padded(by_rest), &mut last);
            rest.copy_from_slice(&last[..rest.len()]);
        }

        #[inline]
        #[target_feature(enable = $features)]
        fn scale_four(by: &[u64; 4], values: &mut [u64; 4]) {
            let products = multiply(load(values), load(by));
            store(values, reduce(products));
        }

        #[target_feature(enable = $features)]
        fn fold(r: u64, lo: &mut [u64], hi: &[u64]) {
            let (hi, hi_rest) = hi.as_chunks();
            let (lo, rest) = lo.as_chunks_mut();
            let r = splat(r);
            for (lo, hi) in lo.iter_mut().zip(hi) {
                fold_four(r, lo, hi);
            }
            let mut last = padded(rest);
            fold_four(r, &mut last, &padded(hi_rest));
            rest.copy_from_slice(&last[..rest.len()]);
        }

        #[inline]
        #[target_feature(enable = $features)]
        fn fold_four(r: __m256i, lo: &mut [u64; 4], hi: &[u64; 4]) {
            let at_0 = load(lo);
            let slope = _mm256_xor_si256(at_0, load(hi));
            store(lo, _mm256_xor_si256(at_0, reduce(multiply(slope, r))));
        }

        #[target_feature(enable = $features)]
        fn round(f: Pair<'_>, g: Pair<'_>) -> [u64; 2] {
            let [f, g] = [f, g].map(|halves| halves.map(<[u64]>::as_chunks));
            let mut sums = [zero(); 2];
            let halves = f[0].0.iter().zip(f[1].0).zip(g[0].0.iter().zip(g[1].0));
            for ((f_lo, f_hi), (g_lo, g_hi)) in halves {
                round_four(&mut sums, [f_lo, f_hi], [g_lo, g_hi]);
            }
            let [f, g] = [f, g].map(|halves| halves.map(|(_, rest)| padded(rest)));
            round_four(&mut sums, f.each_ref(), g.each_ref());
            [total(sums[0]), total(sums[1])]
        }

        #[inline]
        #[target_feature(enable = $features)]
        fn round_four(sums: &mut [Products; 2], f: [&[u64; 4]; 2], g: [&[u64; 4]; 2]) {
            let [f_lo, f_hi, g_lo, g_hi] = [load(f[0]), load(f[1]), load(g[0]), load(g[1])];
            let [f_sum, g_sum] = [_mm256_xor_si256(f_lo, f_hi), _mm256_xor_si256(g_lo, g_hi)];
            add(&mut sums[0], multiply(f_lo, g_lo));
            add(&mut sums[1], multiply(f_sum, g_sum));
        }

        #[target_feature(enable = $features)]
        fn skip_add(a: Pair<'_>, b: Pair<'_>, tau: &[u64], sums: &mut [Sum], scratch: &mut [Line]) {
            skip::skip_add(a, b, tau, sums, scratch, |cells, tau, sums| {
                add_points(cells, tau, sums)
            });
        }

        /// Adds to the sums of nine points what one block of words comes to.
        #[target_feature(enable = $features)]
        fn add_points(cells: &[Cell; 4], tau: &Line, sums: &mut [Sum; 9]) {
            let [zero, one, inf] = sums.as_chunks_mut().0 else {
                return;
            };
            add_row::<0>(cells, tau, zero);
            add_row::<1>(cells, tau, one);
            add_row::<2>(cells, tau, inf);
        }

        /// Stands alone so that all of it fits the registers.
        #[inline(never)]
        #[target_feature(enable = $features)]
        fn add_row<const ROW: usize>(cells: &[Cell; 4], tau: &Line, sums: &mut [Sum; 3]) {
            let first = skip::three_points::<ROW, 0>(cells);
            let last = skip::three_points::<ROW, 1>(cells);
            let tau = [load(&tau.0[0]), load(&tau.0[1])];
            for point in 0..3 {
                let [first_even, first_odd] = multiply(first[point], tau[0]);
                let [last_even, last_odd] = multiply(last[point], tau[1]);
                let even = _mm256_xor_si256(first_even, last_even);
                let odd = _mm256_xor_si256(first_odd, last_odd);
                let old = load(&sums[point].0);
                let new = _mm256_xor_si256(old, _mm256_xor_si256(even, odd));
                store(&mut sums[point].0, new);
            }
        }
    };
}

/// Two words at a time, of vectors cut in two.
pub(super) mod narrow {
    use core::arch::x86_64::{
        _mm_clmulepi64_si128, _mm256_castsi256_si128, _mm256_extracti128_si256, _mm256_set_m128i,
    };

    loops!("avx2 pclmulqdq", "avx2,pclmulqdq");

    #[inline]
    #[target_feature(enable = "avx2,pclmulqdq")]
    fn multiply(a: __m256i, b: __m256i) -> Products {
        let [a_lo, b_lo] = [_mm256_castsi256_si128(a), _mm256_castsi256_si128(b)];
        let [a_hi, b_hi] = [
            _mm256_extracti128_si256::<1>(a),
            _mm256_extracti128_si256::<1>(b),
        ];
        let even_lo = _mm_clmulepi64_si128::<0x00>(a_lo, b_lo);
        let even_hi = _mm_clmulepi64_si128::<0x00>(a_hi, b_hi);
        let odd_lo = _mm_clmulepi64_si128::<0x11>(a_lo, b_lo);
        let odd_hi = _mm_clmulepi64_si128::<0x11>(a_hi, b_hi);
        [
            _mm256_set_m128i(even_hi, even_lo),
            _mm256_set_m128i(odd_hi, odd_lo),
        ]
    }
}

/// Whole vectors.
pub(super) mod wide {
    use core::arch::x86_64::_mm256_clmulepi64_epi128;

    loops!("avx2 vpclmulqdq", "avx2,pclmulqdq,vpclmulqdq");

    #[inline]
    #[target_feature(enable = "avx2,pclmulqdq,vpclmulqdq")]
    fn multiply(a: __m256i, b: __m256i) -> Products {
        [
            _mm256_clmulepi64_epi128::<0x00>(a, b),
            _mm256_clmulepi64_epi128::<0x11>(a, b),
        ]
    }
}
