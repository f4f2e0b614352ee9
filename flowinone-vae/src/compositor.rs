//! What stays is taken from the prompt picture, where a small network finds that it stays:
//! `m = sigmoid(net(decoded, prompt))`, `picture = m * prompt + (1 - m) * decoded`.
//!
//! The network sees the decoded picture, the prompt picture and how they differ, nothing else:
//!
//! ```text
//! means of 2 x 2 -> conv ------------------------------- + -> conv -> smooth -> + -> sigmoid
//!                     \-> halve --------------- + -> up -/                      |
//!                            \-> halve -> block -> up                           |
//! every pixel -> conv ----------------------------------------------------------/
//! ```
//!
//! An asymmetric autoencoder in the sense of Zhu et al., "Designing a Better Asymmetric VQGAN for
//! Stable Diffusion" (2023): the decoder is told what the encoder was not. There features of the
//! masked input join the decoder's, here the mask itself is what is learned.

use burn::module::Module;
use burn::nn::conv::{Conv2d, Conv2dConfig};
use burn::tensor::activation::sigmoid;
use burn::tensor::{Device, Tensor};
use flowinone_kernels::{Dtype, halving_convolution, silu};

use crate::VaeConfig;
use crate::config::STRIDE;
use crate::fine::{doubled, doubled_smoothly, means};
use crate::layers::{conv3x3, convolve, weights};

/// Pixels of a picture that are one for the network, along each side.
const POOLING: usize = 2;
const _: () = assert!(STRIDE == 4 * POOLING, "the pooling, and two halvings");

/// Decides pixel by pixel between a decoded picture and the prompt picture beside it.
#[derive(Module, Debug)]
pub struct Compositor {
    /// Both pictures and their difference, to channels.
    pub conv_in: Conv2d,
    /// To half the side and twice the channels.
    pub down1: Conv2d,
    /// To a quarter of the side.
    pub down2: Conv2d,
    /// First convolution there.
    pub conv1: Conv2d,
    /// Second convolution there.
    pub conv2: Conv2d,
    /// Back to half the side.
    pub up2: Conv2d,
    /// Back to the side and the first channels.
    pub up1: Conv2d,
    /// To one number.
    pub conv_out: Conv2d,
    /// What every pixel of the whole pictures adds.
    pub pixel: Conv2d,
}

impl Compositor {
    /// `None` if the configuration has none.
    pub(crate) fn new(config: &VaeConfig, device: &Device) -> Option<Self> {
        let width = config.compositor_channels?;
        let seen = 3 * config.image_channels;
        let halving = |input, output| {
            Conv2dConfig::new([input, output], [3, 3])
                .with_stride([2, 2])
                .init(device)
        };
        Some(Self {
            conv_in: conv3x3(seen, width, device),
            down1: halving(width, 2 * width),
            down2: halving(2 * width, 2 * width),
            conv1: conv3x3(2 * width, 2 * width, device),
            conv2: conv3x3(2 * width, 2 * width, device),
            up2: conv3x3(2 * width, 2 * width, device),
            up1: conv3x3(2 * width, width, device),
            conv_out: conv3x3(width, 1, device),
            pixel: conv3x3(seen, 1, device),
        })
    }

    /// The log-odds of what is to be taken from the prompt, `[b, 1, h, w]`, for pictures
    /// `[b, image_channels, h, w]` in [-1, 1].
    ///
    /// # Panics
    /// If the pictures differ in shape, or h or w is no multiple of 8.
    pub fn log_odds(&self, decoded: Tensor<4>, prompt: Tensor<4>) -> Tensor<4> {
        let [_, _, h, w] = decoded.dims();
        assert!(
            decoded.dims() == prompt.dims() && h % STRIDE == 0 && w % STRIDE == 0,
            "a decoded picture {:?} and its prompt {:?} must be of one size, in multiples of {STRIDE}",
            decoded.dims(),
            prompt.dims()
        );
        let difference = (decoded.clone() - prompt.clone()).abs();
        let seen = Tensor::cat(vec![decoded, prompt, difference], 1); // [b, 9, h, w]
        let full = silu(convolve(&self.conv_in, means(seen.clone(), POOLING)));
        let half = silu(halve(&self.down1, full.clone()));
        let quarter = silu(halve(&self.down2, half.clone())); // [b, 2 c, h / 8, w / 8]
        let block = convolve(&self.conv2, silu(convolve(&self.conv1, quarter.clone())));
        let quarter = silu(quarter + block);
        let half = silu(convolve(&self.up2, doubled(quarter)) + half);
        let full = silu(convolve(&self.up1, doubled(half)) + full);
        let coarse = convolve(&self.conv_out, full); // [b, 1, h / 2, w / 2]
        doubled_smoothly(coarse) + convolve(&self.pixel, seen)
    }

    /// `m * prompt + (1 - m) * decoded`, `[b, image_channels, h, w]` in the element type of
    /// `decoded`.
    ///
    /// # Panics
    /// As [`log_odds`](Self::log_odds).
    pub fn forward(&self, decoded: Tensor<4>, prompt: Tensor<4>) -> Tensor<4> {
        let log_odds = self.log_odds(decoded.clone(), prompt.clone());
        composed(sigmoid(log_odds), decoded, prompt)
    }
}

/// `m * prompt + (1 - m) * decoded`, exactly the prompt where m is 1.
fn composed(mask: Tensor<4>, decoded: Tensor<4>, prompt: Tensor<4>) -> Tensor<4> {
    let changed = mask.clone().neg().add_scalar(1.0);
    prompt * mask + decoded * changed
}

fn halve(conv: &Conv2d, x: Tensor<4>) -> Tensor<4> {
    let (weight, bias) = weights(conv);
    halving_convolution(x, weight, bias, Dtype::F32)
}

#[cfg(all(test, feature = "cpu"))]
mod tests {
    use super::*;
    use burn::tensor::Distribution;

    fn pictures(seed: u64) -> [Tensor<4>; 2] {
        let device = Device::flex();
        device.seed(seed);
        let even = Distribution::Uniform(-1.0, 1.0);
        [(); 2].map(|()| Tensor::random([2, 3, 16, 24], even, &device))
    }

    fn compositor() -> Compositor {
        let compositor = Compositor::new(&VaeConfig::mini_256(), &Device::flex()).unwrap();
        flowinone_weights::randomize(compositor, 4, flowinone_weights::Init::by_fan_in).unwrap()
    }

    fn largest(x: Tensor<4>) -> f32 {
        x.abs().max().into_scalar()
    }

    #[test]
    fn every_pixel_lies_between_the_two_pictures() {
        let [decoded, prompt] = pictures(1);
        let picture = compositor().forward(decoded.clone(), prompt.clone());
        let low = decoded.clone().min_pair(prompt.clone());
        let high = decoded.max_pair(prompt);
        // Rounding of two products and a sum of numbers below 1.
        assert!(largest((picture.clone() - low).clamp_max(0.0)) < 1e-6);
        assert!(largest((high - picture).clamp_max(0.0)) < 1e-6);
    }

    #[test]
    fn a_certain_mask_gives_one_picture_bit_by_bit() {
        let [decoded, prompt] = pictures(2);
        let mask = |value: f64| Tensor::full([2, 1, 16, 24], value, &Device::flex());
        let composed = |value| composed(mask(value), decoded.clone(), prompt.clone());
        assert_eq!(composed(1.0).into_data(), prompt.clone().into_data());
        assert_eq!(composed(0.0).into_data(), decoded.clone().into_data());
    }

    #[test]
    fn items_of_a_batch_do_not_see_each_other() {
        let [decoded, prompt] = pictures(3);
        let compositor = compositor();
        let both = compositor.log_odds(decoded.clone(), prompt.clone());
        let item = |x: &Tensor<4>| x.clone().narrow(0, 1, 1);
        let alone = compositor.log_odds(item(&decoded), item(&prompt));
        // Sums of another order.
        assert!(largest(item(&both) - alone) < 1e-5);
    }

    #[test]
    #[should_panic(expected = "must be of one size, in multiples of 8")]
    fn a_prompt_of_another_size_is_refused() {
        let [decoded, prompt] = pictures(4);
        compositor().log_odds(decoded, prompt.narrow(2, 0, 8));
    }
}
