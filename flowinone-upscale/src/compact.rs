//! SRVGGNetCompact: a chain of convolutions at the small size, and one pixel shuffle:
//!
//! ```text
//! y = shuffle_s(conv(PReLU(.. conv(PReLU(conv(x))) ..))) + nearest_s(x)
//! ```

use std::path::Path;

use burn::module::{Module, Param};
use burn::nn::Initializer;
use burn::nn::conv::Conv2d;
use burn::tensor::{Device, Tensor};
use flowinone_files::write_atomically;
use flowinone_kernels::Dtype;
use flowinone_weights::values;
use half::f16;
use safetensors::serialize;
use safetensors::tensor::{Dtype as Stored, TensorView};

use crate::layers::{Run, Slopes, conv3x3, shuffled};
use crate::{Error, Watch};

/// Sizes of a [`Compact`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct CompactConfig {
    /// Channels of a picture.
    pub channels: usize,
    /// Channels inside.
    pub features: usize,
    /// Convolutions between the first and the last.
    pub convolutions: usize,
    /// How many times larger the result is along each side.
    pub scale: usize,
}

impl CompactConfig {
    /// Real-ESRGAN's network for drawings and videos, animevideov3.
    pub fn animevideov3() -> Self {
        Self {
            channels: 3,
            features: 64,
            convolutions: 16,
            scale: 4,
        }
    }

    /// A network of these sizes; its parameters are made when they are first used.
    pub fn init(&self, device: &Device) -> Compact {
        let Self {
            channels,
            features,
            convolutions,
            scale,
        } = *self;
        let mut convs = vec![conv3x3(channels, features, device)];
        convs.extend((0..convolutions).map(|_| conv3x3(features, features, device)));
        convs.push(conv3x3(features, channels * scale * scale, device));
        let slope = Initializer::Constant { value: 0.25 };
        Compact {
            convs,
            slopes: (0..=convolutions)
                .map(|_| slope.init([features], device))
                .collect(),
            scale,
        }
    }

    /// Pixels on each side that a pixel of the result depends on.
    pub fn reach(&self) -> usize {
        self.convolutions + 2
    }

    /// Multiply-adds for each pixel of the input.
    pub fn work(&self) -> f64 {
        let outer = self.channels * (1 + self.scale * self.scale);
        9.0 * (self.features * (outer + self.convolutions * self.features)) as f64
    }

    /// Bytes at once for each pixel of the input.
    pub(crate) fn memory(&self) -> usize {
        let result = self.channels * self.scale * self.scale;
        4 * (2 * self.features + 4 * result)
    }
}

/// The network.
#[derive(Module, Debug)]
pub struct Compact {
    /// From picture to features, between features, and to the pixels of the result.
    pub convs: Vec<Conv2d>,
    /// Of each channel after each convolution but the last.
    pub slopes: Vec<Param<Tensor<1>>>,
    #[module(skip)]
    pub(crate) scale: usize,
}

impl Compact {
    /// Writes it as a safetensors file with the published names, which this crate and other
    /// programs read; in float32, or rounded to f16.
    ///
    /// # Errors
    /// Names the file that cannot be written.
    pub fn save(&self, path: &Path, half: bool) -> Result<(), Error> {
        let mut tensors = vec![];
        values(self, |param, data| {
            let x: Vec<f32> = data.convert::<f32>().try_into_vec().expect("converted");
            let (dtype, bytes) = match half {
                false => (
                    Stored::F32,
                    x.iter().flat_map(|x| x.to_le_bytes()).collect(),
                ),
                true => {
                    let rounded = x.iter().map(|x| f16::from_f32(*x));
                    (Stored::F16, rounded.flat_map(f16::to_le_bytes).collect())
                }
            };
            let bytes: Vec<u8> = bytes;
            tensors.push((published(&param.path), dtype, param.shape.clone(), bytes));
        });
        let views = tensors.iter().map(|(name, dtype, shape, bytes)| {
            let view = TensorView::new(*dtype, shape.clone(), bytes);
            (name, view.expect("as many bytes as the shape says"))
        });
        let bytes = serialize(views, None).expect("names and shapes are plain");
        Ok(write_atomically(path, &bytes)?)
    }

    /// Pictures `[b, c, h, w]` with values in [0, 1] to `[b, c, s h, s w]`; not clamped.
    ///
    /// # Errors
    /// [`Error::Stopped`] when the watch says so.
    pub fn forward(
        &self,
        x: Tensor<4>,
        precision: Dtype,
        watch: &mut Watch<'_>,
    ) -> Result<Tensor<4>, Error> {
        let mut run = Run { precision, watch };
        let (last, first) = self.convs.split_last().expect("at least two");
        let mut h = x.clone(); // [b, features, h, w] from the first convolution on
        for (index, (conv, slopes)) in first.iter().zip(&self.slopes).enumerate() {
            let slopes = Slopes::Each(slopes.val());
            h = match index {
                0 => run.convolve_exactly(conv, &[h], 1, slopes)?,
                _ => run.convolve(conv, &[h], 1, slopes)?,
            };
        }
        let h = run.convolve_exactly(last, &[h], 1, Slopes::None)?; // [b, c s^2, h, w]
        // Every pixel of the input stands s^2 times: as channels before the shuffle.
        let s = self.scale;
        let [batch, channels, height, width] = x.dims();
        let x = x.reshape([batch * channels, 1, height, width]);
        let x = x.repeat_dim(1, s * s);
        let x = x.reshape([batch, channels * s * s, height, width]);
        Ok(shuffled(h + x, s))
    }
}

/// `convs.N.bias` as `body.{2 N}.bias`, `slopes.N` as `body.{2 N + 1}.weight`.
fn published(path: &str) -> String {
    let mut parts = path.split('.');
    let (list, number) = (
        parts.next(),
        parts.next().and_then(|n| n.parse::<usize>().ok()),
    );
    match (list, number, parts.next()) {
        (Some("convs"), Some(number), Some(kind)) => format!("body.{}.{kind}", 2 * number),
        (Some("slopes"), Some(number), None) => format!("body.{}.weight", 2 * number + 1),
        _ => unreachable!("a Compact has convs and slopes, not {path}"),
    }
}
