//! How alike two pictures are in a region.
//!
//! `PSNR = 10 log10(255^2 / MSE)` over the three channels, and the mean of
//! `SSIM = (2 m_a m_b + c_1)(2 s_ab + c_2) / ((m_a^2 + m_b^2 + c_1)(s_a^2 + s_b^2 + c_2))`
//! of the luma in Gaussian windows (sigma 1.5, 11 x 11, cut at the picture's edge).

use flowinone_image::decibels;
use image::{Rgb, RgbImage};

use super::region::Region;

/// Half of the window's side, without its middle.
const RADIUS: usize = 5;
const SIGMA: f32 = 1.5;
/// `(0.01 * 255)^2` and `(0.03 * 255)^2`.
const STEADY: [f32; 2] = [6.5025, 58.5225];

/// Peak signal-to-noise ratio of two pictures of one size in a region, in dB, 100 at most; `None`
/// for an empty region.
pub(crate) fn psnr(a: &RgbImage, b: &RgbImage, region: &Region) -> Option<f64> {
    let errors = a.pixels().zip(b.pixels()).map(|(a, b)| distance(*a, *b));
    let (mut sum, mut count) = (0u64, 0u64);
    for error in region.select(errors) {
        sum += u64::from(error);
        count += 1;
    }
    let mean = sum as f64 / (3 * count) as f64;
    (count > 0).then(|| decibels(mean))
}

/// Square of the distance of two colours.
pub(crate) fn distance(Rgb(a): Rgb<u8>, Rgb(b): Rgb<u8>) -> u32 {
    let squares = a
        .iter()
        .zip(b)
        .map(|(a, b)| u32::from(a.abs_diff(b)).pow(2));
    squares.sum()
}

/// Structural similarity of two pictures of one size, one value a pixel, at most 1.
pub(crate) struct Structure(Vec<f32>);

impl Structure {
    /// Compares the pictures everywhere.
    pub(crate) fn of(a: &RgbImage, b: &RgbImage) -> Self {
        let (a, b) = (luma(a), luma(b));
        let product = |p: &Plane, q: &Plane| Plane {
            values: p.values.iter().zip(&q.values).map(|(p, q)| p * q).collect(),
            ..*p
        };
        let squares = [product(&a, &a), product(&b, &b), product(&a, &b)];
        let [aa, bb, ab] = squares.map(|plane| plane.blurred());
        let (a, b) = (a.blurred(), b.blurred());
        let at = |i: usize| {
            let (mean_a, mean_b) = (a.values[i], b.values[i]);
            let (var_a, var_b) = (
                aa.values[i] - mean_a * mean_a,
                bb.values[i] - mean_b * mean_b,
            );
            let cov = ab.values[i] - mean_a * mean_b;
            let [c1, c2] = STEADY;
            (2.0 * mean_a * mean_b + c1) * (2.0 * cov + c2)
                / ((mean_a * mean_a + mean_b * mean_b + c1) * (var_a + var_b + c2))
        };
        Self((0..a.values.len()).map(at).collect())
    }

    /// The mean over a region, `None` if it is empty.
    pub(crate) fn mean(&self, region: &Region) -> Option<f64> {
        let (mut sum, mut count) = (0.0, 0u64);
        for value in region.select(&self.0) {
            sum += f64::from(*value);
            count += 1;
        }
        (count > 0).then(|| sum / count as f64)
    }
}

/// One value a pixel.
struct Plane {
    values: Vec<f32>,
    width: usize,
}

/// Rec. 601 luma, 0 to 255.
fn luma(picture: &RgbImage) -> Plane {
    let luma = |Rgb(pixel): &Rgb<u8>| {
        let [red, green, blue] = pixel.map(f32::from);
        0.299 * red + 0.587 * green + 0.114 * blue
    };
    Plane {
        values: picture.pixels().map(luma).collect(),
        width: picture.width() as usize,
    }
}

impl Plane {
    /// The Gaussian mean around each pixel.
    fn blurred(&self) -> Self {
        let weights: [f32; RADIUS + 1] =
            std::array::from_fn(|d| (-((d * d) as f32) / (2.0 * SIGMA * SIGMA)).exp());
        let height = self.values.len() / self.width;
        let across = along(&self.values, self.width, height, 1, self.width, &weights);
        let values = along(&across, height, self.width, self.width, 1, &weights);
        Self { values, ..*self }
    }
}

/// Means along `count` lines of `length` pixels; neighbours in a line lie `step` apart, lines
/// `next`.
fn along(
    values: &[f32],
    length: usize,
    count: usize,
    step: usize,
    next: usize,
    weights: &[f32],
) -> Vec<f32> {
    let mut means = vec![0.0; values.len()];
    for at in 0..length {
        let window = at.saturating_sub(RADIUS)..(at + RADIUS + 1).min(length);
        let total: f32 = window.clone().map(|i| weights[i.abs_diff(at)]).sum();
        for neighbour in window {
            let weight = weights[neighbour.abs_diff(at)] / total;
            for line in 0..count {
                means[line * next + at * step] += weight * values[line * next + neighbour * step];
            }
        }
    }
    means
}

#[cfg(test)]
mod tests {
    use super::*;
    use flowinone_data::PixelBox;

    fn whole(side: u32) -> Region {
        Region::of_boxes(side, &[]).outside()
    }

    fn ramp(side: u32, plus: u8) -> RgbImage {
        RgbImage::from_fn(side, side, |x, y| {
            Rgb([(3 * x) as u8 + plus, (2 * y) as u8 + plus, 100 + plus])
        })
    }

    #[test]
    fn a_known_difference_has_a_known_ratio() {
        let (a, b) = (ramp(32, 0), ramp(32, 10));
        // MSE 100: 10 log10(65025 / 100).
        let ratio = psnr(&a, &b, &whole(32)).unwrap();
        assert!((ratio - 28.1308).abs() < 1e-3, "{ratio}");
        assert_eq!(psnr(&a, &a, &whole(32)), Some(100.0));
        assert_eq!(psnr(&a, &b, &Region::of_boxes(32, &[])), None);
    }

    #[test]
    fn regions_are_measured_apart() {
        let area = PixelBox {
            x: 4,
            y: 4,
            width: 20,
            height: 20,
        };
        let inside = Region::of_boxes(64, [&area]);
        let (a, mut b) = (ramp(64, 0), ramp(64, 0));
        for y in 8..20 {
            for x in 8..20 {
                b.put_pixel(x, y, Rgb([255, 255, 255]));
            }
        }
        assert!(psnr(&a, &b, &inside).unwrap() < 15.0);
        assert_eq!(psnr(&a, &b, &inside.outside()), Some(100.0));
        let structure = Structure::of(&a, &b);
        assert!(structure.mean(&inside).unwrap() < 0.8);
        assert!(structure.mean(&inside.outside()).unwrap() > 0.95);
        assert_eq!(structure.mean(&Region::of_boxes(64, &[])), None);
    }

    #[test]
    fn structure_forgives_brightness_more_than_noise() {
        let noise = |x: u32, y: u32| ((x * 7919 + y * 104_729) % 21) as u8;
        let a = ramp(48, 10);
        let noisy = RgbImage::from_fn(48, 48, |x, y| {
            Rgb(a.get_pixel(x, y).0.map(|v| v - 10 + noise(x, y)))
        });
        let brighter = Structure::of(&a, &ramp(48, 22)).mean(&whole(48)).unwrap();
        let noisy = Structure::of(&a, &noisy).mean(&whole(48)).unwrap();
        let same = Structure::of(&a, &a).mean(&whole(48)).unwrap();
        assert!(same > 0.9999 && same > brighter && brighter > noisy + 0.1);
    }

    #[test]
    fn the_window_agrees_with_its_definition() {
        // A single light pixel spreads as the product of two normalised Gaussians.
        let mut picture = RgbImage::new(21, 21);
        picture.put_pixel(10, 10, Rgb([255; 3]));
        let blurred = luma(&picture).blurred();
        let weight = |d: f32| (-d * d / 4.5).exp();
        let total: f32 = (-5..=5).map(|d| weight(d as f32)).sum();
        let expected = 255.0 * weight(2.0) * weight(1.0) / (total * total);
        let found = blurred.values[11 * 21 + 12];
        assert!((found - expected).abs() < 1e-3, "{found} {expected}");
    }
}
