//! Self-attention: `W_o softmax(q k^T / sqrt(d)) v`, with `q, k, v` from one fused layer.

use burn::module::Module;
use burn::tensor::{Device, Tensor};
use flowinone_kernels::{Dense, dense_layers, self_attention};

/// Multi-head self-attention of all tokens with all tokens.
#[derive(Module, Debug)]
pub struct Attention {
    /// Queries, keys and values in one layer, width to 3 x width.
    pub qkv: Dense,
    /// Mixes the heads, width to width.
    pub proj: Dense,
    heads: usize,
}

impl Attention {
    pub(crate) fn new(width: usize, heads: usize, device: &Device) -> Self {
        Self {
            qkv: Dense::new(width, 3 * width, device),
            proj: Dense::new(width, width, device),
            heads,
        }
    }

    /// Tokens `[batch, tokens, width]` to what the block adds to them.
    pub fn forward(&self, x: Tensor<3>) -> Tensor<3> {
        // Channels: all heads of q, then of k, then of v.
        let qkv = self.qkv.forward(x); // [batch, tokens, 3 * width]
        let precision = self.qkv.precision();
        self.proj
            .forward(self_attention(qkv, self.heads, precision))
    }
}

dense_layers!(Attention: qkv, proj);
