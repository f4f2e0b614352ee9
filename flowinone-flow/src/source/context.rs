//! The context encoder: layers of one width, layers that halve it, and one linear layer on all
//! tokens at once that gives the moments of the flow's start.

use burn::module::Module;
use burn::tensor::{Device, Tensor};
use flowinone_kernels::{Dense, dense_layers};

use super::layer::{ContextLayer, ReductionLayer};
use crate::SourceConfig;

/// Compressed tokens to the moments of a Gaussian.
#[derive(Module, Debug)]
pub(crate) struct ContextEncoder {
    pub(crate) layers: Vec<ContextLayer>,
    pub(crate) reduction_layers: Vec<ReductionLayer>,
    pub(crate) linear: Dense,
}

impl ContextEncoder {
    pub(crate) fn new(config: &SourceConfig, moments: usize, device: &Device) -> Self {
        let (heads, hidden) = (config.heads, config.mlp_width);
        let flat = config.compressed_tokens * config.reduced_width();
        Self {
            layers: (0..config.layers)
                .map(|_| ContextLayer::new(config.width, heads, hidden, device))
                .collect(),
            reduction_layers: (0..config.reductions)
                .map(|level| ReductionLayer::new(config.width >> level, heads, hidden, device))
                .collect(),
            linear: Dense::new(flat, moments, device),
        }
    }

    /// Tokens `[batch, compressed_tokens, width]` to `[batch, moments]`.
    pub(crate) fn forward(&self, x: Tensor<3>) -> Tensor<2> {
        let x = self.layers.iter().fold(x, |x, layer| layer.forward(x));
        let x = self
            .reduction_layers
            .iter()
            .fold(x, |x, layer| layer.forward(x)); // [batch, compressed_tokens, reduced_width]
        self.linear.forward::<2>(x.flatten(1, 2))
    }
}

dense_layers!(ContextEncoder: layers, reduction_layers, linear);
