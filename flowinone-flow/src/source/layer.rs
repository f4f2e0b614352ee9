//! A layer of the context encoder, normed after each residual:
//! `h = norm1(x + attention(x))`, `y = norm2(h + ffn_2(relu(ffn_1(h))))`.

use burn::module::Module;
use burn::tensor::activation::relu;
use burn::tensor::{Device, Tensor};
use flowinone_kernels::{Dense, dense_layers};

use super::norm::SampleNorm;
use crate::attention::{attend, split_heads};

/// A layer that keeps the width.
#[derive(Module, Debug)]
pub(crate) struct ContextLayer {
    attention: ContextAttention,
    norm1: SampleNorm,
    feed_forward: FeedForward,
    norm2: SampleNorm,
}

impl ContextLayer {
    pub(crate) fn new(width: usize, heads: usize, hidden: usize, device: &Device) -> Self {
        Self {
            attention: ContextAttention::new(width, heads, device),
            norm1: SampleNorm::new(width, device),
            feed_forward: FeedForward {
                ffn_1: Dense::new(width, hidden, device),
                ffn_2: Dense::new(hidden, width, device),
            },
            norm2: SampleNorm::new(width, device),
        }
    }

    /// Tokens `[batch, tokens, width]` to the same shape.
    pub(crate) fn forward(&self, x: Tensor<3>) -> Tensor<3> {
        let h = self.norm1.forward(x.clone() + self.attention.forward(x));
        self.norm2.forward(h.clone() + self.feed_forward.forward(h))
    }
}

dense_layers!(ContextLayer: attention, feed_forward);

/// A layer that then halves the width, with neither norm nor residual.
#[derive(Module, Debug)]
pub(crate) struct ReductionLayer {
    layer: ContextLayer,
    reduction: Dense,
}

impl ReductionLayer {
    pub(crate) fn new(width: usize, heads: usize, hidden: usize, device: &Device) -> Self {
        Self {
            layer: ContextLayer::new(width, heads, hidden, device),
            reduction: Dense::new(width, width / 2, device),
        }
    }

    /// Tokens `[batch, tokens, width]` to `[batch, tokens, width / 2]`.
    pub(crate) fn forward(&self, x: Tensor<3>) -> Tensor<3> {
        self.reduction.forward(self.layer.forward(x))
    }
}

dense_layers!(ReductionLayer: layer, reduction);

/// Multi-head self-attention with separate layers for queries, keys and values.
#[derive(Module, Debug)]
struct ContextAttention {
    query: Dense,
    key: Dense,
    value: Dense,
    output: Dense,
    heads: usize,
}

impl ContextAttention {
    fn new(width: usize, heads: usize, device: &Device) -> Self {
        let square = || Dense::new(width, width, device);
        Self {
            query: square(),
            key: square(),
            value: square(),
            output: square(),
            heads,
        }
    }

    fn forward(&self, x: Tensor<3>) -> Tensor<3> {
        let [q, k, v] = [&self.query, &self.key, &self.value]
            .map(|layer| split_heads(layer.forward(x.clone()), self.heads));
        self.output.forward(attend(q, k, v))
    }
}

dense_layers!(ContextAttention: query, key, value, output);

#[derive(Module, Debug)]
struct FeedForward {
    ffn_1: Dense,
    ffn_2: Dense,
}

impl FeedForward {
    fn forward(&self, x: Tensor<3>) -> Tensor<3> {
        self.ffn_2.forward(relu(self.ffn_1.forward(x)))
    }
}

dense_layers!(FeedForward: ffn_1, ffn_2);
