//! One block of the transformer stage, restated from the kernels it calls.

use burn::tensor::activation::sigmoid;
use burn::tensor::{Device, Distribution, Tensor};
use flowinone_kernels::{
    Dense, Dtype, cross_attention, geglu, gelu, rms_norm, rms_normalized, self_attention,
};

/// `x += SA(x)`, `x += g * CA(x, structure)`, `x += MLP(x)` with random weights.
#[derive(Debug)]
pub struct Block {
    heads: usize,
    width: usize,
    layers: [Dense; 8],
    gate: [Dense; 2],
}

impl Block {
    /// The published block, 1024 wide with 16 heads.
    pub fn full(device: &Device) -> Self {
        Self::new(1024, 16, 2048, device)
    }

    fn new(width: usize, heads: usize, hidden: usize, device: &Device) -> Self {
        Self {
            heads,
            width,
            layers: [
                Dense::without_bias(width, 3 * width, device),
                Dense::new(width, width, device),
                Dense::without_bias(width, width, device),
                Dense::without_bias(width, 2 * width, device),
                Dense::new(width, width, device),
                Dense::new(width, hidden, device),
                Dense::new(width, hidden, device),
                Dense::new(hidden, width, device),
            ],
            gate: [
                Dense::new(2 * width, width / 4, device),
                Dense::new(width / 4, 1, device),
            ],
        }
    }

    /// The same with its weights packed, those of the gate in float32.
    #[must_use]
    pub fn packed(mut self, precision: Dtype) -> Self {
        for layer in self.layers.iter_mut().chain(&mut self.gate) {
            layer.parameters().map(|layer| layer.weight.val());
            layer
                .parameters()
                .and_then(|layer| layer.bias.as_ref()?.val().into());
        }
        self.layers.iter_mut().for_each(|l| l.pack(precision));
        self.gate.iter_mut().for_each(|l| l.pack(Dtype::F32));
        self
    }

    /// Random tokens `[2, 257, width]` of two branches, and the structure `[1, 258, width]` that
    /// they share, one indicator of each in front.
    pub fn inputs(&self, device: &Device) -> [Tensor<3>; 2] {
        let normal = Distribution::Normal(0.0, 1.0);
        [[2, 257, self.width], [1, 258, self.width]]
            .map(|shape| Tensor::random(shape, normal, device))
    }

    /// The block's output, `[2, 257, width]`.
    pub fn forward(&self, x: Tensor<3>, structure: Tensor<3>) -> Tensor<3> {
        let gain = Tensor::<3>::ones([1, 1, self.width], &x.device());
        let normed = |x: &Tensor<3>| rms_norm(x.clone(), gain.clone());
        let [qkv, dense, query, key_value, out, w0, w1, w2] = &self.layers;

        let attended = self_attention(qkv.forward(normed(&x)), self.heads, qkv.precision());
        let x = x + dense.forward(attended);

        let q = query.forward(normed(&x));
        let all = key_value.forward(rms_normalized(structure) * gain.clone());
        let shared = all.clone().narrow(1, 2, 256);
        let copy = |copy| Tensor::cat(vec![all.clone().narrow(1, copy, 1), shared.clone()], 1);
        let both = Tensor::cat(vec![copy(0), copy(1)], 0); // [2, 257, 2 * width]
        let attended = out.forward(cross_attention(q, both, self.heads, query.precision()));
        let seen = Tensor::cat(vec![x.clone(), attended.clone()], 2);
        let gate = sigmoid(self.gate[1].forward(gelu(self.gate[0].forward(seen))));
        let x = x + attended * gate;

        let n = normed(&x);
        x + w2.forward(geglu(w0.forward(n.clone()), w1.forward(n)))
    }
}
