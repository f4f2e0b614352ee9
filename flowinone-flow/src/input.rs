//! From a latent to tokens: a convolution whose patches do not overlap, plus learned positions,
//! `token[row * side + column] = conv(x)[row, column] + position[row * side + column]`.

use burn::module::{Module, Param};
use burn::nn::Initializer;
use burn::nn::conv::{Conv2d, Conv2dConfig};
use burn::tensor::{Device, Tensor};

use crate::layout::to_tokens;

/// Input layer of a stage.
#[derive(Module, Debug)]
pub(crate) struct InputLayer {
    conv: Conv2d,
    pub(crate) positions: Param<Tensor<2>>, // [side * side, width]
}

impl InputLayer {
    pub(crate) fn new(
        channels: usize,
        patch: usize,
        side: usize,
        width: usize,
        device: &Device,
    ) -> Self {
        let positions = Initializer::Normal {
            mean: 0.0,
            std: 0.02,
        };
        Self {
            conv: Conv2dConfig::new([channels, width], [patch, patch])
                .with_stride([patch, patch])
                .init(device),
            positions: positions.init([side * side, width], device),
        }
    }

    /// A latent `[batch, channels, side * patch, side * patch]` to `[batch, side * side, width]`.
    ///
    /// # Panics
    /// If the latent has another shape.
    pub(crate) fn forward(&self, x: Tensor<4>) -> Tensor<3> {
        let [_, channels, patch, _] = self.conv.weight.dims();
        let [positions, _] = self.positions.dims();
        let side = patch * positions.isqrt();
        let shape = x.dims();
        assert!(
            shape[1..] == [channels, side, side],
            "a latent of shape {shape:?}, expected [batch, {channels}, {side}, {side}]"
        );
        let x = x.cast(self.positions.dtype());
        to_tokens(self.conv.forward(x)) + self.positions.val().unsqueeze()
    }
}
