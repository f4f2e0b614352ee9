//! Output head of a stage: `conv3x3(LayerNorm_t(x))`, tokens to a velocity.

use burn::module::Module;
use burn::nn::PaddingConfig2d;
use burn::nn::conv::{Conv2d, Conv2dConfig};
use burn::tensor::{Device, Tensor};
use flowinone_kernels::{Dtype, convolution};

use crate::layout::to_map;
use crate::norm::TimeLayerNorm;
use crate::time::Tau;

/// Output layer of a stage.
#[derive(Module, Debug)]
pub(crate) struct OutputLayer {
    pub(crate) norm: TimeLayerNorm,
    conv: Conv2d,
    side: usize,
}

impl OutputLayer {
    pub(crate) fn new(width: usize, channels: usize, side: usize, device: &Device) -> Self {
        Self {
            norm: TimeLayerNorm::new(width, device),
            conv: Conv2dConfig::new([width, channels], [3, 3])
                .with_padding(PaddingConfig2d::Explicit(1, 1, 1, 1))
                .init(device),
            side,
        }
    }

    /// Tokens `[batch, side * side, width]` to a velocity `[batch, channels, side, side]`.
    pub(crate) fn forward(&self, x: Tensor<3>, tau: &Tau) -> Tensor<4> {
        let map = to_map(self.norm.forward(x, tau), self.side);
        let bias = self.conv.bias.as_ref().expect("made with a bias").val();
        convolution(map, self.conv.weight.val(), bias, Dtype::F32)
    }
}
