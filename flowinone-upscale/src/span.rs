//! SPAN, the swift parameter-free attention network: blocks whose results weigh themselves, all of
//! them at the small size, and one pixel shuffle:
//!
//! ```text
//! b_0 = conv_1(255 (x - mean))           or conv_1(x), where a file has the tensor `no_norm`
//! a_k = SiLU(c1(b_(k-1)))                                          k = 1 .. n, published with 6
//! y_k = c3(SiLU(c2(a_k)))
//! b_k = (y_k + b_(k-1)) (sigmoid(y_k) - 1/2)
//! out = shuffle_s(upsampler(conv_cat(b_0, conv_2(b_n), b_1, a_n)))
//! ```
//!
//! The reference names `a_n` the result of `c1` before SiLU, but takes SiLU in place: what it joins
//! is what stands here. Mean and factor are not in the file; they are those of the published
//! models.

use burn::module::Module;
use burn::nn::conv::Conv2d;
use burn::tensor::{Device, Tensor};
use flowinone_kernels::{Dtype, gated_shortcut, silu};

use crate::layers::{Run, Slopes, conv1x1, conv3x3, shuffled};
use crate::{Error, Watch};

/// Mean colour of the pictures that the published models were trained on: red, green, blue.
const MEAN: [f32; 3] = [0.4488, 0.4371, 0.404];
/// The range of pictures in training.
const RANGE: f32 = 255.0;

/// Sizes of a [`Span`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SpanConfig {
    /// Channels of a picture.
    pub channels: usize,
    /// Channels inside.
    pub features: usize,
    /// Blocks of three convolutions.
    pub blocks: usize,
    /// How many times larger the result is along each side.
    pub scale: usize,
    /// Whether the mean colour is taken off pictures first, and the rest multiplied by 255; of
    /// three channels only.
    pub normalised: bool,
}

impl SpanConfig {
    /// A network of these sizes; its parameters are made when they are first used.
    pub fn init(&self, device: &Device) -> Span {
        let Self {
            channels,
            features,
            blocks,
            scale,
            normalised,
        } = *self;
        let inner = || conv3x3(features, features, device);
        let block = |_| SpanBlock {
            c1_r: inner(),
            c2_r: inner(),
            c3_r: inner(),
        };
        Span {
            conv_1: conv3x3(channels, features, device),
            blocks: (0..blocks).map(block).collect(),
            conv_2: inner(),
            conv_cat: conv1x1(4 * features, features, device),
            upsampler: conv3x3(features, channels * scale * scale, device),
            scale,
            normalised,
        }
    }

    /// Pixels on each side that a pixel of the result depends on.
    pub fn reach(&self) -> usize {
        3 * self.blocks + 3
    }

    /// Multiply-adds for each pixel of the input.
    pub fn work(&self) -> f64 {
        let outer = self.channels * (1 + self.scale * self.scale);
        let inner = (3 * self.blocks + 1) * self.features;
        let joined = 4 * self.features * self.features;
        (9 * self.features * (outer + inner) + joined) as f64
    }

    /// Bytes at once for each pixel of the input: six maps within the last block, or those of the
    /// result, shuffled and read.
    pub(crate) fn memory(&self) -> usize {
        let result = self.channels * self.scale * self.scale;
        4 * (6 * self.features).max(self.features + 3 * result)
    }
}

/// Three convolutions around a shortcut, named as published.
#[derive(Module, Debug)]
#[allow(missing_docs, reason = "named as published, in order")]
pub struct SpanBlock {
    pub c1_r: Conv2d,
    pub c2_r: Conv2d,
    pub c3_r: Conv2d,
}

impl SpanBlock {
    /// The block's result `b_k`, and `a_k`.
    fn forward(
        &self,
        x: Tensor<4>,
        run: &mut Run<'_, '_>,
    ) -> Result<(Tensor<4>, Tensor<4>), Error> {
        let first = silu(run.convolve(&self.c1_r, std::slice::from_ref(&x), 1, Slopes::None)?);
        let y = run.convolve(&self.c2_r, std::slice::from_ref(&first), 1, Slopes::None)?;
        let y = run.convolve(&self.c3_r, &[silu(y)], 1, Slopes::None)?;
        Ok((gated_shortcut(y, x), first))
    }
}

/// The network, its convolutions merged.
#[derive(Module, Debug)]
pub struct Span {
    /// From the picture to features.
    pub conv_1: Conv2d,
    /// The blocks.
    pub blocks: Vec<SpanBlock>,
    /// After them.
    pub conv_2: Conv2d,
    /// From four maps of features to one, pixel by pixel.
    pub conv_cat: Conv2d,
    /// To the pixels of the result.
    pub upsampler: Conv2d,
    #[module(skip)]
    pub(crate) scale: usize,
    #[module(skip)]
    pub(crate) normalised: bool,
}

impl Span {
    /// Pictures `[b, c, h, w]` with values in [0, 1] to `[b, c, s h, s w]`; not clamped.
    ///
    /// # Errors
    /// [`Error::Stopped`] when the watch says so.
    pub fn forward(
        &self,
        x: Tensor<4>,
        precision: Dtype,
        watch: &mut Watch<'_>,
    ) -> Result<Tensor<4>, Error> {
        let run = &mut Run { precision, watch };
        let x = match self.normalised {
            true => {
                let mean = Tensor::<1>::from_floats(MEAN, &x.device());
                (x - mean.reshape([1, 3, 1, 1])) * RANGE
            }
            false => x,
        };
        let f = run.convolve_exactly(&self.conv_1, &[x], 1, Slopes::None)?;
        let (mut h, mut inner) = (f.clone(), f.clone()); // [b, features, h, w] all along
        let mut first = f.clone();
        for (index, block) in self.blocks.iter().enumerate() {
            (h, inner) = block.forward(h, run)?;
            if index == 0 {
                first = h.clone();
            }
        }
        let h = run.convolve(&self.conv_2, &[h], 1, Slopes::None)?;
        let h = run.convolve_exactly(&self.conv_cat, &[f, h, first, inner], 1, Slopes::None)?;
        let h = run.convolve_exactly(&self.upsampler, &[h], 1, Slopes::None)?; // [b, c s^2, h, w]
        Ok(shuffled(h, self.scale))
    }
}
