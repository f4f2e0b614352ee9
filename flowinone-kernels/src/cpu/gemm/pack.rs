//! Factors of products, packed into panels in the order in which tiles read them.

use std::mem::MaybeUninit;
use std::ops::Range;

#[cfg(target_arch = "x86_64")]
use crate::cpu::gemm::layout::Columns;
use crate::cpu::gemm::layout::{HALF, MR, NR, Strided, in_tiles};
use crate::cpu::gemm::scratch::whole;
use crate::cpu::parallel::filled;
use crate::cpu::simd::level::SimdLevel;
use crate::cpu::simd::{Kernel, Simd, Slot, WIDEST};

/// A matrix whose rows or columns lie in order.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Matrix<'a> {
    values: &'a [f32],
    rows: usize,
    columns: usize,
    /// Whether columns lie in order, rather than rows.
    transposed: bool,
}

impl<'a> Matrix<'a> {
    /// `[rows, columns]`, row by row.
    ///
    /// # Panics
    /// If there are not as many values.
    pub(crate) fn new(values: &'a [f32], rows: usize, columns: usize) -> Self {
        assert_eq!(values.len(), rows * columns);
        Self {
            values,
            rows,
            columns,
            transposed: false,
        }
    }

    /// Rows and columns.
    pub(crate) fn sizes(&self) -> [usize; 2] {
        [self.rows, self.columns]
    }

    /// Whether columns lie in order, rather than rows.
    #[cfg(target_arch = "x86_64")]
    pub(crate) fn is_transposed(&self) -> bool {
        self.transposed
    }

    /// A row of a matrix whose rows lie in order.
    pub(crate) fn row(&self, index: usize) -> &'a [f32] {
        assert!(!self.transposed, "rows in order");
        &self.values[index * self.columns..][..self.columns]
    }

    /// Some columns of a matrix whose rows lie in order.
    #[cfg(target_arch = "x86_64")]
    pub(crate) fn columns(&self, columns: Range<usize>) -> Columns<'a> {
        assert!(!self.transposed, "rows in order");
        Columns {
            values: self.values.get(columns.start..).unwrap_or(&[]),
            stride: self.columns,
            k: self.rows,
            count: columns.len(),
        }
    }

    /// Rows become columns.
    pub(crate) fn transposed(self) -> Self {
        Self {
            values: self.values,
            rows: self.columns,
            columns: self.rows,
            transposed: !self.transposed,
        }
    }

    /// Where its values lie, for a left factor that is read in place.
    pub(crate) fn in_place(&self) -> Strided {
        let (row, column) = match self.transposed {
            true => (1, self.rows),
            false => (self.columns, 1),
        };
        Strided {
            start: self.values.as_ptr(),
            row,
            column,
        }
    }

    /// As the left factor of a product.
    pub(crate) fn left(self, level: SimdLevel) -> Packed<f32> {
        Packed::new::<MR>(level, self.transposed())
    }

    /// As the right factor of a product in float32.
    pub(crate) fn halves(self, level: SimdLevel) -> Packed<f32> {
        Packed::new::<HALF>(level, self)
    }

    /// In the panels of other right factors, to be made of.
    pub(crate) fn right(self, level: SimdLevel) -> Packed<f32> {
        Packed::new::<NR>(level, self)
    }
}

/// A factor of a product in panels: `[panels, K, lines of a panel]`, a line being a row of the
/// left or a column of the right factor. Lines behind the last one hold anything.
#[derive(Debug, Clone)]
pub(crate) struct Packed<T> {
    pub(crate) values: Vec<T>,
    pub(crate) lines: usize,
    pub(crate) k: usize,
}

impl<T> Packed<T> {
    /// The part `[steps, N]` of a panel of `N` lines.
    pub(crate) fn part<const N: usize>(&self, panel: usize, steps: Range<usize>) -> &[T] {
        &self.values[(panel * self.k + steps.start) * N..][..steps.len() * N]
    }
}

/// The left factor of a product row by row, `[lines, stride]`, as tiles of several values a slot
/// read it; zeros follow the last step.
#[derive(Debug, Clone)]
pub(crate) struct RowWise<T> {
    pub(crate) values: Vec<T>,
    pub(crate) lines: usize,
    pub(crate) k: usize,
    pub(crate) stride: usize,
}

/// From a row to the next: whole cache lines and one more, so that the rows of a tile do not fall
/// into the same set of the cache.
fn stride(k: usize) -> usize {
    whole(k, 16) + 16
}

impl<T: Send> RowWise<T> {
    /// Of `lines` rows of `k` slots, which `make` writes, each with one slot more for itself.
    ///
    /// # Safety
    /// `make` must write the first `k` slots of a row, and the one for itself.
    pub(crate) unsafe fn filled(
        lines: usize,
        k: usize,
        make: impl Fn(usize, &mut [MaybeUninit<T>], &mut MaybeUninit<T>) + Sync,
    ) -> (Self, Vec<T>)
    where
        T: Copy + Default,
    {
        let stride = stride(k);
        // SAFETY: the caller's, and the rest of a row is written here.
        let [values, own] = unsafe {
            filled(lines, [stride, 1], 2 * stride, |range, [slots, own]| {
                let rows = slots.chunks_exact_mut(stride).zip(own);
                for (line, (slots, own)) in range.zip(rows) {
                    let (slots, rest) = slots.split_at_mut(k);
                    make(line, slots, own);
                    rest.fill(MaybeUninit::new(T::default()));
                }
            })
        };
        let rows = Self {
            values,
            lines,
            k,
            stride,
        };
        (rows, own)
    }

    /// Of `lines` rows of `k` slots. `make(lines, slots, stride)` writes up to `N` consecutive
    /// rows; consecutive rows are `stride` slots apart.
    ///
    /// # Safety
    /// `make` must write all slots of `N` rows.
    #[cfg(target_arch = "x86_64")]
    pub(crate) unsafe fn filled_in_groups<const N: usize>(
        lines: usize,
        k: usize,
        make: impl Fn(Range<usize>, &mut [MaybeUninit<T>], usize) + Sync,
    ) -> Self {
        let stride = stride(k);
        let size = N * stride;
        // SAFETY: the caller's.
        let [values] = unsafe {
            filled(lines.div_ceil(N), [size], 2 * size, |groups, [slots]| {
                for (group, slots) in groups.zip(slots.chunks_exact_mut(size)) {
                    make(lines_of::<N>(group, lines), slots, stride);
                }
            })
        };
        Self {
            values,
            lines,
            k,
            stride,
        }
    }
}

impl<T> RowWise<T> {
    /// The rows from one on, from a step on.
    ///
    /// # Panics
    /// If there are none.
    pub(crate) fn from(&self, row: usize, step: usize) -> &[T] {
        &self.values[row * self.stride + step..]
    }
}

impl<T: Send> Packed<T> {
    /// Of `lines` lines of `k` slots, `N` lines to a panel; `make` writes the panel of its number.
    ///
    /// # Safety
    /// `make` must write every slot.
    pub(crate) unsafe fn filled<const N: usize>(
        lines: usize,
        k: usize,
        make: impl Fn(usize, &mut [MaybeUninit<T>]) + Sync,
    ) -> Self {
        let size = k * N;
        // SAFETY: the caller's.
        let [values] = unsafe {
            filled(lines.div_ceil(N), [size], 2 * size, |panels, [slots]| {
                for (panel, slots) in panels.zip(slots.chunks_exact_mut(size.max(1))) {
                    make(panel, slots);
                }
            })
        };
        Self { values, lines, k }
    }
}

impl Packed<f32> {
    /// From `[K, lines]`, `N` lines to a panel.
    pub(crate) fn new<const N: usize>(level: SimdLevel, matrix: Matrix<'_>) -> Self {
        let pack = |panel, slots: &mut [Slot]| {
            level.run(Pack::<N> {
                matrix,
                lines: lines_of::<N>(panel, matrix.columns),
                steps: 0..matrix.rows,
                slots,
            });
        };
        // SAFETY: the kernel writes every slot.
        unsafe { Self::filled::<N>(matrix.columns, matrix.rows, pack) }
    }
}

/// Packs some steps of some tiles of [`MR`] rows of a left factor [as they are read](InTiles), tile
/// by tile.
#[inline(always)]
pub(crate) fn pack_in_tiles<V: Simd>(
    simd: V,
    matrix: Matrix<'_>,
    tiles: Range<usize>,
    steps: Range<usize>,
    slots: &mut [f32],
) {
    let k = steps.len();
    for (tile, slots) in tiles.zip(slots.chunks_exact_mut((MR * k).max(1))) {
        let rows = lines_of::<MR>(tile, matrix.rows);
        in_tiles!(rows.len(), V::TILE_ROWS, |row, ROWS| {
            let first = rows.start + row;
            simd.call(Pack::<ROWS> {
                matrix: matrix.transposed(),
                lines: first..first + ROWS,
                steps: steps.clone(),
                slots: crate::cpu::simd::slots(&mut slots[row * k..][..ROWS * k]),
            });
        });
    }
}

/// The rows of panel `panel`, up to `N` of `lines` in all.
pub(crate) fn lines_of<const N: usize>(panel: usize, lines: usize) -> Range<usize> {
    panel * N..(panel * N + N).min(lines)
}

/// One panel of `N` lines.
struct Pack<'a, const N: usize> {
    matrix: Matrix<'a>,
    lines: Range<usize>,
    steps: Range<usize>,
    slots: &'a mut [Slot],
}

impl<const N: usize> Kernel for Pack<'_, N> {
    type Output = ();

    #[inline(always)]
    fn run<V: Simd>(self, simd: V) {
        let Range { start, end } = self.lines;
        if !self.matrix.transposed {
            // Values of the lines side by side.
            for (row, slots) in self.steps.zip(self.slots.chunks_exact_mut(N)) {
                let source = &self.matrix.values[row * self.matrix.columns..];
                match source[start..].first_chunk::<N>() {
                    Some(values) if end - start == N => {
                        // SAFETY: the row of the panel has room for `N` values.
                        unsafe { slots.as_mut_ptr().cast::<[f32; N]>().write(*values) };
                    }
                    _ => {
                        slots.fill(Slot::new(0.0));
                        for (slot, x) in slots.iter_mut().zip(&source[start..end]) {
                            slot.write(*x);
                        }
                    }
                }
            }
            return;
        }
        // Lines in order: turned four columns at a time, the last group of lines first, since a
        // vector may reach over the end of a row of the panel unless rows are whole vectors. What
        // reaches there is overwritten by the next row, and the last rows are written number by
        // number.
        let line = |index: usize| {
            let line = (start + index).min(end - 1);
            &self.matrix.values[line * self.matrix.rows..][self.steps.clone()]
        };
        let k = self.steps.len();
        let turned = match N.next_multiple_of(V::WIDTH) - N {
            0 => k / 4 * 4,
            over if over <= 4 * N => k.saturating_sub(4) / 4 * 4,
            _ => 0,
        };
        let groups = N.div_ceil(V::WIDTH);
        let mut rows = [[std::ptr::null(); WIDEST]; NR];
        for (group, rows) in rows.iter_mut().enumerate().take(groups) {
            for (index, row) in rows.iter_mut().enumerate().take(V::WIDTH) {
                *row = line(group * V::WIDTH + index).as_ptr();
            }
        }
        for column in (0..turned).step_by(4) {
            for group in (0..groups).rev() {
                // SAFETY: each line has four values from `column` on. Vectors end with the row of
                // the panel, or at least four rows follow those written, more than a vector.
                unsafe {
                    let rows = rows[group].map(|row: *const f32| row.wrapping_add(column));
                    let four = simd.four_columns(&rows);
                    for (step, values) in four.into_iter().enumerate() {
                        let at = (column + step) * N + group * V::WIDTH;
                        simd.store_to(values, self.slots.as_mut_ptr().add(at).cast());
                    }
                }
            }
        }
        for column in turned..k {
            for (index, slot) in self.slots[column * N..][..N].iter_mut().enumerate() {
                slot.write(line(index)[column]);
            }
        }
    }
}
