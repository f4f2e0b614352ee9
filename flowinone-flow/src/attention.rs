//! Self-attention: `softmax(q k^T / sqrt(d)) v`, with `q, k, v` from one fused layer of the
//! normed tokens.

use burn::module::Module;
use burn::tensor::{Device, Tensor};
use flowinone_kernels::{Dense, attention, dense_layers, self_attention};

use crate::norm::TimeRmsNorm;
use crate::time::Tau;

/// Multi-head self-attention of the transformer stage, before its residual.
#[derive(Module, Debug)]
pub(crate) struct SelfAttention {
    pub(crate) norm: TimeRmsNorm,
    query_key_value: Dense,
    dense: Dense,
    heads: usize,
}

impl SelfAttention {
    pub(crate) fn new(width: usize, heads: usize, device: &Device) -> Self {
        Self {
            norm: TimeRmsNorm::new(width, device),
            query_key_value: Dense::without_bias(width, 3 * width, device),
            dense: Dense::new(width, width, device),
            heads,
        }
    }

    /// Tokens `[batch, tokens, width]` to what is added to them.
    pub(crate) fn forward(&self, x: Tensor<3>, tau: &Tau) -> Tensor<3> {
        // Channels: all heads of q, then of k, then of v.
        let qkv = self.query_key_value.forward(self.norm.forward(x, tau));
        let precision = self.query_key_value.precision();
        self.dense
            .forward(self_attention(qkv, self.heads, precision))
    }
}

dense_layers!(SelfAttention: query_key_value, dense);

/// `[batch, tokens, heads * head_width]` to `[batch, heads, tokens, head_width]`.
pub(crate) fn split_heads(x: Tensor<3>, heads: usize) -> Tensor<4> {
    let [batch, tokens, width] = x.dims();
    x.reshape([batch, tokens, heads, width / heads])
        .swap_dims(1, 2)
}

/// Scaled dot-product attention of `q` `[batch, heads, n, head_width]` to `k` and `v`
/// `[batch, heads, m, head_width]`, heads joined again: `[batch, n, heads * head_width]`.
pub(crate) fn attend(q: Tensor<4>, k: Tensor<4>, v: Tensor<4>) -> Tensor<3> {
    let [batch, heads, tokens, head_width] = q.dims();
    attention(q, k, v)
        .swap_dims(1, 2)
        .reshape([batch, tokens, heads * head_width])
}

#[cfg(all(test, feature = "cpu"))]
mod tests {
    use super::*;

    #[test]
    fn equal_keys_average_the_values_of_each_head() {
        let device = Device::flex();
        let q = Tensor::<3>::from_floats([[[1.0, 2.0, 3.0, 4.0]]], &device);
        let k = Tensor::<3>::ones([1, 2, 4], &device);
        let v = Tensor::<3>::from_floats([[[0.0, 1.0, 2.0, 3.0], [4.0, 5.0, 6.0, 9.0]]], &device);
        let [q, k, v] = [q, k, v].map(|x| split_heads(x, 2));
        let y: Vec<f32> = attend(q, k, v).into_data().try_to_vec().unwrap();
        assert_eq!(y, [2.0, 3.0, 4.0, 6.0]);
    }
}
