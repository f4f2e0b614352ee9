//! A network that enlarges pictures: which model it is, and everything between the bytes of a
//! picture and those of the larger one.

use std::path::Path;

use burn::tensor::Device;
use flowinone_files::{sha256, sha256_of};
use flowinone_image::{Filter, PictureWithAlpha, resize};
use flowinone_kernels::Dtype;
use flowinone_weights::Checkpoint;
use image::{GrayImage, Luma, Rgb, RgbImage};

use crate::channels::{channels, joined, mean};
use crate::memory::available;
use crate::picture::{filled_in, settle};
use crate::planes::wrapped;
use crate::tiles::{enlarged, work};
use crate::{Config, Error, Network, Planes, Settings, Tiling, Watch, colours};

/// A model on a device.
#[derive(Debug)]
pub struct Upscaler {
    network: Network,
    digest: String,
    device: Device,
    precision: Dtype,
}

impl Upscaler {
    /// The model in a file: `.pth` of any age, or safetensors.
    ///
    /// # Errors
    /// Names the file and what is wrong with it, or the network that it is instead.
    pub fn open(path: impl AsRef<Path>, device: &Device, precision: Dtype) -> Result<Self, Error> {
        let checkpoint = Checkpoint::open(&path)?;
        let digest = sha256(checkpoint.path())?;
        Self::of(&checkpoint, digest, device, precision)
    }

    /// The model in a safetensors file that lies in memory; `name` is what errors call it.
    ///
    /// # Errors
    /// As [`open`](Self::open).
    pub fn held(
        name: &str,
        bytes: &'static [u8],
        device: &Device,
        precision: Dtype,
    ) -> Result<Self, Error> {
        let checkpoint = Checkpoint::held(name, bytes)?;
        Self::of(&checkpoint, sha256_of(bytes), device, precision)
    }

    fn of(
        checkpoint: &Checkpoint,
        digest: String,
        device: &Device,
        precision: Dtype,
    ) -> Result<Self, Error> {
        Ok(Self {
            network: Network::load(checkpoint, device)?,
            digest,
            device: device.clone(),
            precision,
        })
    }

    /// The network.
    pub fn network(&self) -> &Network {
        &self.network
    }

    /// SHA-256 of its file.
    pub fn digest(&self) -> &str {
        &self.digest
    }

    /// What it multiplies with, where the device has a choice.
    pub fn precision(&self) -> Dtype {
        self.precision
    }

    /// Checks, before any work is done, that a picture of that size can be enlarged.
    ///
    /// # Errors
    /// A size beyond the limits, tiles that are too small, or more memory than there is.
    pub fn check(&self, size: [u32; 2], settings: &Settings) -> Result<[u32; 2], Error> {
        let config = self.network.config();
        let target = settings.target.size(size, config.scale())?;
        let [width, height] = size.map(|side| side as usize);
        let tiling = Tiling::of(&config, [height, width], settings.tile)?;
        let seen = tiling.map_or(height * width, |tiling| {
            (tiling.side + 2 * tiling.overlap)
                .pow(2)
                .min(height * width)
        });
        let factor = config.scale().pow(self.passes(size, target)).max(1);
        // The numbers of the enlarged picture, twice while colours are kept, and its bytes.
        let large = height as f64 * width as f64 * (factor * factor) as f64 * 3.0 * 9.0;
        let need = large + (seen * config.memory()) as f64;
        let there = available() as f64;
        if need > there {
            let gibibytes = |bytes: f64| bytes / f64::from(1u32 << 30);
            return Err(Error::Settings(format!(
                "to enlarge {width} x {height} pixels takes about {:.1} GiB of memory, and {:.1} are free; choose a smaller factor{}",
                gibibytes(need),
                gibibytes(there),
                if large > there {
                    ""
                } else {
                    " or smaller tiles"
                }
            )));
        }
        Ok(target)
    }

    /// How often the network runs, one result after the other, until the size is reached.
    fn passes(&self, [width, height]: [u32; 2], target: [u32; 2]) -> u32 {
        let scale = self.network.config().scale() as f64;
        let [w, h] = [width, height].map(f64::from);
        let wanted = (f64::from(target[0]) / w).max(f64::from(target[1]) / h);
        if scale <= 1.0 {
            return 1;
        }
        // Rounding of the size is no reason for another pass.
        let reached = |passes: u32| scale.powi(passes as i32) * 1.01 >= wanted;
        (1..5).find(|passes| reached(*passes)).unwrap_or(4)
    }

    /// Enlarges a picture. `look` is told the share of the work that is done, 0 to 1, before each
    /// layer of the network, and stops it by false.
    ///
    /// # Errors
    /// As [`check`](Self::check); a result that is not finite; [`Error::Stopped`].
    pub fn enlarge(
        &self,
        picture: &RgbImage,
        settings: &Settings,
        look: &mut dyn FnMut(f64) -> bool,
    ) -> Result<RgbImage, Error> {
        let whole = PictureWithAlpha {
            colours: picture.clone(),
            alpha: None,
            profile: None,
        };
        Ok(self.enlarge_with_alpha(&whole, settings, look)?.colours)
    }

    /// The same of a picture with transparency, which goes through the network as a grey picture.
    /// Colours under full transparency are first filled in from around. A colour profile stays.
    ///
    /// # Errors
    /// As [`enlarge`](Self::enlarge).
    pub fn enlarge_with_alpha(
        &self,
        picture: &PictureWithAlpha,
        settings: &Settings,
        look: &mut dyn FnMut(f64) -> bool,
    ) -> Result<PictureWithAlpha, Error> {
        let (width, height) = picture.colours.dimensions();
        let size = self.check([width, height], settings)?;
        let sides = [height, width].map(|side| side as usize);
        let alpha = picture.alpha.as_ref();
        let alpha = alpha.filter(|alpha| alpha.as_raw().iter().any(|alpha| *alpha < 255));
        let passes = self.passes([width, height], size);
        let colours = match alpha {
            Some(alpha) => &filled_in(&picture.colours, alpha),
            None => &picture.colours,
        };
        let bytes = colours.as_raw();
        let grey = bytes.chunks_exact(3).all(|p| p[0] == p[1] && p[1] == p[2]);
        let colours = Planes::of_bytes(bytes, 3, sides[0], sides[1]);
        let alpha = alpha.map(|alpha| Planes::of_bytes(alpha.as_raw(), 1, sides[0], sides[1]));

        let mut watch = Watch::new(look);
        let rounds = self.rounds(&colours, grey) + alpha.as_ref().map_or(0, |_| 1);
        watch.expect(rounds as f64 * self.work(sides, passes, settings)?);
        let colours = self.through(colours, grey, passes, settings, &mut watch)?;
        let [wide, high] = [colours.width as u32, colours.height as u32];
        let colours = RgbImage::from_raw(wide, high, colours.to_bytes()?);
        let colours = colours.expect("three bytes a pixel");
        let alpha = match alpha {
            None => None,
            Some(alpha) => {
                let made = self.through(alpha, true, passes, settings, &mut watch)?;
                let made = GrayImage::from_raw(wide, high, made.to_bytes()?);
                let mut made = made.expect("a byte a pixel");
                if let Some(alpha) = &picture.alpha {
                    settle(alpha, &mut made);
                }
                Some(fitted_grey(made, size))
            }
        };
        Ok(PictureWithAlpha {
            colours: fitted(colours, size),
            alpha,
            profile: picture.profile.clone(),
        })
    }

    /// One run of the network on a picture of as many channels as it has, values in [0, 1] but not
    /// clamped: of any size, in tiles, and with colours kept, as the settings say. Their target
    /// counts for nothing.
    ///
    /// # Errors
    /// As [`enlarge`](Self::enlarge).
    ///
    /// # Panics
    /// If the channels are not the network's.
    pub fn enlarge_planes(
        &self,
        planes: &Planes,
        settings: &Settings,
        look: &mut dyn FnMut(f64) -> bool,
    ) -> Result<Planes, Error> {
        assert_eq!(planes.channels, self.network.config().channels());
        let mut watch = Watch::new(look);
        watch.expect(self.work([planes.height, planes.width], 1, settings)?);
        self.pass(planes, settings, &mut watch)
    }

    /// How often the network runs in a pass.
    fn rounds(&self, planes: &Planes, grey: bool) -> usize {
        match (self.network.config().channels(), grey) {
            (1, false) => planes.channels,
            _ => 1,
        }
    }

    /// Multiply-adds of all passes of a round.
    fn work(&self, mut sides: [usize; 2], passes: u32, settings: &Settings) -> Result<f64, Error> {
        let config = self.network.config();
        let mut sum = 0.0;
        for _ in 0..passes {
            let seen = sides.map(|side| side + 2 * self.margin(settings));
            let tiling = Tiling::of(&config, seen, settings.tile)?;
            sum += work(&config, seen, tiling);
            sides = sides.map(|side| side * config.scale());
        }
        Ok(sum)
    }

    /// Pixels that are added around a picture that repeats.
    fn margin(&self, settings: &Settings) -> usize {
        let config = self.network.config();
        let step = 4 * config.multiple();
        match (settings.tileable, config) {
            (false, _) => 0,
            (true, Config::Compact(_) | Config::Span(_)) => config.reach().next_multiple_of(step),
            (true, Config::Rrdb(_)) => config.reach().min(64).next_multiple_of(step),
        }
    }

    /// Planes through the network, pass by pass; those of a grey picture once for all.
    fn through(
        &self,
        planes: Planes,
        grey: bool,
        passes: u32,
        settings: &Settings,
        watch: &mut Watch<'_>,
    ) -> Result<Planes, Error> {
        let mut planes = planes;
        for _ in 0..passes {
            planes = match (self.network.config().channels(), planes.channels) {
                (1, 1) => self.pass(&planes, settings, watch)?,
                (1, count) => {
                    let each = if grey { 1 } else { count };
                    let made: Result<Vec<_>, _> = (0..each)
                        .map(|channel| self.pass(&channels(&planes, [channel]), settings, watch))
                        .collect();
                    let made = made?;
                    joined((0..count).map(|channel| &made[channel % each]))
                }
                (3, 1) => mean(&self.pass(&channels(&planes, [0; 3]), settings, watch)?),
                (3, _) => self.pass(&planes, settings, watch)?,
                (_, count) => {
                    // Red, green, blue, and that all of it is seen.
                    let mut whole = channels(&planes, [0, 1, 2, 2].map(|c| c.min(count - 1)));
                    whole.plane_mut(3).fill(1.0);
                    let made = self.pass(&whole, settings, watch)?;
                    let made = channels(&made, [0, 1, 2]);
                    if count == 1 { mean(&made) } else { made }
                }
            };
            for x in &mut planes.values {
                *x = x.clamp(0.0, 1.0);
            }
        }
        Ok(planes)
    }

    /// One run of the network, with as many channels as it has.
    fn pass(
        &self,
        planes: &Planes,
        settings: &Settings,
        watch: &mut Watch<'_>,
    ) -> Result<Planes, Error> {
        let config = self.network.config();
        let (scale, margin) = (config.scale(), self.margin(settings));
        let around = (margin > 0).then(|| {
            let size = [planes.height, planes.width].map(|side| side + 2 * margin);
            planes.window([-(margin as isize); 2], size, wrapped)
        });
        let x = around.as_ref().unwrap_or(planes);
        let tiling = Tiling::of(&config, [x.height, x.width], settings.tile)?;
        let mut y = enlarged(
            &self.network,
            x,
            tiling,
            self.precision,
            &self.device,
            watch,
        )?;
        if margin > 0 {
            let size = [planes.height, planes.width].map(|side| scale * side);
            y = y.window([(scale * margin) as isize; 2], size, wrapped);
        }
        if settings.keep_colours {
            colours::keep(planes, &mut y, scale, settings.tileable);
        }
        Ok(y)
    }
}

/// The picture at that size.
fn fitted(picture: RgbImage, [width, height]: [u32; 2]) -> RgbImage {
    match picture.dimensions() == (width, height) {
        true => picture,
        false => resize(&picture, width, height, Filter::Lanczos),
    }
}

fn fitted_grey(picture: GrayImage, size: [u32; 2]) -> GrayImage {
    if picture.dimensions() == (size[0], size[1]) {
        return picture;
    }
    let (width, height) = picture.dimensions();
    let colours = RgbImage::from_fn(width, height, |x, y| Rgb([picture.get_pixel(x, y).0[0]; 3]));
    let colours = fitted(colours, size);
    GrayImage::from_fn(size[0], size[1], |x, y| {
        Luma([colours.get_pixel(x, y).0[0]])
    })
}
