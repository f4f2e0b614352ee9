//! Convolution with kernels of 3 by 3 weights by Winograd's minimal filtering: maps are cut into
//! tiles of `M x M` results, and a tile takes `(M + 2)^2` products for each two channels instead of
//! `9 M^2`,
//!
//! ```text
//! Y = A^T (U * V) A,   U = G g G^T,   V = B^T d B
//! ```
//!
//! with the sums over the input channels as `(M + 2)^2` products of matrices
//! `[output, input] [input, tiles]`. The tiles go through in chunks whose factors and products stay
//! in the last cache.

mod factors;
mod form;
#[cfg(test)]
mod tests;
mod tiles;
mod weights;

use std::marker::PhantomData;

use rayon::prelude::*;

use super::maps::Maps;
use super::{Layer, Way};
use crate::cpu::gemm::blocked::{self, ROW_BLOCK};
use crate::cpu::gemm::layout::NR;
use crate::cpu::gemm::scratch::Scratch;
use crate::cpu::parallel::Shared;
use crate::cpu::simd::level::SimdLevel;
use factors::{Factors, Sizes};
use form::{Form, Four, Two};
use tiles::{Input, Output, Tiles};

/// How many results a tile has along each axis.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Tile {
    /// Two: 2.25 times fewer products, hardly another error than that of the direct form.
    Two,
    /// Four: 4 times fewer.
    Four,
}

/// Values of factors and products of a chunk, for each thread: they stay in its second cache.
const CHUNK: usize = 400 * 1024;
/// Tiles of a chunk at least: fewer would read the weights too often.
const FEWEST_TILES: usize = 3 * NR;

impl Tile {
    /// The form that is faster than the direct one at these sizes, if one is; whatever the batch,
    /// so that an item's results do not depend on its company.
    ///
    /// With few tiles the transforms of the weights cost more than they save, with few channels
    /// those of the maps do. Measured with AVX2 and AVX-512 at the sizes of the published
    /// autoencoder and of small ones in training (`docs/src/performance.md`).
    pub(crate) fn of(maps: Maps) -> Option<Self> {
        let fits = (maps.kernel, maps.stride, maps.before) == (3, 1, 1);
        if !fits || maps.input.min(maps.output) < FEWEST_CHANNELS {
            return None;
        }
        if tiles_of(maps, 4) >= 64 {
            return Some(Self::Four);
        }
        (tiles_of(maps, 2) >= 64).then_some(Self::Two)
    }

    /// The form that is faster in large maps, whatever the size of these.
    pub(crate) fn of_channels(maps: Maps) -> Option<Self> {
        let fits = (maps.kernel, maps.stride, maps.before) == (3, 1, 1);
        (fits && maps.input.min(maps.output) >= FEWEST_CHANNELS).then_some(Self::Four)
    }

    /// Whether it is faster in float32 than the direct form in bfloat16: by a tenth to a fifth
    /// where there are many channels and pixels.
    #[cfg(target_arch = "x86_64")]
    pub(crate) fn is_faster_than_bf16(self, maps: Maps, way: Way) -> bool {
        let channels = maps.input.min(maps.output);
        let many = way == Way::BySize || tiles_of(maps, 4) >= 128;
        self == Self::Four && channels >= 2 * FEWEST_CHANNELS && many
    }
}

/// Tiles of an item.
fn tiles_of(maps: Maps, side: usize) -> usize {
    maps.height.div_ceil(side) * maps.width.div_ceil(side)
}

/// Channels below which the direct form is faster.
const FEWEST_CHANNELS: usize = 32;

/// The convolution of `x` with weights `[output, input, 3, 3]`.
pub(crate) fn convolved(
    level: SimdLevel,
    tile: Tile,
    maps: Maps,
    x: &[&[f32]],
    layer: Layer<'_>,
) -> Vec<f32> {
    assert_eq!((maps.kernel, maps.stride, maps.before), (3, 1, 1));
    match tile {
        Tile::Two => by_tiles::<Two>(level, maps, x, layer),
        Tile::Four => by_tiles::<Four>(level, maps, x, layer),
    }
}

fn by_tiles<F: Form>(level: SimdLevel, maps: Maps, x: &[&[f32]], layer: Layer<'_>) -> Vec<f32> {
    let all = Tiles::all::<F>(maps);
    let sizes = Sizes {
        products: F::LINE * F::LINE,
        input: maps.input,
        output: maps.output,
        panels: all.panels(),
    };
    let u = weights::transformed::<F>(level, sizes, layer.weight);
    let of_tile = sizes.products * (maps.input + maps.output);
    let chunk = CHUNK * rayon::current_num_threads() / of_tile;
    let most = chunk.max(FEWEST_TILES) / all.across;
    let chunks = all.rows.div_ceil(most.max(1));
    let each = all.rows.div_ceil(chunks);
    let length = maps.batch * maps.output * maps.height * maps.width;
    let mut y: Vec<f32> = Vec::with_capacity(length);
    let (mut v, mut products) = (Scratch::default(), Scratch::default());
    for first in (0..all.rows).step_by(each) {
        let tiles = Tiles {
            first,
            rows: each.min(all.rows - first),
            ..all
        };
        let sizes = Sizes {
            panels: tiles.panels(),
            ..sizes
        };
        let places = &tiles.places::<F>();
        let v = v.take(sizes.panels * sizes.products, sizes.of_tiles());
        let products = products.take(sizes.products, sizes.of_product());
        let target = Shared(v.as_mut_ptr());
        (0..maps.input)
            .into_par_iter()
            .for_each_init(Scratch::default, |scratch, channel| {
                level.run(Input::<F> {
                    tiles,
                    places,
                    sizes,
                    x,
                    channel,
                    target: target.start(),
                    scratch,
                    form: PhantomData,
                });
            });
        let row_blocks = maps.output.div_ceil(ROW_BLOCK);
        let c = Shared(products.as_mut_ptr());
        let v = &*v;
        (0..sizes.products * row_blocks)
            .into_par_iter()
            .for_each_init(Scratch::default, |scratch, task| {
                let (product, block) = (task / row_blocks, task % row_blocks);
                let factors = Factors {
                    sizes,
                    weights: &u[product * sizes.of_weights()..],
                    tiles: &v[product * sizes.of_tiles()..],
                };
                // SAFETY: there is room for all products, and each block has rows of its own.
                unsafe {
                    let c = c.start().add(product * sizes.of_product());
                    blocked::row_block(level, factors, block, c, scratch);
                }
            });
        let out = Shared(y.as_mut_ptr());
        (0..maps.output).into_par_iter().for_each(|channel| {
            level.run(Output::<F> {
                maps,
                places,
                sizes,
                channel,
                ends: layer.of_channel(channel),
                products: c.start(),
                y: out.start(),
                form: PhantomData,
            });
        });
    }
    // SAFETY: the chunks cover all tiles of all items, and each writes their results in every
    // channel.
    unsafe { y.set_len(length) };
    y
}
