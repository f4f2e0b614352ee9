//! Residual block: `x + conv2(SiLU(norm2(conv1(SiLU(norm1(x))))))`, the `x` of the sum through a
//! 1x1 convolution where the number of channels changes.

use burn::module::Module;
use burn::nn::GroupNorm;
use burn::nn::conv::Conv2d;
use burn::tensor::{Device, Tensor};

use crate::layers::{conv1x1, conv3x3, convolve, group_norm, norm_silu};

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
}

impl ResBlock {
    pub(crate) fn new(input: usize, output: usize, groups: usize, device: &Device) -> Self {
        Self {
            norm1: group_norm(groups, input, device),
            conv1: conv3x3(input, output, device),
            norm2: group_norm(groups, output, device),
            conv2: conv3x3(output, output, device),
            nin_shortcut: (input != output).then(|| conv1x1(input, output, device)),
        }
    }

    /// Maps `[b, input, h, w]` to `[b, output, h, w]`.
    pub fn forward(&self, x: Tensor<4>) -> Tensor<4> {
        let h = convolve(&self.conv1, norm_silu(&self.norm1, x.clone())); // [b, output, h, w]
        let h = convolve(&self.conv2, norm_silu(&self.norm2, h));
        match &self.nin_shortcut {
            Some(conv) => h + conv.forward(x),
            None => h + x,
        }
    }
}
