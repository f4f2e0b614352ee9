//! Self-attention over the pixels of a map, one head:
//! `x + proj(softmax(q k^T / sqrt(c)) v)`, with q, k, v linear in `norm(x)`.

use burn::module::Module;
use burn::nn::{GroupNorm, Linear, LinearConfig};
use burn::tensor::activation::softmax;
use burn::tensor::{Device, Tensor};

use crate::layers::group_norm;

/// Single-head attention among all pixels.
///
/// Its projections are linear layers: published as 1x1 convolutions or as matrices, they are the
/// same numbers.
#[derive(Module, Debug)]
pub struct PixelAttention {
    /// Norm before the projections.
    pub norm: GroupNorm,
    /// Queries.
    pub q: Linear,
    /// Keys.
    pub k: Linear,
    /// Values.
    pub v: Linear,
    /// Projection of the attended values.
    pub proj_out: Linear,
}

impl PixelAttention {
    pub(crate) fn new(channels: usize, groups: usize, device: &Device) -> Self {
        let linear = || LinearConfig::new(channels, channels).init(device);
        Self {
            norm: group_norm(groups, channels, device),
            q: linear(),
            k: linear(),
            v: linear(),
            proj_out: linear(),
        }
    }

    /// Maps `[b, c, h, w]` to the same shape.
    pub fn forward(&self, x: Tensor<4>) -> Tensor<4> {
        let [b, c, h, w] = x.dims();
        let pixels = self.norm.forward(x.clone());
        let pixels = pixels.reshape([b, c, h * w]).swap_dims(1, 2); // [b, n, c], n = h w

        let q = self.q.forward(pixels.clone()) * (c as f64).powf(-0.5);
        let k = self.k.forward(pixels.clone());
        let weights = softmax(q.matmul(k.transpose()), 2); // [b, n, n]
        let attended = weights.matmul(self.v.forward(pixels)); // [b, n, c]

        let change = self.proj_out.forward(attended).swap_dims(1, 2);
        x + change.reshape([b, c, h, w])
    }
}
