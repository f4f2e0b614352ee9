//! Between two resolutions: a strided convolution down, nearest neighbours and a convolution up.

use burn::module::Module;
use burn::nn::conv::{Conv2d, Conv2dConfig};
use burn::tensor::{Device, Tensor};
use flowinone_kernels::{Dtype, halving_convolution};

use crate::fine::doubled;
use crate::layers::{conv3x3, convolve_in, weights};

/// Halves width and height by a 3x3 convolution of stride 2.
///
/// Zeros are added at the right and at the bottom only, so that output `i` sees inputs `2 i`
/// to `2 i + 2`; with symmetric padding, as is usual, weights trained for this see everything a
/// pixel off.
#[derive(Module, Debug)]
pub struct Downsample {
    /// The weights of the convolution.
    pub conv: Conv2d,
    /// Of the factors of the convolution.
    #[module(skip)]
    pub(crate) precision: Dtype,
}

impl Downsample {
    pub(crate) fn new(channels: usize, device: &Device) -> Self {
        Self {
            conv: Conv2dConfig::new([channels, channels], [3, 3])
                .with_stride([2, 2])
                .init(device),
            precision: Dtype::F32,
        }
    }

    /// Maps `[b, c, h, w]` to `[b, c, h / 2, w / 2]`.
    ///
    /// # Panics
    /// If h or w is odd.
    pub fn forward(&self, x: Tensor<4>) -> Tensor<4> {
        let (weight, bias) = weights(&self.conv);
        halving_convolution(x, weight, bias, self.precision)
    }
}

/// Doubles width and height: every pixel four times, then a 3x3 convolution.
#[derive(Module, Debug)]
pub struct Upsample {
    /// The convolution.
    pub conv: Conv2d,
    /// Of the factors of the convolution.
    #[module(skip)]
    pub(crate) precision: Dtype,
}

impl Upsample {
    pub(crate) fn new(channels: usize, device: &Device) -> Self {
        Self {
            conv: conv3x3(channels, channels, device),
            precision: Dtype::F32,
        }
    }

    /// Maps `[b, c, h, w]` to `[b, c, 2 h, 2 w]`.
    pub fn forward(&self, x: Tensor<4>) -> Tensor<4> {
        convolve_in(self.precision, &self.conv, doubled(x))
    }
}
