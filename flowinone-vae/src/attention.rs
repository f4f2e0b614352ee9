//! Self-attention over the pixels of a map, one head:
//! `x + proj(softmax(q k^T / sqrt(c)) v)`, with q, k, v linear in `norm(x)`.

use burn::module::Module;
use burn::nn::{GroupNorm, Linear, LinearConfig};
use burn::tensor::{Device, Tensor};
use flowinone_kernels::{attention, linear};

use crate::layers::group_norm;

/// Most scores at a time (64 MiB of float32): queries come in pieces where all pixels have more.
const SCORES: usize = 1 << 24;

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
        let n = h * w;
        let pixels = self.norm.forward(x.clone());
        let pixels = pixels.reshape([b, c, n]).swap_dims(1, 2);
        let pixels = pixels.reshape([b * n, c]);
        let of_pixels = |layer| project(layer, pixels.clone()).reshape([b, 1, n, c]);

        let [q, k, v] = [&self.q, &self.k, &self.v].map(of_pixels);
        let attend = |q: Tensor<4>| attention(q, k.clone(), v.clone()); // [b, 1, piece, c]
        let piece = (SCORES / (b * n)).max(1);
        let attended = match piece < n {
            true => Tensor::cat(q.split(piece, 2).into_iter().map(attend).collect(), 2),
            false => attend(q),
        };

        let change = project(&self.proj_out, attended.reshape([b * n, c]));
        let change = change.reshape([b, n, c]).swap_dims(1, 2);
        x + change.reshape([b, c, h, w])
    }
}

/// `x w + b` of rows.
fn project(layer: &Linear, x: Tensor<2>) -> Tensor<2> {
    let bias = layer.bias.as_ref().map(|bias| bias.val());
    linear(x, layer.weight.val(), bias)
}

#[cfg(all(test, feature = "cpu"))]
mod tests {
    use super::*;
    use burn::tensor::Distribution;
    use burn::tensor::activation::softmax;

    #[test]
    fn queries_in_pieces_give_what_all_at_once_give() {
        let device = Device::flex();
        let attention = PixelAttention::new(4, 2, &device);
        // 5184 pixels: 2^24 scores are those of 3236 queries.
        let normal = Distribution::Normal(0.0, 1.0);
        let x = Tensor::<4>::random([1, 4, 72, 72], normal, &device);
        let pieces = attention.forward(x.clone());

        let pixels = attention.norm.forward(x.clone());
        let pixels = pixels.reshape([1, 4, 5184]).swap_dims(1, 2);
        let q = attention.q.forward(pixels.clone()) * 0.5;
        let k = attention.k.forward(pixels.clone());
        let weights = softmax(q.matmul(k.transpose()), 2);
        let attended = weights.matmul(attention.v.forward(pixels));
        let change = attention.proj_out.forward(attended).swap_dims(1, 2);
        let expected = x + change.reshape([1, 4, 72, 72]);
        let difference: f32 = (pieces - expected).abs().max().into_scalar();
        assert!(difference < 5e-6, "{difference}");
    }
}
