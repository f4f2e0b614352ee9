//! Decoder: latent -> conv -> middle -> levels of residual blocks, each doubling the resolution ->
//! `conv(SiLU(norm(x)))`, which [fine levels](FineDecoder) may enlarge.

use burn::module::Module;
use burn::nn::GroupNorm;
use burn::nn::conv::Conv2d;
use burn::tensor::{Device, Tensor};
use flowinone_kernels::Dtype;

use crate::layers::{conv3x3, convolve, group_norm, norm_silu};
use crate::{FineDecoder, Middle, ResBlock, Upsample, VaeConfig};

/// From an unscaled latent to a picture.
#[derive(Module, Debug)]
pub struct Decoder {
    /// Latent to channels.
    pub conv_in: Conv2d,
    /// Blocks and attention at the lowest resolution.
    pub mid: Middle,
    /// Levels, stored from full resolution down as they are published, run the other way.
    pub up: Vec<UpLevel>,
    /// Last norm.
    pub norm_out: GroupNorm,
    /// Channels to picture.
    pub conv_out: Conv2d,
    /// Levels above the encoder's full resolution, if there are any.
    pub fine: Option<FineDecoder>,
}

impl Decoder {
    pub(crate) fn new(config: &VaeConfig, device: &Device) -> Self {
        let deepest = config.deepest_width();
        Self {
            conv_in: conv3x3(config.latent_channels, deepest, device),
            mid: Middle::new(deepest, config.groups, device),
            up: (0..config.levels())
                .map(|level| UpLevel::new(config, level, device))
                .collect(),
            norm_out: group_norm(config.groups, config.width(0), device),
            conv_out: conv3x3(config.width(0), config.image_channels, device),
            fine: FineDecoder::new(config, device),
        }
    }

    /// Sets the precision of all convolutions except the first and the last.
    pub(crate) fn set_precision(&mut self, precision: Dtype) {
        for level in &mut self.up {
            let blocks = level.block.iter_mut();
            blocks.for_each(|block| block.precision = precision);
            if let Some(upsample) = &mut level.upsample {
                upsample.precision = precision;
            }
        }
        self.mid.set_precision(precision);
        if let Some(fine) = &mut self.fine {
            fine.set_precision(precision);
        }
    }

    /// Maps latents `[b, latent_channels, h, w]` to `[b, image_channels, r h, r w]`, r being the
    /// [reduction](VaeConfig::reduction).
    ///
    /// Each map is given up as soon as the next is there: the peak is what one residual block
    /// at full resolution needs.
    pub fn forward(&self, latent: Tensor<4>) -> Tensor<4> {
        let features = self.features(latent);
        let picture = self.small_picture(features.clone());
        match &self.fine {
            Some(fine) => fine.forward(features, picture),
            None => picture,
        }
    }

    /// What the last convolution sees, `SiLU(norm(x))`, at the encoder's full resolution.
    pub fn features(&self, latent: Tensor<4>) -> Tensor<4> {
        let x = self.mid.forward(convolve(&self.conv_in, latent));
        let x = self.up.iter().rev().fold(x, |x, level| level.forward(x));
        norm_silu(&self.norm_out, x)
    }

    /// The picture of those [features](Self::features), before fine levels.
    pub fn small_picture(&self, features: Tensor<4>) -> Tensor<4> {
        convolve(&self.conv_out, features)
    }
}

/// The residual blocks of one resolution, and the way up from it.
#[derive(Module, Debug)]
pub struct UpLevel {
    /// Residual blocks, one more than in the encoder; the first changes the number of channels.
    pub block: Vec<ResBlock>,
    /// To the next resolution; `None` at the highest.
    pub upsample: Option<Upsample>,
}

impl UpLevel {
    fn new(config: &VaeConfig, level: usize, device: &Device) -> Self {
        let width = config.width(level);
        let lowest = level + 1 == config.levels();
        let below = config.width(if lowest { level } else { level + 1 });
        let block = |index| {
            let input = if index == 0 { below } else { width };
            ResBlock::new(input, width, config.groups, device)
        };
        Self {
            block: (0..=config.blocks).map(block).collect(),
            upsample: (level > 0).then(|| Upsample::new(width, device)),
        }
    }

    /// Maps `[b, c, h, w]` to `[b, c', 2 h, 2 w]`, or to `[b, c', h, w]` at full resolution.
    pub fn forward(&self, x: Tensor<4>) -> Tensor<4> {
        let x = self.block.iter().fold(x, |x, block| block.forward(x));
        match &self.upsample {
            Some(upsample) => upsample.forward(x),
            None => x,
        }
    }
}
