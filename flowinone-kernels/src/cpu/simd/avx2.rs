//! Eight lanes of AVX2, with fused multiplication and addition.

use std::arch::x86_64::{
    __m256, __m256i, _CMP_LT_OQ, _MM_FROUND_NO_EXC, _MM_FROUND_TO_NEAREST_INT, _MM_HINT_T0,
    _mm_add_ps, _mm_add_ss, _mm_cvtss_f32, _mm_loadu_ps, _mm_max_ps, _mm_max_ss, _mm_movehdup_ps,
    _mm_movehl_ps, _mm_prefetch, _mm_storeu_ps, _mm256_add_epi32, _mm256_add_ps, _mm256_and_ps,
    _mm256_andnot_ps, _mm256_blendv_ps, _mm256_castpd_ps, _mm256_castps_pd, _mm256_castps128_ps256,
    _mm256_castps256_ps128, _mm256_castsi256_ps, _mm256_cmp_ps, _mm256_cvtepi32_ps,
    _mm256_cvtps_epi32, _mm256_div_ps, _mm256_extractf128_ps, _mm256_fmadd_ps,
    _mm256_insertf128_ps, _mm256_loadu_ps, _mm256_loadu_si256, _mm256_madd_epi16, _mm256_max_ps,
    _mm256_min_ps, _mm256_mul_ps, _mm256_round_ps, _mm256_set1_epi32, _mm256_set1_ps,
    _mm256_slli_epi32, _mm256_storeu_ps, _mm256_sub_ps, _mm256_unpackhi_pd, _mm256_unpackhi_ps,
    _mm256_unpacklo_pd, _mm256_unpacklo_ps,
};

use super::detect;
use super::{Kernel, Simd, Slot, WIDEST};

/// A token: the processor has AVX2 and FMA.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Avx2(());

/// Runs a kernel compiled with AVX2 and FMA.
///
/// # Panics
/// If the processor lacks them.
#[inline]
pub(crate) fn run<K: Kernel>(kernel: K) -> K::Output {
    assert!(detect::avx2(), "this processor has no AVX2 with FMA");
    // SAFETY: the processor has the instructions.
    unsafe { run_enabled(kernel) }
}

#[target_feature(enable = "avx2,fma")]
fn run_enabled<K: Kernel>(kernel: K) -> K::Output {
    kernel.run(Avx2(()))
}

macro_rules! instructions {
    ($($name:ident($($argument:ident),*) = $value:expr;)*) => {$(
        #[inline(always)]
        fn $name(self, $($argument: __m256),*) -> __m256 {
            // SAFETY: `self` is A token: the processor has the instructions.
            unsafe { $value }
        }
    )*};
}

impl Simd for Avx2 {
    type Float = __m256;
    type Int = __m256i;

    const WIDTH: usize = 8;
    const TILE_ROWS: usize = 6;

    instructions! {
        add(a, b) = _mm256_add_ps(a, b);
        sub(a, b) = _mm256_sub_ps(a, b);
        mul(a, b) = _mm256_mul_ps(a, b);
        div(a, b) = _mm256_div_ps(a, b);
        fma(a, b, c) = _mm256_fmadd_ps(a, b, c);
        max(a, b) = _mm256_max_ps(a, b);
        min(a, b) = _mm256_min_ps(a, b);
        abs(x) = _mm256_andnot_ps(_mm256_set1_ps(-0.0), x);
        round(x) = _mm256_round_ps::<{ _MM_FROUND_TO_NEAREST_INT | _MM_FROUND_NO_EXC }>(x);
        upper_half(x) = _mm256_and_ps(x, _mm256_castsi256_ps(_mm256_set1_epi32(0xFFFF_F000_u32 as i32)));
        exp2_integer(n) = _mm256_castsi256_ps(_mm256_slli_epi32::<23>(
            _mm256_add_epi32(_mm256_cvtps_epi32(n), _mm256_set1_epi32(127)),
        ));
        where_negative(x, negative, other) = _mm256_blendv_ps(
            other,
            negative,
            _mm256_cmp_ps::<_CMP_LT_OQ>(x, _mm256_set1_ps(0.0)),
        );
    }

    #[inline(always)]
    fn call<K: Kernel>(self, kernel: K) -> K::Output {
        // SAFETY: `self` is A token: the processor has the instructions.
        unsafe { run_enabled(kernel) }
    }

    #[inline(always)]
    fn splat(self, x: f32) -> __m256 {
        // SAFETY: `self` is A token: the processor has the instructions.
        unsafe { _mm256_set1_ps(x) }
    }

    #[inline(always)]
    fn sum(self, x: __m256) -> f32 {
        // SAFETY: `self` is A token: the processor has the instructions.
        unsafe {
            let four = _mm_add_ps(_mm256_castps256_ps128(x), _mm256_extractf128_ps::<1>(x));
            let two = _mm_add_ps(four, _mm_movehl_ps(four, four));
            _mm_cvtss_f32(_mm_add_ss(two, _mm_movehdup_ps(two)))
        }
    }

    #[inline(always)]
    fn store_by_fours(self, [a, b, c, d]: [__m256; 4], target: &mut [[Slot; 4]; WIDEST]) {
        // SAFETY: each target is four values; `self` vouches for the instructions.
        unsafe {
            let pairs = |x, y| {
                let (low, high) = (_mm256_unpacklo_ps(x, y), _mm256_unpackhi_ps(x, y));
                (_mm256_castps_pd(low), _mm256_castps_pd(high))
            };
            let ((ab, ab_high), (cd, cd_high)) = (pairs(a, b), pairs(c, d));
            let fours = [
                _mm256_unpacklo_pd(ab, cd),
                _mm256_unpackhi_pd(ab, cd),
                _mm256_unpacklo_pd(ab_high, cd_high),
                _mm256_unpackhi_pd(ab_high, cd_high),
            ];
            for (index, four) in fours.into_iter().enumerate() {
                let four = _mm256_castpd_ps(four);
                let mut store =
                    |index: usize, x| _mm_storeu_ps(target[index].as_mut_ptr().cast(), x);
                store(index, _mm256_castps256_ps128(four));
                store(4 + index, _mm256_extractf128_ps::<1>(four));
            }
        }
    }

    #[inline(always)]
    fn splat_int(self, x: i32) -> __m256i {
        // SAFETY: `self` is A token: the processor has the instructions.
        unsafe { _mm256_set1_epi32(x) }
    }

    #[inline(always)]
    unsafe fn load_int(self, source: *const i32) -> __m256i {
        // SAFETY: the caller vouches for the integers, `self` for the instructions.
        unsafe { _mm256_loadu_si256(source.cast()) }
    }

    #[inline(always)]
    fn dot_halves(self, sum: __m256i, a: __m256i, b: __m256i) -> __m256i {
        // SAFETY: `self` is A token: the processor has the instructions.
        unsafe { _mm256_add_epi32(sum, _mm256_madd_epi16(a, b)) }
    }

    #[inline(always)]
    fn float_of(self, x: __m256i) -> __m256 {
        // SAFETY: `self` is A token: the processor has the instructions.
        unsafe { _mm256_cvtepi32_ps(x) }
    }

    #[inline(always)]
    fn largest(self, x: __m256) -> f32 {
        // SAFETY: `self` is A token: the processor has the instructions.
        unsafe {
            let four = _mm_max_ps(_mm256_castps256_ps128(x), _mm256_extractf128_ps::<1>(x));
            let two = _mm_max_ps(four, _mm_movehl_ps(four, four));
            _mm_cvtss_f32(_mm_max_ss(two, _mm_movehdup_ps(two)))
        }
    }

    #[inline(always)]
    fn prefetch(self, values: *const f32) {
        // SAFETY: any processor of this level has it, and no address is read.
        unsafe { _mm_prefetch::<_MM_HINT_T0>(values.cast()) }
    }

    #[inline(always)]
    unsafe fn four_columns(self, rows: &[*const f32; WIDEST]) -> [__m256; 4] {
        // SAFETY: the caller vouches for the values, `self` for the instructions.
        unsafe {
            let mut halves = [_mm256_set1_ps(0.0); 4]; // rows i and i + 4
            for (i, half) in halves.iter_mut().enumerate() {
                let x = _mm256_castps128_ps256(_mm_loadu_ps(rows[i]));
                *half = _mm256_insertf128_ps::<1>(x, _mm_loadu_ps(rows[i + 4]));
            }
            let [a, b, c, d] = halves;
            let pairs = |x, y| {
                let (low, high) = (_mm256_unpacklo_ps(x, y), _mm256_unpackhi_ps(x, y));
                (_mm256_castps_pd(low), _mm256_castps_pd(high))
            };
            let ((ab, ab_high), (cd, cd_high)) = (pairs(a, b), pairs(c, d));
            [
                _mm256_castpd_ps(_mm256_unpacklo_pd(ab, cd)),
                _mm256_castpd_ps(_mm256_unpackhi_pd(ab, cd)),
                _mm256_castpd_ps(_mm256_unpacklo_pd(ab_high, cd_high)),
                _mm256_castpd_ps(_mm256_unpackhi_pd(ab_high, cd_high)),
            ]
        }
    }

    #[inline(always)]
    unsafe fn load_from(self, source: *const f32) -> __m256 {
        // SAFETY: the caller vouches for the values, `self` for the instructions.
        unsafe { _mm256_loadu_ps(source) }
    }

    #[inline(always)]
    unsafe fn store_to(self, x: __m256, target: *mut f32) {
        // SAFETY: the caller vouches for the values, `self` for the instructions.
        unsafe { _mm256_storeu_ps(target, x) }
    }
}
