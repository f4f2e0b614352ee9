//! The lowest resolution, the same in encoder and decoder: residual block, attention, residual
//! block.

use burn::module::Module;
use burn::tensor::{Device, Tensor};
use flowinone_kernels::Dtype;

use crate::{PixelAttention, ResBlock};

/// The only place where distant pixels meet in one step.
#[derive(Module, Debug)]
pub struct Middle {
    /// Block before the attention.
    pub block_1: ResBlock,
    /// Attention among all pixels.
    pub attn_1: PixelAttention,
    /// Block after the attention.
    pub block_2: ResBlock,
}

impl Middle {
    pub(crate) fn new(channels: usize, groups: usize, device: &Device) -> Self {
        Self {
            block_1: ResBlock::new(channels, channels, groups, device),
            attn_1: PixelAttention::new(channels, groups, device),
            block_2: ResBlock::new(channels, channels, groups, device),
        }
    }

    /// Of the factors of the convolutions.
    pub(crate) fn set_precision(&mut self, precision: Dtype) {
        self.block_1.precision = precision;
        self.block_2.precision = precision;
    }

    /// Maps `[b, c, h, w]` to the same shape.
    pub fn forward(&self, x: Tensor<4>) -> Tensor<4> {
        let x = self.attn_1.forward(self.block_1.forward(x));
        self.block_2.forward(x)
    }
}
