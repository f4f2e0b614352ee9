//! Gated cross-attention to the structure latent: `x + g * CA(x, z)`,
//! `g = sigmoid(w2 gelu(w1 [x, CA(x, z)]))`, one number for each token.

use burn::module::Module;
use burn::tensor::activation::sigmoid;
use burn::tensor::{Device, Tensor};
use flowinone_kernels::{Dense, cross_attention, dense_layers, gelu};

use crate::norm::TimeRmsNorm;
use crate::structure::StructureTokens;
use crate::time::Tau;

/// The second path of a transformer block, before its gate and residual.
#[derive(Module, Debug)]
pub(crate) struct StructureAttention {
    norm_q: TimeRmsNorm,
    norm_kv: TimeRmsNorm,
    pub(crate) query: Dense,
    pub(crate) key_value: Dense,
    dense: Dense,
    gate: Gate,
    heads: usize,
}

impl StructureAttention {
    pub(crate) fn new(width: usize, heads: usize, device: &Device) -> Self {
        Self {
            norm_q: TimeRmsNorm::new(width, device),
            norm_kv: TimeRmsNorm::new(width, device),
            query: Dense::without_bias(width, width, device),
            key_value: Dense::without_bias(width, 2 * width, device),
            dense: Dense::new(width, width, device),
            gate: Gate::new(width, device),
            heads,
        }
    }

    /// Tokens `[batch, tokens, width]` to what the structure adds to them.
    pub(crate) fn forward(
        &self,
        x: Tensor<3>,
        structure: &StructureTokens,
        tau: &Tau,
    ) -> Tensor<3> {
        let (attended, gate) = self.attended_and_gate(x, structure, tau);
        attended * structure.close(gate)
    }

    /// `CA(x, z)` `[batch, tokens, width]`, and the gate `[batch, tokens, 1]` as if every item
    /// followed its latent.
    pub(crate) fn attended_and_gate(
        &self,
        x: Tensor<3>,
        structure: &StructureTokens,
        tau: &Tau,
    ) -> (Tensor<3>, Tensor<3>) {
        let q = self.query.forward(self.norm_q.forward(x.clone(), tau));
        let kv =
            structure.each_token(|token| self.key_value.forward(self.norm_kv.gain(token, tau)));
        let precision = self.query.precision();
        let attended = cross_attention(q, kv, self.heads, precision);
        let attended = self.dense.forward(attended);
        let gate = self.gate.forward(x, attended.clone());
        (attended, gate)
    }
}

dense_layers!(StructureAttention: query, key_value, dense, gate);

/// How much of the structure a token takes in; it sees the token before any norm.
#[derive(Module, Debug)]
struct Gate {
    w1: Dense,
    w2: Dense,
}

dense_layers!(Gate: w1, w2);

impl Gate {
    fn new(width: usize, device: &Device) -> Self {
        Self {
            w1: Dense::new(2 * width, width / 4, device),
            w2: Dense::new(width / 4, 1, device),
        }
    }

    fn forward(&self, x: Tensor<3>, attended: Tensor<3>) -> Tensor<3> {
        let both = Tensor::cat(vec![x, attended], 2); // [batch, tokens, 2 * width]
        let hidden = gelu(self.w1.forward(both));
        sigmoid(self.w2.forward(hidden)) // [batch, tokens, 1]
    }
}
