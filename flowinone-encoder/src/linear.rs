//! A linear layer on every token, `y = x W + b`, as one product of two matrices.

use burn::nn::{Linear, LinearConfig};
use burn::tensor::{Device, Tensor};
use flowinone_kernels as kernels;

/// A linear layer with bias.
pub(crate) fn linear(input: usize, output: usize, device: &Device) -> Linear {
    LinearConfig::new(input, output).init(device)
}

/// Applies `layer` to `[batch, tokens, input]`.
///
/// Batch and tokens become the rows of one matrix: a batched product would pack the weights once
/// for each item.
pub(crate) fn project(layer: &Linear, x: Tensor<3>) -> Tensor<3> {
    let [batch, tokens, input] = x.dims();
    let bias = layer.bias.as_ref().map(|bias| bias.val());
    let x = x.reshape([batch * tokens, input]);
    let y = kernels::linear(x, layer.weight.val(), bias);
    let [_, output] = y.dims();
    y.reshape([batch, tokens, output])
}
