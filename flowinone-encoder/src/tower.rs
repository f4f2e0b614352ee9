//! The vision transformer: `norm(block_n(... block_1(patches(pixels) + pos_embed)))`.
//!
//! No class token and no pooling: one token for each patch, row by row.

use burn::module::{Module, Param};
use burn::nn::conv::{Conv2d, Conv2dConfig};
use burn::nn::{Initializer, LayerNorm};
use burn::tensor::{Device, Tensor};
use flowinone_kernels::{dense_layers, linear};

use crate::block::{layer_norm, normed};
use crate::{Block, EncoderConfig, StemLevel};

/// Channels of a picture.
const COLOURS: usize = 3;

/// SigLIP's vision transformer without its pooling head.
#[derive(Module, Debug)]
pub struct VisionTower {
    /// Pixels to maps at a lower resolution; empty in the published tower.
    pub stem: Vec<StemLevel>,
    /// Pixels, or the stem's maps, to tokens.
    pub patch_embed: PatchEmbed,
    /// One learned vector for each place of a token, `[1, tokens, width]`.
    pub pos_embed: Param<Tensor<3>>,
    /// The blocks, first to last.
    pub blocks: Vec<Block>,
    /// After the last block.
    pub norm: LayerNorm,
}

dense_layers!(VisionTower: blocks);

impl VisionTower {
    pub(crate) fn new(config: &EncoderConfig, device: &Device) -> Self {
        let positions = Initializer::Normal {
            mean: 0.0,
            std: 0.02,
        };
        let mut inner = COLOURS;
        let mut level =
            |&output: &usize| StemLevel::new(std::mem::replace(&mut inner, output), output, device);
        let stem = config.stem.iter().map(&mut level).collect();
        let patch = config.patch_size >> config.stem.len();
        Self {
            stem,
            patch_embed: PatchEmbed::new(inner, patch, config.width, device),
            pos_embed: positions.init([1, config.tokens(), config.width], device),
            blocks: (0..config.layers)
                .map(|_| Block::new(config, device))
                .collect(),
            norm: layer_norm(config.width, device),
        }
    }

    /// Pixels `[batch, 3, side, side]` in [-1, 1] to tokens `[batch, tokens, width]`.
    ///
    /// # Panics
    /// If the side is not the configured one.
    pub fn forward(&self, pixels: Tensor<4>) -> Tensor<3> {
        let maps = self.stem.iter().fold(pixels, |x, level| level.forward(x));
        let tokens = self.patch_embed.forward(maps) + self.pos_embed.val();
        let tokens = self.blocks.iter().fold(tokens, |x, block| block.forward(x));
        normed(&self.norm, tokens)
    }
}

/// One linear map of each square of pixels, as a convolution whose stride is its kernel.
#[derive(Module, Debug)]
pub struct PatchEmbed {
    /// Channels to width.
    pub proj: Conv2d,
}

impl PatchEmbed {
    fn new(channels: usize, patch: usize, width: usize, device: &Device) -> Self {
        let proj = Conv2dConfig::new([channels, width], [patch, patch])
            .with_stride([patch, patch])
            .init(device);
        Self { proj }
    }

    /// Pixels `[batch, 3, h, w]` to tokens `[batch, h w / patch^2, width]`, row by row.
    ///
    /// # Panics
    /// If a side is not a multiple of the patch.
    pub fn forward(&self, pixels: Tensor<4>) -> Tensor<3> {
        let [batch, colours, height, width] = pixels.dims();
        let weight = self.proj.weight.val(); // [out, 3, patch, patch]
        let [out, _, patch, _] = weight.dims();
        let (rows, columns) = (height / patch, width / patch);
        let squares = pixels
            .reshape([batch, colours, rows, patch, columns, patch])
            .permute([0, 2, 4, 1, 3, 5])
            .reshape([batch * rows * columns, colours * patch * patch]);
        let weight = weight.flatten::<2>(1, 3).transpose(); // [3 patch^2, out]
        let bias = self.proj.bias.as_ref().map(Param::val);
        linear(squares, weight, bias).reshape([batch, rows * columns, out])
    }
}
