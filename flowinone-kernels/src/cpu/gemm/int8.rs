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
use crate::cpu::gemm::layout::{BREADTH, HEIGHT, Panel, Quad, Target};
use crate::cpu::gemm::pack::{Matrix, Packed, RowWise};
use crate::cpu::gemm::scratch::{Scratch, whole};
use crate::cpu::simd::level::Level;
use crate::cpu::simd::{Kernel, Lanes};

/// The largest integer.
const LARGEST: f32 = 127.0;
/// Added to a number below 2^22, it leaves the nearest integer, ties to even, in the lowest bits.
const ROUND: f32 = 12_582_912.0;

/// Weights in panels `[panels, steps of four, BREADTH]`.
#[derive(Debug, Clone)]
pub(crate) struct Columns {
    numbers: Packed<Quad>,
    /// `s_w`, for all lines of all panels.
    scales: Vec<f32>,
    /// `128 sum(q_w)`, likewise.
    offsets: Vec<i32>,
}

impl Columns {
    /// From weights in float32, all finite.
    pub(crate) fn new(packed: &Packed<f32>) -> Self {
        let (depth, panels) = (packed.depth, packed.lines.div_ceil(BREADTH));
        let steps = depth.div_ceil(4);
        let mut numbers = Vec::with_capacity(panels * steps * BREADTH);
        let (mut scales, mut offsets) = (Vec::new(), Vec::new());
        for panel in 0..panels {
            let rows = packed.part::<BREADTH>(panel, 0..depth);
            let mut largest = [0.0f32; BREADTH];
            for row in rows.chunks_exact(BREADTH) {
                for (largest, x) in largest.iter_mut().zip(row) {
                    *largest = largest.max(x.abs());
                }
            }
            let inverse = largest.map(inverse);
            let mut sums = [0i32; BREADTH];
            for four in rows.chunks(4 * BREADTH) {
                let mut quads = [0; BREADTH];
                for (place, row) in four.chunks_exact(BREADTH).enumerate() {
                    for (line, x) in row.iter().enumerate() {
                        let q = rounded(x * inverse[line]) as i8;
                        sums[line] += i32::from(q);
                        quads[line] |= u32::from(q as u8) << (8 * place);
                    }
                }
                numbers.extend(quads);
            }
            scales.extend(largest.map(|largest| largest / LARGEST));
            offsets.extend(sums.map(|sum| sum.wrapping_mul(128)));
        }
        Self {
            numbers: Packed {
                numbers,
                lines: packed.lines,
                depth: steps,
            },
            scales,
            offsets,
        }
    }

    /// The number at `depth` of a line, as it is computed with.
    pub(crate) fn number(&self, depth: usize, line: usize) -> f32 {
        let step = depth / 4;
        let quad = self.numbers.part::<BREADTH>(line / BREADTH, step..step + 1)[line % BREADTH];
        f32::from(quad.to_le_bytes()[depth % 4] as i8) * self.scales[line]
    }

    /// Bytes that the weights take.
    pub(crate) fn bytes(&self) -> usize {
        size_of_val(self.numbers.numbers.as_slice())
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
pub(crate) struct Rows {
    numbers: RowWise<Quad>,
    /// `s_x`, for each row. Not a number where the row holds what is none, so that its results are
    /// none.
    scales: Vec<f32>,
}

impl Rows {
    /// From `[rows, depth]`, row by row.
    pub(crate) fn new(level: Level, matrix: Matrix<'_>) -> Self {
        let [rows, depth] = matrix.sizes();
        // SAFETY: the kernel writes every slot.
        let (numbers, scales) = unsafe {
            RowWise::filled(rows, depth.div_ceil(4), |line, quads, scale| {
                let row = matrix.row(line);
                level.run(Quantize { row, quads, scale });
            })
        };
        let mut scales: Vec<f32> = scales.into_iter().map(f32::from_bits).collect();
        // Tiles read those of a whole panel.
        scales.resize(whole(rows, HEIGHT), 0.0);
        Self { numbers, scales }
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
    fn run<L: Lanes>(self, _: L) {
        // As integers, positive numbers keep their order, and what is no number is the largest.
        let mut largest = [0u32; 16];
        let (sixteens, rest) = self.row.as_chunks::<16>();
        for numbers in sixteens {
            for (largest, x) in largest.iter_mut().zip(numbers) {
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
pub(crate) struct Whole<'a> {
    a: &'a Rows,
    b: &'a Columns,
    #[cfg(target_arch = "x86_64")]
    proof: Option<crate::cpu::gemm::microkernel::avx512_vnni::Proof>,
}

impl<'a> Whole<'a> {
    pub(crate) fn new(level: Level, a: &'a Rows, b: &'a Columns) -> Self {
        #[cfg(not(target_arch = "x86_64"))]
        let _ = level;
        Self {
            a,
            b,
            #[cfg(target_arch = "x86_64")]
            proof: match level {
                Level::Avx512 | Level::Amx => {
                    crate::cpu::gemm::microkernel::avx512_vnni::Proof::find()
                }
                _ => None,
            },
        }
    }
}

impl Scheme for Whole<'_> {
    type Panel = Panel;

    // Sums of integers cannot go on from numbers: the whole depth at once.
    const STEPS: usize = usize::MAX / 4;

    fn rows(self) -> usize {
        self.a.numbers.lines
    }

    fn columns(self) -> usize {
        self.b.numbers.lines
    }

    fn depth(self) -> usize {
        let (a, b) = (self.a.numbers.depth, self.b.numbers.depth);
        assert_eq!(a, b, "factors of unequal depth");
        a
    }

    #[inline(always)]
    fn panel<L: Lanes>(self, _: L, index: usize, steps: Range<usize>, _: &mut Scratch) -> Panel {
        let lines = index * BREADTH..index * BREADTH + BREADTH;
        Panel {
            numbers: self.b.numbers.part::<BREADTH>(index, steps).as_ptr(),
            scales: self.b.scales[lines.clone()].as_ptr(),
            offsets: self.b.offsets[lines].as_ptr(),
        }
    }

    #[inline(always)]
    unsafe fn tile<L: Lanes>(
        self,
        lanes: L,
        index: usize,
        steps: Range<usize>,
        panel: Panel,
        target: Target,
    ) {
        let a = self.a.numbers.from(index * HEIGHT, steps.start);
        let a_row = self.a.numbers.stride;
        let scales = &self.a.scales[index * HEIGHT..][..HEIGHT];
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
        let b = unsafe { std::slice::from_raw_parts(panel.numbers, steps.len() * BREADTH) };
        lanes.call(Tile {
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
    fn run<L: Lanes>(self, _: L) {
        let (right, _) = self.b.as_chunks::<BREADTH>();
        // SAFETY: the panel has a scale and an offset for each line; they may lie anywhere.
        let (scales, offsets) = unsafe {
            let scales = self.panel.scales.cast::<[f32; BREADTH]>().read();
            (scales, self.panel.offsets.cast::<[i32; BREADTH]>().read())
        };
        for row in 0..self.target.rows {
            let mut sums = [0i32; BREADTH];
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
            // SAFETY: the caller of the tile vouches for its rows of `BREADTH` numbers.
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
