//! Resizing 8-bit pictures as the Python Imaging Library does, byte for byte:
//! `y[i] = (sum_j w[i, j] x[j] + 2^21) >> 22`, along rows first, then along columns; the other way
//! round if the picture is more than 100 times taller than wide and becomes less tall.
//!
//! The weights `w` are a filter stretched by the reduction (so that it averages, "antialias"),
//! normalised to sum 1, and rounded to 22 fractional bits; both passes give 8-bit values.

use std::ops::Range;

use image::RgbImage;

const FRACTION_BITS: u32 = 22;
const HALF: i32 = 1 << (FRACTION_BITS - 1);

/// The shape of the weights around the place that an output pixel comes from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Filter {
    /// Mean of the pixels under the output pixel.
    Box,
    /// Cubic convolution with a = -1/2 (Catmull-Rom).
    Bicubic,
}

impl Filter {
    /// How far the filter reaches, in pixels of the coarser picture.
    fn support(self) -> f64 {
        match self {
            Self::Box => 0.5,
            Self::Bicubic => 2.0,
        }
    }

    fn weight(self, x: f64) -> f64 {
        const A: f64 = -0.5;
        let distance = x.abs();
        match self {
            Self::Box if x > -0.5 && x <= 0.5 => 1.0,
            Self::Box => 0.0,
            Self::Bicubic if distance < 1.0 => {
                ((A + 2.0) * distance - (A + 3.0)) * distance * distance + 1.0
            }
            Self::Bicubic if distance < 2.0 => {
                (((distance - 5.0) * distance + 8.0) * distance - 4.0) * A
            }
            Self::Bicubic => 0.0,
        }
    }
}

/// The picture at `width` x `height` pixels.
///
/// # Panics
/// If the picture or the wanted size has no pixels.
pub fn resize(picture: &RgbImage, width: u32, height: u32, filter: Filter) -> RgbImage {
    resize_window(picture, [width, height], [0..width, 0..height], filter)
}

/// The columns and rows `window` of the picture at `size` (width, height), computing nothing else.
///
/// # Panics
/// If the picture or the window has no pixels.
pub(crate) fn resize_window(
    picture: &RgbImage,
    size: [u32; 2],
    window: [Range<u32>; 2],
    filter: Filter,
) -> RgbImage {
    let [columns, rows] = window;
    let (width, height) = (columns.len() as u32, rows.len() as u32);
    assert!(
        picture.width() > 0 && picture.height() > 0 && width > 0 && height > 0,
        "cannot resize {} x {} pixels to {width} x {height}",
        picture.width(),
        picture.height()
    );
    // Up to version 12 the library sends such a picture down first and across second, so that it
    // never holds the long one in between.
    let [wide, high] = [picture.width(), picture.height()].map(u64::from);
    if high > 100 * wide && size[1] < picture.height() {
        let [across, down] = [columns, rows];
        let resized = resize_window(&turned(picture), [size[1], size[0]], [down, across], filter);
        return turned(&resized);
    }
    let columns = taps(picture.width(), size[0], columns, filter);
    let rows = taps(picture.height(), size[1], rows, filter);
    let needed = rows[0].first..rows.iter().map(Taps::end).max().unwrap_or_default();
    let top = needed.start;
    let across = along_rows(picture, needed, &columns);
    let bytes = along_columns(&across, 3 * columns.len(), top, &rows);
    RgbImage::from_raw(width, height, bytes).expect("one byte for each value of the window")
}

/// The picture with rows and columns changed for each other.
fn turned(picture: &RgbImage) -> RgbImage {
    RgbImage::from_fn(picture.height(), picture.width(), |x, y| {
        *picture.get_pixel(y, x)
    })
}

/// The input pixels that one output pixel is made of.
struct Taps {
    first: usize,
    weights: Vec<i32>, // of 2^22
}

impl Taps {
    fn end(&self) -> usize {
        self.first + self.weights.len()
    }
}

/// The taps of the output pixels `window` on an axis that goes from `input` to `output` pixels.
fn taps(input: u32, output: u32, window: Range<u32>, filter: Filter) -> Vec<Taps> {
    let scale = f64::from(input) / f64::from(output);
    let stretch = scale.max(1.0);
    let support = filter.support() * stretch;
    let narrow = 1.0 / stretch;
    window
        .map(|i| {
            let centre = (f64::from(i) + 0.5) * scale;
            // Conversions to integers truncate, and so round what 1/2 was added to.
            let first = (centre - support + 0.5).max(0.0) as usize;
            let end = ((centre + support + 0.5) as usize).min(input as usize);
            let weights: Vec<f64> = (first..end)
                .map(|j| filter.weight((j as f64 - centre + 0.5) * narrow))
                .collect();
            let sum: f64 = weights.iter().sum();
            let fixed = |weight: &f64| {
                let scaled = weight / sum * f64::from(1 << FRACTION_BITS);
                (scaled + 0.5f64.copysign(scaled)) as i32
            };
            Taps {
                first,
                weights: weights.iter().map(fixed).collect(),
            }
        })
        .collect()
}

/// The rows `rows` of the picture, each resampled to `columns.len()` pixels.
fn along_rows(picture: &RgbImage, rows: Range<usize>, columns: &[Taps]) -> Vec<u8> {
    let stride = 3 * picture.width() as usize;
    let mut bytes = Vec::with_capacity(rows.len() * 3 * columns.len());
    let rows = &picture.as_raw()[rows.start * stride..rows.end * stride];
    for row in rows.chunks_exact(stride) {
        let (pixels, _) = row.as_chunks::<3>();
        for taps in columns {
            let [mut red, mut green, mut blue] = [HALF; 3];
            for (pixel, &weight) in pixels[taps.first..taps.end()].iter().zip(&taps.weights) {
                red += i32::from(pixel[0]) * weight;
                green += i32::from(pixel[1]) * weight;
                blue += i32::from(pixel[2]) * weight;
            }
            bytes.extend_from_slice(&[byte(red), byte(green), byte(blue)]);
        }
    }
    bytes
}

/// Rows of `stride` bytes, of which the first is row `top` of the taps, resampled to `rows.len()`.
fn along_columns(across: &[u8], stride: usize, top: usize, rows: &[Taps]) -> Vec<u8> {
    let mut bytes = Vec::with_capacity(rows.len() * stride);
    let mut sums = vec![0; stride];
    for taps in rows {
        sums.fill(HALF);
        let below = &across[(taps.first - top) * stride..];
        for (row, &weight) in below.chunks_exact(stride).zip(&taps.weights) {
            for (sum, &value) in sums.iter_mut().zip(row) {
                *sum += i32::from(value) * weight;
            }
        }
        bytes.extend(sums.iter().map(|&sum| byte(sum)));
    }
    bytes
}

fn byte(sum: i32) -> u8 {
    (sum >> FRACTION_BITS).clamp(0, 255) as u8
}

#[cfg(test)]
mod tests {
    use super::*;
    use image::{Rgb, imageops};

    /// A picture without symmetry that uses all bytes.
    fn picture(width: u32, height: u32) -> RgbImage {
        RgbImage::from_fn(width, height, |x, y| {
            Rgb([0, 1, 2].map(|c| (x * 97 + y * 61 + c * 53 + x * y) as u8))
        })
    }

    #[test]
    fn a_very_tall_picture_goes_down_first_as_in_pillow_12() {
        // SHA-256 of what Pillow 12.3.0 makes of the same picture.
        let tall = RgbImage::from_fn(5, 523, |x, y| {
            Rgb([x * 37 + y * 11, y * y * 3 + x, x * y * 7].map(|v| v as u8))
        });
        for (filter, digest) in [
            (
                Filter::Bicubic,
                "82c7fc06d01d6ac1795824e50c80cd6710f1450a20f28931b21868e34ad60737",
            ),
            (
                Filter::Box,
                "c0d98999897e6589ca3e066cd09afb90b293081e7fe830f1b25f467970edcd65",
            ),
        ] {
            let resized = resize(&tall, 3, 40, filter);
            assert_eq!(
                flowinone_files::sha256_of(resized.as_raw()),
                digest,
                "{filter:?}"
            );
        }
    }

    #[test]
    fn the_same_size_is_the_same_picture() {
        let picture = picture(17, 9);
        for filter in [Filter::Box, Filter::Bicubic] {
            assert_eq!(resize(&picture, 17, 9, filter), picture);
        }
    }

    #[test]
    fn halving_with_a_box_averages_and_rounds_after_each_pass() {
        let picture = RgbImage::from_raw(2, 2, vec![0, 1, 0, 1, 2, 1, 0, 1, 1, 0, 1, 1]).unwrap();
        // Rows become (1, 2, 1) and (0, 1, 1): halves go up, twice in the first channel.
        assert_eq!(resize(&picture, 1, 1, Filter::Box).into_raw(), [1, 2, 1]);
    }

    #[test]
    fn a_step_overshoots_and_is_clipped() {
        let step = RgbImage::from_fn(4, 1, |x, _| Rgb([if x < 2 { 10 } else { 245 }; 3]));
        let wide = resize(&step, 16, 1, Filter::Bicubic);
        let row: Vec<u8> = wide.pixels().map(|pixel| pixel.0[0]).collect();
        assert!(row.contains(&0) && row.contains(&255), "{row:?}");
        assert!(
            (0..16).all(|x| row[x].abs_diff(255 - row[15 - x]) <= 1),
            "{row:?}"
        );
    }

    #[test]
    fn a_window_is_the_crop_of_the_whole() {
        for (from, to) in [
            ([40, 3], [500, 37]),
            ([300, 200], [31, 20]),
            ([5, 90], [64, 9]),
        ] {
            for filter in [Filter::Box, Filter::Bicubic] {
                let picture = picture(from[0], from[1]);
                let whole = resize(&picture, to[0], to[1], filter);
                let window = [to[0] / 3..to[0] / 2, to[1] / 4..to[1] - 1];
                let (x, y) = (window[0].start, window[1].start);
                let (width, height) = (window[0].len() as u32, window[1].len() as u32);
                let cropped = imageops::crop_imm(&whole, x, y, width, height).to_image();
                assert_eq!(resize_window(&picture, to, window, filter), cropped);
            }
        }
    }

    #[test]
    #[should_panic(expected = "cannot resize 2 x 2 pixels to 0 x 5")]
    fn no_pixels_are_refused() {
        resize(&picture(2, 2), 0, 5, Filter::Box);
    }
}
