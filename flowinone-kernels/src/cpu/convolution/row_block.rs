//! Some rows of the results of an item, tile by tile.

use std::ops::Range;

use super::Layer;
use super::maps::Maps;
use crate::cpu::gemm::layout::{MR, NR, in_tiles};
use crate::cpu::gemm::pack::{Packed, lines_of};
use crate::cpu::gemm::scratch::{Scratch, whole};
use crate::cpu::simd::{Kernel, Simd, slots};

/// What is multiplied: values of one input channel, or of several side by side.
pub(super) trait Element: Copy + Send + Sync {
    /// The weights for a pixel, or the pixel.
    type Value: Copy + Send + Sync;

    /// Input channels of a number.
    const CHANNELS: usize;

    /// Working memory, whatever it held before.
    fn take(scratch: &mut Scratch, count: usize) -> &mut [Self::Value];

    /// Zeros.
    fn clear(target: &mut [Self::Value]);

    /// One row of all channels of a number, those that exist.
    fn row<'a, V: Simd>(
        simd: V,
        channels: impl Iterator<Item = &'a [f32]>,
        target: &mut [Self::Value],
    );

    /// Sums over all offsets of weights times pixels, `[CHANNELS, NR]` of which `VECTORS`
    /// vectors are written.
    ///
    /// # Safety
    /// There must be [`MR`] weights for each offset, of which `CHANNELS` are read, and a vector of
    /// pixels at each offset from all of `x`.
    unsafe fn tile<V: Simd, const CHANNELS: usize, const VECTORS: usize>(
        self,
        simd: V,
        weight: *const Self::Value,
        offsets: &[usize],
        x: [*const Self::Value; VECTORS],
        sums: &mut [[f32; NR]; MR],
    );
}

/// Up to [`MR`] output channels.
#[derive(Debug, Clone, Copy)]
pub(super) struct Panel<'a, T> {
    /// The first of them.
    pub(super) first: usize,
    pub(super) channels: usize,
    /// Which of the weights `[input, K, K]` of a channel are there, in order.
    pub(super) taps: &'a [usize],
    /// `[taps, MR]`.
    pub(super) weight: &'a [T],
}

impl<'a, T> Panel<'a, T> {
    /// Those of packed weights `[lines, taps]`, of output channels from one on.
    pub(super) fn all(
        weight: &'a Packed<T>,
        taps: &'a [usize],
        from: usize,
    ) -> impl Iterator<Item = Self> {
        (0..weight.lines.div_ceil(MR)).map(move |index| {
            let lines = lines_of::<MR>(index, weight.lines);
            Self {
                first: from + lines.start,
                channels: lines.len(),
                taps,
                weight: weight.part::<MR>(index, 0..weight.k),
            }
        })
    }
}

/// Some rows of the results of an item.
pub(super) struct RowBlock<'a, N: Element> {
    pub(super) values: N,
    pub(super) maps: Maps,
    pub(super) x: &'a [&'a [f32]],
    pub(super) panels: &'a [Panel<'a, N::Value>],
    pub(super) layer: Layer<'a>,
    pub(super) item: usize,
    pub(super) rows: Range<usize>,
    pub(super) y: *mut f32,
    pub(super) scratch: &'a mut Scratch,
}

impl<N: Element> Kernel for RowBlock<'_, N> {
    type Output = ();

    #[inline(always)]
    fn run<V: Simd>(self, simd: V) {
        let (maps, kernel, stride) = (self.maps, self.maps.kernel, self.maps.stride);
        let planes = maps.input.div_ceil(N::CHANNELS);
        // The rows that are needed, zeros around them: [planes, rows, stride, breadth].
        let rows = (self.rows.len() - 1) * stride + kernel;
        let breadth = whole(maps.width, V::WIDTH) + (kernel - 1) / stride;
        let row_length = stride * breadth;
        let all = N::take(self.scratch, (planes * rows + 1) * row_length);
        let (padded, line) = all.split_at_mut(planes * rows * row_length);
        let mut wide = vec![
            0.0;
            if maps.repeat > 1 {
                N::CHANNELS * maps.width
            } else {
                0
            }
        ];
        for (index, padded) in padded.chunks_exact_mut(rows * row_length).enumerate() {
            let first = index * N::CHANNELS;
            let channels = first..(first + N::CHANNELS).min(maps.input);
            let channels = channels.map(|at| maps.channel(self.x, self.item, at));
            for (index, target) in padded.chunks_exact_mut(row_length).enumerate() {
                let row = (self.rows.start * stride + index).checked_sub(maps.before);
                let row = row.filter(|row| *row < stride * maps.height);
                let channels = channels.clone();
                match (row, stride) {
                    (None, _) => N::clear(target),
                    (Some(row), 1) if maps.repeat > 1 => {
                        let count = channels.clone().count();
                        repeat(maps, channels, row, &mut wide);
                        let rows = wide.chunks_exact(maps.width).take(count);
                        fill::<N, V>(simd, maps, rows, 0, target);
                    }
                    (Some(row), 1) => fill::<N, V>(simd, maps, channels, row, target),
                    (Some(row), _) => {
                        fill::<N, V>(simd, maps, channels, row, line);
                        deal(line, stride, target);
                    }
                }
            }
        }
        // Where the values for a weight begin, from those for the first.
        let offset = |index: &usize| {
            let (plane, place) = (index / maps.places(), index % maps.places());
            let (row, column) = (place / kernel, place % kernel);
            let line = (plane * rows + row) * stride + column % stride;
            line * breadth + column / stride
        };
        let (mut offsets, mut taps) = (vec![], &[][..]);
        let plane = maps.height * maps.width;
        let groups = maps.width.div_ceil(V::WIDTH);
        let y = self.y.wrapping_add(self.item * maps.output * plane);
        for panel in self.panels {
            let Panel {
                first, channels, ..
            } = *panel;
            if !std::ptr::eq(taps, panel.taps) {
                taps = panel.taps;
                offsets = taps.iter().map(offset).collect();
            }
            let mut ends = [[0.0; 2]; MR];
            for (index, ends) in ends.iter_mut().enumerate().take(channels) {
                *ends = self.layer.of_channel(first + index);
            }
            let pixels = Pixels {
                values: self.values,
                weight: panel.weight,
                offsets: &offsets,
                ends,
                channels,
                x: padded.as_ptr(),
                y: y.wrapping_add(first * plane + self.rows.start * maps.width),
                plane,
                width: maps.width,
                x_row: stride * row_length,
                groups: self.rows.len() * groups,
            };
            simd.call(pixels);
        }
    }
}

/// One row of the input, zeros around it.
#[inline(always)]
fn fill<'a, N: Element, V: Simd>(
    simd: V,
    maps: Maps,
    channels: impl Iterator<Item = &'a [f32]>,
    row: usize,
    target: &mut [N::Value],
) {
    let (width, before) = (maps.stride * maps.width, maps.before);
    N::clear(&mut target[..before]);
    N::clear(&mut target[before + width..]);
    let channels = channels.map(|channel| &channel[row * width..][..width]);
    N::row(simd, channels, &mut target[before..before + width]);
}

/// Every `stride`-th value, from each of the first ones on, side by side.
#[inline(always)]
fn deal<T: Copy>(line: &[T], stride: usize, target: &mut [T]) {
    let breadth = target.len() / stride;
    if stride == 2 {
        let (even, odd) = target.split_at_mut(breadth);
        halves(line, even, odd);
        return;
    }
    for (first, target) in target.chunks_exact_mut(breadth).enumerate() {
        let values = line[first..].iter().step_by(stride);
        target.iter_mut().zip(values).for_each(|(to, x)| *to = *x);
    }
}

/// The even and the odd values of a line.
#[inline(always)]
pub(super) fn halves<T: Copy>(line: &[T], even: &mut [T], odd: &mut [T]) {
    let (pairs, _) = line.as_chunks::<2>();
    for ((pair, even), odd) in pairs.iter().zip(even).zip(odd) {
        (*even, *odd) = (pair[0], pair[1]);
    }
}

/// A row of several channels with every pixel repeated, channel by channel.
fn repeat<'a>(maps: Maps, channels: impl Iterator<Item = &'a [f32]>, row: usize, wide: &mut [f32]) {
    let narrow = maps.source_width();
    for (wide, channel) in wide.chunks_exact_mut(maps.width).zip(channels) {
        let source = &channel[row / maps.repeat * narrow..][..narrow];
        for (pixels, x) in wide.chunks_exact_mut(maps.repeat).zip(source) {
            pixels.fill(*x);
        }
    }
}

/// All pixels of a row block in some channels.
struct Pixels<'a, N: Element> {
    values: N,
    /// `[K, MR]`.
    weight: &'a [N::Value],
    offsets: &'a [usize],
    /// Bias and slope of each channel.
    ends: [[f32; 2]; MR],
    channels: usize,
    /// `[planes, rows, stride, breadth]`.
    x: *const N::Value,
    /// The first pixel of the first channel.
    y: *mut f32,
    /// From a channel to the next.
    plane: usize,
    /// Pixels in a row of the result.
    width: usize,
    /// Values of `x` from a row of the result to the next.
    x_row: usize,
    /// Vectors of pixels, none across two rows.
    groups: usize,
}

impl<N: Element> Kernel for Pixels<'_, N> {
    type Output = ();

    #[inline(always)]
    fn run<V: Simd>(self, simd: V) {
        let mut group = 0;
        while group < self.groups {
            match self.groups - group {
                1 => self.tiles::<V, 1>(simd, group),
                _ => self.tiles::<V, 2>(simd, group),
            }
            group += 2;
        }
    }
}

impl<N: Element> Pixels<'_, N> {
    #[inline(always)]
    fn tiles<V: Simd, const VECTORS: usize>(&self, simd: V, group: usize) {
        in_tiles!(self.channels, V::TILE_ROWS, |channel, CHANNELS| {
            self.tile::<V, CHANNELS, VECTORS>(simd, channel, group);
        });
    }

    #[inline(always)]
    fn tile<V: Simd, const CHANNELS: usize, const VECTORS: usize>(
        &self,
        simd: V,
        channel: usize,
        group: usize,
    ) {
        let in_row = self.width.div_ceil(V::WIDTH);
        let mut places = [(0, 0); VECTORS]; // row and column of each vector
        let mut x = [self.x; VECTORS];
        for (index, (place, x)) in places.iter_mut().zip(&mut x).enumerate() {
            let group = group + index;
            *place = (group / in_row, group % in_row * V::WIDTH);
            *x = x.wrapping_add(place.0 * self.x_row + place.1);
        }
        let mut sums = [[0.0; NR]; MR];
        let weight = self.weight[channel..].as_ptr();
        // SAFETY: a panel has `MR` weights for each offset; offsets from these pixels lie within
        // the padded rows, which are whole vectors and a kernel broad.
        unsafe {
            let values = self.values;
            values.tile::<V, CHANNELS, VECTORS>(simd, weight, self.offsets, x, &mut sums);
        }
        for (index, sums) in sums.iter().enumerate().take(CHANNELS) {
            let [bias, slope] = self.ends[channel + index];
            let (bias, slope) = (simd.splat(bias), simd.splat(slope));
            for ((row, column), sum) in places.into_iter().zip(sums.chunks_exact(V::WIDTH)) {
                let at = (channel + index) * self.plane + row * self.width + column;
                let length = (self.width - column).min(V::WIDTH);
                // SAFETY: pixels of this row block, which belongs to this thread alone.
                let target =
                    unsafe { std::slice::from_raw_parts_mut(self.y.add(at).cast(), length) };
                let y = simd.add(simd.load(sum), bias);
                let y = simd.where_negative(y, simd.mul(y, slope), y);
                simd.store_at(y, target, 0);
            }
        }
    }
}

/// A row of float32.
#[inline(always)]
pub(super) fn copy<V: Simd>(simd: V, source: &[f32], target: &mut [f32]) {
    let target = slots(target);
    for start in (0..source.len()).step_by(V::WIDTH) {
        simd.store_at(simd.load_at(source, start, 0.0), target, start);
    }
}
