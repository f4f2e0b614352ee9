//! Encoder: picture -> conv -> levels of residual blocks, each halving the resolution -> middle ->
//! `conv(SiLU(norm(x)))`, which has two channels for each of the latent's.

use burn::module::Module;
use burn::nn::GroupNorm;
use burn::nn::conv::Conv2d;
use burn::tensor::{Device, Tensor};
use flowinone_kernels::Dtype;

use crate::layers::{conv3x3, convolve, group_norm, norm_silu};
use crate::{Downsample, Middle, ResBlock, VaeConfig};

/// From a picture to unmixed moments.
#[derive(Module, Debug)]
pub struct Encoder {
    /// Picture to channels.
    pub conv_in: Conv2d,
    /// Levels, from full resolution down.
    pub down: Vec<DownLevel>,
    /// Blocks and attention at the lowest resolution.
    pub mid: Middle,
    /// Last norm.
    pub norm_out: GroupNorm,
    /// Channels to moments.
    pub conv_out: Conv2d,
}

impl Encoder {
    pub(crate) fn new(config: &VaeConfig, device: &Device) -> Self {
        let deepest = config.deepest_width();
        Self {
            conv_in: conv3x3(config.image_channels, config.channels, device),
            down: (0..config.levels())
                .map(|level| DownLevel::new(config, level, device))
                .collect(),
            mid: Middle::new(deepest, config.groups, device),
            norm_out: group_norm(config.groups, deepest, device),
            conv_out: conv3x3(deepest, 2 * config.latent_channels, device),
        }
    }

    /// Sets the precision of all convolutions except the first and the last.
    pub(crate) fn set_precision(&mut self, precision: Dtype) {
        for level in &mut self.down {
            let blocks = level.block.iter_mut();
            blocks.for_each(|block| block.precision = precision);
            if let Some(downsample) = &mut level.downsample {
                downsample.precision = precision;
            }
        }
        self.mid.set_precision(precision);
    }

    /// Maps pictures `[b, image_channels, h, w]` to `[b, 2 latent_channels, h / r, w / r]`, r being
    /// the [reduction](VaeConfig::reduction).
    pub fn forward(&self, image: Tensor<4>) -> Tensor<4> {
        let x = convolve(&self.conv_in, image);
        let x = self.down.iter().fold(x, |x, level| level.forward(x));
        let x = self.mid.forward(x);
        convolve(&self.conv_out, norm_silu(&self.norm_out, x))
    }
}

/// The residual blocks of one resolution, and the way down from it.
#[derive(Module, Debug)]
pub struct DownLevel {
    /// Residual blocks; the first changes the number of channels.
    pub block: Vec<ResBlock>,
    /// To the next resolution; `None` at the lowest.
    pub downsample: Option<Downsample>,
}

impl DownLevel {
    fn new(config: &VaeConfig, level: usize, device: &Device) -> Self {
        let width = config.width(level);
        let above = match level {
            0 => config.channels,
            _ => config.width(level - 1),
        };
        let block = |index| {
            let input = if index == 0 { above } else { width };
            ResBlock::new(input, width, config.groups, device)
        };
        let lowest = level + 1 == config.levels();
        Self {
            block: (0..config.blocks).map(block).collect(),
            downsample: (!lowest).then(|| Downsample::new(width, device)),
        }
    }

    /// Maps `[b, c, h, w]` to `[b, c', h / 2, w / 2]`, or to `[b, c', h, w]` at the lowest level.
    pub fn forward(&self, x: Tensor<4>) -> Tensor<4> {
        let x = self.block.iter().fold(x, |x, block| block.forward(x));
        match &self.downsample {
            Some(downsample) => downsample.forward(x),
            None => x,
        }
    }
}
