//! Convolution of maps `[batch, input, height, width]` with square kernels of odd side, zeros around
//! the maps, as a product of matrices that is never laid out:
//!
//! ```text
//! y[o, r, c] = b[o] + sum(w[o, i, j, k] x[i, r + j - K / 2, c + k - K / 2])
//! ```
//!
//! A tile is some output channels by two vectors of neighbouring pixels. What it needs of `x` for a
//! weight is a vector again, at an offset that depends on the weight alone.

use std::ops::Range;

use rayon::prelude::*;

use crate::lanes::{Lanes, slots};
use crate::level::{Kernel, Level};
use crate::packed::{HEIGHT, Matrix, Packed};
use crate::scratch::{Scratch, whole};

/// Sizes of a convolution.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Maps {
    pub(crate) batch: usize,
    pub(crate) input: usize,
    pub(crate) output: usize,
    pub(crate) height: usize,
    pub(crate) width: usize,
    /// Side of the kernel, odd.
    pub(crate) kernel: usize,
}

impl Maps {
    fn depth(&self) -> usize {
        self.input * self.kernel * self.kernel
    }

    /// Rows at a time: their input stays in the second cache, and there is work for all threads.
    fn rows_at_once(&self) -> usize {
        const NUMBERS: usize = 160 * 1024;
        let fit = (NUMBERS / (self.input * (self.width + self.kernel))).saturating_sub(self.kernel);
        let tasks = (4 * rayon::current_num_threads()).div_ceil(self.batch);
        fit.clamp(4, 32).min(self.height.div_ceil(tasks)).max(1)
    }
}

/// The convolution with weights `[output, input, K, K]` and biases `[output]`.
pub(crate) fn convolved(
    level: Level,
    maps: Maps,
    x: &[f32],
    weight: &[f32],
    bias: Option<&[f32]>,
) -> Vec<f32> {
    assert_eq!(x.len(), maps.batch * maps.input * maps.height * maps.width);
    if let Some(bias) = bias {
        assert_eq!(bias.len(), maps.output, "one bias for each output channel");
    }
    let weight = Matrix::new(weight, maps.output, maps.depth()).left(level);
    let length = maps.batch * maps.output * maps.height * maps.width;
    let mut y: Vec<f32> = Vec::with_capacity(length);
    let out = Shared(y.as_mut_ptr());
    let each = maps.rows_at_once();
    let strips = maps.height.div_ceil(each);
    let run = |scratch: &mut Scratch, task: usize| {
        let (item, first) = (task / strips, task % strips * each);
        level.run(Strip {
            maps,
            x,
            weight: &weight,
            bias,
            item,
            rows: first..(first + each).min(maps.height),
            y: out.start(),
            scratch,
        });
    };
    if length * maps.depth() < 256 * 1024 {
        let mut scratch = Scratch::default();
        (0..maps.batch * strips).for_each(|task| run(&mut scratch, task));
    } else {
        let tasks = (0..maps.batch * strips).into_par_iter();
        tasks.for_each_init(Scratch::default, run);
    }
    // SAFETY: the strips cover all rows of all items, and each writes all of its numbers.
    unsafe { y.set_len(length) };
    y
}

/// Weights `[output, input, K, K]` as those of the gradient of `x`: `[input, output, K, K]`, each
/// kernel turned around.
pub(crate) fn turned(maps: Maps, weight: &[f32]) -> Vec<f32> {
    let places = maps.kernel * maps.kernel;
    let mut turned = vec![0.0; weight.len()];
    for (index, kernel) in weight.chunks_exact(places).enumerate() {
        let (output, input) = (index / maps.input, index % maps.input);
        let target = &mut turned[(input * maps.output + output) * places..][..places];
        for (target, w) in target.iter_mut().zip(kernel.iter().rev()) {
            *target = *w;
        }
    }
    turned
}

/// Where strips are written, each by one thread.
#[derive(Clone, Copy)]
struct Shared(*mut f32);

// SAFETY: strips do not overlap.
unsafe impl Send for Shared {}
// SAFETY: as above.
unsafe impl Sync for Shared {}

impl Shared {
    fn start(self) -> *mut f32 {
        self.0
    }
}

/// Some rows of the results of an item.
struct Strip<'a> {
    maps: Maps,
    x: &'a [f32],
    weight: &'a Packed<f32>,
    bias: Option<&'a [f32]>,
    item: usize,
    rows: Range<usize>,
    y: *mut f32,
    scratch: &'a mut Scratch,
}

impl Kernel for Strip<'_> {
    type Output = ();

    #[inline(always)]
    fn run<L: Lanes>(self, lanes: L) {
        let maps = self.maps;
        let (kernel, depth) = (maps.kernel, maps.depth());
        let reach = kernel / 2;
        // The rows that are needed, zeros around them: [input, rows, breadth].
        let rows = self.rows.len() + kernel - 1;
        let breadth = whole(maps.width, L::WIDTH) + kernel - 1;
        let padded = self.scratch.take(maps.input, rows * breadth);
        let plane = maps.height * maps.width;
        for (input, padded) in padded.chunks_exact_mut(rows * breadth).enumerate() {
            let map = &self.x[(self.item * maps.input + input) * plane..][..plane];
            for (index, target) in padded.chunks_exact_mut(breadth).enumerate() {
                target[..reach].fill(0.0);
                target[reach + maps.width..].fill(0.0);
                let target = slots(&mut target[reach..reach + maps.width]);
                // Row `rows.start + index - reach` of the map, if there is one.
                let row = self.rows.start + index;
                let inside = row >= reach && row < maps.height + reach;
                let source = match inside {
                    true => &map[(row - reach) * maps.width..][..maps.width],
                    false => &[],
                };
                for start in (0..maps.width).step_by(L::WIDTH) {
                    let x = match inside {
                        true => lanes.load_at(source, start, 0.0),
                        false => lanes.splat(0.0),
                    };
                    lanes.store_at(x, target, start);
                }
            }
        }
        // Where the numbers for a weight begin, from those for the first.
        let offsets: Vec<usize> = (0..depth)
            .map(|index| {
                let (input, place) = (index / (kernel * kernel), index % (kernel * kernel));
                (input * rows + place / kernel) * breadth + place % kernel
            })
            .collect();
        let groups = maps.width.div_ceil(L::WIDTH);
        let y = self.y.wrapping_add(self.item * maps.output * plane);
        for panel in 0..maps.output.div_ceil(HEIGHT) {
            let first = panel * HEIGHT;
            let channels = HEIGHT.min(maps.output - first);
            let mut bias = [0.0; HEIGHT];
            if let Some(all) = self.bias {
                bias[..channels].copy_from_slice(&all[first..first + channels]);
            }
            let pixels = Pixels {
                weight: self.weight.part::<HEIGHT>(panel, 0..depth),
                offsets: &offsets,
                bias,
                channels,
                x: padded.as_ptr(),
                y: y.wrapping_add(first * plane + self.rows.start * maps.width),
                plane,
                width: maps.width,
                breadth,
                groups: self.rows.len() * groups,
            };
            lanes.call(pixels);
        }
    }
}

/// All pixels of a strip in some channels.
struct Pixels<'a> {
    /// `[depth, HEIGHT]`.
    weight: &'a [f32],
    offsets: &'a [usize],
    bias: [f32; HEIGHT],
    channels: usize,
    /// `[input, rows, breadth]`.
    x: *const f32,
    /// The first pixel of the first channel.
    y: *mut f32,
    /// From a channel to the next.
    plane: usize,
    /// Pixels in a row of the result.
    width: usize,
    /// Pixels in a padded row.
    breadth: usize,
    /// Vectors of pixels, none across two rows.
    groups: usize,
}

impl Kernel for Pixels<'_> {
    type Output = ();

    #[inline(always)]
    fn run<L: Lanes>(self, lanes: L) {
        let mut group = 0;
        while group < self.groups {
            match self.groups - group {
                1 => self.tiles::<L, 1>(lanes, group),
                _ => self.tiles::<L, 2>(lanes, group),
            }
            group += 2;
        }
    }
}

impl Pixels<'_> {
    #[inline(always)]
    fn tiles<L: Lanes, const VECTORS: usize>(&self, lanes: L, group: usize) {
        let mut channel = 0;
        macro_rules! tiles {
            ($($channels:literal)*) => {$(
                while $channels <= L::TILE_ROWS && channel + $channels <= self.channels {
                    self.tile::<L, $channels, VECTORS>(lanes, channel, group);
                    channel += $channels;
                }
            )*};
        }
        tiles!(12 8 6 4 2 1);
    }

    #[inline(always)]
    fn tile<L: Lanes, const CHANNELS: usize, const VECTORS: usize>(
        &self,
        lanes: L,
        channel: usize,
        group: usize,
    ) {
        let in_row = self.width.div_ceil(L::WIDTH);
        let mut places = [(0, 0); VECTORS]; // row and column of each vector
        let mut x = [self.x; VECTORS];
        for (index, (place, x)) in places.iter_mut().zip(&mut x).enumerate() {
            let group = group + index;
            *place = (group / in_row, group % in_row * L::WIDTH);
            *x = x.wrapping_add(place.0 * self.breadth + place.1);
        }
        let mut sums = [[lanes.splat(0.0); VECTORS]; CHANNELS];
        for (index, sums) in sums.iter_mut().enumerate() {
            *sums = [lanes.splat(self.bias[channel + index]); VECTORS];
        }
        let mut weight = self.weight[channel..].as_ptr();
        for offset in self.offsets {
            let mut right = [lanes.splat(0.0); VECTORS];
            for (right, x) in right.iter_mut().zip(x) {
                // SAFETY: within the padded rows, which are whole vectors and a kernel broad.
                *right = unsafe { lanes.load_from(x.add(*offset)) };
            }
            for (index, sums) in sums.iter_mut().enumerate() {
                // SAFETY: a panel has `HEIGHT` weights for each offset.
                let left = lanes.splat(unsafe { *weight.add(index) });
                for (sum, right) in sums.iter_mut().zip(right) {
                    *sum = lanes.fma(left, right, *sum);
                }
            }
            weight = weight.wrapping_add(HEIGHT);
        }
        for (index, sums) in sums.into_iter().enumerate() {
            for ((row, column), sum) in places.into_iter().zip(sums) {
                let at = (channel + index) * self.plane + row * self.width + column;
                let length = (self.width - column).min(L::WIDTH);
                // SAFETY: pixels of this strip, which belongs to this thread alone.
                let target =
                    unsafe { std::slice::from_raw_parts_mut(self.y.add(at).cast(), length) };
                lanes.store_at(sum, target, 0);
            }
        }
    }
}
