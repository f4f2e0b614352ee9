//! Arrays of eight values, without any instruction of its own.

use super::{Simd, WIDEST};
use crate::cpu::simd::Kernel;

const WIDTH: usize = 8;

/// Works everywhere.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Portable;

#[inline(always)]
fn each(f: impl Fn(usize) -> f32) -> [f32; WIDTH] {
    std::array::from_fn(f)
}

impl Simd for Portable {
    type Float = [f32; WIDTH];
    type Int = [i32; WIDTH];

    const WIDTH: usize = WIDTH;
    const TILE_ROWS: usize = 2;

    #[inline(always)]
    fn call<K: Kernel>(self, kernel: K) -> K::Output {
        kernel.run(self)
    }

    #[inline(always)]
    fn splat(self, x: f32) -> Self::Float {
        [x; WIDTH]
    }

    #[inline(always)]
    unsafe fn load_from(self, source: *const f32) -> Self::Float {
        // SAFETY: the caller vouches for the values; arrays of them may lie anywhere.
        unsafe { source.cast::<Self::Float>().read_unaligned() }
    }

    #[inline(always)]
    unsafe fn store_to(self, x: Self::Float, target: *mut f32) {
        // SAFETY: as above.
        unsafe { target.cast::<Self::Float>().write_unaligned(x) }
    }

    #[inline(always)]
    fn prefetch(self, _: *const f32) {}

    #[inline(always)]
    unsafe fn four_columns(self, rows: &[*const f32; WIDEST]) -> [Self::Float; 4] {
        // SAFETY: the caller vouches for the values.
        [0, 1, 2, 3].map(|column| each(|i| unsafe { *rows[i].add(column) }))
    }

    #[inline(always)]
    fn add(self, a: Self::Float, b: Self::Float) -> Self::Float {
        each(|i| a[i] + b[i])
    }

    #[inline(always)]
    fn sub(self, a: Self::Float, b: Self::Float) -> Self::Float {
        each(|i| a[i] - b[i])
    }

    #[inline(always)]
    fn mul(self, a: Self::Float, b: Self::Float) -> Self::Float {
        each(|i| a[i] * b[i])
    }

    #[inline(always)]
    fn div(self, a: Self::Float, b: Self::Float) -> Self::Float {
        each(|i| a[i] / b[i])
    }

    // Not `f32::mul_add`: without the instruction that is a call for every number.
    #[inline(always)]
    fn fma(self, a: Self::Float, b: Self::Float, c: Self::Float) -> Self::Float {
        each(|i| a[i] * b[i] + c[i])
    }

    #[inline(always)]
    fn max(self, a: Self::Float, b: Self::Float) -> Self::Float {
        each(|i| if a[i] > b[i] { a[i] } else { b[i] })
    }

    #[inline(always)]
    fn min(self, a: Self::Float, b: Self::Float) -> Self::Float {
        each(|i| if a[i] < b[i] { a[i] } else { b[i] })
    }

    // Adding 1.5 * 2^23 leaves no bits behind the point. Only magnitudes below 2^22 come here.
    #[inline(always)]
    fn round(self, x: Self::Float) -> Self::Float {
        const SHIFT: f32 = 12_582_912.0;
        each(|i| (x[i] + SHIFT) - SHIFT)
    }

    #[inline(always)]
    fn abs(self, x: Self::Float) -> Self::Float {
        each(|i| x[i].abs())
    }

    #[inline(always)]
    fn upper_half(self, x: Self::Float) -> Self::Float {
        each(|i| f32::from_bits(x[i].to_bits() & 0xFFFF_F000))
    }

    #[inline(always)]
    fn exp2_integer(self, n: Self::Float) -> Self::Float {
        each(|i| f32::from_bits(((n[i] as i32 + 127) as u32) << 23))
    }

    #[inline(always)]
    fn where_negative(
        self,
        x: Self::Float,
        negative: Self::Float,
        other: Self::Float,
    ) -> Self::Float {
        each(|i| if x[i] < 0.0 { negative[i] } else { other[i] })
    }

    #[inline(always)]
    fn sum(self, x: Self::Float) -> f32 {
        let [a, b, c, d, e, f, g, h] = x;
        ((a + e) + (c + g)) + ((b + f) + (d + h))
    }

    #[inline(always)]
    fn splat_int(self, x: i32) -> Self::Int {
        [x; WIDTH]
    }

    #[inline(always)]
    unsafe fn load_int(self, source: *const i32) -> Self::Int {
        // SAFETY: the caller vouches for the integers; arrays of them may lie anywhere.
        unsafe { source.cast::<Self::Int>().read_unaligned() }
    }

    #[inline(always)]
    fn dot_halves(self, sum: Self::Int, a: Self::Int, b: Self::Int) -> Self::Int {
        let halves = |x: i32| [i32::from(x as i16), x >> 16];
        std::array::from_fn(|i| {
            let ([a_low, a_high], [b_low, b_high]) = (halves(a[i]), halves(b[i]));
            sum[i]
                .wrapping_add(a_low * b_low)
                .wrapping_add(a_high * b_high)
        })
    }

    #[inline(always)]
    fn float_of(self, x: Self::Int) -> Self::Float {
        each(|i| x[i] as f32)
    }

    #[inline(always)]
    fn largest(self, x: Self::Float) -> f32 {
        x.into_iter().fold(f32::NEG_INFINITY, f32::max)
    }
}
