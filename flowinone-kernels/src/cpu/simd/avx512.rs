//! Sixteen lanes of AVX-512.

use std::arch::x86_64::{
    __m512, __m512i, _CMP_LT_OQ, _MM_HINT_T0, _mm_loadu_ps, _mm_prefetch, _mm_storeu_ps,
    _mm512_abs_ps, _mm512_add_epi32, _mm512_add_ps, _mm512_and_ps, _mm512_castpd_ps,
    _mm512_castps_pd, _mm512_castps128_ps512, _mm512_castps512_ps128, _mm512_castsi512_ps,
    _mm512_cmp_ps_mask, _mm512_cvtepi32_ps, _mm512_cvtps_epi32, _mm512_div_ps,
    _mm512_extractf32x4_ps, _mm512_fmadd_ps, _mm512_insertf32x4, _mm512_loadu_ps,
    _mm512_loadu_si512, _mm512_madd_epi16, _mm512_mask_blend_ps, _mm512_mask_loadu_ps,
    _mm512_mask_storeu_ps, _mm512_max_ps, _mm512_min_ps, _mm512_mul_ps, _mm512_reduce_add_ps,
    _mm512_reduce_max_ps, _mm512_roundscale_ps, _mm512_set1_epi32, _mm512_set1_ps,
    _mm512_slli_epi32, _mm512_storeu_ps, _mm512_sub_ps, _mm512_unpackhi_pd, _mm512_unpackhi_ps,
    _mm512_unpacklo_pd, _mm512_unpacklo_ps,
};

use super::detect;
use super::{Kernel, Simd, Slot, WIDEST};

/// A token: the processor has AVX-512 F, BW and DQ.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Avx512(());

/// Runs a kernel compiled with AVX-512.
///
/// # Panics
/// If the processor lacks it.
#[inline]
pub(crate) fn run<K: Kernel>(kernel: K) -> K::Output {
    assert!(detect::avx512(), "this processor has no AVX-512");
    // SAFETY: the processor has the instructions.
    unsafe { run_enabled(kernel) }
}

#[target_feature(enable = "avx512f,avx512bw,avx512dq,avx2,fma")]
fn run_enabled<K: Kernel>(kernel: K) -> K::Output {
    kernel.run(Avx512(()))
}

/// The lanes below `count`.
#[inline(always)]
fn first(count: usize) -> u16 {
    debug_assert!(count < 16);
    (1 << count) - 1
}

macro_rules! instructions {
    ($($name:ident($($argument:ident),*) = $value:expr;)*) => {$(
        #[inline(always)]
        fn $name(self, $($argument: __m512),*) -> __m512 {
            // SAFETY: `self` is A token: the processor has the instructions.
            unsafe { $value }
        }
    )*};
}

impl Simd for Avx512 {
    type Float = __m512;
    type Int = __m512i;

    const WIDTH: usize = 16;
    const TILE_ROWS: usize = 12;

    instructions! {
        add(a, b) = _mm512_add_ps(a, b);
        sub(a, b) = _mm512_sub_ps(a, b);
        mul(a, b) = _mm512_mul_ps(a, b);
        div(a, b) = _mm512_div_ps(a, b);
        fma(a, b, c) = _mm512_fmadd_ps(a, b, c);
        max(a, b) = _mm512_max_ps(a, b);
        min(a, b) = _mm512_min_ps(a, b);
        abs(x) = _mm512_abs_ps(x);
        // Rounds to nearest, ties to even, no digits kept behind the point.
        round(x) = _mm512_roundscale_ps::<0>(x);
        upper_half(x) = _mm512_and_ps(x, _mm512_castsi512_ps(_mm512_set1_epi32(0xFFFF_F000_u32 as i32)));
        exp2_integer(n) = _mm512_castsi512_ps(_mm512_slli_epi32::<23>(
            _mm512_add_epi32(_mm512_cvtps_epi32(n), _mm512_set1_epi32(127)),
        ));
        where_negative(x, negative, other) = _mm512_mask_blend_ps(
            _mm512_cmp_ps_mask::<_CMP_LT_OQ>(x, _mm512_set1_ps(0.0)),
            other,
            negative,
        );
    }

    #[inline(always)]
    fn call<K: Kernel>(self, kernel: K) -> K::Output {
        // SAFETY: `self` is A token: the processor has the instructions.
        unsafe { run_enabled(kernel) }
    }

    #[inline(always)]
    fn splat(self, x: f32) -> __m512 {
        // SAFETY: `self` is A token: the processor has the instructions.
        unsafe { _mm512_set1_ps(x) }
    }

    #[inline(always)]
    fn sum(self, x: __m512) -> f32 {
        // SAFETY: `self` is A token: the processor has the instructions.
        unsafe { _mm512_reduce_add_ps(x) }
    }

    #[inline(always)]
    fn store_by_fours(self, [a, b, c, d]: [__m512; 4], target: &mut [[Slot; 4]; WIDEST]) {
        // SAFETY: each target is four values; `self` vouches for the instructions.
        unsafe {
            let pairs = |x, y| {
                let (low, high) = (_mm512_unpacklo_ps(x, y), _mm512_unpackhi_ps(x, y));
                (_mm512_castps_pd(low), _mm512_castps_pd(high))
            };
            let ((ab, ab_high), (cd, cd_high)) = (pairs(a, b), pairs(c, d));
            let fours = [
                _mm512_unpacklo_pd(ab, cd),
                _mm512_unpackhi_pd(ab, cd),
                _mm512_unpacklo_pd(ab_high, cd_high),
                _mm512_unpackhi_pd(ab_high, cd_high),
            ];
            for (index, four) in fours.into_iter().enumerate() {
                let four = _mm512_castpd_ps(four);
                let mut store =
                    |index: usize, x| _mm_storeu_ps(target[index].as_mut_ptr().cast(), x);
                store(index, _mm512_castps512_ps128(four));
                store(4 + index, _mm512_extractf32x4_ps::<1>(four));
                store(8 + index, _mm512_extractf32x4_ps::<2>(four));
                store(12 + index, _mm512_extractf32x4_ps::<3>(four));
            }
        }
    }

    #[inline(always)]
    fn splat_int(self, x: i32) -> __m512i {
        // SAFETY: `self` is A token: the processor has the instructions.
        unsafe { _mm512_set1_epi32(x) }
    }

    #[inline(always)]
    unsafe fn load_int(self, source: *const i32) -> __m512i {
        // SAFETY: the caller vouches for the integers, `self` for the instructions.
        unsafe { _mm512_loadu_si512(source.cast()) }
    }

    #[inline(always)]
    fn dot_halves(self, sum: __m512i, a: __m512i, b: __m512i) -> __m512i {
        // SAFETY: `self` is A token: the processor has the instructions.
        unsafe { _mm512_add_epi32(sum, _mm512_madd_epi16(a, b)) }
    }

    #[inline(always)]
    fn float_of(self, x: __m512i) -> __m512 {
        // SAFETY: `self` is A token: the processor has the instructions.
        unsafe { _mm512_cvtepi32_ps(x) }
    }

    #[inline(always)]
    fn largest(self, x: __m512) -> f32 {
        // SAFETY: `self` is A token: the processor has the instructions.
        unsafe { _mm512_reduce_max_ps(x) }
    }

    #[inline(always)]
    fn prefetch(self, values: *const f32) {
        // SAFETY: any processor of this level has it, and no address is read.
        unsafe { _mm_prefetch::<_MM_HINT_T0>(values.cast()) }
    }

    #[inline(always)]
    unsafe fn four_columns(self, rows: &[*const f32; WIDEST]) -> [__m512; 4] {
        // SAFETY: the caller vouches for the values, `self` for the instructions.
        unsafe {
            let mut quarters = [_mm512_set1_ps(0.0); 4]; // rows i, i + 4, i + 8, i + 12
            for (i, quarter) in quarters.iter_mut().enumerate() {
                let row = |k: usize| _mm_loadu_ps(rows[i + 4 * k]);
                let x = _mm512_castps128_ps512(row(0));
                let x = _mm512_insertf32x4::<1>(x, row(1));
                let x = _mm512_insertf32x4::<2>(x, row(2));
                *quarter = _mm512_insertf32x4::<3>(x, row(3));
            }
            let [a, b, c, d] = quarters;
            let pairs = |x, y| {
                let (low, high) = (_mm512_unpacklo_ps(x, y), _mm512_unpackhi_ps(x, y));
                (_mm512_castps_pd(low), _mm512_castps_pd(high))
            };
            let ((ab, ab_high), (cd, cd_high)) = (pairs(a, b), pairs(c, d));
            [
                _mm512_castpd_ps(_mm512_unpacklo_pd(ab, cd)),
                _mm512_castpd_ps(_mm512_unpackhi_pd(ab, cd)),
                _mm512_castpd_ps(_mm512_unpacklo_pd(ab_high, cd_high)),
                _mm512_castpd_ps(_mm512_unpackhi_pd(ab_high, cd_high)),
            ]
        }
    }

    #[inline(always)]
    unsafe fn load_from(self, source: *const f32) -> __m512 {
        // SAFETY: the caller vouches for the values, `self` for the instructions.
        unsafe { _mm512_loadu_ps(source) }
    }

    #[inline(always)]
    unsafe fn store_to(self, x: __m512, target: *mut f32) {
        // SAFETY: the caller vouches for the values, `self` for the instructions.
        unsafe { _mm512_storeu_ps(target, x) }
    }

    #[inline(always)]
    fn load_short(self, source: &[f32], fill: f32) -> __m512 {
        // SAFETY: lanes that the mask leaves out are not read; `self` vouches for the instructions.
        unsafe { _mm512_mask_loadu_ps(_mm512_set1_ps(fill), first(source.len()), source.as_ptr()) }
    }

    #[inline(always)]
    fn store_short(self, x: __m512, target: &mut [Slot]) {
        // SAFETY: lanes that the mask leaves out are not written; `self` vouches for the
        // instructions.
        unsafe { _mm512_mask_storeu_ps(target.as_mut_ptr().cast(), first(target.len()), x) }
    }
}
