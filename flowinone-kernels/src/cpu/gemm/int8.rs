//! Products with weights and rows of 8-bit integers, sums in 32 bits: with `q = round(x / s)`,
//!
//! ```text
//! y = s_x s_w sum(q_x q_w) + b,   s = largest |x| / 127
//! ```
//!
//! one `s_w` for each column of the weights, fixed when they are packed, one `s_x` for each row,
//! found when it comes. The rows are kept as `q_x + 128`, never negative, as AVX512-VNNI takes them;
//! `128 sum(q_w)` is taken off each sum. Every level computes the same integers and rounds alike.

use std::mem::MaybeUninit;
use std::ops::Range;

use crate::cpu::gemm::blocked::Scheme;
use crate::cpu::gemm::layout::{MR, NR, Panel, Quad, Target};
use crate::cpu::gemm::pack::{Matrix, Packed, RowWise};
use crate::cpu::gemm::scratch::{Scratch, whole};
use crate::cpu::simd::level::SimdLevel;
use crate::cpu::simd::{Kernel, Simd};

/// The largest integer.
const LARGEST: f32 = 127.0;
/// Added to a number below 2^22, it leaves the nearest integer, ties to even, in the lowest bits.
const ROUND: f32 = 12_582_912.0;

/// Weights in panels `[panels, steps of four, NR]`.
#[derive(Debug, Clone)]
pub(crate) struct Int8Columns {
    values: Packed<Quad>,
    /// `s_w`, for all lines of all panels.
    scales: Vec<f32>,
    /// `128 sum(q_w)`, likewise.
    offsets: Vec<i32>,
}

impl Int8Columns {
    /// From weights in float32, all finite.
    pub(crate) fn new(packed: &Packed<f32>) -> Self {
        let (k, panels) = (packed.k, packed.lines.div_ceil(NR));
        let steps = k.div_ceil(4);
        let mut values = Vec::with_capacity(panels * steps * NR);
        let (mut scales, mut offsets) = (Vec::new(), Vec::new());
        for panel in 0..panels {
            let rows = packed.part::<NR>(panel, 0..k);
            let mut largest = [0.0f32; NR];
            for row in rows.chunks_exact(NR) {
                for (largest, x) in largest.iter_mut().zip(row) {
                    *largest = largest.max(x.abs());
                }
            }
            let inverse = largest.map(inverse);
            let mut sums = [0i32; NR];
            for four in rows.chunks(4 * NR) {
                let mut quads = [0; NR];
                for (place, row) in four.chunks_exact(NR).enumerate() {
                    for (line, x) in row.iter().enumerate() {
                        let q = rounded(x * inverse[line]) as i8;
                        sums[line] += i32::from(q);
                        quads[line] |= u32::from(q as u8) << (8 * place);
                    }
                }
                values.extend(quads);
            }
            scales.extend(largest.map(|largest| largest / LARGEST));
            offsets.extend(sums.map(|sum| sum.wrapping_mul(128)));
        }
        Self {
            values: Packed {
                values,
                lines: packed.lines,
                k: steps,
            },
            scales,
            offsets,
        }
    }

    /// The number at `k` of a line, as it is computed with.
    pub(crate) fn number(&self, k: usize, line: usize) -> f32 {
        let step = k / 4;
        let quad = self.values.part::<NR>(line / NR, step..step + 1)[line % NR];
        f32::from(quad.to_le_bytes()[k % 4] as i8) * self.scales[line]
    }

    /// Bytes that the weights take.
    pub(crate) fn bytes(&self) -> usize {
        size_of_val(self.values.values.as_slice())
            + size_of_val(self.scales.as_slice())
            + size_of_val(self.offsets.as_slice())
    }
}

/// `127 / largest`, or 0 where it is nothing to divide by.
#[inline(always)]
fn inverse(largest: f32) -> f32 {
    match largest > 0.0 {
        true => (LARGEST / largest).min(f32::MAX),
        false => 0.0,
    }
}

/// The nearest integer of a number up to 127.5, as the lowest byte; of what is no number, anything.
#[inline(always)]
fn rounded(x: f32) -> u8 {
    (x + ROUND).to_bits() as u8
}

/// Rows of steps of four, as `q + 128`.
#[derive(Debug, Clone)]
pub(crate) struct Int8Rows {
    values: RowWise<Quad>,
    /// `s_x`, for each row. Not a number where the row holds what is none, so that its results are
    /// none.
    scales: Vec<f32>,
}

impl Int8Rows {
    /// From `[rows, K]`, row by row.
    pub(crate) fn new(level: SimdLevel, matrix: Matrix<'_>) -> Self {
        let [rows, k] = matrix.sizes();
        // SAFETY: the kernel writes every slot.
        let (values, scales) = unsafe {
            RowWise::filled(rows, k.div_ceil(4), |line, quads, scale| {
                let row = matrix.row(line);
                level.run(Quantize { row, quads, scale });
            })
        };
        let mut scales: Vec<f32> = scales.into_iter().map(f32::from_bits).collect();
        // Tiles read those of a whole panel.
        scales.resize(whole(rows, MR), 0.0);
        Self { values, scales }
    }
}

/// One row; its scale is written as its bits.
struct Quantize<'a> {
    row: &'a [f32],
    quads: &'a mut [MaybeUninit<Quad>],
    scale: &'a mut MaybeUninit<u32>,
}

impl Kernel for Quantize<'_> {
    type Output = ();

    #[inline(always)]
    fn run<V: Simd>(self, _: V) {
        // As integers, positive numbers keep their order, and what is no number is the largest.
        let mut largest = [0u32; 16];
        let (sixteens, rest) = self.row.as_chunks::<16>();
        for values in sixteens {
            for (largest, x) in largest.iter_mut().zip(values) {
                *largest = (*largest).max(x.abs().to_bits());
            }
        }
        let rest = rest.iter().map(|x| x.abs().to_bits());
        let largest = f32::from_bits(largest.into_iter().chain(rest).max().unwrap_or(0));
        self.scale.write((largest / LARGEST).to_bits());
        let inverse = inverse(largest);
        let (fours, rest) = self.row.as_chunks::<4>();
        let (quads, last) = self.quads.split_at_mut(fours.len());
        for (quad, four) in quads.iter_mut().zip(fours) {
            quad.write(Quad::from_le_bytes(four.map(|x| byte(x, inverse))));
        }
        if let [quad] = last {
            let mut four = [0.0; 4];
            four[..rest.len()].copy_from_slice(rest);
            quad.write(Quad::from_le_bytes(four.map(|x| byte(x, inverse))));
        }
    }
}

/// A number of a row as it is kept.
#[inline(always)]
fn byte(x: f32, inverse: f32) -> u8 {
    rounded(x * inverse).wrapping_add(128)
}

/// Rows and weights of 8-bit integers.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Int8<'a> {
    a: &'a Int8Rows,
    b: &'a Int8Columns,
    #[cfg(target_arch = "x86_64")]
    proof: Option<crate::cpu::gemm::microkernel::avx512_vnni::Avx512Vnni>,
}

impl<'a> Int8<'a> {
    pub(crate) fn new(level: SimdLevel, a: &'a Int8Rows, b: &'a Int8Columns) -> Self {
        #[cfg(not(target_arch = "x86_64"))]
        let _ = level;
        Self {
            a,
            b,
            #[cfg(target_arch = "x86_64")]
            proof: match level {
                SimdLevel::Avx512 | SimdLevel::Amx => {
                    crate::cpu::gemm::microkernel::avx512_vnni::Avx512Vnni::find()
                }
                _ => None,
            },
        }
    }
}

impl Scheme for Int8<'_> {
    type Panel = Panel;

    // Sums of integers cannot go on from numbers: the whole depth at once.
    const STEPS: usize = usize::MAX / 4;

    fn rows(self) -> usize {
        self.a.values.lines
    }

    fn columns(self) -> usize {
        self.b.values.lines
    }

    fn k(self) -> usize {
        let (a, b) = (self.a.values.k, self.b.values.k);
        assert_eq!(a, b, "factors of unequal depth");
        a
    }

    #[inline(always)]
    fn panel<V: Simd>(self, _: V, index: usize, steps: Range<usize>, _: &mut Scratch) -> Panel {
        let lines = index * NR..index * NR + NR;
        Panel {
            values: self.b.values.part::<NR>(index, steps).as_ptr(),
            scales: self.b.scales[lines.clone()].as_ptr(),
            offsets: self.b.offsets[lines].as_ptr(),
        }
    }

    #[inline(always)]
    unsafe fn tile<V: Simd>(
        self,
        simd: V,
        index: usize,
        steps: Range<usize>,
        panel: Panel,
        target: Target,
    ) {
        let a = self.a.values.from(index * MR, steps.start);
        let a_row = self.a.values.stride;
        let scales = &self.a.scales[index * MR..][..MR];
        #[cfg(target_arch = "x86_64")]
        if let Some(proof) = self.proof {
            // SAFETY: the caller's, and both panels have these steps.
            unsafe {
                let a = (a.as_ptr(), a_row);
                proof.multiply(a, scales.as_ptr(), panel, steps.len(), target);
            }
            return;
        }
        // SAFETY: the panel has these steps.
        let b = unsafe { std::slice::from_raw_parts(panel.values, steps.len() * NR) };
        simd.call(Tile {
            a,
            a_row,
            scales,
            b,
            panel,
            target,
        });
    }
}

/// A tile in plain integers, whatever the compiler makes of them.
struct Tile<'a> {
    /// Rows, from one to the next `a_row`.
    a: &'a [Quad],
    a_row: usize,
    scales: &'a [f32],
    b: &'a [Quad],
    panel: Panel,
    target: Target,
}

impl Kernel for Tile<'_> {
    type Output = ();

    #[inline(always)]
    fn run<V: Simd>(self, _: V) {
        let (right, _) = self.b.as_chunks::<NR>();
        // SAFETY: the panel has a scale and an offset for each line; they may lie anywhere.
        let (scales, offsets) = unsafe {
            let scales = self.panel.scales.cast::<[f32; NR]>().read();
            (scales, self.panel.offsets.cast::<[i32; NR]>().read())
        };
        for row in 0..self.target.rows {
            let mut sums = [0i32; NR];
            for (a, b) in self.a[row * self.a_row..].iter().zip(right) {
                let a = a.to_le_bytes().map(i32::from);
                for (sum, b) in sums.iter_mut().zip(b) {
                    let b = *b as i32;
                    let products = [
                        a[0] * ((b << 24) >> 24),
                        a[1] * ((b << 16) >> 24),
                        a[2] * ((b << 8) >> 24),
                        a[3] * (b >> 24),
                    ];
                    // It may wrap on the way, as long as the sum without its offset fits.
                    *sum = products.into_iter().fold(*sum, i32::wrapping_add);
                }
            }
            // SAFETY: the caller of the tile vouches for its rows of `NR` numbers.
            unsafe {
                let c = self.target.start.add(row * self.target.row);
                for (line, sum) in sums.into_iter().enumerate() {
                    let sum = sum.wrapping_sub(offsets[line]) as f32;
                    let y = sum * (self.scales[row] * scales[line]);
                    let c = c.add(line);
                    c.write(if self.target.add { y + c.read() } else { y });
                }
            }
        }
    }
}
