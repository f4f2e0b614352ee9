//! Convolution of maps `[batch, input, stride * height, stride * width]` with square kernels, zeros
//! around the maps, as a product of matrices that is never laid out:
//!
//! ```text
//! y[o, r, c] = b[o] + sum(w[o, i, j, k] x[i, s r + j - before, s c + k - before])
//! ```
//!
//! A tile is some output channels by two vectors of neighbouring pixels. What it needs of `x` for a
//! weight is a vector again, at an offset that depends on the weight alone: with a stride, each row
//! of `x` is dealt out first, to `s` rows of every s-th pixel.
//!
//! The same loops serve float32 and, where the processor multiplies them, pairs of bfloat16: two
//! input channels side by side.

#[cfg(target_arch = "x86_64")]
mod bf16;
pub(crate) mod depthwise;
mod f32;
pub(crate) mod gradient;
mod maps;
mod row_block;
mod winograd;

use rayon::prelude::*;

#[cfg(target_arch = "x86_64")]
use crate::cpu::gemm::layout::MR;
#[cfg(target_arch = "x86_64")]
use crate::cpu::gemm::microkernel::avx512_bf16::Avx512Bf16;
use crate::cpu::gemm::pack::Matrix;
use crate::cpu::gemm::scratch::Scratch;
use crate::cpu::parallel::Shared;
use crate::cpu::simd::level::SimdLevel;
use crate::dtype::Dtype;
pub(crate) use maps::Maps;
use row_block::{Element, Panel, RowBlock};
use winograd::Tile;

/// The numbers of a layer.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Layer<'a> {
    /// `[output, input, K, K]`.
    pub(crate) weight: &'a [f32],
    /// `[output]`.
    pub(crate) bias: Option<&'a [f32]>,
    /// What results below zero are multiplied with, `[output]`: PReLU, or leaky ReLU if they are
    /// all the same.
    pub(crate) slopes: Option<&'a [f32]>,
}

impl<'a> Layer<'a> {
    /// Weights alone.
    pub(crate) fn of(weight: &'a [f32]) -> Self {
        Self {
            weight,
            bias: None,
            slopes: None,
        }
    }

    /// Bias and slope of a channel; a slope of 1 changes nothing.
    fn of_channel(&self, channel: usize) -> [f32; 2] {
        [
            self.bias.map_or(0.0, |bias| bias[channel]),
            self.slopes.map_or(1.0, |slopes| slopes[channel]),
        ]
    }
}

/// What decides how a convolution is computed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Way {
    /// What is fastest for these maps.
    Fastest,
    /// The number of channels alone: a part of a map gets the bits of the whole if it begins at a
    /// multiple of four pixels.
    BySize,
}

/// The convolution of maps whose channels lie in the parts `x` one behind the other; below float32
/// with factors in bfloat16, where the processor multiplies them.
pub(crate) fn convolved(
    level: SimdLevel,
    precision: Dtype,
    way: Way,
    maps: Maps,
    x: &[&[f32]],
    layer: Layer<'_>,
) -> Vec<f32> {
    let numbers: usize = x.iter().map(|part| part.len()).sum();
    assert_eq!(numbers, maps.batch * maps.input * maps.plane());
    for (what, each) in [("bias", layer.bias), ("slope", layer.slopes)] {
        let count = each.map_or(maps.output, <[f32]>::len);
        assert_eq!(count, maps.output, "one {what} for each output channel");
    }
    let tile = match way {
        Way::Fastest => Tile::of(maps),
        Way::BySize => Tile::of_channels(maps),
    };
    #[cfg(target_arch = "x86_64")]
    if precision.rounds()
        && !tile.is_some_and(|tile| tile.is_faster_than_bf16(maps, way))
        && let Some(proof) = crate::cpu::gemm::microkernel::find_bf16(level)
    {
        return direct_bf16(level, proof, maps, x, layer);
    }
    let _ = precision;
    match tile {
        Some(tile) => winograd::convolved(level, tile, maps, x, layer),
        None => direct(level, maps, x, layer),
    }
}

/// The convolution in float32, product by product.
fn direct(level: SimdLevel, maps: Maps, x: &[&[f32]], layer: Layer<'_>) -> Vec<f32> {
    let weight = Matrix::new(layer.weight, maps.output, maps.k()).left(level);
    let taps: Vec<usize> = (0..weight.k).collect();
    let panels: Vec<_> = Panel::all(&weight, &taps, 0).collect();
    in_row_blocks(level, f32::F32, maps, x, &panels, layer)
}

/// The same with factors in bfloat16.
#[cfg(target_arch = "x86_64")]
fn direct_bf16(
    level: SimdLevel,
    proof: Avx512Bf16,
    maps: Maps,
    x: &[&[f32]],
    layer: Layer<'_>,
) -> Vec<f32> {
    let weight = bf16::pairs_of_channels(maps, layer.weight);
    let k = 2 * maps.input.div_ceil(2) * maps.places();
    let weight = Matrix::new(&weight, maps.output, k).left(level);
    let weight = weight.pairs::<MR>(level);
    let taps: Vec<usize> = (0..weight.k).collect();
    let panels: Vec<_> = Panel::all(&weight, &taps, 0).collect();
    in_row_blocks(level, bf16::Bf16(proof), maps, x, &panels, layer)
}

fn in_row_blocks<N: Element>(
    level: SimdLevel,
    values: N,
    maps: Maps,
    x: &[&[f32]],
    panels: &[Panel<'_, N::Value>],
    layer: Layer<'_>,
) -> Vec<f32> {
    let length = maps.batch * maps.output * maps.height * maps.width;
    let mut y: Vec<f32> = Vec::with_capacity(length);
    let out = Shared(y.as_mut_ptr());
    let each = maps.rows_at_once();
    let row_blocks = maps.height.div_ceil(each);
    let run = |scratch: &mut Scratch, task: usize| {
        let (item, first) = (task / row_blocks, task % row_blocks * each);
        level.run(RowBlock {
            values,
            maps,
            x,
            panels,
            layer,
            item,
            rows: first..(first + each).min(maps.height),
            y: out.start(),
            scratch,
        });
    };
    if length * maps.k() < 256 * 1024 {
        let mut scratch = Scratch::default();
        (0..maps.batch * row_blocks).for_each(|task| run(&mut scratch, task));
    } else {
        let tasks = (0..maps.batch * row_blocks).into_par_iter();
        tasks.for_each_init(Scratch::default, run);
    }
    // SAFETY: the blocks cover all rows of all items, and each writes all of its values.
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
