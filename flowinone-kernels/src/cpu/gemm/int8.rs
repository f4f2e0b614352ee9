//! Products with weights and rows of 8-bit integers, sums in 32 bits: with `q = round(x / s)`,
//!
//! ```text
//! y = s_x s_w sum(q_x q_w) + b,   s = largest |x| / 127
//! ```
//!
//! one `s_w` for each column of the weights, fixed when they are packed, one `s_x` for each row,
//! found when it comes. Processors that multiply bytes exactly (AVX512-VNNI, AVX-VNNI) take the
//! rows as `q_x + 128`, never negative, and `128 sum(q_w)` is taken off each sum; ARM's (dotprod,
//! i8mm) take them as they are; elsewhere both factors are widened to 16 bits, the weights panel by
//! panel. Every level computes the same integers and rounds alike.

use std::mem::MaybeUninit;
use std::ops::Range;

use crate::cpu::gemm::blocked::Scheme;
use crate::cpu::gemm::layout::{MR, NR, Panel, Quad, Target};
use crate::cpu::gemm::microkernel::int16::{self, Halves, Int16};
#[cfg(target_arch = "x86_64")]
use crate::cpu::gemm::microkernel::{avx_vnni::AvxVnni, avx512_vnni::Avx512Vnni};
#[cfg(target_arch = "aarch64")]
use crate::cpu::gemm::microkernel::{neon_dot::NeonDot, neon_mmla::NeonI8mm};
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

    /// The integers, four of a line in a slot.
    pub(crate) fn quads(&self) -> &Packed<Quad> {
        &self.values
    }

    /// What the integers of a line are multiplied with.
    pub(crate) fn scale(&self, line: usize) -> f32 {
        self.scales[line]
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

/// The nearest integer of a number up to 127.5, as the lowest byte; any byte for NaN.
#[inline(always)]
fn rounded(x: f32) -> u8 {
    (x + ROUND).to_bits() as u8
}

/// What multiplies the integers at a level.
#[derive(Debug, Clone, Copy)]
enum Multiplier {
    #[cfg(target_arch = "x86_64")]
    Avx512Vnni(Avx512Vnni),
    #[cfg(target_arch = "x86_64")]
    AvxVnni(AvxVnni),
    #[cfg(target_arch = "aarch64")]
    NeonI8mm(NeonI8mm),
    #[cfg(target_arch = "aarch64")]
    NeonDot(NeonDot),
    /// Rows and weights widened to 16 bits.
    Int16,
}

impl Multiplier {
    fn of(level: SimdLevel) -> Self {
        #[cfg(target_arch = "x86_64")]
        {
            let found = match level {
                SimdLevel::Avx512 | SimdLevel::Amx => Avx512Vnni::find().map(Self::Avx512Vnni),
                SimdLevel::AvxVnni => AvxVnni::find().map(Self::AvxVnni),
                _ => None,
            };
            if let Some(found) = found {
                return found;
            }
        }
        #[cfg(target_arch = "aarch64")]
        if level == SimdLevel::Neon {
            if let Some(proof) = NeonI8mm::find() {
                return Self::NeonI8mm(proof);
            }
            if let Some(proof) = NeonDot::find() {
                return Self::NeonDot(proof);
            }
        }
        let _ = level;
        Self::Int16
    }

    /// Slots of 32 bits for four integers of a row.
    fn slots(self) -> usize {
        match self {
            Self::Int16 => 2,
            #[cfg(any(target_arch = "x86_64", target_arch = "aarch64"))]
            _ => 1,
        }
    }
}

/// Rows of steps of four, as the level's multiplier takes them.
#[derive(Debug, Clone)]
pub(crate) struct Int8Rows {
    values: RowWise<u32>,
    /// `s_x`, for each row. NaN where the row holds a number that is not finite, so that its
    /// results are NaN.
    scales: Vec<f32>,
    multiplier: Multiplier,
}

impl Int8Rows {
    /// From `[rows, K]`, row by row.
    pub(crate) fn new(level: SimdLevel, matrix: Matrix<'_>) -> Self {
        let multiplier = Multiplier::of(level);
        let slots = multiplier.slots();
        let [rows, k] = matrix.sizes();
        // SAFETY: the kernel writes every slot.
        let (values, scales) = unsafe {
            RowWise::filled(rows, slots * k.div_ceil(4), |line, values, scale| {
                let row = matrix.row(line);
                match multiplier {
                    Multiplier::Int16 => level.run(Quantize::<2, 0> { row, values, scale }),
                    #[cfg(target_arch = "x86_64")]
                    _ => level.run(Quantize::<1, 128> { row, values, scale }),
                    #[cfg(target_arch = "aarch64")]
                    _ => level.run(Quantize::<1, 0> { row, values, scale }),
                }
            })
        };
        let mut scales: Vec<f32> = scales.into_iter().map(f32::from_bits).collect();
        // Tiles read those of a whole panel.
        scales.resize(whole(rows, MR), 0.0);
        Self {
            values,
            scales,
            multiplier,
        }
    }
}

/// One row, four integers in `SLOTS`, bytes plus `OFFSET`; its scale is written as its bits.
struct Quantize<'a, const SLOTS: usize, const OFFSET: u8> {
    row: &'a [f32],
    values: &'a mut [MaybeUninit<u32>],
    scale: &'a mut MaybeUninit<u32>,
}

impl<const SLOTS: usize, const OFFSET: u8> Kernel for Quantize<'_, SLOTS, OFFSET> {
    type Output = ();

    #[inline(always)]
    fn run<V: Simd>(self, _: V) {
        // As integers, positive values keep their order, and NaN is the largest.
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
        let (slots, _) = self.values.as_chunks_mut::<SLOTS>();
        let (slots, last) = slots.split_at_mut(fours.len());
        for (slots, four) in slots.iter_mut().zip(fours) {
            write::<SLOTS, OFFSET>(slots, four.map(|x| rounded(x * inverse)));
        }
        if let [slots] = last {
            let mut four = [0.0; 4];
            four[..rest.len()].copy_from_slice(rest);
            write::<SLOTS, OFFSET>(slots, four.map(|x| rounded(x * inverse)));
        }
    }
}

/// Four integers of a row, given as their lowest bytes: as bytes plus `OFFSET` in one slot, or
/// widened in two as weights are.
#[inline(always)]
fn write<const SLOTS: usize, const OFFSET: u8>(
    slots: &mut [MaybeUninit<u32>; SLOTS],
    four: [u8; 4],
) {
    if SLOTS == 1 {
        slots[0].write(Quad::from_le_bytes(four.map(|q| q.wrapping_add(OFFSET))));
        return;
    }
    for (slot, halves) in slots.iter_mut().zip(widened(Quad::from_le_bytes(four))) {
        slot.write(halves);
    }
}

/// The first and third, and the second and fourth of four integers.
#[inline(always)]
fn widened(quad: Quad) -> [Halves; 2] {
    let wide = |low: u32, high: u32| {
        let [low, high] = [low, high].map(|byte| i32::from(byte as u8 as i8));
        low as u32 & 0xFFFF | (high as u32) << 16
    };
    [wide(quad, quad >> 16), wide(quad >> 8, quad >> 24)]
}

/// Rows and weights of 8-bit integers.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Int8<'a> {
    a: &'a Int8Rows,
    b: &'a Int8Columns,
}

impl<'a> Int8<'a> {
    pub(crate) fn new(a: &'a Int8Rows, b: &'a Int8Columns) -> Self {
        Self { a, b }
    }
}

impl Scheme for Int8<'_> {
    type Panel = (Panel, *const Halves);

    // Sums of integers cannot go on from floats: all of K at once.
    const STEPS: usize = usize::MAX / 4;

    fn rows(self) -> usize {
        self.a.values.lines
    }

    fn columns(self) -> usize {
        self.b.values.lines
    }

    /// Steps of four.
    fn k(self) -> usize {
        let (a, b) = (self.a.values.k / self.a.multiplier.slots(), self.b.values.k);
        assert_eq!(a, b, "factors of unequal depth");
        a
    }

    #[inline(always)]
    fn panel<V: Simd>(
        self,
        _: V,
        index: usize,
        steps: Range<usize>,
        scratch: &mut Scratch,
    ) -> Self::Panel {
        let lines = index * NR..index * NR + NR;
        let values = self.b.values.part::<NR>(index, steps);
        let panel = Panel {
            values: values.as_ptr(),
            scales: self.b.scales[lines.clone()].as_ptr(),
            offsets: self.b.offsets[lines].as_ptr(),
        };
        let wide = match self.a.multiplier {
            Multiplier::Int16 => widened_panel::<V>(values, scratch).as_ptr(),
            #[cfg(any(target_arch = "x86_64", target_arch = "aarch64"))]
            _ => std::ptr::null(),
        };
        (panel, wide)
    }

    #[inline(always)]
    unsafe fn tile<V: Simd>(
        self,
        simd: V,
        index: usize,
        steps: Range<usize>,
        (panel, wide): Self::Panel,
        target: Target,
    ) {
        let a = self.a.values.from(index * MR, 0).as_ptr();
        let a_row = self.a.values.stride;
        let scales = self.a.scales[index * MR..][..MR].as_ptr();
        // SAFETY: the caller's, and both panels have these steps, all there are.
        unsafe {
            match self.a.multiplier {
                #[cfg(target_arch = "x86_64")]
                Multiplier::Avx512Vnni(proof) => {
                    proof.multiply((a, a_row), scales, panel, steps.len(), target);
                }
                #[cfg(target_arch = "x86_64")]
                Multiplier::AvxVnni(proof) => {
                    proof.multiply((a, a_row), scales, panel, steps.len(), target);
                }
                #[cfg(target_arch = "aarch64")]
                Multiplier::NeonI8mm(proof) => {
                    proof.multiply((a, a_row), scales, panel, steps.len(), target);
                }
                #[cfg(target_arch = "aarch64")]
                Multiplier::NeonDot(proof) => {
                    proof.multiply((a, a_row), scales, panel, steps.len(), target);
                }
                Multiplier::Int16 => Int16 {
                    a,
                    a_row,
                    scales,
                    panel: int16::Panel {
                        values: wide,
                        scales: panel.scales,
                    },
                    steps: 2 * steps.len(),
                    target,
                }
                .compute(simd),
            }
        }
    }
}

/// A panel `[steps of four, NR]` widened, `[NR / (2 WIDTH), steps of two, 2 WIDTH]`.
#[inline(always)]
fn widened_panel<'a, V: Simd>(values: &[Quad], scratch: &'a mut Scratch) -> &'a [Halves] {
    let steps = values.len() / NR;
    let wide = scratch.bits(2 * steps, NR);
    let (fours, _) = values.as_chunks::<NR>();
    for column in (0..NR).step_by(2 * V::WIDTH) {
        let group = &mut wide[2 * steps * column..][..2 * steps * 2 * V::WIDTH];
        for (four, wide) in fours.iter().zip(group.chunks_exact_mut(4 * V::WIDTH)) {
            let (even, odd) = wide.split_at_mut(2 * V::WIDTH);
            let four = &four[column..column + 2 * V::WIDTH];
            for ((even, odd), quad) in even.iter_mut().zip(odd).zip(four) {
                [*even, *odd] = widened(*quad);
            }
        }
    }
    wide
}
