//! Products of 8-bit integers, four at a time, with AVX-VNNI, summed in 32 bits: AVX512-VNNI's
//! instruction on eight lanes, for processors without AVX-512.

use std::arch::x86_64::{
    _mm256_add_ps, _mm256_cvtepi32_ps, _mm256_dpbusd_avx_epi32, _mm256_loadu_ps,
    _mm256_loadu_si256, _mm256_mul_ps, _mm256_set1_epi32, _mm256_set1_ps, _mm256_setzero_si256,
    _mm256_storeu_ps, _mm256_sub_epi32,
};

use crate::cpu::gemm::layout::{NR, Panel, Quad, Target, in_tiles};
use crate::cpu::simd::detect;

/// Rows of a tile: twelve sums, two vectors of the panel and one of a row fill the 16 registers.
const ROWS_OF_TILE: usize = 6;
/// Integers in a vector.
const WIDTH: usize = 8;

/// A token: the processor has the instructions.
#[derive(Debug, Clone, Copy)]
pub(crate) struct AvxVnni(());

impl AvxVnni {
    /// The token, if the processor has them.
    pub(crate) fn find() -> Option<Self> {
        detect::avx_vnni().then_some(Self(()))
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

#[target_feature(enable = "avx2,avxvnni")]
unsafe fn multiply(
    (a, a_row): (*const Quad, usize),
    scales: *const f32,
    panel: Panel,
    steps: usize,
    target: Target,
) {
    for column in (0..NR).step_by(2 * WIDTH) {
        in_tiles!(target.rows, ROWS_OF_TILE, |row, ROWS| {
            // SAFETY: the caller's, for rows and columns that exist.
            unsafe {
                let start = target.start.add(row * target.row + column);
                let target = Target { start, ..target };
                let panel = Panel {
                    values: panel.values.add(column),
                    scales: panel.scales.add(column),
                    offsets: panel.offsets.add(column),
                };
                let a = (a.add(row * a_row), a_row);
                tile::<ROWS>(a, scales.add(row), panel, steps, target);
            }
        });
    }
}

/// Sixteen columns.
#[inline]
#[target_feature(enable = "avx2,avxvnni")]
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
        let mut sums = [[_mm256_setzero_si256(); 2]; ROWS];
        for _ in 0..steps {
            let right = [
                _mm256_loadu_si256(b.cast()),
                _mm256_loadu_si256(b.add(WIDTH).cast()),
            ];
            for (row, sums) in sums.iter_mut().enumerate() {
                let left = _mm256_set1_epi32(*a.add(row * a_row) as i32);
                for (sum, right) in sums.iter_mut().zip(right) {
                    *sum = _mm256_dpbusd_avx_epi32(*sum, left, right);
                }
            }
            a = a.wrapping_add(1);
            b = b.wrapping_add(NR);
        }
        for (row, sums) in sums.into_iter().enumerate() {
            let of_row = _mm256_set1_ps(*scales.add(row));
            for (half, sum) in sums.into_iter().enumerate() {
                let offset = _mm256_loadu_si256(panel.offsets.add(WIDTH * half).cast());
                let of_line = _mm256_loadu_ps(panel.scales.add(WIDTH * half));
                let sum = _mm256_cvtepi32_ps(_mm256_sub_epi32(sum, offset));
                let mut y = _mm256_mul_ps(sum, _mm256_mul_ps(of_row, of_line));
                let c = target.start.add(row * target.row + WIDTH * half);
                if target.add {
                    y = _mm256_add_ps(y, _mm256_loadu_ps(c));
                }
                _mm256_storeu_ps(c, y);
            }
        }
    }
}
