//! RRDBNet, the network of ESRGAN: dense blocks of residuals at the small size, then as often
//! doubled as the scale asks for:
//!
//! ```text
//! f = conv_first(unshuffle_u(x))
//! h = f + conv_body(block_n(.. block_1(f)))                        the trunk
//! h = lrelu(conv_up(nearest_2(h))), several times                  the tail
//! y = conv_last(lrelu(conv_hr(h)))
//!
//! x_k   = lrelu(conv_k(x, x_1 .. x_(k-1))), k = 1 .. 4
//! dense = x + 0.2 conv_5(x, x_1 .. x_4)         block = x + 0.2 dense_3(dense_2(dense_1(x)))
//! ```
//!
//! The channels of a dense block are never joined, and enlarged maps never laid out. The tail,
//! which sees two rows of the trunk on each side, runs in bands of rows (or four, which see the
//! same bits, where it doubles less than twice):
//!
//! ```text
//! trunk    |   band i - 1   |   band i   |  band i + 1
//!                        |--2--        --2--|  seen, and cut off
//! ```

use burn::module::Module;
use burn::nn::conv::Conv2d;
use burn::tensor::{Device, Tensor};
use flowinone_kernels::Dtype;

use crate::layers::{Run, Slopes, conv3x3, unshuffled};
use crate::{Error, Watch};

/// Slope of the leaky ReLU.
const SLOPE: Slopes = Slopes::Leaky(0.2);
/// Share of a residual.
const SHARE: f32 = 0.2;
/// Pixels of the trunk in a band of the tail, about.
const BAND: usize = 8192;

/// Sizes of an [`Rrdb`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RrdbConfig {
    /// Channels of a picture.
    pub channels: usize,
    /// Channels inside.
    pub features: usize,
    /// Channels that each convolution of a dense block adds.
    pub growth: usize,
    /// Blocks of three dense blocks.
    pub blocks: usize,
    /// How often the side is doubled.
    pub doublings: usize,
    /// By how much the side is reduced first, its pixels becoming channels.
    pub unshuffle: usize,
}

impl RrdbConfig {
    /// Real-ESRGAN's network for photos, x4plus.
    pub fn x4plus() -> Self {
        Self {
            channels: 3,
            features: 64,
            growth: 32,
            blocks: 23,
            doublings: 2,
            unshuffle: 1,
        }
    }

    /// Real-ESRGAN's smaller one for drawings, x4plus-anime-6B.
    pub fn x4plus_anime() -> Self {
        Self {
            blocks: 6,
            ..Self::x4plus()
        }
    }

    /// A network of these sizes; its parameters are made when they are first used.
    pub fn init(&self, device: &Device) -> Rrdb {
        let (nf, gc) = (self.features, self.growth);
        let dense = || DenseBlock {
            conv1: conv3x3(nf, gc, device),
            conv2: conv3x3(nf + gc, gc, device),
            conv3: conv3x3(nf + 2 * gc, gc, device),
            conv4: conv3x3(nf + 3 * gc, gc, device),
            conv5: conv3x3(nf + 4 * gc, nf, device),
        };
        let block = |_| ResidualBlock {
            rdb1: dense(),
            rdb2: dense(),
            rdb3: dense(),
        };
        let inputs = self.channels * self.unshuffle * self.unshuffle;
        Rrdb {
            conv_first: conv3x3(inputs, nf, device),
            body: (0..self.blocks).map(block).collect(),
            conv_body: conv3x3(nf, nf, device),
            conv_up: (0..self.doublings)
                .map(|_| conv3x3(nf, nf, device))
                .collect(),
            conv_hr: conv3x3(nf, nf, device),
            conv_last: conv3x3(nf, self.channels, device),
            unshuffle: self.unshuffle,
        }
    }

    /// How many times larger the result is along each side.
    pub fn scale(&self) -> usize {
        (1 << self.doublings) / self.unshuffle
    }

    /// Pixels on each side that a pixel of the result depends on.
    pub fn reach(&self) -> usize {
        (15 * self.blocks + 4) * self.unshuffle
    }

    /// Multiply-adds for each pixel of the input.
    pub fn work(&self) -> f64 {
        let (nf, gc) = (self.features, self.growth);
        let dense = gc * (4 * nf + 6 * gc) + nf * (nf + 4 * gc);
        let square = self.unshuffle * self.unshuffle;
        let trunk = nf * (self.channels * square + nf) + 3 * self.blocks * dense;
        let doubled: usize = (1..=self.doublings).map(|k| 4usize.pow(k as u32)).sum();
        let large = 4usize.pow(self.doublings as u32);
        let tail = nf * (nf * (doubled + large) + self.channels * large);
        9.0 * (trunk + tail) as f64 / square as f64
    }

    /// Bytes at once for each pixel of the input.
    pub(crate) fn memory(&self) -> usize {
        let square = self.unshuffle * self.unshuffle;
        let trunk = 4 * (4 * self.features + 4 * self.growth) / square;
        trunk + 8 * self.channels * self.scale() * self.scale()
    }
}

/// A dense block: each convolution sees the results of all before it.
#[derive(Module, Debug)]
#[allow(missing_docs, reason = "named as published, in order")]
pub struct DenseBlock {
    pub conv1: Conv2d,
    pub conv2: Conv2d,
    pub conv3: Conv2d,
    pub conv4: Conv2d,
    pub conv5: Conv2d,
}

impl DenseBlock {
    fn forward(&self, x: Tensor<4>, run: &mut Run<'_, '_>) -> Result<Tensor<4>, Error> {
        let mut parts = vec![x.clone()];
        for conv in [&self.conv1, &self.conv2, &self.conv3, &self.conv4] {
            let y = run.convolve(conv, &parts, 1, SLOPE)?;
            parts.push(y);
        }
        let y = run.convolve(&self.conv5, &parts, 1, Slopes::None)?;
        Ok(y * SHARE + x)
    }
}

/// Three dense blocks around a shortcut.
#[derive(Module, Debug)]
#[allow(missing_docs, reason = "named as published, in order")]
pub struct ResidualBlock {
    pub rdb1: DenseBlock,
    pub rdb2: DenseBlock,
    pub rdb3: DenseBlock,
}

impl ResidualBlock {
    fn forward(&self, x: Tensor<4>, run: &mut Run<'_, '_>) -> Result<Tensor<4>, Error> {
        let y = self.rdb1.forward(x.clone(), run)?;
        let y = self.rdb2.forward(y, run)?;
        let y = self.rdb3.forward(y, run)?;
        Ok(y * SHARE + x)
    }
}

/// The network.
#[derive(Module, Debug)]
pub struct Rrdb {
    /// From the picture to features.
    pub conv_first: Conv2d,
    /// The blocks of the trunk.
    pub body: Vec<ResidualBlock>,
    /// After them.
    pub conv_body: Conv2d,
    /// After each doubling.
    pub conv_up: Vec<Conv2d>,
    /// At the large size.
    pub conv_hr: Conv2d,
    /// To the picture.
    pub conv_last: Conv2d,
    #[module(skip)]
    unshuffle: usize,
}

impl Rrdb {
    /// Pictures `[b, c, h, w]` with values in [0, 1], height and width multiples of the unshuffle,
    /// to `[b, c, s h, s w]`; not clamped. The tail runs in bands, which changes no bit.
    ///
    /// # Errors
    /// [`Error::Stopped`] when the watch says so.
    ///
    /// # Panics
    /// If height or width is no such multiple.
    pub fn forward(
        &self,
        x: Tensor<4>,
        precision: Dtype,
        watch: &mut Watch<'_>,
    ) -> Result<Tensor<4>, Error> {
        let [_, _, _, width] = x.dims();
        let rows = (BAND * self.unshuffle / width.max(1)).max(16);
        let h = self.trunk(x, precision, watch)?;
        self.tail_in_bands(h, rows, precision, watch)
    }

    /// Pictures `[b, c, h, w]` to features `[b, features, h / u, w / u]`.
    ///
    /// # Errors
    /// [`Error::Stopped`] when the watch says so.
    pub fn trunk(
        &self,
        x: Tensor<4>,
        precision: Dtype,
        watch: &mut Watch<'_>,
    ) -> Result<Tensor<4>, Error> {
        let run = &mut Run { precision, watch };
        let x = unshuffled(x, self.unshuffle);
        let f = run.convolve_exactly(&self.conv_first, &[x], 1, Slopes::None)?;
        let mut h = f.clone();
        for block in &self.body {
            h = block.forward(h, run)?;
        }
        Ok(run.convolve_exactly(&self.conv_body, &[h], 1, Slopes::None)? + f)
    }

    /// Features to pictures, in bands of about so many rows of the features.
    ///
    /// # Errors
    /// [`Error::Stopped`] when the watch says so.
    pub fn tail_in_bands(
        &self,
        h: Tensor<4>,
        rows: usize,
        precision: Dtype,
        watch: &mut Watch<'_>,
    ) -> Result<Tensor<4>, Error> {
        let [_, _, height, _] = h.dims();
        // The convolutions compute four rows together: bands begin where these do, the rows around
        // them included, and no four rows that are kept have one that sees beyond a band's edge.
        let rows = rows.next_multiple_of(4);
        let seen = match self.conv_up.len() {
            0 | 1 => 4,
            _ => 2,
        };
        if height <= rows + 2 * seen {
            return self.tail(h, precision, watch);
        }
        let factor = 1 << self.conv_up.len();
        let mut bands = vec![];
        for first in (0..height).step_by(rows) {
            let end = (first + rows).min(height);
            let above = first.saturating_sub(seen);
            let below = (end + seen).min(height);
            let band = h.clone().narrow(2, above, below - above);
            let y = self.tail(band, precision, watch)?;
            bands.push(y.narrow(2, factor * (first - above), factor * (end - first)));
        }
        Ok(Tensor::cat(bands, 2))
    }

    fn tail(
        &self,
        mut h: Tensor<4>,
        precision: Dtype,
        watch: &mut Watch<'_>,
    ) -> Result<Tensor<4>, Error> {
        let run = &mut Run { precision, watch };
        for conv in &self.conv_up {
            h = run.convolve_exactly(conv, &[h], 2, SLOPE)?; // twice as high and wide
        }
        let h = run.convolve_exactly(&self.conv_hr, &[h], 1, SLOPE)?;
        run.convolve_exactly(&self.conv_last, &[h], 1, Slopes::None)
    }
}
