//! A block of the vision transformer, norms first:
//! `x += attn(norm1(x))`, `x += fc2(gelu(fc1(norm2(x))))`.

use burn::module::Module;
use burn::nn::{LayerNorm, LayerNormConfig};
use burn::tensor::{Device, Tensor};
use flowinone_kernels::{self as kernels, Dense, dense_layers, gelu};

use crate::{Attention, EncoderConfig};

/// Added to the variance in every norm of the tower.
const EPSILON: f64 = 1e-6;

/// One pre-norm transformer block.
#[derive(Module, Debug)]
pub struct Block {
    /// Before the attention.
    pub norm1: LayerNorm,
    /// Mixes tokens.
    pub attn: Attention,
    /// Before the feed-forward network.
    pub norm2: LayerNorm,
    /// Mixes channels.
    pub mlp: Mlp,
}

impl Block {
    pub(crate) fn new(config: &EncoderConfig, device: &Device) -> Self {
        Self {
            norm1: layer_norm(config.width, device),
            attn: Attention::new(config.width, config.heads, device),
            norm2: layer_norm(config.width, device),
            mlp: Mlp::new(config.width, config.mlp_width, device),
        }
    }

    /// Tokens `[batch, tokens, width]` to tokens of the same shape.
    pub fn forward(&self, x: Tensor<3>) -> Tensor<3> {
        let x = x.clone() + self.attn.forward(normed(&self.norm1, x));
        x.clone() + self.mlp.forward(normed(&self.norm2, x))
    }
}

dense_layers!(Block: attn, mlp);

/// The feed-forward network of a block, with the exact (erf) GELU.
#[derive(Module, Debug)]
pub struct Mlp {
    /// Width to hidden width.
    pub fc1: Dense,
    /// Hidden width to width.
    pub fc2: Dense,
}

impl Mlp {
    fn new(width: usize, hidden: usize, device: &Device) -> Self {
        Self {
            fc1: Dense::new(width, hidden, device),
            fc2: Dense::new(hidden, width, device),
        }
    }

    /// Tokens `[batch, tokens, width]` to what the block adds to them.
    pub fn forward(&self, x: Tensor<3>) -> Tensor<3> {
        let hidden = gelu(self.fc1.forward(x)); // [batch, tokens, mlp_width]
        self.fc2.forward(hidden)
    }
}

dense_layers!(Mlp: fc1, fc2);

/// A layer norm of the tower.
pub(crate) fn layer_norm(width: usize, device: &Device) -> LayerNorm {
    LayerNormConfig::new(width)
        .with_epsilon(EPSILON)
        .init(device)
}

/// The norm of every token of `[batch, tokens, width]`.
pub(crate) fn normed(norm: &LayerNorm, x: Tensor<3>) -> Tensor<3> {
    let [_, _, width] = x.dims();
    let weight = norm.gamma.val();
    let bias = match &norm.beta {
        Some(bias) => bias.val(),
        None => weight.zeros_like(),
    };
    let [weight, bias] = [weight, bias].map(|row| row.reshape([1, 1, width]));
    kernels::layer_norm(x, weight, bias, EPSILON)
}
