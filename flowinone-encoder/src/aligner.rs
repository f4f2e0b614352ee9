//! From the tower's tokens to the width that the flow model reads: `output(gelu(input(x)))`.

use burn::module::Module;
use burn::tensor::{Device, Tensor};
use flowinone_kernels::{Dense, dense_layers, gelu};

/// Two linear layers with the exact (erf) GELU between them.
#[derive(Module, Debug)]
pub struct Aligner {
    /// Width to output width.
    pub input: Dense,
    /// Output width to output width.
    pub output: Dense,
}

impl Aligner {
    pub(crate) fn new(width: usize, output_width: usize, device: &Device) -> Self {
        Self {
            input: Dense::new(width, output_width, device),
            output: Dense::new(output_width, output_width, device),
        }
    }

    /// Tokens `[batch, tokens, width]` to `[batch, tokens, output_width]`.
    pub fn forward(&self, x: Tensor<3>) -> Tensor<3> {
        self.output.forward(gelu(self.input.forward(x)))
    }
}

dense_layers!(Aligner: input, output);
