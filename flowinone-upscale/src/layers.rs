//! What the networks share: a convolution with what follows it, and pixels that become channels and
//! back.

use burn::nn::PaddingConfig2d;
use burn::nn::conv::{Conv2d, Conv2dConfig};
use burn::tensor::{Device, Tensor};
use flowinone_kernels::{Dtype, fused_convolution};

use crate::{Error, Watch};

/// A 3x3 convolution that keeps width and height.
pub(crate) fn conv3x3(input: usize, output: usize, device: &Device) -> Conv2d {
    Conv2dConfig::new([input, output], [3, 3])
        .with_padding(PaddingConfig2d::Explicit(1, 1, 1, 1))
        .init(device)
}

/// A convolution of each pixel for itself.
pub(crate) fn conv1x1(input: usize, output: usize, device: &Device) -> Conv2d {
    Conv2dConfig::new([input, output], [1, 1]).init(device)
}

/// What becomes of the results of a convolution.
#[allow(
    clippy::large_enum_variant,
    reason = "one lives for the length of a call"
)]
pub(crate) enum Slopes {
    /// They stay.
    None,
    /// Those below zero are multiplied with a number.
    Leaky(f32),
    /// The same with one number for each channel.
    Each(Tensor<1>),
}

/// How a network computes.
pub(crate) struct Run<'a, 'b> {
    pub(crate) precision: Dtype,
    pub(crate) watch: &'a mut Watch<'b>,
}

impl Run<'_, '_> {
    /// `slopes(conv(x))` of the channels of all parts `[b, c, h, w]`, every pixel standing `repeat`
    /// times along each side.
    pub(crate) fn convolve(
        &mut self,
        conv: &Conv2d,
        parts: &[Tensor<4>],
        repeat: usize,
        slopes: Slopes,
    ) -> Result<Tensor<4>, Error> {
        self.convolve_in(self.precision, conv, parts, repeat, slopes)
    }

    /// The same in float32: for the first and the last layers, whose errors are seen as they are.
    pub(crate) fn convolve_exactly(
        &mut self,
        conv: &Conv2d,
        parts: &[Tensor<4>],
        repeat: usize,
        slopes: Slopes,
    ) -> Result<Tensor<4>, Error> {
        self.convolve_in(Dtype::F32, conv, parts, repeat, slopes)
    }

    fn convolve_in(
        &mut self,
        precision: Dtype,
        conv: &Conv2d,
        parts: &[Tensor<4>],
        repeat: usize,
        slopes: Slopes,
    ) -> Result<Tensor<4>, Error> {
        let weight = conv.weight.val();
        let bias = conv.bias.as_ref().expect("made with a bias").val();
        let [output, input, rows, columns] = weight.dims();
        let [batch, _, height, width] = parts[0].dims();
        let pixels = batch * height * width * repeat * repeat;
        let places = rows * columns;
        self.watch
            .begin((places * input * output * pixels) as f64)?;
        let slopes = match slopes {
            Slopes::None => Tensor::ones([output], &bias.device()),
            Slopes::Leaky(slope) => Tensor::full([output], slope, &bias.device()),
            Slopes::Each(slopes) => slopes,
        };
        Ok(fused_convolution(
            parts, weight, bias, slopes, repeat, precision,
        ))
    }
}

/// Channels to pixels: `out[c, y s + i, x s + j] = in[c s^2 + i s + j, y, x]`, from
/// `[b, c s^2, h, w]` to `[b, c, s h, s w]`.
///
/// # Panics
/// If the channels are not a multiple of `s^2`.
pub fn shuffled(x: Tensor<4>, s: usize) -> Tensor<4> {
    let [batch, channels, height, width] = x.dims();
    assert_eq!(channels % (s * s), 0, "{channels} channels for {s} x {s}");
    if s == 1 {
        return x;
    }
    let channels = channels / (s * s);
    let x = x.reshape([batch, channels, s, s, height, width]);
    let x = x.permute([0, 1, 4, 2, 5, 3]); // [b, c, h, s, w, s]
    x.reshape([batch, channels, s * height, s * width])
}

/// Pixels to channels, the inverse of [`shuffled`]: from `[b, c, s h, s w]` to `[b, c s^2, h, w]`.
///
/// # Panics
/// If height or width is no multiple of `s`.
pub fn unshuffled(x: Tensor<4>, s: usize) -> Tensor<4> {
    let [batch, channels, height, width] = x.dims();
    assert_eq!((height % s, width % s), (0, 0), "{height} x {width} by {s}");
    if s == 1 {
        return x;
    }
    let (height, width) = (height / s, width / s);
    let x = x.reshape([batch, channels, height, s, width, s]);
    let x = x.permute([0, 1, 3, 5, 2, 4]); // [b, c, s, s, h, w]
    x.reshape([batch, channels * s * s, height, width])
}
