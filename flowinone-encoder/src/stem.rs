//! A convolutional stem, for small towers that are to read words anywhere in a picture:
//! `x = SiLU(norm(conv(x)))`, level by level, each half as wide and high as the one before.
//!
//! A patch embedding sees each square of pixels alone, so a letter that two squares share looks
//! different at every place; overlapping kernels of stride 2 see it as a whole.

use burn::module::{Module, Param};
use burn::nn::conv::{Conv2d, Conv2dConfig};
use burn::nn::{GroupNorm, GroupNormConfig};
use burn::tensor::{Device, Tensor};
use flowinone_kernels::{Dtype, group_norm_silu, halving_convolution};

/// Groups of every norm of a stem; its channels are multiples of this.
pub(crate) const STEM_GROUPS: usize = 8;
/// Added to the variance of a norm.
const EPSILON: f64 = 1e-6;

/// One level: half the width and height, and other channels.
#[derive(Module, Debug)]
pub struct StemLevel {
    /// 3x3, stride 2.
    pub conv: Conv2d,
    /// After it.
    pub norm: GroupNorm,
}

impl StemLevel {
    pub(crate) fn new(input: usize, output: usize, device: &Device) -> Self {
        let conv = Conv2dConfig::new([input, output], [3, 3]).with_stride([2, 2]);
        let norm = GroupNormConfig::new(STEM_GROUPS, output).with_epsilon(EPSILON);
        Self {
            conv: conv.init(device),
            norm: norm.init(device),
        }
    }

    /// Maps `[batch, input, h, w]` to `[batch, output, h / 2, w / 2]`.
    ///
    /// # Panics
    /// If h or w is odd.
    pub fn forward(&self, x: Tensor<4>) -> Tensor<4> {
        let value = |parameter: &Option<Param<Tensor<1>>>| {
            parameter
                .as_ref()
                .expect("made with a gain and biases")
                .val()
        };
        let (weight, bias) = (self.conv.weight.val(), value(&self.conv.bias));
        let x = halving_convolution(x, weight, bias, Dtype::F32);
        let (gain, shift) = (value(&self.norm.gamma), value(&self.norm.beta));
        group_norm_silu(x, gain, shift, STEM_GROUPS, EPSILON)
    }
}
