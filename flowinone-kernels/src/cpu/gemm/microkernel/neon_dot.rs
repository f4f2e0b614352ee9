//! Products of 8-bit integers, four at a time, with ARM's dot products (`sdot`, FEAT_DotProd),
//! summed in 32 bits.

use std::arch::aarch64::{
    int32x4_t, vaddq_f32, vcvtq_f32_s32, vdupq_n_f32, vdupq_n_s32, vld1q_f32, vld1q_s32, vmulq_f32,
    vst1q_f32,
};
use std::arch::asm;

use crate::cpu::gemm::layout::{NR, Panel, Quad, Target, in_tiles};
use crate::cpu::simd::detect;

/// Rows of a tile: with eight columns, 16 sums of the 32 registers.
const ROWS_OF_TILE: usize = 8;
/// Columns of a tile.
const COLUMNS: usize = 8;

/// A token: the processor has the instruction.
#[derive(Debug, Clone, Copy)]
pub(crate) struct NeonDot(());

impl NeonDot {
    /// The token, if the processor has the instruction.
    pub(crate) fn find() -> Option<Self> {
        detect::neon_dot().then_some(Self(()))
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
        panel: Panel,
        steps: usize,
        target: Target,
    ) {
        // SAFETY: `self` is the proof; the rest is the caller's.
        unsafe { multiply((a, a_row), scales, panel, steps, target) };
    }
}

#[target_feature(enable = "neon,dotprod")]
unsafe fn multiply(
    (a, a_row): (*const Quad, usize),
    scales: *const f32,
    panel: Panel,
    steps: usize,
    target: Target,
) {
    for column in (0..NR).step_by(COLUMNS) {
        in_tiles!(target.rows, ROWS_OF_TILE, |row, ROWS| {
            // SAFETY: the caller's, for rows and columns that exist.
            unsafe {
                let sums = tile::<ROWS>(a.add(row * a_row), a_row, panel.values.add(column), steps);
                for (index, sums) in sums.into_iter().enumerate() {
                    let of_row = vdupq_n_f32(*scales.add(row + index));
                    let c = target.start.add((row + index) * target.row + column);
                    for (four, sum) in sums.into_iter().enumerate() {
                        let of_line = vld1q_f32(panel.scales.add(column + 4 * four));
                        let c = c.add(4 * four);
                        let y = vmulq_f32(vcvtq_f32_s32(sum), vmulq_f32(of_row, of_line));
                        let y = match target.add {
                            true => vaddq_f32(y, vld1q_f32(c)),
                            false => y,
                        };
                        vst1q_f32(c, y);
                    }
                }
            }
        });
    }
}

#[inline]
#[target_feature(enable = "neon,dotprod")]
unsafe fn tile<const ROWS: usize>(
    a: *const Quad,
    a_row: usize,
    b: *const Quad,
    steps: usize,
) -> [[int32x4_t; 2]; ROWS] {
    let (mut a, mut b) = (a.cast::<i32>(), b.cast::<i32>());
    let mut sums = [[vdupq_n_s32(0); 2]; ROWS];
    for _ in 0..steps {
        // SAFETY: the caller vouches for both factors.
        let right = unsafe { [vld1q_s32(b), vld1q_s32(b.add(4))] };
        for (row, sums) in sums.iter_mut().enumerate() {
            // SAFETY: as above.
            let left = vdupq_n_s32(unsafe { *a.add(row * a_row) });
            for (sum, right) in sums.iter_mut().zip(right) {
                // SAFETY: the instruction is there.
                unsafe {
                    asm!("sdot {0:v}.4s, {1:v}.16b, {2:v}.16b", inout(vreg) *sum, in(vreg) left,
                        in(vreg) right, options(pure, nomem, nostack, preserves_flags));
                }
            }
        }
        a = a.wrapping_add(1);
        b = b.wrapping_add(NR);
    }
    sums
}
