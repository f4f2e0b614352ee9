//! Residual block: `x + conv2(SiLU(norm2(conv1(SiLU(norm1(x))))))`, the `x` of the sum through a
//! 1x1 convolution where the number of channels changes.

use burn::module::Module;
use burn::nn::GroupNorm;
use burn::nn::conv::Conv2d;
use burn::tensor::{Device, Tensor};
use flowinone_kernels::Dtype;

use crate::layers::{conv1x1, conv3x3, convolve_in, group_norm, norm_silu};

/// Two convolutions around a shortcut.
#[derive(Module, Debug)]
pub struct ResBlock {
    /// Norm before the first convolution.
    pub norm1: GroupNorm,
    /// First convolution, to the new number of channels.
    pub conv1: Conv2d,
    /// Norm before the second convolution.
    pub norm2: GroupNorm,
    /// Second convolution.
    pub conv2: Conv2d,
    /// 1x1 convolution of the shortcut where the number of channels changes.
    pub nin_shortcut: Option<Conv2d>,
    /// Of the factors of the convolutions.
    #[module(skip)]
    pub(crate) precision: Dtype,
}

impl ResBlock {
    pub(crate) fn new(input: usize, output: usize, groups: usize, device: &Device) -> Self {
        Self {
            norm1: group_norm(groups, input, device),
            conv1: conv3x3(input, output, device),
            norm2: group_norm(groups, output, device),
            conv2: conv3x3(output, output, device),
            nin_shortcut: (input != output).then(|| conv1x1(input, output, device)),
            precision: Dtype::F32,
        }
    }

    /// Maps `[b, input, h, w]` to `[b, output, h, w]`.
    pub fn forward(&self, x: Tensor<4>) -> Tensor<4> {
        let h = self.first(norm_silu(&self.norm1, x.clone())); // [b, output, h, w]
        let h = self.second(norm_silu(&self.norm2, h));
        h + self.shortcut(x)
    }

    /// `x` with the new number of channels.
    pub(crate) fn shortcut(&self, x: Tensor<4>) -> Tensor<4> {
        match &self.nin_shortcut {
            Some(conv) => convolve_in(self.precision, conv, x),
            None => x,
        }
    }

    /// The first convolution.
    pub(crate) fn first(&self, x: Tensor<4>) -> Tensor<4> {
        convolve_in(self.precision, &self.conv1, x)
    }

    /// The second convolution.
    pub(crate) fn second(&self, x: Tensor<4>) -> Tensor<4> {
        convolve_in(self.precision, &self.conv2, x)
    }
}
