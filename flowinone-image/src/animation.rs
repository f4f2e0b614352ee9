//! Pictures one after the other in one file that repeats without end: lossless WebP and APNG, or
//! GIF with 256 colours a frame.

use std::path::Path;
use std::str::FromStr;

use flowinone_files::write_atomically;
use image::codecs::gif::{GifEncoder, Repeat};
use image::{Delay, DynamicImage, Frame, RgbImage};

use super::webp::{self, Timed};
use crate::Error;

/// The kinds of animated file.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Animation {
    /// WebP, without loss.
    WebP,
    /// GIF, 256 colours a frame and times in hundredths of a second.
    Gif,
    /// Animated PNG, without loss.
    Apng,
}

/// Frames a second, 0.1 to 100; 12 by default.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct FrameRate(f64);

impl FrameRate {
    /// A rate in frames a second.
    ///
    /// # Errors
    /// A number outside 0.1 to 100.
    pub fn new(rate: f64) -> Result<Self, Error> {
        match (0.1..=100.0).contains(&rate) {
            true => Ok(Self(rate)),
            false => Err(Error::FrameRate(format!(
                "{rate} frames a second are outside 0.1 to 100"
            ))),
        }
    }
}

impl Default for FrameRate {
    fn default() -> Self {
        Self(12.0)
    }
}

impl FromStr for FrameRate {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self, Error> {
        let unreadable = |_| Error::FrameRate(format!("{text:?} is no number of frames a second"));
        Self::new(text.trim().parse().map_err(unreadable)?)
    }
}

impl Animation {
    /// The kind that a file name asks for: `.webp`, `.gif` or `.apng`. A `.png` is one picture.
    pub fn of(path: &Path) -> Option<Self> {
        let extension = path.extension()?.to_str()?.to_ascii_lowercase();
        match extension.as_str() {
            "webp" => Some(Self::WebP),
            "gif" => Some(Self::Gif),
            "apng" => Some(Self::Apng),
            _ => None,
        }
    }
}

/// Writes pictures of one size as an animation, of the kind that the file's name asks for; the file
/// appears whole or not at all.
///
/// # Errors
/// A name that does not end in `.webp`, `.gif` or `.apng`; no picture, or pictures of different
/// sizes; a file that cannot be written; the error of a frame.
///
/// ```no_run
/// use flowinone_image::{FrameRate, read_picture, write_animation};
///
/// let frames = ["1.png", "2.png", "3.png"].iter().map(read_picture);
/// write_animation("ball.webp".as_ref(), frames, FrameRate::new(24.0)?)?;
/// # Ok::<(), flowinone_image::Error>(())
/// ```
pub fn write_animation<E: From<Error>>(
    path: &Path,
    frames: impl ExactSizeIterator<Item = Result<RgbImage, E>>,
    rate: FrameRate,
) -> Result<(), E> {
    let fail = |reason: String| E::from(Error::picture(path, reason));
    let kind = Animation::of(path)
        .ok_or_else(|| fail("an animation's name ends in .webp, .gif or .apng".into()))?;
    let count = frames.len();
    let times = times(count, rate, kind);
    let mut frames = frames.peekable();
    let size = match frames.peek() {
        Some(Ok(first)) => first.dimensions(),
        _ => match frames.next() {
            Some(Err(error)) => return Err(error),
            _ => return Err(fail("an animation needs a picture".into())),
        },
    };
    let timed = frames.zip(times).map(|(frame, time)| {
        let frame = frame?;
        match frame.dimensions() == size {
            true => Ok((frame, time)),
            false => Err(fail(format!(
                "its pictures of {} x {} and {} x {} pixels do not fit together",
                size.0,
                size.1,
                frame.width(),
                frame.height()
            ))),
        }
    });
    let bytes = match kind {
        Animation::WebP => webp::animated(size, timed, &fail)?,
        Animation::Gif => gif(timed, &fail)?,
        Animation::Apng => apng(size, count, timed, &fail)?,
    };
    Ok(write_atomically(path, &bytes).map_err(Error::from)?)
}

/// Milliseconds that each frame is seen, in the file's units, without drift: frame `i` ends at
/// `(i + 1) / rate`.
fn times(count: usize, FrameRate(rate): FrameRate, kind: Animation) -> Vec<u32> {
    let unit = match kind {
        Animation::Gif => 10,
        Animation::WebP | Animation::Apng => 1,
    };
    let end = |frame: usize| (frame as f64 * 1000.0 / rate / f64::from(unit)).round() as u32 * unit;
    (0..count).map(|i| end(i + 1) - end(i)).collect()
}

fn gif<E>(
    frames: impl Iterator<Item = Result<Timed, E>>,
    fail: &impl Fn(String) -> E,
) -> Result<Vec<u8>, E> {
    let mut bytes = Vec::new();
    let mut encoder = GifEncoder::new_with_speed(&mut bytes, 10);
    let refused = |e: image::ImageError| fail(e.to_string());
    encoder.set_repeat(Repeat::Infinite).map_err(refused)?;
    for frame in frames {
        let (picture, time) = frame?;
        let rgba = DynamicImage::from(picture).into_rgba8();
        let frame = Frame::from_parts(rgba, 0, 0, Delay::from_numer_denom_ms(time, 1));
        encoder.encode_frame(frame).map_err(refused)?;
    }
    drop(encoder);
    Ok(bytes)
}

fn apng<E>(
    (width, height): (u32, u32),
    count: usize,
    frames: impl Iterator<Item = Result<Timed, E>>,
    fail: &impl Fn(String) -> E,
) -> Result<Vec<u8>, E> {
    let mut bytes = Vec::new();
    let refused = |e: png::EncodingError| fail(e.to_string());
    let mut encoder = png::Encoder::new(&mut bytes, width, height);
    encoder.set_color(png::ColorType::Rgb);
    encoder.set_depth(png::BitDepth::Eight);
    encoder.set_animated(count as u32, 0).map_err(refused)?; // 0: without end
    let mut writer = encoder.write_header().map_err(refused)?;
    for frame in frames {
        let (picture, time) = frame?;
        let time = time as u16; // at most 10 s, by the rate
        writer.set_frame_delay(time, 1000).map_err(refused)?;
        writer.write_image_data(&picture).map_err(refused)?;
    }
    writer.finish().map_err(refused)?;
    Ok(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;
    use image::codecs::{gif::GifDecoder, png::PngDecoder, webp::WebPDecoder};
    use image::{AnimationDecoder, Rgb};
    use std::fs::File;
    use std::io::BufReader;

    fn ball(frames: u32) -> Vec<RgbImage> {
        let colour = |x: u32, y: u32, i: u32| {
            let near = x.abs_diff(8 + 6 * i).pow(2) + y.abs_diff(18).pow(2) < 40;
            Rgb(match near {
                true => [200, 40, 30],
                false => [(x * 4) as u8, (y * 5) as u8, 90],
            })
        };
        let at = |i: u32| RgbImage::from_fn(61, 37, |x, y| colour(x, y, i));
        (0..frames).map(at).collect()
    }

    fn write(path: &Path, frames: &[RgbImage]) -> Result<(), Error> {
        write_animation(path, frames.iter().cloned().map(Ok), FrameRate::default())
    }

    fn read(path: &Path) -> Vec<Frame> {
        let file = BufReader::new(File::open(path).unwrap());
        let frames = match Animation::of(path).unwrap() {
            Animation::WebP => WebPDecoder::new(file).unwrap().into_frames(),
            Animation::Gif => GifDecoder::new(file).unwrap().into_frames(),
            Animation::Apng => PngDecoder::new(file).unwrap().apng().unwrap().into_frames(),
        };
        frames.collect_frames().unwrap()
    }

    #[test]
    fn frames_come_back_in_order_and_in_time() {
        let folder = tempfile::tempdir().unwrap();
        let frames = ball(7);
        // Without loss; GIF has 256 colours for these 2,000.
        for (name, most) in [("a.webp", 0.0), ("a.apng", 0.0), ("a.GIF", 12.0)] {
            let path = folder.path().join(name);
            write(&path, &frames).unwrap();
            let back = read(&path);
            assert_eq!(back.len(), frames.len(), "{name}");
            for (there, here) in back.iter().zip(&frames) {
                let there = DynamicImage::from(there.buffer().clone()).into_rgb8();
                let far = there.iter().zip(here.iter()).map(|(a, b)| a.abs_diff(*b));
                let mean = far.map(f64::from).sum::<f64>() / here.len() as f64;
                assert!(mean <= most, "{name}: off by {mean}");
            }
            let times = back.iter().map(|frame| frame.delay().numer_denom_ms());
            let total: f64 = times.map(|(n, d)| f64::from(n) / f64::from(d)).sum();
            assert!(
                (total - 583.3).abs() < 8.0,
                "{name}: 7 / 12 s last {total} ms"
            );
        }
    }

    #[test]
    fn times_do_not_drift() {
        let rate = FrameRate::new(24.0).unwrap();
        let webp = times(6, rate, Animation::WebP);
        assert_eq!(webp, [42, 41, 42, 42, 41, 42]);
        let gif = times(1200, rate, Animation::Gif);
        assert_eq!(gif.iter().sum::<u32>(), 50_000);
        assert_eq!("12".parse::<FrameRate>().unwrap(), FrameRate::default());
        for rate in ["0", "-1", "0.01", "1000", "nan", "inf"] {
            let error = rate.parse::<FrameRate>().unwrap_err();
            assert!(error.to_string().contains("0.1 to 100"), "{rate}");
        }
        assert!("fast".parse::<FrameRate>().is_err());
    }

    #[test]
    fn what_is_no_animation_is_refused_and_nothing_is_written() {
        let folder = tempfile::tempdir().unwrap();
        let refusal = |name: &str, frames: &[RgbImage]| {
            let result = write(&folder.path().join(name), frames);
            result.unwrap_err().to_string()
        };
        assert!(refusal("a.png", &ball(2)).contains(".webp, .gif or .apng"));
        assert!(refusal("a.gif", &[]).contains("needs a picture"));
        let uneven = [RgbImage::new(2, 2), RgbImage::new(3, 2)];
        assert!(refusal("a.webp", &uneven).contains("2 x 2 and 3 x 2"));
        assert!(refusal("absent/a.webp", &ball(2)).contains("absent"));
        let lost = ["absent.png"].iter().map(crate::read_picture);
        let error = write_animation(&folder.path().join("a.apng"), lost, FrameRate::default());
        let error = error.unwrap_err();
        assert!(error.to_string().contains("absent.png"), "{error}");
        assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 0);
    }
}
