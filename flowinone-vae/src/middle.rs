//! The lowest resolution, the same in encoder and decoder: residual block, attention, residual
//! block.

use burn::module::Module;
use burn::tensor::{Device, Tensor};

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

    /// Its residual blocks.
    pub(crate) fn blocks(&mut self) -> impl Iterator<Item = &mut ResBlock> {
        [&mut self.block_1, &mut self.block_2].into_iter()
    }

    /// Maps `[b, c, h, w]` to the same shape.
    pub fn forward(&self, x: Tensor<4>) -> Tensor<4> {
        let x = self.attn_1.forward(self.block_1.forward(x));
        self.block_2.forward(x)
    }
}
