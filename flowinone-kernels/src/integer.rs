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

use crate::lanes::Lanes;
use crate::level::{Kernel, Level};
use crate::packed::{BREADTH, HEIGHT, Matrix, Packed};
use crate::pieces::filled;
use crate::product::{Scheme, Target};
use crate::scratch::Scratch;

/// The largest integer.
const LARGEST: f32 = 127.0;
/// Added to a number below 2^22, it leaves the nearest integer, ties to even, in the lowest bits.
const ROUND: f32 = 12_582_912.0;

/// Four consecutive integers of one line, the first in the lowest byte.
pub(crate) type Quad = u32;

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

/// Rows in panels `[panels, steps of four, HEIGHT]`, as `q + 128`.
#[derive(Debug, Clone)]
pub(crate) struct Rows {
    numbers: Packed<Quad>,
    /// `s_x`, for all lines of all panels. Not a number where the row holds what is none, so that
    /// its results are none.
    scales: Vec<f32>,
}

impl Rows {
    /// From `[rows, depth]`, row by row.
    pub(crate) fn new(level: Level, matrix: Matrix<'_>) -> Self {
        let [rows, depth] = matrix.sizes();
        let steps = depth.div_ceil(4);
        let sizes = [steps * HEIGHT, HEIGHT];
        // SAFETY: the kernel writes every slot.
        let [numbers, scales] = unsafe {
            filled(
                rows.div_ceil(HEIGHT),
                sizes,
                depth * HEIGHT,
                |panels, [quads, scales]| {
                    let quads = quads.chunks_exact_mut(sizes[0].max(1));
                    let scales = scales.chunks_exact_mut(HEIGHT);
                    for ((panel, quads), scales) in panels.zip(quads).zip(scales) {
                        level.run(Quantize {
                            matrix,
                            lines: panel * HEIGHT..(panel * HEIGHT + HEIGHT).min(rows),
                            quads,
                            scales,
                        });
                    }
                },
            )
        };
        Self {
            numbers: Packed {
                numbers,
                lines: rows,
                depth: steps,
            },
            scales: scales.into_iter().map(f32::from_bits).collect(),
        }
    }
}

/// Numbers of a row at a time.
const PIECE: usize = 64;

/// One panel of rows; scales are written as their bits.
struct Quantize<'a> {
    matrix: Matrix<'a>,
    lines: Range<usize>,
    quads: &'a mut [MaybeUninit<Quad>],
    scales: &'a mut [MaybeUninit<u32>],
}

impl Kernel for Quantize<'_> {
    type Output = ();

    #[inline(always)]
    fn run<L: Lanes>(self, _: L) {
        let steps = self.quads.len() / HEIGHT;
        for index in 0..HEIGHT {
            let Some(line) = self.lines.clone().nth(index) else {
                self.scales[index].write(0);
                for step in 0..steps {
                    self.quads[step * HEIGHT + index].write(0);
                }
                continue;
            };
            let row = self.matrix.row(line);
            // As integers, positive numbers keep their order, and what is no number is the largest.
            let mut largest = [0u32; 16];
            let (sixteens, rest) = row.as_chunks::<16>();
            for numbers in sixteens {
                for (largest, x) in largest.iter_mut().zip(numbers) {
                    *largest = (*largest).max(x.abs().to_bits());
                }
            }
            let rest = rest.iter().map(|x| x.abs().to_bits());
            let largest = f32::from_bits(largest.into_iter().chain(rest).max().unwrap_or(0));
            self.scales[index].write((largest / LARGEST).to_bits());
            let inverse = inverse(largest);
            for (piece, numbers) in row.chunks(PIECE).enumerate() {
                let mut bytes = [0u8; PIECE];
                let mut whole = [0.0; PIECE];
                let numbers = match numbers.first_chunk::<PIECE>() {
                    Some(numbers) => numbers,
                    None => {
                        whole[..numbers.len()].copy_from_slice(numbers);
                        &whole
                    }
                };
                for (byte, x) in bytes.iter_mut().zip(numbers) {
                    *byte = rounded(x * inverse).wrapping_add(128);
                }
                let first = piece * (PIECE / 4);
                let (quads, _) = bytes.as_chunks::<4>();
                for (step, quad) in (first..steps).zip(quads) {
                    self.quads[step * HEIGHT + index].write(u32::from_le_bytes(*quad));
                }
            }
        }
    }
}

/// Rows and weights of 8-bit integers.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Whole<'a> {
    a: &'a Rows,
    b: &'a Columns,
    #[cfg(target_arch = "x86_64")]
    proof: Option<crate::lanes::avx512_vnni::Proof>,
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
                Level::Avx512 => crate::lanes::avx512_vnni::Proof::find(),
                _ => None,
            },
        }
    }
}

/// A panel of the weights, and what its sums become.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Panel {
    pub(crate) numbers: *const Quad,
    /// `s_w`, [`BREADTH`] of them.
    pub(crate) scales: *const f32,
    /// `128 sum(q_w)`, likewise.
    pub(crate) offsets: *const i32,
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
        let a = self.a.numbers.part::<HEIGHT>(index, steps.clone());
        let scales = &self.a.scales[index * HEIGHT..][..HEIGHT];
        #[cfg(target_arch = "x86_64")]
        if let Some(proof) = self.proof {
            // SAFETY: the caller's, and both panels have these steps.
            unsafe { proof.multiply(a.as_ptr(), scales.as_ptr(), panel, steps.len(), target) };
            return;
        }
        // SAFETY: the panel has these steps.
        let b = unsafe { std::slice::from_raw_parts(panel.numbers, steps.len() * BREADTH) };
        lanes.call(Tile {
            a,
            scales,
            b,
            panel,
            target,
        });
    }
}

/// A tile in plain integers, whatever the compiler makes of them.
struct Tile<'a> {
    a: &'a [Quad],
    scales: &'a [f32],
    b: &'a [Quad],
    panel: Panel,
    target: Target,
}

impl Kernel for Tile<'_> {
    type Output = ();

    #[inline(always)]
    fn run<L: Lanes>(self, _: L) {
        let (left, _) = self.a.as_chunks::<HEIGHT>();
        let (right, _) = self.b.as_chunks::<BREADTH>();
        // SAFETY: the panel has a scale and an offset for each line; they may lie anywhere.
        let (scales, offsets) = unsafe {
            let scales = self.panel.scales.cast::<[f32; BREADTH]>().read();
            (scales, self.panel.offsets.cast::<[i32; BREADTH]>().read())
        };
        for row in 0..self.target.rows {
            let mut sums = [0i32; BREADTH];
            for (a, b) in left.iter().zip(right) {
                let a = a[row].to_le_bytes().map(i32::from);
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
