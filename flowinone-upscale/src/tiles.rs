//! Tiles of pictures that are too large to go through a network at once.
//!
//! ```text
//!  |<- overlap ->|<-- side -->|<- overlap ->|      what the network sees
//!                |    core    |                    what is kept of it
//! ```
//!
//! With an overlap of the network's reach, the kept pixels are those of the whole picture, up to
//! rounding. They are so bit by bit with twice that: the convolutions compute four pixels of a row
//! together, which rounds all of them otherwise when one is another, so that what lies beyond a
//! tile's edge is felt four pixels further after every second layer. Tiles begin where those four
//! do. A deep RRDBNet sees hundreds of pixels, more than anyone pays for twice: there the overlap
//! is 32 pixels of the trunk, and cores are faded over into each other across a quarter of it.

use burn::tensor::{Device, Tensor, TensorData};
use flowinone_kernels::Dtype;

use crate::memory::available;
use crate::planes::reflected;
use crate::{Config, Error, Network, Planes, Watch};

/// Pixels of the trunk up to which an RRDBNet takes a picture whole if memory allows: 512 x 512.
pub const WHOLE_TRUNK: usize = 512 * 512;
/// The same for Compact and SPAN, whose tiles are exact.
const WHOLE_EXACT: usize = 1024 * 1024;
/// Overlap of tiles that are faded over, in pixels of the trunk.
const FADED: usize = 32;
/// Smallest side of a tile, in pixels.
const SMALLEST: usize = 16;

/// How a picture is cut; lengths in pixels of the input.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Tiling {
    /// Side of a core.
    pub side: usize,
    /// What is seen around it.
    pub overlap: usize,
    /// Half the breadth across which neighbours are faded over; 0 cuts hard.
    pub fade: usize,
}

impl Tiling {
    /// The tiling of a picture of `height` x `width` pixels, or `None` if it goes through whole:
    /// with tiles of the side `asked`, or as memory allows.
    ///
    /// # Errors
    /// Tiles of less than 16 pixels.
    pub fn of(
        config: &Config,
        [height, width]: [usize; 2],
        asked: Option<u32>,
    ) -> Result<Option<Self>, Error> {
        let multiple = config.multiple();
        let step = 4 * multiple;
        let exact = (2 * config.reach()).next_multiple_of(step);
        let (overlap, fade) = match config {
            Config::Rrdb(_) if exact > FADED * multiple => (FADED * multiple, FADED * multiple / 4),
            _ => (exact, 0),
        };
        let side = match asked {
            Some(side) if (side as usize) < SMALLEST => {
                return Err(Error::Settings(format!(
                    "tiles of {side} pixels are too small; choose {SMALLEST} or more"
                )));
            }
            Some(side) => (side as usize).next_multiple_of(step),
            None => {
                let most = match config {
                    Config::Rrdb(_) => WHOLE_TRUNK * multiple * multiple,
                    Config::Compact(_) | Config::Span(_) => WHOLE_EXACT,
                };
                let fit = available() as usize / 2 / config.memory();
                let pixels = most.min(fit);
                if height * width <= pixels {
                    return Ok(None);
                }
                let side = pixels.isqrt().saturating_sub(2 * overlap);
                (side / step * step).max((4 * fade).max(64).next_multiple_of(step))
            }
        };
        let side = side.max((2 * fade).next_multiple_of(step));
        let whole = side >= height && side >= width;
        Ok((!whole).then_some(Self {
            side,
            overlap,
            fade,
        }))
    }

    /// Cores along a side, with what is seen for each.
    fn spans(&self, length: usize) -> Vec<Span> {
        let span = |first: usize| {
            let end = (first + self.side).min(length);
            Span {
                core: [first, end],
                seen: [
                    first.saturating_sub(self.overlap),
                    (end + self.overlap).min(length),
                ],
                length,
            }
        };
        (0..length).step_by(self.side).map(span).collect()
    }
}

/// A tile along one side.
#[derive(Debug, Clone, Copy)]
struct Span {
    core: [usize; 2],
    seen: [usize; 2],
    length: usize,
}

impl Span {
    fn seen(&self) -> usize {
        self.seen[1] - self.seen[0]
    }

    /// The share of this tile in each pixel that is seen, at `scale` times the size.
    fn weights(&self, fade: usize, scale: usize) -> Vec<f32> {
        let [first, end] = self.core.map(|at| (at * scale) as f32);
        let fade = (fade * scale) as f32;
        let share = |distance: f32| match fade {
            0.0 => f32::from(u8::from(distance > 0.0)),
            _ => ((distance + fade) / (2.0 * fade)).clamp(0.0, 1.0),
        };
        let pixels = self.seen[0] * scale..self.seen[1] * scale;
        pixels
            .map(|at| {
                let middle = at as f32 + 0.5;
                let after = match self.core[0] {
                    0 => 1.0,
                    _ => share(middle - first),
                };
                let before = match self.core[1] == self.length {
                    true => 1.0,
                    false => share(end - middle),
                };
                after * before
            })
            .collect()
    }
}

/// Multiply-adds of a network for a picture of that size, tile by tile.
pub(crate) fn work(config: &Config, [height, width]: [usize; 2], tiling: Option<Tiling>) -> f64 {
    let pixels = match tiling {
        None => height * width,
        Some(tiling) => {
            let seen = |length| tiling.spans(length).iter().map(Span::seen).sum::<usize>();
            seen(height) * seen(width)
        }
    };
    config.work() * pixels as f64
}

/// What a network makes of a picture with its number of channels, tile by tile.
///
/// # Errors
/// A result that is not finite, or [`Error::Stopped`].
pub(crate) fn enlarged(
    network: &Network,
    planes: &Planes,
    tiling: Option<Tiling>,
    precision: Dtype,
    device: &Device,
    watch: &mut Watch<'_>,
) -> Result<Planes, Error> {
    let config = network.config();
    let multiple = config.multiple();
    // Sizes that are no multiple are filled up by their mirror image, and cut again.
    let [height, width] = [planes.height, planes.width].map(|n| n.next_multiple_of(multiple));
    let whole = match [height, width] == [planes.height, planes.width] {
        true => None,
        false => Some(planes.window([0, 0], [height, width], reflected)),
    };
    let whole = whole.as_ref().unwrap_or(planes);
    let scale = config.scale();
    let mut run = |part: Planes| -> Result<Planes, Error> {
        let (height, width) = (part.height, part.width);
        let data = TensorData::new(part.values, [1, part.channels, height, width]);
        let y = network.forward(Tensor::from_data(data, device), precision, watch)?;
        let y = Planes {
            channels: part.channels,
            height: scale * height,
            width: scale * width,
            values: y
                .into_data()
                .convert::<f32>()
                .try_into_vec()
                .expect("converted to f32"),
        };
        y.check()?;
        Ok(y)
    };
    let y = match tiling {
        None => run(whole.clone())?,
        Some(tiling) => {
            let mut y = Planes::zeros(whole.channels, scale * height, scale * width);
            for down in tiling.spans(height) {
                for across in tiling.spans(width) {
                    let from = [down.seen[0] as isize, across.seen[0] as isize];
                    let part = whole.window(from, [down.seen(), across.seen()], reflected);
                    let part = run(part)?;
                    let [rows, columns] =
                        [down, across].map(|span| span.weights(tiling.fade, scale));
                    let at = [down.seen[0] * scale, across.seen[0] * scale];
                    add(&mut y, &part, at, &rows, &columns);
                }
            }
            y
        }
    };
    let size = [scale * planes.height, scale * planes.width];
    Ok(match size == [y.height, y.width] {
        true => y,
        false => y.window([0, 0], size, reflected),
    })
}

/// Adds a part at its place, times its share.
fn add(whole: &mut Planes, part: &Planes, [top, left]: [usize; 2], rows: &[f32], columns: &[f32]) {
    let width = whole.width;
    for channel in 0..part.channels {
        let from = part.plane(channel);
        let to = whole.plane_mut(channel);
        for (y, down) in rows.iter().enumerate() {
            if *down == 0.0 {
                continue;
            }
            let from = &from[y * part.width..][..part.width];
            let to = &mut to[(top + y) * width + left..][..part.width];
            for ((to, from), across) in to.iter_mut().zip(from).zip(columns) {
                *to += down * across * from;
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{CompactConfig, RrdbConfig};

    #[test]
    fn the_shares_of_all_tiles_sum_to_one() {
        for fade in [0, 8] {
            let tiling = Tiling {
                side: 32,
                overlap: 32,
                fade,
            };
            for length in [33, 64, 100, 131] {
                let mut sums = vec![0.0; 2 * length];
                for span in tiling.spans(length) {
                    let weights = span.weights(fade, 2);
                    let from = 2 * span.seen[0];
                    for (sum, weight) in sums[from..].iter_mut().zip(weights) {
                        *sum += weight;
                    }
                }
                let near = |sum: &f32| (sum - 1.0).abs() < 1e-6;
                assert!(sums.iter().all(near), "{fade}, {length}: {sums:?}");
            }
        }
    }

    #[test]
    fn tiles_begin_where_those_of_the_convolutions_do() {
        let compact = Config::Compact(CompactConfig::animevideov3());
        let exact = Tiling::of(&compact, [300, 300], Some(50)).unwrap().unwrap();
        assert_eq!((exact.side, exact.overlap, exact.fade), (52, 36, 0));
        let half = RrdbConfig {
            unshuffle: 2,
            ..RrdbConfig::x4plus()
        };
        let faded = Tiling::of(&Config::Rrdb(half), [999, 999], Some(100));
        let faded = faded.unwrap().unwrap();
        assert_eq!((faded.side, faded.overlap, faded.fade), (104, 64, 16));
        let none = Tiling::of(&compact, [50, 50], Some(50)).unwrap();
        assert_eq!(none, None);
        let text = Tiling::of(&compact, [50, 50], Some(0)).unwrap_err();
        assert!(text.to_string().contains("tiles of 0 pixels"));
    }
}
