//! Products with one or both factors in bfloat16, sums in float32.
//!
//! Where the processor multiplies pairs of bfloat16 (AVX512-BF16), the left factor is rounded as
//! well; elsewhere the weights are widened panel by panel, and the left factor stays as it is.

use std::mem::MaybeUninit;
use std::ops::Range;

use crate::lanes::Lanes;
use crate::level::{Kernel, Level};
use crate::packed::{BREADTH, HEIGHT, Packed};
#[cfg(target_arch = "x86_64")]
use crate::packed::{Matrix, RowWise};
use crate::pieces::filled;
#[cfg(target_arch = "x86_64")]
use crate::product::product;
use crate::product::{Scheme, Target, multiply, panel_of_rows};
use crate::scratch::Scratch;

/// Two bfloat16 numbers of one line, at even depth (lower half) and at the next.
#[derive(Debug, Clone, Copy, Default)]
#[repr(transparent)]
pub(crate) struct Pair(pub(crate) u32);

impl Pair {
    /// Twice zero.
    #[cfg(target_arch = "x86_64")]
    pub(crate) const ZERO: Self = Self(0);

    /// Both numbers rounded to the nearest.
    #[inline(always)]
    pub(crate) fn new(even: f32, odd: f32) -> Self {
        Self(rounded(even) >> 16 | rounded(odd) & 0xFFFF_0000)
    }

    /// Both numbers, exactly.
    #[inline(always)]
    fn wide(self) -> [f32; 2] {
        [self.0 << 16, self.0 & 0xFFFF_0000].map(f32::from_bits)
    }
}

/// The bits of a number, the upper half of them the nearest bfloat16 (ties to even); without
/// branches, so that the compiler makes vectors of it.
#[inline(always)]
fn rounded(x: f32) -> u32 {
    let bits = x.to_bits();
    let nearest = bits.wrapping_add(0x7FFF + (bits >> 16 & 1));
    match x.is_nan() {
        true => bits | 0x40_0000, // its first digits might be zeros
        false => nearest,
    }
}

impl Packed<f32> {
    /// The same panels of `N` lines in bfloat16.
    pub(crate) fn pairs<const N: usize>(&self, level: Level) -> Packed<Pair> {
        let depth = self.depth.div_ceil(2);
        // SAFETY: every slot is written.
        let [numbers] = unsafe {
            filled(
                self.lines.div_ceil(N),
                [depth * N],
                depth * N,
                |panels, [slots]| {
                    let size = (depth * N).max(1);
                    for (panel, slots) in panels.zip(slots.chunks_exact_mut(size)) {
                        let steps = self.part::<N>(panel, 0..self.depth);
                        level.run(Halve::<N> { steps, slots });
                    }
                },
            )
        };
        Packed {
            numbers,
            lines: self.lines,
            depth,
        }
    }
}

/// One panel of `N` lines, `[depth, N]` to `[depth / 2, N]`.
struct Halve<'a, const N: usize> {
    steps: &'a [f32],
    slots: &'a mut [MaybeUninit<Pair>],
}

impl<const N: usize> Kernel for Halve<'_, N> {
    type Output = ();

    #[inline(always)]
    fn run<L: Lanes>(self, _: L) {
        let (steps, _) = self.steps.as_chunks::<N>();
        let (slots, _) = self.slots.as_chunks_mut::<N>();
        for (steps, slots) in steps.chunks(2).zip(slots) {
            let even = &steps[0];
            let odd = steps.get(1).unwrap_or(&[0.0; N]);
            for index in 0..N {
                slots[index].write(Pair::new(even[index], odd[index]));
            }
        }
    }
}

/// One row.
#[cfg(target_arch = "x86_64")]
struct PairRow<'a> {
    row: &'a [f32],
    slots: &'a mut [MaybeUninit<Pair>],
}

#[cfg(target_arch = "x86_64")]
impl Kernel for PairRow<'_> {
    type Output = ();

    #[inline(always)]
    fn run<L: Lanes>(self, _: L) {
        let (twos, rest) = self.row.as_chunks::<2>();
        let (slots, last) = self.slots.split_at_mut(twos.len());
        for (slot, [even, odd]) in slots.iter_mut().zip(twos) {
            slot.write(Pair::new(*even, *odd));
        }
        for (slot, x) in last.iter_mut().zip(rest) {
            slot.write(Pair::new(*x, 0.0));
        }
    }
}

#[cfg(target_arch = "x86_64")]
impl RowWise<Pair> {
    /// Rows that lie in order.
    pub(crate) fn new(level: Level, matrix: Matrix<'_>) -> Self {
        let [rows, numbers] = matrix.sizes();
        // SAFETY: every pair of a row is written.
        let (rows, _) = unsafe {
            Self::filled(rows, numbers.div_ceil(2), |line, slots, own| {
                let row = matrix.row(line);
                level.run(PairRow { row, slots });
                own.write(Pair::ZERO);
            })
        };
        rows
    }
}

/// One panel of `N` lines of a matrix whose rows, one for each depth, lie in order.
#[cfg(target_arch = "x86_64")]
struct PairPanel<'a, const N: usize> {
    matrix: Matrix<'a>,
    lines: Range<usize>,
    slots: &'a mut [MaybeUninit<Pair>],
}

#[cfg(target_arch = "x86_64")]
impl<const N: usize> Kernel for PairPanel<'_, N> {
    type Output = ();

    #[inline(always)]
    fn run<L: Lanes>(self, _: L) {
        let [depth, _] = self.matrix.sizes();
        let numbers = |row: usize| match row < depth {
            true => &self.matrix.row(row)[self.lines.clone()],
            false => &[],
        };
        let (slots, _) = self.slots.as_chunks_mut::<N>();
        for (step, slots) in slots.iter_mut().enumerate() {
            let (even, odd) = (numbers(2 * step), numbers(2 * step + 1));
            if let (Some(even), Some(odd)) = (even.first_chunk::<N>(), odd.first_chunk::<N>()) {
                for index in 0..N {
                    slots[index].write(Pair::new(even[index], odd[index]));
                }
                continue;
            }
            // The last lines, or a last row alone: zeros where there is nothing.
            for (index, slot) in slots.iter_mut().enumerate() {
                let [even, odd] = [even, odd].map(|row| row.get(index).copied().unwrap_or(0.0));
                slot.write(Pair::new(even, odd));
            }
        }
    }
}

/// Numbers of a line as pairs, which are enough for them.
#[cfg(target_arch = "x86_64")]
#[inline(always)]
pub(crate) fn into_pairs(numbers: &[f32], pairs: &mut [Pair]) {
    let (twos, rest) = numbers.as_chunks::<2>();
    for (pair, [even, odd]) in pairs.iter_mut().zip(twos) {
        *pair = Pair::new(*even, *odd);
    }
    if let [last] = rest {
        pairs[twos.len()] = Pair::new(*last, 0.0);
    }
}

impl Packed<Pair> {
    /// From `[depth, lines]`, `N` lines to a panel.
    #[cfg(target_arch = "x86_64")]
    fn of<const N: usize>(level: Level, matrix: Matrix<'_>) -> Self {
        if matrix.is_transposed() {
            return Packed::<f32>::new::<N>(level, matrix).pairs::<N>(level);
        }
        let [numbers, lines] = matrix.sizes();
        let depth = numbers.div_ceil(2);
        let size = depth * N;
        // SAFETY: the kernel writes every slot.
        let [numbers] = unsafe {
            filled(lines.div_ceil(N), [size], 2 * size, |panels, [slots]| {
                for (panel, slots) in panels.zip(slots.chunks_exact_mut(size.max(1))) {
                    let lines = panel * N..(panel * N + N).min(lines);
                    level.run(PairPanel::<N> {
                        matrix,
                        lines,
                        slots,
                    });
                }
            })
        };
        Self {
            numbers,
            lines,
            depth,
        }
    }

    /// The number at `depth` of a line, `N` lines to a panel.
    pub(crate) fn number<const N: usize>(&self, depth: usize, line: usize) -> f32 {
        let step = depth / 2;
        self.part::<N>(line / N, step..step + 1)[line % N].wide()[depth % 2]
    }
}

/// The proof that pairs are multiplied at this level.
#[cfg(target_arch = "x86_64")]
pub(crate) fn multiplies(level: Level) -> Option<crate::lanes::avx512_bf16::Proof> {
    match level {
        Level::Avx512 => crate::lanes::avx512_bf16::Proof::find(),
        _ => None,
    }
}

/// The left factor in float32, the right one in bfloat16 and widened.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Widened<'a> {
    pub(crate) a: &'a Packed<f32>,
    pub(crate) b: &'a Packed<Pair>,
}

impl Scheme for Widened<'_> {
    type Panel = *const f32;

    const STEPS: usize = 512;

    fn rows(self) -> usize {
        self.a.lines
    }

    fn columns(self) -> usize {
        self.b.lines
    }

    fn depth(self) -> usize {
        assert_eq!(self.a.depth.div_ceil(2), self.b.depth, "unequal depths");
        self.b.depth
    }

    #[inline(always)]
    fn panel<L: Lanes>(
        self,
        _: L,
        index: usize,
        steps: Range<usize>,
        scratch: &mut Scratch,
    ) -> *const f32 {
        let wide = scratch.take(2 * steps.len(), BREADTH);
        let pairs = self.b.part::<BREADTH>(index, steps);
        for (wide, pairs) in wide
            .chunks_exact_mut(2 * BREADTH)
            .zip(pairs.chunks_exact(BREADTH))
        {
            let (even, odd) = wide.split_at_mut(BREADTH);
            for ((even, odd), pair) in even.iter_mut().zip(odd).zip(pairs) {
                [*even, *odd] = pair.wide();
            }
        }
        wide.as_ptr()
    }

    #[inline(always)]
    unsafe fn tile<L: Lanes>(
        self,
        lanes: L,
        index: usize,
        steps: Range<usize>,
        panel: *const f32,
        target: Target,
    ) {
        let numbers = 2 * steps.start..(2 * steps.end).min(self.a.depth);
        let a = panel_of_rows(self.a.part::<HEIGHT>(index, numbers.clone()));
        // SAFETY: the caller's, and both panels have these numbers.
        unsafe { multiply(lanes, a, panel, numbers.len(), target) };
    }
}

/// Both factors in bfloat16, on processors that multiply it.
#[cfg(target_arch = "x86_64")]
#[derive(Debug, Clone, Copy)]
pub(crate) struct Paired<'a> {
    a: Left<'a>,
    b: &'a Packed<Pair>,
    proof: crate::lanes::avx512_bf16::Proof,
}

/// The left factor of a [`Paired`] product.
#[cfg(target_arch = "x86_64")]
#[derive(Debug, Clone, Copy)]
enum Left<'a> {
    Rows(&'a RowWise<Pair>),
    Panels(&'a Packed<Pair>),
}

#[cfg(target_arch = "x86_64")]
impl<'a> Paired<'a> {
    pub(crate) fn new(
        a: &'a RowWise<Pair>,
        b: &'a Packed<Pair>,
        proof: crate::lanes::avx512_bf16::Proof,
    ) -> Self {
        let a = Left::Rows(a);
        Self { a, b, proof }
    }
}

#[cfg(target_arch = "x86_64")]
impl Scheme for Paired<'_> {
    type Panel = *const Pair;

    const STEPS: usize = 1024;

    fn rows(self) -> usize {
        match self.a {
            Left::Rows(rows) => rows.lines,
            Left::Panels(panels) => panels.lines,
        }
    }

    fn columns(self) -> usize {
        self.b.lines
    }

    fn depth(self) -> usize {
        let depth = match self.a {
            Left::Rows(rows) => rows.depth,
            Left::Panels(panels) => panels.depth,
        };
        assert_eq!(depth, self.b.depth, "factors of unequal depth");
        depth
    }

    #[inline(always)]
    fn panel<L: Lanes>(
        self,
        _: L,
        index: usize,
        steps: Range<usize>,
        _: &mut Scratch,
    ) -> *const Pair {
        self.b.part::<BREADTH>(index, steps).as_ptr()
    }

    #[inline(always)]
    unsafe fn tile<L: Lanes>(
        self,
        _: L,
        index: usize,
        steps: Range<usize>,
        panel: *const Pair,
        target: Target,
    ) {
        let (a, a_row, a_step) = match self.a {
            Left::Rows(rows) => (rows.from(index, steps.start), rows.stride, 1),
            Left::Panels(panels) => (panels.part::<HEIGHT>(index, steps.clone()), 1, HEIGHT),
        };
        let factors = crate::lanes::avx512_bf16::Factors {
            a: a.as_ptr(),
            a_row,
            a_step,
            b: panel,
        };
        // SAFETY: the caller's, and both panels have these steps.
        unsafe { self.proof.multiply(factors, steps.len(), target) };
    }
}

/// `a b + bias` of factors that are rounded first.
///
/// # Panics
/// If the factors have not the same depth, or the bias not one number for each column.
#[cfg(target_arch = "x86_64")]
pub(crate) fn rounded_product(
    level: Level,
    proof: crate::lanes::avx512_bf16::Proof,
    a: Matrix<'_>,
    b: Matrix<'_>,
    bias: Option<&[f32]>,
) -> Vec<f32> {
    let b = &Packed::<Pair>::of::<BREADTH>(level, b);
    let (rows, panels);
    let a = match a.is_transposed() {
        false => {
            rows = RowWise::<Pair>::new(level, a);
            Left::Rows(&rows)
        }
        true => {
            panels = Packed::<Pair>::of::<HEIGHT>(level, a.transposed());
            Left::Panels(&panels)
        }
    };
    product(level, Paired { a, b, proof }, bias)
}

#[cfg(test)]
mod tests {
    use super::*;
    use half::bf16;

    #[test]
    fn numbers_are_rounded_as_everywhere() {
        let ties = (0..1 << 17).map(|bits: u32| f32::from_bits(bits << 15 | 0x40));
        let near = [1.0, -1.0, 3e38, -3.4e38, f32::MIN_POSITIVE / 3.0, 0.0, -0.0];
        let special = [
            f32::INFINITY,
            f32::NEG_INFINITY,
            f32::from_bits(0x7F80_0001),
        ];
        for x in ties.chain(near).chain(special) {
            for x in [x, f32::from_bits(x.to_bits() & !0x40), x * 1.000_01] {
                let [even, odd] = Pair::new(x, -x).wide();
                for (got, x) in [(even, x), (odd, -x)] {
                    let expected = bf16::from_f32(x).to_f32();
                    assert_eq!(got.to_bits(), expected.to_bits(), "{x:e}");
                }
            }
        }
    }
}
