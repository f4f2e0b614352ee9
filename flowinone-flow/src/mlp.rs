//! Gated feed-forward network: `w2(gelu(w0 n) * (w1 n))`, n the normed token.

use burn::module::Module;
use burn::nn::Linear;
use burn::tensor::{Device, Tensor};
use flowinone_kernels::geglu;

use crate::linear::{linear, project};
use crate::norm::TimeRmsNorm;
use crate::time::Tau;

/// The feed-forward part of a block, before its residual.
#[derive(Module, Debug)]
pub(crate) struct GatedMlp {
    norm: TimeRmsNorm,
    w0: Linear,
    w1: Linear,
    w2: Linear,
}

impl GatedMlp {
    pub(crate) fn new(width: usize, hidden: usize, device: &Device) -> Self {
        Self {
            norm: TimeRmsNorm::new(width, device),
            w0: linear(width, hidden, device),
            w1: linear(width, hidden, device),
            w2: linear(hidden, width, device),
        }
    }

    /// Tokens `[batch, tokens, width]` to what is added to them.
    pub(crate) fn forward(&self, x: Tensor<3>, tau: &Tau) -> Tensor<3> {
        let n = self.norm.forward(x, tau);
        let gate = project(&self.w0, n.clone());
        let hidden = geglu(gate, project(&self.w1, n)); // [batch, tokens, hidden]
        project(&self.w2, hidden)
    }
}
