//! Numbers in bfloat16, packed in pairs as factors of products.

use std::mem::MaybeUninit;
#[cfg(target_arch = "x86_64")]
use std::ops::Range;

use crate::lanes::Lanes;
use crate::level::{Kernel, Level};
use crate::packed::Packed;
#[cfg(target_arch = "x86_64")]
use crate::packed::{Matrix, RowWise, lines_of};

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
    pub(crate) fn wide(self) -> [f32; 2] {
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
        let halve = |panel, slots: &mut [MaybeUninit<Pair>]| {
            let steps = self.part::<N>(panel, 0..self.depth);
            level.run(Halve::<N> { steps, slots });
        };
        // SAFETY: every slot is written.
        unsafe { Packed::filled::<N>(self.lines, self.depth.div_ceil(2), halve) }
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
    pub(crate) fn of<const N: usize>(level: Level, matrix: Matrix<'_>) -> Self {
        if matrix.is_transposed() {
            return Packed::<f32>::new::<N>(level, matrix).pairs::<N>(level);
        }
        let [numbers, lines] = matrix.sizes();
        let pack = |panel, slots: &mut [MaybeUninit<Pair>]| {
            level.run(PairPanel::<N> {
                matrix,
                lines: lines_of::<N>(panel, lines),
                slots,
            });
        };
        // SAFETY: the kernel writes every slot.
        unsafe { Self::filled::<N>(lines, numbers.div_ceil(2), pack) }
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
