//! A large latent decoded in bands of rows: the same picture, in less memory.
//!
//! Above the lowest resolution a decoder is 3x3 convolutions, which see one row further up and
//! down, and group norms, which see a whole map, but only two numbers of each group:
//!
//! ```text
//!   band i - 1   ================
//!                ---------------- \  one row of overlap
//!   band i       ================  | -> conv(SiLU(norm(.))) -> the rows of band i
//!                ---------------- /  one row of overlap
//!   band i + 1   ================
//!
//!   mean = sum n_i mean_i / n,   var = sum n_i (var_i + (mean_i - mean)^2) / n
//! ```
//!
//! So each norm first gathers its moments from all bands, then the bands go through norm and
//! convolution one by one. Nothing is estimated and no seam is blended: the picture differs from
//! that of the whole map by rounding alone. What is held are at most two maps of a residual block.

use burn::nn::GroupNorm;
use burn::tensor::{DType, Tensor};
use flowinone_kernels::silu;

use crate::fine::doubled_smoothly;
use crate::layers::{convolve, gain_and_bias};
use crate::{Decoder, FineBlock, FineDecoder, ResBlock, UpLevel, Upsample};

/// Rows of a band, at every resolution.
const ROWS: usize = 32;

/// A map `[b, c, h, w]`, cut at its rows.
type Bands = Vec<Tensor<4>>;

impl Decoder {
    /// As [`forward`](Self::forward), in bands above the lowest resolution.
    pub(crate) fn forward_in_bands(&self, latent: Tensor<4>) -> Tensor<4> {
        let x = self.mid.forward(convolve(&self.conv_in, latent));
        let x = self.up.iter().rev().fold(cut(x), level);
        let norm = Norm::over(&x, &self.norm_out);
        let Some(fine) = &self.fine else {
            let picture = |x| convolve(&self.conv_out, norm.silu(x));
            return Tensor::cat(each(x, 1, picture), 2);
        };
        let (mut features, mut small) = (vec![], vec![]);
        for band in overlapping(x) {
            let y = norm.silu(band.with_neighbours());
            small.push(band.own(convolve(&self.conv_out, y.clone()), 1));
            features.push(band.own(y, 1));
        }
        fine.forward_in_bands(features, small)
    }
}

impl FineDecoder {
    /// As [`forward`](Self::forward), of features and picture that are cut at the same rows.
    fn forward_in_bands(&self, features: Bands, small: Bands) -> Tensor<4> {
        let mut smooth = small;
        let mut x = each(features, 1, |x| convolve(&self.conv_in, x));
        for level in self.level.iter().rev() {
            x = level.block.iter().fold(x, fine_block);
            if level.conv.is_some() {
                x = each(x, 2, |x| level.up(x));
                smooth = each(smooth, 2, doubled_smoothly);
            }
        }
        let finer = each(x, 1, |x| convolve(&self.conv_out, silu(x)));
        let bands = smooth.into_iter().zip(finer);
        Tensor::cat(bands.map(|(smooth, finer)| smooth + finer).collect(), 2)
    }
}

/// `x + conv2(SiLU(conv1(SiLU(x))))`.
fn fine_block(x: Bands, block: &FineBlock) -> Bands {
    let (mut h, mut shortcut) = (vec![], vec![]);
    for band in overlapping(x) {
        h.push(band.own(block.first(band.with_neighbours()), 1));
        shortcut.push(band.rows);
    }
    let h = each(h, 1, |h| block.second(h));
    let bands = h.into_iter().zip(shortcut);
    bands.map(|(h, shortcut)| h + shortcut).collect()
}

fn level(x: Bands, level: &UpLevel) -> Bands {
    let x = level.block.iter().fold(x, res_block);
    match &level.upsample {
        Some(upsample) => doubled(x, upsample),
        None => x,
    }
}

/// `x + conv2(SiLU(norm2(conv1(SiLU(norm1(x))))))`.
fn res_block(x: Bands, block: &ResBlock) -> Bands {
    let norm = Norm::over(&x, &block.norm1);
    let (mut h, mut shortcut) = (vec![], vec![]);
    for band in overlapping(x) {
        let y = block.first(norm.silu(band.with_neighbours()));
        h.push(band.own(y, 1));
        shortcut.push(block.shortcut(band.rows));
    }
    let norm = Norm::over(&h, &block.norm2);
    let bands = overlapping(h).zip(shortcut).map(|(band, shortcut)| {
        let y = block.second(norm.silu(band.with_neighbours()));
        shortcut + band.own(y, 1)
    });
    bands.collect()
}

/// Every pixel four times, then a convolution.
fn doubled(x: Bands, upsample: &Upsample) -> Bands {
    each(x, 2, |x| upsample.forward(x))
}

/// What `map`, which sees one row further up and down and makes maps `scale` times as high, makes
/// of each band.
fn each(x: Bands, scale: usize, map: impl Fn(Tensor<4>) -> Tensor<4>) -> Bands {
    let bands = overlapping(x).flat_map(|band| {
        let y = map(band.with_neighbours());
        cut(band.own(y, scale))
    });
    bands.collect()
}

fn cut(x: Tensor<4>) -> Bands {
    let [_, _, height, _] = x.dims();
    match height {
        0..=ROWS => vec![x],
        _ => x.split(ROWS, 2),
    }
}

/// A band with the rows next to it; none beyond the edges of the map.
struct Band {
    above: Option<Tensor<4>>,
    rows: Tensor<4>,
    below: Option<Tensor<4>>,
}

impl Band {
    /// `[b, c, h + 0 to 2, w]`.
    fn with_neighbours(&self) -> Tensor<4> {
        let parts = [&self.above, &Some(self.rows.clone()), &self.below];
        Tensor::cat(parts.into_iter().flatten().cloned().collect(), 2)
    }

    /// The band's own rows of what became of [`with_neighbours`](Self::with_neighbours), which is
    /// `scale` times higher.
    fn own(&self, y: Tensor<4>, scale: usize) -> Tensor<4> {
        let [_, _, height, _] = self.rows.dims();
        let above = usize::from(self.above.is_some());
        let own = y.narrow(2, scale * above, scale * height);
        own.mul_scalar(1.0) // a copy: a view would hold on to the rows around
    }
}

/// One band after the other, each given up as soon as the next has seen its last row.
fn overlapping(bands: Bands) -> impl Iterator<Item = Band> {
    let mut bands = bands.into_iter().peekable();
    let mut above = None;
    std::iter::from_fn(move || {
        let rows = bands.next()?;
        let [_, _, height, _] = rows.dims();
        let last = rows.clone().narrow(2, height - 1, 1);
        Some(Band {
            above: above.replace(last),
            below: bands.peek().map(|next| next.clone().narrow(2, 0, 1)),
            rows,
        })
    })
}

/// A group norm with the moments of a whole map, one number for each channel of an item:
/// `[b or 1, c, 1, 1]`, in float32.
struct Norm {
    mean: Tensor<4>,
    factor: Tensor<4>,
    bias: Tensor<4>,
}

impl Norm {
    fn over(bands: &[Tensor<4>], norm: &GroupNorm) -> Self {
        let groups = norm.num_groups;
        let pixels: usize = bands
            .iter()
            .map(|band| band.dims()[2] * band.dims()[3])
            .sum();
        let moments: Vec<_> = bands.iter().map(|band| moments(band, groups)).collect();
        let share = |index: usize| {
            let [_, _, height, width] = bands[index].dims();
            (height * width) as f64 / pixels as f64
        };
        let means = moments.iter().enumerate();
        let mean = sum(means.map(|(i, (mean, _))| mean.clone() * share(i))); // [b, groups, 1]
        let variance = sum(moments
            .into_iter()
            .enumerate()
            .map(|(i, (of_band, variance))| {
                (variance + (of_band - mean.clone()).square()) * share(i)
            }));
        let (weight, bias) = gain_and_bias(norm);
        let [channels] = weight.dims();
        let row = |x: Tensor<1>| x.cast(DType::F32).reshape([1, channels, 1, 1]);
        let each = |x: Tensor<3>| {
            let [batch, ..] = x.dims();
            let x = x.repeat_dim(2, channels / groups); // [b, groups, channels of a group]
            x.reshape([batch, channels, 1, 1])
        };
        Self {
            mean: each(mean),
            factor: row(weight) / each(variance.add_scalar(norm.epsilon).sqrt()),
            bias: row(bias),
        }
    }

    /// `SiLU(norm(x))`, of the shape and element type of `x`.
    fn silu(&self, x: Tensor<4>) -> Tensor<4> {
        let dtype = x.dtype();
        let centred = x.cast(DType::F32) - self.mean.clone();
        let y = centred * self.factor.clone() + self.bias.clone();
        silu(y).cast(dtype)
    }
}

/// Mean and variance of each group, `[b, groups, 1]` in float32; rows first, since one long sum
/// would lose digits.
fn moments(band: &Tensor<4>, groups: usize) -> (Tensor<3>, Tensor<3>) {
    let [batch, channels, height, width] = band.dims();
    let rows = [batch, groups, channels / groups * height, width];
    let x = band.clone().cast(DType::F32).reshape(rows);
    let average = |x: Tensor<4>| x.mean_dim(3).squeeze_dim::<3>(3).mean_dim(2); // [b, groups, 1]
    let mean = average(x.clone());
    let centred = x - mean.clone().reshape([batch, groups, 1, 1]);
    (mean, average(centred.square()))
}

fn sum(parts: impl Iterator<Item = Tensor<3>>) -> Tensor<3> {
    let sum = parts.reduce(|sum, part| sum + part);
    sum.expect("a map has at least one band")
}

#[cfg(all(test, feature = "cpu"))]
mod tests {
    use super::*;
    use crate::VaeConfig;
    use burn::tensor::{Device, Distribution};
    use flowinone_weights::{Init, randomize};

    fn maps(shape: [usize; 4]) -> Tensor<4> {
        // Far from zero, where a careless variance loses its digits.
        let normal = Distribution::Normal(30.0, 1.0);
        Tensor::random(shape, normal, &Device::flex())
    }

    fn largest(x: Tensor<4>) -> f32 {
        x.abs().max().into_scalar()
    }

    #[test]
    fn bands_see_one_row_of_their_neighbours_and_none_beyond_the_map() {
        let x = maps([1, 2, 2 * ROWS + 5, 3]);
        let heights: Vec<_> = overlapping(cut(x.clone()))
            .map(|band| (band.rows.dims()[2], band.with_neighbours().dims()[2]))
            .collect();
        assert_eq!(heights, [(ROWS, ROWS + 1), (ROWS, ROWS + 2), (5, 6)]);
        let kept = overlapping(cut(x.clone())).map(|band| band.own(band.with_neighbours(), 1));
        assert_eq!(largest(Tensor::cat(kept.collect(), 2) - x), 0.0);
    }

    #[test]
    fn moments_of_bands_are_those_of_the_map() {
        let norm = crate::layers::group_norm(2, 4, &Device::flex());
        let x = maps([2, 4, 3 * ROWS + 7, 19]);
        let whole = crate::layers::norm_silu(&norm, x.clone());
        let banded = Norm::over(&cut(x.clone()), &norm).silu(x);
        // Values of order 1 whose inputs, near 30, have 2e-6 of rounding themselves.
        assert!(largest(whole - banded) < 1e-5);
    }

    #[test]
    fn a_residual_block_in_bands_is_the_block() {
        let device = Device::flex();
        for (input, output) in [(8, 8), (8, 4)] {
            let block = ResBlock::new(input, output, 4, &device);
            let block = randomize(block, 1, Init::by_fan_in).unwrap();
            let x = maps([2, input, ROWS + 1, 12]).sub_scalar(30.0);
            let banded = Tensor::cat(res_block(cut(x.clone()), &block), 2);
            assert!(largest(block.forward(x) - banded) < 1e-5);
        }
    }

    #[test]
    fn a_picture_in_bands_is_the_picture() {
        let device = Device::flex();
        let fine = VaeConfig {
            fine_channels: vec![2, 3, 4],
            ..VaeConfig::tiny()
        };
        for (config, side) in [
            (VaeConfig::tiny(), [ROWS, ROWS]),
            (VaeConfig::tiny(), [ROWS + 1, 5]),
            (VaeConfig::tiny(), [3 * ROWS, 2]),
            (fine, [ROWS + 1, 3]),
        ] {
            let decoder = config.init(&device).decoder;
            let decoder = randomize(decoder, 2, Init::by_fan_in).unwrap();
            let latent = maps([2, 4, side[0], side[1]]).sub_scalar(30.0);
            let whole = decoder.forward(latent.clone());
            let difference = largest(whole.clone() - decoder.forward_in_bands(latent));
            // Rounding, through 13 norms one after the other, and what comes after them.
            assert!(difference < 1e-5 * largest(whole), "{difference}");
        }
    }
}
