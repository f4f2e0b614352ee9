//! What an adapter adds beside a linear layer: `scale (x down) up`.

use burn::tensor::Tensor;

use super::linear::linear;

/// The two thin factors of an adapter (LoRA) of one layer.
///
/// They stand beside the weights and are not parameters of the layer: whoever trains them has them
/// as parameters of its own, and gives the layer their values for a step.
#[derive(Debug, Clone)]
pub struct LowRank {
    /// `[input, rank]`.
    pub down: Tensor<2>,
    /// `[rank, output]`.
    pub up: Tensor<2>,
    /// What the product is multiplied with.
    pub scale: f32,
}

impl LowRank {
    /// `scale (x down) up` of rows `[rows, input]`, `[rows, output]`.
    pub(super) fn forward(&self, x: Tensor<2>) -> Tensor<2> {
        let thin = linear(x.clone(), self.down.clone().cast(x.dtype()), None);
        self.widened(thin)
    }

    /// The same of rows that come in equal parts `[rows, input / parts]`.
    pub(super) fn forward_parts(&self, parts: &[Tensor<2>]) -> Tensor<2> {
        let [input, _] = self.down.dims();
        let width = input / parts.len();
        let products = parts.iter().enumerate().map(|(part, x)| {
            let down = self.down.clone().narrow(0, part * width, width);
            linear(x.clone(), down.cast(x.dtype()), None)
        });
        let thin = products.reduce(|sum, product| sum + product);
        self.widened(thin.expect("at least one part"))
    }

    /// `scale thin up` of `[rows, rank]`.
    fn widened(&self, thin: Tensor<2>) -> Tensor<2> {
        let up = self.up.clone().cast(thin.dtype());
        linear(thin.mul_scalar(self.scale), up, None)
    }

    /// The same without gradients.
    pub(super) fn valid(self) -> Self {
        Self {
            down: self.down.without_autodiff(),
            up: self.up.without_autodiff(),
            scale: self.scale,
        }
    }
}
