//! Products of 8-bit integers, four at a time, with AVX512-VNNI, summed in 32 bits.

use std::arch::x86_64::{
    _mm512_add_ps, _mm512_cvtepi32_ps, _mm512_dpbusd_epi32, _mm512_loadu_ps, _mm512_loadu_si512,
    _mm512_mul_ps, _mm512_set1_epi32, _mm512_set1_ps, _mm512_setzero_si512, _mm512_storeu_ps,
    _mm512_sub_epi32,
};

use crate::cpu::gemm::layout::{MR, NR, Panel, Quad, Target, in_tiles};
use crate::cpu::simd::detect;

/// A token: the processor has the instructions.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Avx512Vnni(());

impl Avx512Vnni {
    /// The token, if the processor has them.
    pub(crate) fn find() -> Option<Self> {
        detect::avx512_vnni().then_some(Self(()))
    }

    /// The product of up to 12 rows of quads with their scales, from a row to the next `a_row`, and
    /// a panel of 32 columns.
    ///
    /// # Safety
    /// The factors must be readable in all their steps, the target writable in its rows of 32
    /// values, and written before if it is added to.
    pub(crate) unsafe fn multiply(
        self,
        (a, a_row): (*const Quad, usize),
        scales: *const f32,
        b: Panel,
        steps: usize,
        target: Target,
    ) {
        // SAFETY: `self` is the proof; the rest is the caller's.
        unsafe { multiply((a, a_row), scales, b, steps, target) };
    }
}

#[target_feature(enable = "avx512f,avx512vnni")]
unsafe fn multiply(
    (a, a_row): (*const Quad, usize),
    scales: *const f32,
    b: Panel,
    steps: usize,
    target: Target,
) {
    in_tiles!(target.rows, MR, |row, ROWS| {
        // SAFETY: the caller's, for rows that exist.
        unsafe {
            let start = target.start.add(row * target.row);
            let target = Target { start, ..target };
            let a = (a.add(row * a_row), a_row);
            tile::<ROWS>(a, scales.add(row), b, steps, target);
        }
    });
}

#[inline]
#[target_feature(enable = "avx512f,avx512vnni")]
unsafe fn tile<const ROWS: usize>(
    (mut a, a_row): (*const Quad, usize),
    scales: *const f32,
    panel: Panel,
    steps: usize,
    target: Target,
) {
    // SAFETY: the caller vouches for both panels and the target.
    unsafe {
        let mut b = panel.values;
        let mut sums = [[_mm512_setzero_si512(); 2]; ROWS];
        for _ in 0..steps {
            let right = [
                _mm512_loadu_si512(b.cast()),
                _mm512_loadu_si512(b.add(16).cast()),
            ];
            for (row, sums) in sums.iter_mut().enumerate() {
                let left = _mm512_set1_epi32(*a.add(row * a_row) as i32);
                for (sum, right) in sums.iter_mut().zip(right) {
                    *sum = _mm512_dpbusd_epi32(*sum, left, right);
                }
            }
            a = a.wrapping_add(1);
            b = b.wrapping_add(NR);
        }
        for (row, sums) in sums.into_iter().enumerate() {
            let of_row = _mm512_set1_ps(*scales.add(row));
            for (half, sum) in sums.into_iter().enumerate() {
                let offset = _mm512_loadu_si512(panel.offsets.add(16 * half).cast());
                let of_line = _mm512_loadu_ps(panel.scales.add(16 * half));
                let sum = _mm512_cvtepi32_ps(_mm512_sub_epi32(sum, offset));
                let mut y = _mm512_mul_ps(sum, _mm512_mul_ps(of_row, of_line));
                let c = target.start.add(row * target.row + 16 * half);
                if target.add {
                    y = _mm512_add_ps(y, _mm512_loadu_ps(c));
                }
                _mm512_storeu_ps(c, y);
            }
        }
    }
}
