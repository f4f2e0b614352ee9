//! Gated feed-forward network: `w2(gelu(w0 n) * (w1 n))`, n the normed token.

use burn::module::Module;
use burn::tensor::{Device, Tensor};
use flowinone_kernels::{Dense, dense_layers, geglu};

use crate::norm::TimeRmsNorm;
use crate::time::Tau;

/// The feed-forward part of a block, before its residual.
#[derive(Module, Debug)]
pub(crate) struct GatedMlp {
    norm: TimeRmsNorm,
    w0: Dense,
    w1: Dense,
    w2: Dense,
}

impl GatedMlp {
    pub(crate) fn new(width: usize, hidden: usize, device: &Device) -> Self {
        Self {
            norm: TimeRmsNorm::new(width, device),
            w0: Dense::new(width, hidden, device),
            w1: Dense::new(width, hidden, device),
            w2: Dense::new(hidden, width, device),
        }
    }

    /// Tokens `[batch, tokens, width]` to what is added to them.
    pub(crate) fn forward(&self, x: Tensor<3>, tau: &Tau) -> Tensor<3> {
        let n = self.norm.forward(x, tau);
        let gate = self.w0.forward(n.clone());
        let hidden = geglu(gate, self.w1.forward(n)); // [batch, tokens, hidden]
        self.w2.forward(hidden)
    }
}

dense_layers!(GatedMlp: w0, w1, w2);
