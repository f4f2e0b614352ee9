//! From the tower's tokens to the width that the flow model reads: `output(gelu(input(x)))`.

use burn::module::Module;
use burn::nn::Linear;
use burn::tensor::activation::gelu;
use burn::tensor::{Device, Tensor};

use crate::linear::{linear, project};

/// Two linear layers with the exact (erf) GELU between them.
#[derive(Module, Debug)]
pub struct Aligner {
    /// Width to output width.
    pub input: Linear,
    /// Output width to output width.
    pub output: Linear,
}

impl Aligner {
    pub(crate) fn new(width: usize, output_width: usize, device: &Device) -> Self {
        Self {
            input: linear(width, output_width, device),
            output: linear(output_width, output_width, device),
        }
    }

    /// Tokens `[batch, tokens, width]` to `[batch, tokens, output_width]`.
    pub fn forward(&self, x: Tensor<3>) -> Tensor<3> {
        project(&self.output, gelu(project(&self.input, x)))
    }
}
