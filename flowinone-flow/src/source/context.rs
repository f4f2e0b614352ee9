//! The context encoder: layers of one width, layers that halve it, and one linear layer on all
//! tokens at once that gives the moments of the flow's start.
//!
//! With a codebook each token says what lies in its square of the start instead, and one linear map
//! for all squares makes values of it:
//!
//! ```text
//! (s, n) = says(token),   values of the square = A [softmax(s / t), n]
//! ```
//!
//! with a temperature t where pictures are made, and 1 in training.

use burn::module::Module;
use burn::tensor::activation::softmax;
use burn::tensor::{Device, Tensor};
use flowinone_kernels::{Dense, dense_layers};

use super::layer::{ContextLayer, ReductionLayer};
use crate::SourceConfig;
use crate::squares::maps_of;

/// Compressed tokens to the moments of a Gaussian.
#[derive(Module, Debug)]
pub(crate) struct ContextEncoder {
    pub(crate) layers: Vec<ContextLayer>,
    pub(crate) reduction_layers: Vec<ReductionLayer>,
    pub(crate) linear: Dense,
    pub(crate) says: Option<Dense>,
    /// Side of what a token says of the start.
    square: usize,
    pub(crate) codes: usize,
    temperature: f64,
}

impl ContextEncoder {
    /// For moments of `channels` maps of `side` x `side` values.
    pub(crate) fn new(
        config: &SourceConfig,
        channels: usize,
        side: usize,
        device: &Device,
    ) -> Self {
        let (heads, hidden, width) = (config.heads, config.mlp_width, config.reduced_width());
        let square = side / config.compressed_tokens.isqrt();
        let said = config.codebook.map(|book| book.codes + book.numbers);
        let [inputs, outputs] = match said {
            Some(said) => [said, channels * square * square],
            None => [config.compressed_tokens * width, channels * side * side],
        };
        Self {
            layers: (0..config.layers)
                .map(|_| ContextLayer::new(config.width, heads, hidden, device))
                .collect(),
            reduction_layers: (0..config.reductions)
                .map(|level| ReductionLayer::new(config.width >> level, heads, hidden, device))
                .collect(),
            linear: Dense::new(inputs, outputs, device),
            says: said.map(|said| Dense::new(width, said, device)),
            square,
            codes: config.codebook.map_or(0, |book| book.codes),
            temperature: config.codebook.map_or(1.0, |book| book.temperature),
        }
    }

    /// Tokens `[batch, compressed_tokens, width]` to what each says at last: `[batch,
    /// compressed_tokens, reduced_width]`, or scores of codes and numbers.
    pub(crate) fn said(&self, x: Tensor<3>) -> Tensor<3> {
        let x = self.layers.iter().fold(x, |x, layer| layer.forward(x));
        let x = self
            .reduction_layers
            .iter()
            .fold(x, |x, layer| layer.forward(x)); // [batch, compressed_tokens, reduced_width]
        match &self.says {
            Some(says) => says.forward(x),
            None => x,
        }
    }

    /// What each token [said](Self::said), its scores of codes divided by the temperature.
    pub(crate) fn tempered(&self, said: Tensor<3>) -> Tensor<3> {
        if self.temperature == 1.0 {
            return said;
        }
        let [batch, tokens, _] = said.dims();
        let scores = said.clone().narrow(2, 0, self.codes);
        let scores = scores.div_scalar(self.temperature);
        said.slice_assign([0..batch, 0..tokens, 0..self.codes], scores)
    }

    /// The moments `[batch, moments]` for what each token [said](Self::said).
    pub(crate) fn moments(&self, said: Tensor<3>) -> Tensor<2> {
        if self.says.is_none() {
            return self.linear.forward::<2>(said.flatten(1, 2));
        }
        let width = said.dims()[2];
        let shares = softmax(said.clone().narrow(2, 0, self.codes), 2);
        let numbers = said.narrow(2, self.codes, width - self.codes);
        let values = self
            .linear
            .forward::<3>(Tensor::cat(vec![shares, numbers], 2));
        maps_of(values, self.square).flatten(1, 3)
    }
}

dense_layers!(ContextEncoder: layers, reduction_layers, says, linear);
