//! Values in bfloat16, packed in pairs as factors of products.

use std::mem::MaybeUninit;
#[cfg(target_arch = "x86_64")]
use std::ops::Range;

use crate::cpu::gemm::layout::Pair;
#[cfg(target_arch = "x86_64")]
use crate::cpu::gemm::microkernel::avx512_bf16::Avx512Bf16;
use crate::cpu::gemm::pack::Packed;
#[cfg(target_arch = "x86_64")]
use crate::cpu::gemm::pack::lines_of;
#[cfg(any(target_arch = "x86_64", target_arch = "aarch64"))]
use crate::cpu::gemm::pack::{Matrix, RowWise};
#[cfg(target_arch = "x86_64")]
use crate::cpu::gemm::scratch::Scratch;
use crate::cpu::simd::level::SimdLevel;
use crate::cpu::simd::{Kernel, Simd};

impl Packed<f32> {
    /// The same panels of `N` lines in bfloat16.
    pub(crate) fn pairs<const N: usize>(&self, level: SimdLevel) -> Packed<Pair> {
        let halve = |panel, slots: &mut [MaybeUninit<Pair>]| {
            let steps = self.part::<N>(panel, 0..self.k);
            level.run(Halve::<N> { steps, slots });
        };
        // SAFETY: every slot is written.
        unsafe { Packed::filled::<N>(self.lines, self.k.div_ceil(2), halve) }
    }
}

/// One panel of `N` lines, `[K, N]` to `[K / 2, N]`.
struct Halve<'a, const N: usize> {
    steps: &'a [f32],
    slots: &'a mut [MaybeUninit<Pair>],
}

impl<const N: usize> Kernel for Halve<'_, N> {
    type Output = ();

    #[inline(always)]
    fn run<V: Simd>(self, _: V) {
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

#[cfg(target_arch = "aarch64")]
impl RowWise<Pair> {
    /// The rows of a matrix whose rows lie in order.
    pub(crate) fn rounded(level: SimdLevel, matrix: Matrix<'_>) -> Self {
        let [rows, values] = matrix.sizes();
        // SAFETY: the kernel writes every pair of a row.
        let (rows, _) = unsafe {
            Self::filled(rows, values.div_ceil(2), |line, slots, own| {
                let row = matrix.row(line);
                level.run(RoundRow { row, slots });
                own.write(Pair::default());
            })
        };
        rows
    }
}

/// One row in pairs.
#[cfg(target_arch = "aarch64")]
struct RoundRow<'a> {
    row: &'a [f32],
    slots: &'a mut [MaybeUninit<Pair>],
}

#[cfg(target_arch = "aarch64")]
impl Kernel for RoundRow<'_> {
    type Output = ();

    #[inline(always)]
    fn run<V: Simd>(self, _: V) {
        for (two, slot) in self.row.chunks(2).zip(self.slots) {
            slot.write(Pair::new(two[0], two.get(1).copied().unwrap_or(0.0)));
        }
    }
}

#[cfg(target_arch = "x86_64")]
impl RowWise<Pair> {
    /// The rows of a matrix.
    pub(crate) fn new(proof: Avx512Bf16, matrix: Matrix<'_>) -> Self {
        let [rows, values] = matrix.sizes();
        if matrix.is_transposed() {
            let columns = matrix.transposed();
            let turn = |lines: Range<usize>, slots: &mut [MaybeUninit<Pair>], stride| {
                proof.pair_lines(columns.columns(lines), slots, stride);
            };
            // SAFETY: every pair of all lines is written.
            return unsafe { Self::filled_in_groups::<16>(rows, values.div_ceil(2), turn) };
        }
        // SAFETY: every pair of a row is written.
        let (rows, _) = unsafe {
            Self::filled(rows, values.div_ceil(2), |line, slots, own| {
                proof.pair_row(matrix.row(line), slots);
                own.write(Pair::ZERO);
            })
        };
        rows
    }
}

impl Packed<Pair> {
    /// From `[K, lines]`, `N` lines to a panel; the slots behind the last line are zero.
    #[cfg(target_arch = "x86_64")]
    pub(crate) fn of<const N: usize>(
        level: SimdLevel,
        proof: Avx512Bf16,
        matrix: Matrix<'_>,
    ) -> Self {
        if matrix.is_transposed() {
            return Packed::<f32>::new::<N>(level, matrix).pairs::<N>(level);
        }
        let [k, lines] = matrix.sizes();
        let pack = |panel, slots: &mut [MaybeUninit<Pair>]| {
            let columns = matrix.columns(lines_of::<N>(panel, lines));
            proof.pair_columns::<N>(columns, slots);
        };
        // SAFETY: every slot is written.
        unsafe { Self::filled::<N>(lines, k.div_ceil(2), pack) }
    }
}

#[cfg(target_arch = "x86_64")]
impl Scratch {
    /// `rows * columns` pairs of bfloat16, whatever they held before.
    pub(crate) fn pairs(&mut self, rows: usize, columns: usize) -> &mut [Pair] {
        let values = self.take(rows, columns);
        // SAFETY: of one size and alignment, and any bits are a pair, or a number.
        unsafe { std::slice::from_raw_parts_mut(values.as_mut_ptr().cast(), values.len()) }
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

    #[cfg(target_arch = "x86_64")]
    #[test]
    fn the_processor_rounds_rows_and_columns_alike() {
        let Some(proof) = Avx512Bf16::find() else {
            return; // on processors without it, products keep float32
        };
        let near = [1.0, -1.0, 3e38, -3.4e38, 0.0, -0.0, f32::INFINITY, f32::NAN];
        // Ties, and next to them.
        let ties = (0..200u32).map(|k| f32::from_bits(0x3F80_0000 + (k << 15) + k % 3));
        let all: Vec<f32> = ties.chain(near).collect();
        for [rows, columns] in [[1, 1], [2, 12], [5, 11], [6, 32], [37, 29], [3, 65]] {
            let values: Vec<f32> = all.iter().copied().cycle().take(rows * columns).collect();
            let matrix = Matrix::new(&values, rows, columns);
            let number = |row: usize, column: usize| match row < rows && column < columns {
                true => values[row * columns + column],
                false => 0.0,
            };
            let by_rows = RowWise::<Pair>::new(proof, matrix);
            for row in 0..rows {
                let pairs = &by_rows.values[row * by_rows.stride..][..by_rows.k];
                for (step, pair) in pairs.iter().enumerate() {
                    let expected = Pair::new(number(row, 2 * step), number(row, 2 * step + 1));
                    assert_eq!(pair.0, expected.0, "row {row}, pair {step}");
                }
            }
            let by_lines = RowWise::<Pair>::new(proof, matrix.transposed());
            assert_eq!((by_lines.lines, by_lines.k), (columns, rows.div_ceil(2)));
            for line in 0..columns {
                let pairs = &by_lines.values[line * by_lines.stride..][..by_lines.stride];
                for (step, pair) in pairs.iter().enumerate() {
                    let expected = Pair::new(number(2 * step, line), number(2 * step + 1, line));
                    assert_eq!(pair.0, expected.0, "line {line}, pair {step}");
                }
            }
            columns_are::<12>(proof, matrix, number);
            columns_are::<32>(proof, matrix, number);
        }
    }

    /// Panels of `N` columns have the values of the matrix, and zeros.
    #[cfg(target_arch = "x86_64")]
    fn columns_are<const N: usize>(
        proof: Avx512Bf16,
        matrix: Matrix<'_>,
        number: impl Fn(usize, usize) -> f32,
    ) {
        let [rows, columns] = matrix.sizes();
        let packed = Packed::<Pair>::of::<N>(SimdLevel::Avx512, proof, matrix);
        assert_eq!((packed.lines, packed.k), (columns, rows.div_ceil(2)));
        for panel in 0..columns.div_ceil(N) {
            let pairs = packed.part::<N>(panel, 0..packed.k);
            for (index, pair) in pairs.iter().enumerate() {
                let (step, column) = (index / N, panel * N + index % N);
                let expected = Pair::new(number(2 * step, column), number(2 * step + 1, column));
                assert_eq!(pair.0, expected.0, "step {step} of column {column}");
            }
        }
    }
}
