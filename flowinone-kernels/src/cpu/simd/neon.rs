//! Four lanes of ARM's Advanced SIMD, which every 64-bit ARM processor has.

use std::arch::aarch64::{
    float32x4_t, int32x4_t, vabsq_f32, vaddq_f32, vaddq_s32, vaddvq_f32, vandq_u32, vbslq_f32,
    vcltzq_f32, vcvtnq_s32_f32, vcvtq_f32_s32, vdivq_f32, vdupq_n_f32, vdupq_n_s32, vdupq_n_u32,
    vfmaq_f32, vget_low_s16, vld1q_f32, vld1q_s32, vmaxq_f32, vmaxvq_f32, vminq_f32,
    vmull_high_s16, vmull_s16, vmulq_f32, vpaddq_s32, vreinterpretq_f32_f64, vreinterpretq_f32_s32,
    vreinterpretq_f32_u32, vreinterpretq_f64_f32, vreinterpretq_s16_s32, vreinterpretq_u32_f32,
    vrndnq_f32, vshlq_n_s32, vst1q_f32, vsubq_f32, vtrn1q_f32, vtrn1q_f64, vtrn2q_f32, vtrn2q_f64,
};

use super::detect;
use super::{Kernel, Simd, Slot, WIDEST};

/// A token: the processor has the instructions.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Neon(());

/// Runs a kernel compiled for them.
///
/// # Panics
/// If the processor lacks them.
#[inline]
pub(crate) fn run<K: Kernel>(kernel: K) -> K::Output {
    assert!(detect::neon(), "this processor has no Advanced SIMD");
    // SAFETY: the processor has the instructions.
    unsafe { run_enabled(kernel) }
}

#[target_feature(enable = "neon")]
fn run_enabled<K: Kernel>(kernel: K) -> K::Output {
    kernel.run(Neon(()))
}

macro_rules! instructions {
    ($($name:ident($($argument:ident),*) = $value:expr;)*) => {$(
        #[inline(always)]
        fn $name(self, $($argument: float32x4_t),*) -> float32x4_t {
            // SAFETY: `self` is A token: the processor has the instructions.
            unsafe { $value }
        }
    )*};
}

impl Simd for Neon {
    type Float = float32x4_t;
    type Int = int32x4_t;

    const WIDTH: usize = 4;
    const TILE_ROWS: usize = 8;

    instructions! {
        add(a, b) = vaddq_f32(a, b);
        sub(a, b) = vsubq_f32(a, b);
        mul(a, b) = vmulq_f32(a, b);
        div(a, b) = vdivq_f32(a, b);
        fma(a, b, c) = vfmaq_f32(c, a, b);
        max(a, b) = vmaxq_f32(a, b);
        min(a, b) = vminq_f32(a, b);
        abs(x) = vabsq_f32(x);
        round(x) = vrndnq_f32(x);
        upper_half(x) = vreinterpretq_f32_u32(vandq_u32(vreinterpretq_u32_f32(x), vdupq_n_u32(0xFFFF_F000)));
        exp2_integer(n) = vreinterpretq_f32_s32(vshlq_n_s32::<23>(
            vaddq_s32(vcvtnq_s32_f32(n), vdupq_n_s32(127)),
        ));
        where_negative(x, negative, other) = vbslq_f32(vcltzq_f32(x), negative, other);
    }

    #[inline(always)]
    fn call<K: Kernel>(self, kernel: K) -> K::Output {
        // SAFETY: `self` is A token: the processor has the instructions.
        unsafe { run_enabled(kernel) }
    }

    #[inline(always)]
    fn splat(self, x: f32) -> float32x4_t {
        // SAFETY: `self` is A token: the processor has the instructions.
        unsafe { vdupq_n_f32(x) }
    }

    #[inline(always)]
    fn sum(self, x: float32x4_t) -> f32 {
        // SAFETY: `self` is A token: the processor has the instructions.
        unsafe { vaddvq_f32(x) }
    }

    #[inline(always)]
    fn store_by_fours(self, four: [float32x4_t; 4], target: &mut [[Slot; 4]; WIDEST]) {
        // SAFETY: each target is four values, and so is each vector; `self` vouches for the
        // instructions.
        unsafe {
            let [a, b, c, d] = four;
            let wide = |x| vreinterpretq_f64_f32(x);
            let (ab, ab_odd) = (wide(vtrn1q_f32(a, b)), wide(vtrn2q_f32(a, b)));
            let (cd, cd_odd) = (wide(vtrn1q_f32(c, d)), wide(vtrn2q_f32(c, d)));
            let rows = [
                vtrn1q_f64(ab, cd),
                vtrn1q_f64(ab_odd, cd_odd),
                vtrn2q_f64(ab, cd),
                vtrn2q_f64(ab_odd, cd_odd),
            ];
            for (row, target) in rows.into_iter().zip(target) {
                vst1q_f32(target.as_mut_ptr().cast(), vreinterpretq_f32_f64(row));
            }
        }
    }

    #[inline(always)]
    fn splat_int(self, x: i32) -> int32x4_t {
        // SAFETY: `self` is A token: the processor has the instructions.
        unsafe { vdupq_n_s32(x) }
    }

    #[inline(always)]
    unsafe fn load_int(self, source: *const i32) -> int32x4_t {
        // SAFETY: the caller vouches for the integers, `self` for the instructions.
        unsafe { vld1q_s32(source) }
    }

    #[inline(always)]
    fn dot_halves(self, sum: int32x4_t, a: int32x4_t, b: int32x4_t) -> int32x4_t {
        // SAFETY: `self` is A token: the processor has the instructions.
        unsafe {
            let (a, b) = (vreinterpretq_s16_s32(a), vreinterpretq_s16_s32(b));
            let low = vmull_s16(vget_low_s16(a), vget_low_s16(b));
            vaddq_s32(sum, vpaddq_s32(low, vmull_high_s16(a, b)))
        }
    }

    #[inline(always)]
    fn float_of(self, x: int32x4_t) -> float32x4_t {
        // SAFETY: `self` is A token: the processor has the instructions.
        unsafe { vcvtq_f32_s32(x) }
    }

    #[inline(always)]
    fn largest(self, x: float32x4_t) -> f32 {
        // SAFETY: `self` is A token: the processor has the instructions.
        unsafe { vmaxvq_f32(x) }
    }

    #[inline(always)]
    fn prefetch(self, _: *const f32) {}

    #[inline(always)]
    unsafe fn four_columns(self, rows: &[*const f32; WIDEST]) -> [float32x4_t; 4] {
        // SAFETY: the caller vouches for the values, `self` for the instructions.
        unsafe {
            let [a, b, c, d] = [0, 1, 2, 3].map(|i| vld1q_f32(rows[i]));
            // Pairs of two rows, then pairs of pairs.
            let wide = |x| vreinterpretq_f64_f32(x);
            let (ab, ab_odd) = (wide(vtrn1q_f32(a, b)), wide(vtrn2q_f32(a, b)));
            let (cd, cd_odd) = (wide(vtrn1q_f32(c, d)), wide(vtrn2q_f32(c, d)));
            [
                vreinterpretq_f32_f64(vtrn1q_f64(ab, cd)),
                vreinterpretq_f32_f64(vtrn1q_f64(ab_odd, cd_odd)),
                vreinterpretq_f32_f64(vtrn2q_f64(ab, cd)),
                vreinterpretq_f32_f64(vtrn2q_f64(ab_odd, cd_odd)),
            ]
        }
    }

    #[inline(always)]
    unsafe fn load_from(self, source: *const f32) -> float32x4_t {
        // SAFETY: the caller vouches for the values, `self` for the instructions.
        unsafe { vld1q_f32(source) }
    }

    #[inline(always)]
    unsafe fn store_to(self, x: float32x4_t, target: *mut f32) {
        // SAFETY: the caller vouches for the values, `self` for the instructions.
        unsafe { vst1q_f32(target, x) }
    }
}
