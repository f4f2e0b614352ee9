//! Products of pairs of bfloat16 with AVX512-BF16, summed in float32.

use std::arch::x86_64::{
    __m512bh, __m512i, _mm512_dpbf16_ps, _mm512_loadu_ps, _mm512_loadu_si512, _mm512_set1_epi32,
    _mm512_setzero_ps, _mm512_storeu_ps,
};
use std::mem::transmute;

use crate::bfloat::Pair;
use crate::packed::{BREADTH, HEIGHT};
use crate::product::Target;
use crate::tile::in_tiles;

/// The proof that the processor has the instructions.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Proof(());

impl Proof {
    /// It, if the processor has them.
    pub(crate) fn find() -> Option<Self> {
        let found = super::avx512::detected()
            && is_x86_feature_detected!("avx512bw")
            && is_x86_feature_detected!("avx512bf16");
        found.then_some(Self(()))
    }

    /// The product of up to 12 rows of pairs and 32 columns of them.
    ///
    /// # Safety
    /// The factors must be readable in all their steps, the left one in the target's rows, the target writable in its rows of 32 numbers,
    /// and written before if it is added to.
    pub(crate) unsafe fn multiply(self, factors: Factors, steps: usize, target: Target) {
        // SAFETY: `self` is the proof; the rest is the caller's.
        unsafe { multiply(factors, steps, target) };
    }

    /// Sums over all offsets of weights, 12 for each, times vectors of 16 pixels, of pairs of channels;
    /// the first `ROWS` of the 12 by `VECTORS` vectors.
    ///
    /// # Safety
    /// Weights and pixels must be readable.
    pub(crate) unsafe fn convolve<const ROWS: usize, const VECTORS: usize>(
        self,
        weight: *const Pair,
        offsets: &[usize],
        x: [*const Pair; VECTORS],
        sums: &mut [[f32; BREADTH]; HEIGHT],
    ) {
        // SAFETY: `self` is the proof; the rest is the caller's.
        unsafe { convolve::<ROWS, VECTORS>(weight, offsets, x, sums) };
    }
}

/// Where pairs of two factors lie.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Factors {
    /// The first pair of the first row.
    pub(crate) a: *const Pair,
    /// From a row to the next.
    pub(crate) a_row: usize,
    /// From a step to the next.
    pub(crate) a_step: usize,
    /// A panel of 32 columns.
    pub(crate) b: *const Pair,
}

#[target_feature(enable = "avx512f,avx512bw,avx512bf16")]
unsafe fn multiply(factors: Factors, steps: usize, target: Target) {
    in_tiles!(target.rows, HEIGHT, |row, ROWS| {
        // SAFETY: the caller's, for rows that exist.
        unsafe {
            let a = factors.a.add(row * factors.a_row);
            let start = target.start.add(row * target.row);
            let factors = Factors { a, ..factors };
            tile::<ROWS>(factors, steps, Target { start, ..target });
        }
    });
}

#[inline]
#[target_feature(enable = "avx512f,avx512bw,avx512bf16")]
unsafe fn tile<const ROWS: usize>(factors: Factors, steps: usize, target: Target) {
    let Factors {
        a,
        a_row,
        a_step,
        mut b,
    } = factors;
    let mut a = a.cast::<i32>();
    // SAFETY: the caller vouches for both panels and the target.
    unsafe {
        let mut sums = [[_mm512_setzero_ps(); 2]; ROWS];
        if target.add {
            for (row, sums) in sums.iter_mut().enumerate() {
                let c = target.start.add(row * target.row);
                *sums = [_mm512_loadu_ps(c), _mm512_loadu_ps(c.add(16))];
            }
        }
        for _ in 0..steps {
            let right = [
                pairs(_mm512_loadu_si512(b.cast())),
                pairs(_mm512_loadu_si512(b.add(16).cast())),
            ];
            for (row, sums) in sums.iter_mut().enumerate() {
                let left = pairs(_mm512_set1_epi32(*a.add(row * a_row)));
                for (sum, right) in sums.iter_mut().zip(right) {
                    *sum = _mm512_dpbf16_ps(*sum, left, right);
                }
            }
            a = a.wrapping_add(a_step);
            b = b.wrapping_add(BREADTH);
        }
        for (row, sums) in sums.into_iter().enumerate() {
            let c = target.start.add(row * target.row);
            _mm512_storeu_ps(c, sums[0]);
            _mm512_storeu_ps(c.add(16), sums[1]);
        }
    }
}

#[target_feature(enable = "avx512f,avx512bw,avx512bf16")]
unsafe fn convolve<const ROWS: usize, const VECTORS: usize>(
    weight: *const Pair,
    offsets: &[usize],
    x: [*const Pair; VECTORS],
    target: &mut [[f32; BREADTH]; HEIGHT],
) {
    let mut weight = weight.cast::<i32>();
    let mut sums = [[_mm512_setzero_ps(); VECTORS]; ROWS];
    // SAFETY: the caller vouches for weights and pixels; a row of the target has two vectors.
    unsafe {
        for offset in offsets {
            let right = x.map(|x| pairs(_mm512_loadu_si512(x.add(*offset).cast())));
            for (row, sums) in sums.iter_mut().enumerate() {
                let left = pairs(_mm512_set1_epi32(*weight.add(row)));
                for (sum, right) in sums.iter_mut().zip(right) {
                    *sum = _mm512_dpbf16_ps(*sum, left, right);
                }
            }
            weight = weight.wrapping_add(HEIGHT);
        }
        for (sums, target) in sums.into_iter().zip(target) {
            for (index, sum) in sums.into_iter().enumerate() {
                _mm512_storeu_ps(target[16 * index..][..16].as_mut_ptr(), sum);
            }
        }
    }
}

/// A vector of 16 pairs, as the instruction takes it.
#[inline(always)]
fn pairs(x: __m512i) -> __m512bh {
    // SAFETY: both are 64 bytes, and any of them make numbers.
    unsafe { transmute(x) }
}
