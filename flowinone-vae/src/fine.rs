//! Levels above the encoder's full resolution: the decoder's last features, doubled without norms,
//! correct its own small picture, smoothly enlarged:
//!
//! ```text
//! x <- x + conv2(SiLU(conv1(SiLU(x)))),   x <- conv(nearest(x)),   picture = smooth(small) + conv(SiLU(x))
//! ```
//!
//! Without norms a pixel depends on its neighbourhood alone, so a crop or a band of rows gives the
//! same values as the whole map.

use burn::module::Module;
use burn::nn::conv::Conv2d;
use burn::tensor::module::interpolate;
use burn::tensor::ops::{InterpolateMode, InterpolateOptions};
use burn::tensor::{Device, Tensor};
use flowinone_kernels::{Dtype, silu};
use flowinone_weights::Init;

use crate::VaeConfig;
use crate::layers::{conv3x3, convolve, convolve_in};

/// From the features and the picture of a [`Decoder`](crate::Decoder) to a picture several times as
/// wide and high.
#[derive(Module, Debug)]
pub struct FineDecoder {
    /// The decoder's features to channels, at its own resolution.
    pub conv_in: Conv2d,
    /// Levels, stored from full resolution down like the decoder's, run the other way.
    pub level: Vec<FineLevel>,
    /// Channels to what is added to the enlarged picture.
    pub conv_out: Conv2d,
}

impl FineDecoder {
    /// `None` if the configuration has no such levels.
    pub(crate) fn new(config: &VaeConfig, device: &Device) -> Option<Self> {
        let channels = &config.fine_channels;
        let (finest, coarsest) = (*channels.first()?, *channels.last()?);
        let level = |(at, &width): (usize, &usize)| {
            let finer = at.checked_sub(1).map(|finer| channels[finer]);
            FineLevel::new(width, finer, config.blocks + 1, device)
        };
        Some(Self {
            conv_in: conv3x3(config.width(0), coarsest, device),
            level: channels.iter().enumerate().map(level).collect(),
            conv_out: conv3x3(finest, config.image_channels, device),
        })
    }

    /// In that precision but for the first and the last convolution.
    pub(crate) fn set_precision(&mut self, precision: Dtype) {
        for level in &mut self.level {
            level.precision = precision;
            let blocks = level.block.iter_mut();
            blocks.for_each(|block| block.precision = precision);
        }
    }

    /// The picture `[b, image_channels, p h, p w]` for the `features` `[b, c, h, w]` and the
    /// picture `[b, image_channels, h, w]` of a decoder, p being the [pooling](VaeConfig::pooling).
    pub fn forward(&self, features: Tensor<4>, small: Tensor<4>) -> Tensor<4> {
        let x = convolve(&self.conv_in, features);
        let x = self.level.iter().rev().fold(x, |x, level| level.forward(x));
        let doublings = self.level.iter().filter(|level| level.conv.is_some());
        let smooth = doublings.fold(small, |small, _| doubled_smoothly(small));
        smooth + convolve(&self.conv_out, silu(x))
    }
}

/// The residual blocks of one resolution, and the way up from it.
#[derive(Module, Debug)]
pub struct FineLevel {
    /// Residual blocks.
    pub block: Vec<FineBlock>,
    /// After doubling, to the channels of the next resolution; `None` at the highest.
    pub conv: Option<Conv2d>,
    /// Of the factors of the convolution.
    #[module(skip)]
    precision: Dtype,
}

impl FineLevel {
    fn new(width: usize, finer: Option<usize>, blocks: usize, device: &Device) -> Self {
        let block = |_| FineBlock::new(width, device);
        Self {
            block: (0..blocks).map(block).collect(),
            conv: finer.map(|finer| conv3x3(width, finer, device)),
            precision: Dtype::F32,
        }
    }

    /// Maps `[b, c, h, w]` to `[b, c', 2 h, 2 w]`, or to `[b, c, h, w]` at full resolution.
    pub fn forward(&self, x: Tensor<4>) -> Tensor<4> {
        self.up(self.block.iter().fold(x, |x, block| block.forward(x)))
    }

    /// To the next resolution, if there is one.
    pub(crate) fn up(&self, x: Tensor<4>) -> Tensor<4> {
        match &self.conv {
            Some(conv) => convolve_in(self.precision, conv, doubled(x)),
            None => x,
        }
    }
}

/// Two convolutions around a shortcut, without norms.
#[derive(Module, Debug)]
pub struct FineBlock {
    /// First convolution.
    pub conv1: Conv2d,
    /// Second convolution.
    pub conv2: Conv2d,
    /// Of the factors of the convolutions.
    #[module(skip)]
    precision: Dtype,
}

impl FineBlock {
    fn new(width: usize, device: &Device) -> Self {
        Self {
            conv1: conv3x3(width, width, device),
            conv2: conv3x3(width, width, device),
            precision: Dtype::F32,
        }
    }

    /// Maps `[b, c, h, w]` to the same shape; each value sees two pixels around it.
    pub fn forward(&self, x: Tensor<4>) -> Tensor<4> {
        x.clone() + self.second(self.first(x))
    }

    /// The first convolution and what comes before it.
    pub(crate) fn first(&self, x: Tensor<4>) -> Tensor<4> {
        convolve_in(self.precision, &self.conv1, silu(x))
    }

    /// The second convolution and what comes before it.
    pub(crate) fn second(&self, h: Tensor<4>) -> Tensor<4> {
        convolve_in(self.precision, &self.conv2, silu(h))
    }
}

/// The distribution of parameters with which a fine decoder changes nothing yet: its last
/// convolution is zero, so that the picture is the small one, smoothly enlarged.
pub(crate) fn quiet(path: &str, shape: &[usize]) -> Init {
    match path.starts_with("conv_out.") {
        true => Init::Normal { std: 0.0 },
        false => Init::by_fan_in(path, shape),
    }
}

/// Every pixel four times: `[b, c, h, w]` to `[b, c, 2 h, 2 w]`.
pub(crate) fn doubled(x: Tensor<4>) -> Tensor<4> {
    let [_, _, h, w] = x.dims();
    let nearest = InterpolateOptions::new(InterpolateMode::Nearest);
    interpolate(x, nearest.with_output_size([2 * h, 2 * w]))
}

/// Twice as wide and high, `[b, c, h, w]` to `[b, c, 2 h, 2 w]`, linearly between the middles of
/// pixels and constant beyond the outermost ones.
pub(crate) fn doubled_smoothly(x: Tensor<4>) -> Tensor<4> {
    doubled_along(doubled_along(x, 2), 3)
}

/// Pictures `scale` times as wide and high, a power of two, by doublings of which values 2 i and
/// 2 i + 1 are 3/4 of value i and 1/4 of its neighbour on that side.
pub fn enlarged_smoothly(x: Tensor<4>, scale: usize) -> Tensor<4> {
    (0..scale.ilog2()).fold(x, |x, _| doubled_smoothly(x))
}

/// Values 2 i and 2 i + 1 are 3/4 of value i and 1/4 of its neighbour on that side.
fn doubled_along(x: Tensor<4>, axis: usize) -> Tensor<4> {
    let [b, c, h, w] = x.dims();
    let (length, mut twice) = (x.dims()[axis], [b, c, h, w]);
    twice[axis] *= 2;
    let part = |from, count| x.clone().narrow(axis, from, count);
    let (first, last) = (part(0, 1), part(length - 1, 1));
    let (before, after) = match length {
        1 => (first, last),
        _ => (
            Tensor::cat(vec![first, part(0, length - 1)], axis),
            Tensor::cat(vec![part(1, length - 1), last], axis),
        ),
    };
    let own = x.mul_scalar(0.75);
    let even = own.clone() + before.mul_scalar(0.25);
    let odd = own + after.mul_scalar(0.25);
    Tensor::stack::<5>(vec![even, odd], axis + 1).reshape(twice)
}

/// Means of `side * side` pixels: `[b, c, h, w]` to `[b, c, h / side, w / side]`.
pub fn means(x: Tensor<4>, side: usize) -> Tensor<4> {
    if side == 1 {
        return x;
    }
    let [b, c, h, w] = x.dims();
    let rows = x.reshape([b * c * h, w / side, side]).mean_dim(2); // [b c h, w / side, 1]
    let squares = rows.reshape([b * c * h / side, side, w / side]).mean_dim(1);
    squares.reshape([b, c, h / side, w / side])
}

#[cfg(all(test, feature = "cpu"))]
mod tests {
    use super::*;
    use burn::tensor::TensorData;
    use flowinone_weights::randomize;

    fn map(values: &[f32], shape: [usize; 4]) -> Tensor<4> {
        Tensor::from_data(TensorData::new(values.to_vec(), shape), &Device::flex())
    }

    fn values(x: Tensor<4>) -> Vec<f32> {
        x.into_data().try_to_vec().unwrap()
    }

    #[test]
    fn a_smooth_doubling_is_linear_inside_and_constant_outside() {
        let row = doubled_along(map(&[0.0, 4.0, 8.0], [1, 1, 1, 3]), 3);
        assert_eq!(values(row), [0.0, 1.0, 3.0, 5.0, 7.0, 8.0]);
        let column = doubled_along(map(&[0.0, 4.0], [1, 1, 2, 1]), 2);
        assert_eq!(values(column), [0.0, 1.0, 3.0, 4.0]);
        assert_eq!(
            values(doubled_smoothly(map(&[5.0], [1, 1, 1, 1]))),
            [5.0; 4]
        );
    }

    #[test]
    fn means_undo_a_doubling() {
        let x = map(&[1.0, 2.0, 3.0, 4.0, 5.0, 6.0], [1, 1, 2, 3]);
        assert_eq!(values(means(doubled(doubled(x.clone())), 4)), values(x));
        let corners = map(&[1.0, 3.0, 5.0, 7.0], [1, 1, 2, 2]);
        assert_eq!(values(means(corners, 2)), [4.0]);
    }

    #[test]
    fn without_a_last_convolution_the_picture_is_the_small_one_enlarged() {
        let device = Device::flex();
        let config = VaeConfig::mini_256();
        let fine = FineDecoder::new(&config, &device).unwrap();
        let fine = randomize(fine, 1, quiet).unwrap();
        let small = map(&(0..48).map(|i| i as f32).collect::<Vec<_>>(), [1, 3, 4, 4]);
        let features = Tensor::ones([1, 16, 4, 4], &device);
        let picture = fine.forward(features, small.clone());
        assert_eq!(picture.dims(), [1, 3, 16, 16]);
        let smooth = doubled_smoothly(doubled_smoothly(small));
        assert_eq!(values(picture), values(smooth));
    }
}
