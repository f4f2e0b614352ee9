//! Products of small blocks with ARM's matrix instructions: two rows by two columns, each of eight
//! 8-bit integers (`smmla`, FEAT_I8MM) or of four bfloat16 (`bfmmla`, FEAT_BF16), summed in 32
//! bits.
//!
//! Both take the first two slots of two rows in one vector and those of two columns in another.
//! Panels keep a slot of all columns side by side; two of their rows are interleaved on the way.

use std::arch::aarch64::{
    float32x4_t, int32x4_t, uint32x4_t, vaddq_f32, vcombine_u32, vcvtq_f32_s32, vdupq_n_f32,
    vdupq_n_s32, vdupq_n_u32, vld1_u32, vld1q_f32, vld1q_u32, vmulq_f32, vreinterpretq_f32_u64,
    vreinterpretq_s32_u64, vreinterpretq_u64_f32, vreinterpretq_u64_s32, vst1q_f32, vtrn1q_u64,
    vtrn2q_u64, vzip1q_u32, vzip2q_u32,
};
use std::arch::asm;

use crate::cpu::gemm::layout::{NR, Pair, Panel, Quad, Target, in_tiles};
use crate::cpu::simd::detect;

/// Rows of a tile: with eight columns, 16 sums of the 32 registers.
const ROWS_OF_TILE: usize = 8;
/// Columns of a tile.
const COLUMNS: usize = 8;

/// A token: the processor multiplies blocks of 8-bit integers.
#[derive(Debug, Clone, Copy)]
pub(crate) struct NeonI8mm(());

/// A token: the processor multiplies blocks of bfloat16.
#[derive(Debug, Clone, Copy)]
pub(crate) struct NeonBf16(());

/// The first row of the left factor, whose slots lie in order and are followed by a zero, and the
/// distance of rows.
type Rows<T> = (*const T, usize);

impl NeonI8mm {
    /// The token, if the processor has the instruction.
    pub(crate) fn find() -> Option<Self> {
        detect::neon_i8mm().then_some(Self(()))
    }

    /// The product of up to 12 rows of quads with their scales, and a panel of 32 columns.
    ///
    /// # Safety
    /// The factors must be readable in all their steps, and a zero must follow each row; the target
    /// must be writable in its rows of 32 values, and written before if it is added to.
    pub(crate) unsafe fn multiply(
        self,
        rows: Rows<Quad>,
        scales: *const f32,
        panel: Panel,
        steps: usize,
        target: Target,
    ) {
        // SAFETY: `self` is the proof; the rest is the caller's.
        unsafe { multiply_quads(rows, scales, panel, steps, target) };
    }
}

impl NeonBf16 {
    /// The token, if the processor has the instruction.
    pub(crate) fn find() -> Option<Self> {
        detect::neon_bf16().then_some(Self(()))
    }

    /// The product of up to 12 rows of pairs and a panel of 32 columns of them.
    ///
    /// # Safety
    /// As for [`NeonI8mm::multiply`].
    pub(crate) unsafe fn multiply(
        self,
        rows: Rows<Pair>,
        panel: *const Pair,
        steps: usize,
        target: Target,
    ) {
        // SAFETY: `self` is the proof; the rest is the caller's.
        unsafe { multiply_pairs(rows, panel, steps, target) };
    }
}

/// Two slots of two rows.
#[inline]
#[target_feature(enable = "neon")]
unsafe fn two_rows(upper: *const u32, lower: *const u32) -> uint32x4_t {
    // SAFETY: the caller's.
    unsafe { vcombine_u32(vld1_u32(upper), vld1_u32(lower)) }
}

/// Two slots of eight columns, by twos; behind the last step zeros.
#[inline]
#[target_feature(enable = "neon")]
unsafe fn four_columns(b: *const u32, both: bool) -> [uint32x4_t; 4] {
    // SAFETY: the caller's, for one step or both.
    unsafe {
        let first = [vld1q_u32(b), vld1q_u32(b.add(4))];
        let second = match both {
            true => [vld1q_u32(b.add(NR)), vld1q_u32(b.add(NR + 4))],
            false => [vdupq_n_u32(0); 2],
        };
        [
            vzip1q_u32(first[0], second[0]),
            vzip2q_u32(first[0], second[0]),
            vzip1q_u32(first[1], second[1]),
            vzip2q_u32(first[1], second[1]),
        ]
    }
}

#[target_feature(enable = "neon,i8mm")]
unsafe fn multiply_quads(
    (a, a_row): Rows<Quad>,
    scales: *const f32,
    panel: Panel,
    steps: usize,
    target: Target,
) {
    for column in (0..NR).step_by(COLUMNS) {
        in_tiles!(target.rows, ROWS_OF_TILE, |row, ROWS| {
            // SAFETY: the caller's, for rows and columns that exist.
            unsafe {
                let a = (a.add(row * a_row), a_row);
                let sums = quads::<ROWS>(a, panel.values.add(column), steps);
                for (index, pair) in sums.into_iter().take(ROWS.div_ceil(2)).enumerate() {
                    for (half, of_row) in rows_of_ints(pair).into_iter().enumerate() {
                        let row = row + 2 * index + half;
                        if 2 * index + half < ROWS {
                            let of_input = vdupq_n_f32(*scales.add(row));
                            let c = target.start.add(row * target.row + column);
                            for (four, sum) in of_row.into_iter().enumerate() {
                                let of_line = vld1q_f32(panel.scales.add(column + 4 * four));
                                let c = c.add(4 * four);
                                let y = vmulq_f32(vcvtq_f32_s32(sum), vmulq_f32(of_input, of_line));
                                let y = match target.add {
                                    true => vaddq_f32(y, vld1q_f32(c)),
                                    false => y,
                                };
                                vst1q_f32(c, y);
                            }
                        }
                    }
                }
            }
        });
    }
}

/// Sums of two rows and two columns each, `[pairs of rows][pairs of columns]`.
#[inline]
#[target_feature(enable = "neon,i8mm")]
unsafe fn quads<const ROWS: usize>(
    (a, a_row): Rows<Quad>,
    b: *const Quad,
    steps: usize,
) -> [[int32x4_t; 4]; ROWS_OF_TILE / 2] {
    let mut sums = [[vdupq_n_s32(0); 4]; ROWS_OF_TILE / 2];
    for step in (0..steps).step_by(2) {
        // SAFETY: the caller vouches for both factors.
        let columns = unsafe { four_columns(b.add(step * NR), step + 1 < steps) };
        for (index, sums) in sums.iter_mut().take(ROWS.div_ceil(2)).enumerate() {
            // SAFETY: as above; a last single row stands for both.
            let rows = unsafe {
                let row = |row: usize| a.add(row.min(ROWS - 1) * a_row + step);
                two_rows(row(2 * index), row(2 * index + 1))
            };
            for (sum, columns) in sums.iter_mut().zip(columns) {
                // SAFETY: the instruction is there.
                unsafe {
                    asm!("smmla {0:v}.4s, {1:v}.16b, {2:v}.16b", inout(vreg) *sum, in(vreg) rows,
                        in(vreg) columns, options(pure, nomem, nostack, preserves_flags));
                }
            }
        }
    }
    sums
}

/// Two rows of eight sums from four blocks of two by two.
#[inline]
#[target_feature(enable = "neon")]
fn rows_of_ints(blocks: [int32x4_t; 4]) -> [[int32x4_t; 2]; 2] {
    let [a, b, c, d] = blocks.map(|block| vreinterpretq_u64_s32(block));
    let row = |x| vreinterpretq_s32_u64(x);
    [
        [row(vtrn1q_u64(a, b)), row(vtrn1q_u64(c, d))],
        [row(vtrn2q_u64(a, b)), row(vtrn2q_u64(c, d))],
    ]
}

#[target_feature(enable = "neon,bf16")]
unsafe fn multiply_pairs((a, a_row): Rows<Pair>, panel: *const Pair, steps: usize, target: Target) {
    for column in (0..NR).step_by(COLUMNS) {
        in_tiles!(target.rows, ROWS_OF_TILE, |row, ROWS| {
            // SAFETY: the caller's, for rows and columns that exist.
            unsafe {
                let a = (a.add(row * a_row), a_row);
                let sums = pairs::<ROWS>(a, panel.add(column), steps);
                for (index, pair) in sums.into_iter().take(ROWS.div_ceil(2)).enumerate() {
                    for (half, of_row) in rows_of_floats(pair).into_iter().enumerate() {
                        if 2 * index + half < ROWS {
                            let row = row + 2 * index + half;
                            let c = target.start.add(row * target.row + column);
                            for (four, y) in of_row.into_iter().enumerate() {
                                let c = c.add(4 * four);
                                let y = match target.add {
                                    true => vaddq_f32(y, vld1q_f32(c)),
                                    false => y,
                                };
                                vst1q_f32(c, y);
                            }
                        }
                    }
                }
            }
        });
    }
}

/// Sums of two rows and two columns each, `[pairs of rows][pairs of columns]`.
#[inline]
#[target_feature(enable = "neon,bf16")]
unsafe fn pairs<const ROWS: usize>(
    (a, a_row): Rows<Pair>,
    b: *const Pair,
    steps: usize,
) -> [[float32x4_t; 4]; ROWS_OF_TILE / 2] {
    let mut sums = [[vdupq_n_f32(0.0); 4]; ROWS_OF_TILE / 2];
    for step in (0..steps).step_by(2) {
        // SAFETY: the caller vouches for both factors; a pair is its 32 bits.
        let columns = unsafe { four_columns(b.add(step * NR).cast(), step + 1 < steps) };
        for (index, sums) in sums.iter_mut().take(ROWS.div_ceil(2)).enumerate() {
            // SAFETY: as above; a last single row stands for both.
            let rows = unsafe {
                let row = |row: usize| a.add(row.min(ROWS - 1) * a_row + step).cast();
                two_rows(row(2 * index), row(2 * index + 1))
            };
            for (sum, columns) in sums.iter_mut().zip(columns) {
                // SAFETY: the instruction is there.
                unsafe {
                    asm!("bfmmla {0:v}.4s, {1:v}.8h, {2:v}.8h", inout(vreg) *sum, in(vreg) rows,
                        in(vreg) columns, options(pure, nomem, nostack, preserves_flags));
                }
            }
        }
    }
    sums
}

/// Two rows of eight sums from four blocks of two by two.
#[inline]
#[target_feature(enable = "neon")]
fn rows_of_floats(blocks: [float32x4_t; 4]) -> [[float32x4_t; 2]; 2] {
    let [a, b, c, d] = blocks.map(|block| vreinterpretq_u64_f32(block));
    let row = |x| vreinterpretq_f32_u64(x);
    [
        [row(vtrn1q_u64(a, b)), row(vtrn1q_u64(c, d))],
        [row(vtrn2q_u64(a, b)), row(vtrn2q_u64(c, d))],
    ]
}
