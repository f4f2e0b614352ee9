//! From the transformer stage to the `ConvNeXt` stage: all states of the first, concatenated on the
//! channels, become one map at twice the resolution,
//! `LayerNorm_t(shuffle(Linear(LayerNorm_t([state_0, ..., state_n]))))`.
//!
//! With packed weights the states, 67,584 channels together, are never joined: each is normed by
//! the moments of all and multiplied with the weights for it, and the products are added up.

use burn::module::Module;
use burn::tensor::{Device, Tensor};
use flowinone_kernels::{Dense, dense_layers};

use crate::norm::TimeLayerNorm;
use crate::states::States;
use crate::time::Tau;

/// Upsampling of the concatenated states by two.
#[derive(Module, Debug)]
pub(crate) struct Upsample {
    pub(crate) states_norm: TimeLayerNorm,
    linear: Dense,
    norm: TimeLayerNorm,
    side: usize,
}

impl Upsample {
    /// For `states` maps of that `side` and `width`, to one of twice the side and `output` wide.
    pub(crate) fn new(
        states: usize,
        width: usize,
        side: usize,
        output: usize,
        device: &Device,
    ) -> Self {
        Self {
            states_norm: TimeLayerNorm::new(states * width, device),
            linear: Dense::new(states * width, 4 * output, device).in_parts(states),
            norm: TimeLayerNorm::new(output, device),
            side,
        }
    }

    /// States of `side * side` tokens to `[batch, 4 * side * side, output]`.
    pub(crate) fn forward(&self, states: States, tau: &Tau) -> Tensor<3> {
        let all = match self.linear.is_packed() {
            // One token more in 257 costs less than copies of all others.
            true => {
                let normed = self.states_norm.forward_parts(states.sequences, tau);
                States::behind_indicator(states.tokens, self.linear.forward_parts(normed))
            }
            false => {
                let all = Tensor::cat(states.of_latent(), 2); // [batch, side * side, states * width]
                self.linear.forward(self.states_norm.forward(all, tau))
            }
        };
        self.norm.forward(pixel_shuffle(all, self.side), tau)
    }
}

dense_layers!(Upsample: linear);

/// `[batch, side * side, 4 * width]` to `[batch, 4 * side * side, width]`: channel
/// `(dy * 2 + dx) * width + c` of pixel (y, x) goes to channel c of pixel (2 y + dy, 2 x + dx).
///
/// The usual pixel shuffle keeps c in front of (dy, dx) instead.
fn pixel_shuffle(x: Tensor<3>, side: usize) -> Tensor<3> {
    let [batch, _, channels] = x.dims();
    let width = channels / 4;
    x.reshape([batch, side, side, 2, 2, width]) // y, x, dy, dx, c
        .permute([0, 1, 3, 2, 4, 5]) // y, dy, x, dx, c
        .reshape([batch, 4 * side * side, width])
}

#[cfg(all(test, feature = "cpu"))]
mod tests {
    use super::*;
    use burn::tensor::TensorData;

    #[test]
    fn a_channel_group_is_a_corner_of_the_finer_pixel() {
        let (side, width) = (2, 3);
        let values: Vec<f32> = (0..side * side * 4 * width).map(|v| v as f32).collect();
        let x = TensorData::new(values, [1, side * side, 4 * width]);
        let shuffled = pixel_shuffle(Tensor::from_data(x, &Device::flex()), side);
        let got: Vec<f32> = shuffled.into_data().try_to_vec().unwrap();
        for y in 0..side {
            for x in 0..side {
                for (dy, dx) in [(0, 0), (0, 1), (1, 0), (1, 1)] {
                    for c in 0..width {
                        let from = (y * side + x) * 4 * width + (dy * 2 + dx) * width + c;
                        let to = ((2 * y + dy) * 2 * side + 2 * x + dx) * width + c;
                        assert_eq!(got[to], from as f32);
                    }
                }
            }
        }
    }
}
