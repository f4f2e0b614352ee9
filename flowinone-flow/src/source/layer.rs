//! A layer of the context encoder, normed after each residual:
//! `h = norm1(x + attention(x))`, `y = norm2(h + ffn_2(relu(ffn_1(h))))`.

use burn::module::Module;
use burn::nn::Linear;
use burn::tensor::activation::relu;
use burn::tensor::{Device, Tensor};

use super::norm::SampleNorm;
use crate::attention::{attend, split_heads};
use crate::linear::{linear, project};

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
                ffn_1: linear(width, hidden, device),
                ffn_2: linear(hidden, width, device),
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

/// A layer that then halves the width, with neither norm nor residual.
#[derive(Module, Debug)]
pub(crate) struct ReductionLayer {
    layer: ContextLayer,
    reduction: Linear,
}

impl ReductionLayer {
    pub(crate) fn new(width: usize, heads: usize, hidden: usize, device: &Device) -> Self {
        Self {
            layer: ContextLayer::new(width, heads, hidden, device),
            reduction: linear(width, width / 2, device),
        }
    }

    /// Tokens `[batch, tokens, width]` to `[batch, tokens, width / 2]`.
    pub(crate) fn forward(&self, x: Tensor<3>) -> Tensor<3> {
        project(&self.reduction, self.layer.forward(x))
    }
}

/// Multi-head self-attention with separate layers for queries, keys and values.
#[derive(Module, Debug)]
struct ContextAttention {
    query: Linear,
    key: Linear,
    value: Linear,
    output: Linear,
    heads: usize,
}

impl ContextAttention {
    fn new(width: usize, heads: usize, device: &Device) -> Self {
        let square = || linear(width, width, device);
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
            .map(|layer| split_heads(project(layer, x.clone()), self.heads));
        project(&self.output, attend(q, k, v))
    }
}

#[derive(Module, Debug)]
struct FeedForward {
    ffn_1: Linear,
    ffn_2: Linear,
}

impl FeedForward {
    fn forward(&self, x: Tensor<3>) -> Tensor<3> {
        project(&self.ffn_2, relu(project(&self.ffn_1, x)))
    }
}
