//! Depthwise convolution of square kernels on tokens `[batch, height * width, channels]`, zeros
//! around the map:
//!
//! ```text
//! y[r, c] = b + sum(x[r + i - K / 2, c + j - K / 2] w[i, j]),   0 <= i, j < K
//! ```
//!
//! channel by channel, so that vectors lie along the channels. A row of results is made eight at a
//! time: each number of `x` is read once for all results that it takes part in.

use crate::cpu::parallel::filled;
use crate::cpu::simd::level::SimdLevel;
use crate::cpu::simd::{Kernel, Simd, Slot, WIDEST};

/// Results of a row at a time.
const STRETCH: usize = 8;

/// Runs a block for every place that a stretch sees, `0..STRETCH + K - 1`, the place a constant:
/// sums that are chosen by a variable would not stay in registers.
macro_rules! each_place {
    ($kernel:ident, |$place:ident| $block:block) => {
        each_place!(@ $kernel, $place, $block, 0 1 2 3 4 5 6 7 8 9 10 11 12 13)
    };
    (@ $kernel:ident, $place:ident, $block:block, $($number:literal)*) => {$({
        const $place: usize = $number;
        if $place < STRETCH + $kernel - 1 {
            $block
        }
    })*};
}

/// Sizes of a convolution.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Map {
    pub(crate) batch: usize,
    pub(crate) height: usize,
    pub(crate) width: usize,
    pub(crate) channels: usize,
    /// Side of the kernel, which [`supports`] allows.
    pub(crate) kernel: usize,
}

/// Whether there is a kernel of that side.
pub(crate) fn supports(kernel: usize) -> bool {
    matches!(kernel, 1 | 3 | 5 | 7)
}

/// The convolution with weights `[channels, K * K]` and biases `[channels]`.
pub(crate) fn convolved(
    level: SimdLevel,
    map: Map,
    x: &[f32],
    weight: &[f32],
    bias: &[f32],
) -> Vec<f32> {
    let weight = by_place(map, weight, false);
    run(level, map, x, &weight, Some(bias))
}

/// The gradient of `x`: the same with the kernel turned around.
pub(crate) fn gradient_of_input(
    level: SimdLevel,
    map: Map,
    dy: &[f32],
    weight: &[f32],
) -> Vec<f32> {
    let weight = by_place(map, weight, true);
    run(level, map, dy, &weight, None)
}

/// `[channels, K * K]` to `[K * K, channels]`, the first place or the last one first.
fn by_place(map: Map, weight: &[f32], turned: bool) -> Vec<f32> {
    let places = map.kernel * map.kernel;
    let mut of_places = vec![0.0; weight.len()];
    for (channel, weight) in weight.chunks_exact(places).enumerate() {
        for (place, w) in weight.iter().enumerate() {
            let place = if turned { places - 1 - place } else { place };
            of_places[place * map.channels + channel] = *w;
        }
    }
    of_places
}

fn run(level: SimdLevel, map: Map, x: &[f32], weight: &[f32], bias: Option<&[f32]>) -> Vec<f32> {
    assert_eq!(x.len(), map.batch * map.height * map.width * map.channels);
    assert_eq!(weight.len(), map.kernel * map.kernel * map.channels);
    let row = map.width * map.channels;
    let work = row * map.kernel * map.kernel / 8;
    // SAFETY: the kernel writes every slot.
    let [y] = unsafe {
        filled(map.batch * map.height, [row], work, |rows, [y]| {
            for (index, y) in rows.zip(y.chunks_exact_mut(row)) {
                let row = Row {
                    map,
                    x,
                    weight,
                    bias,
                    index,
                    y,
                };
                match map.kernel {
                    1 => level.run(Sized::<1>(row)),
                    3 => level.run(Sized::<3>(row)),
                    5 => level.run(Sized::<5>(row)),
                    7 => level.run(Sized::<7>(row)),
                    kernel => unreachable!("no kernel of side {kernel}"),
                }
            }
        })
    };
    y
}

/// One row of results.
struct Row<'a> {
    map: Map,
    x: &'a [f32],
    weight: &'a [f32],
    bias: Option<&'a [f32]>,
    /// Row of all items.
    index: usize,
    y: &'a mut [Slot],
}

struct Sized<'a, const K: usize>(Row<'a>);

impl<const K: usize> Kernel for Sized<'_, K> {
    type Output = ();

    #[inline(always)]
    fn run<V: Simd>(self, simd: V) {
        let Row {
            map,
            x,
            weight,
            bias,
            index,
            y,
        } = self.0;
        let (item, row) = (index / map.height, index % map.height);
        let mut channel = 0;
        while channel < map.channels {
            let bias = match bias {
                Some(bias) => simd.load_at(bias, channel, 0.0),
                None => simd.splat(0.0),
            };
            let mut start = 0;
            while start < map.width {
                let mut sums = [bias; STRETCH];
                for i in 0..K {
                    // Row `row + i - K / 2` of the map, if there is one.
                    let source = row + i;
                    if source < K / 2 || source >= map.height + K / 2 {
                        continue;
                    }
                    let source = item * map.height + source - K / 2;
                    let mut weights = [bias; K];
                    for (j, w) in weights.iter_mut().enumerate() {
                        *w = part(simd, weight, i * K + j, channel, map.channels);
                    }
                    each_place!(K, |PLACE| {
                        // Column `start + PLACE - K / 2`, if there is one.
                        let column = start + PLACE;
                        if column >= K / 2 && column < map.width + K / 2 {
                            let pixel = source * map.width + column - K / 2;
                            let x = part(simd, x, pixel, channel, map.channels);
                            for (j, w) in weights.iter().enumerate() {
                                if (j..j + STRETCH).contains(&PLACE) {
                                    sums[PLACE - j] = simd.fma(x, *w, sums[PLACE - j]);
                                }
                            }
                        }
                    });
                }
                let stretch = STRETCH.min(map.width - start);
                for (offset, sum) in sums.iter().enumerate().take(stretch) {
                    let pixel = &mut y[(start + offset) * map.channels..][..map.channels];
                    simd.store_at(*sum, pixel, channel);
                }
                start += STRETCH;
            }
            channel += V::WIDTH;
        }
    }
}

/// The vector from `channel` on of pixel `pixel`.
#[inline(always)]
fn part<V: Simd>(
    simd: V,
    pixels: &[f32],
    pixel: usize,
    channel: usize,
    channels: usize,
) -> V::Float {
    let start = pixel * channels + channel;
    if channel + V::WIDTH <= channels {
        simd.load_at(pixels, start, 0.0)
    } else {
        simd.load_short(&pixels[start..start + channels - channel], 0.0)
    }
}

/// The gradients of weights `[channels, K * K]` and biases `[channels]`.
pub(crate) fn gradients_of_parameters(
    level: SimdLevel,
    map: Map,
    x: &[f32],
    dy: &[f32],
) -> [Vec<f32>; 2] {
    assert_eq!(x.len(), map.batch * map.height * map.width * map.channels);
    assert_eq!(dy.len(), x.len());
    let (kernel, places) = (map.kernel, map.kernel * map.kernel);
    let blocks = map.channels.div_ceil(WIDEST);
    // Rows of the kernel, of 16 channels each.
    let size = kernel * WIDEST;
    let work = x.len() / blocks * kernel;
    // SAFETY: the kernel writes every slot.
    let [parts] = unsafe {
        filled(blocks * kernel, [size], work, |tasks, [parts]| {
            for (task, sums) in tasks.zip(parts.chunks_exact_mut(size)) {
                let block = ChannelBlock {
                    map,
                    x,
                    dy,
                    first: task / kernel * WIDEST,
                    i: task % kernel,
                    sums,
                };
                match kernel {
                    1 => level.run(SizedChannelBlock::<1>(block)),
                    3 => level.run(SizedChannelBlock::<3>(block)),
                    5 => level.run(SizedChannelBlock::<5>(block)),
                    7 => level.run(SizedChannelBlock::<7>(block)),
                    kernel => unreachable!("no kernel of side {kernel}"),
                }
            }
        })
    };
    let mut dw = vec![0.0; map.channels * places];
    for (channel, dw) in dw.chunks_exact_mut(places).enumerate() {
        for (place, dw) in dw.iter_mut().enumerate() {
            let (i, j) = (place / kernel, place % kernel);
            let task = channel / WIDEST * kernel + i;
            *dw = parts[task * size + j * WIDEST + channel % WIDEST];
        }
    }
    let mut db = vec![0.0; map.channels];
    for dy in dy.chunks_exact(map.channels) {
        for (db, dy) in db.iter_mut().zip(dy) {
            *db += dy;
        }
    }
    [dw, db]
}

/// Row `i` of the weights of up to sixteen channels.
struct ChannelBlock<'a> {
    map: Map,
    x: &'a [f32],
    dy: &'a [f32],
    first: usize,
    i: usize,
    /// `[K, 16]`.
    sums: &'a mut [Slot],
}

struct SizedChannelBlock<'a, const K: usize>(ChannelBlock<'a>);

impl<const K: usize> Kernel for SizedChannelBlock<'_, K> {
    type Output = ();

    #[inline(always)]
    fn run<V: Simd>(self, simd: V) {
        let ChannelBlock {
            map,
            x,
            dy,
            first,
            i,
            sums: targets,
        } = self.0;
        let zero = simd.splat(0.0);
        for slot in targets.iter_mut() {
            slot.write(0.0);
        }
        let end = (first + WIDEST).min(map.channels);
        let mut channel = first;
        while channel < end {
            let mut sums = [zero; K];
            for row in 0..map.batch * map.height {
                // Result row `row` sees row `row + i - K / 2` of its item.
                let source = row % map.height + i;
                if source < K / 2 || source >= map.height + K / 2 {
                    continue;
                }
                let source = row - row % map.height + source - K / 2;
                let mut start = 0;
                while start < map.width {
                    let stretch = STRETCH.min(map.width - start);
                    let mut of_y = [zero; STRETCH];
                    for (offset, dy_of) in of_y.iter_mut().enumerate().take(stretch) {
                        let pixel = row * map.width + start + offset;
                        *dy_of = part(simd, dy, pixel, channel, map.channels);
                    }
                    each_place!(K, |PLACE| {
                        let column = start + PLACE;
                        if column >= K / 2 && column < map.width + K / 2 {
                            let pixel = source * map.width + column - K / 2;
                            let x = part(simd, x, pixel, channel, map.channels);
                            for (j, sum) in sums.iter_mut().enumerate() {
                                if (j..j + STRETCH).contains(&PLACE) {
                                    *sum = simd.fma(x, of_y[PLACE - j], *sum);
                                }
                            }
                        }
                    });
                    start += STRETCH;
                }
            }
            for (j, sum) in sums.into_iter().enumerate() {
                let target = &mut targets[j * WIDEST..(j + 1) * WIDEST];
                simd.store_at(sum, target, channel - first);
            }
            channel += V::WIDTH;
        }
    }
}
