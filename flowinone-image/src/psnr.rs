//! How near two pictures are: `PSNR = 10 log10(255^2 / MSE)` over the three channels, in dB.

use image::RgbImage;

/// What equal pictures reach, in dB: infinity has no place in a mean or in JSON.
pub const MOST_DECIBELS: f64 = 100.0;

/// Peak signal-to-noise ratio of two pictures of one size, in dB, at most [`MOST_DECIBELS`].
///
/// # Panics
/// If the pictures differ in size.
pub fn psnr(a: &RgbImage, b: &RgbImage) -> f64 {
    decibels(mean_square(a, b))
}

/// Mean square of the differences of two pictures of one size, of bytes.
///
/// # Panics
/// If the pictures differ in size.
pub fn mean_square(a: &RgbImage, b: &RgbImage) -> f64 {
    assert_eq!(a.dimensions(), b.dimensions(), "pictures of one size");
    let pairs = a.as_raw().iter().zip(b.as_raw());
    let sum: u64 = pairs.map(|(a, b)| u64::from(a.abs_diff(*b)).pow(2)).sum();
    sum as f64 / a.as_raw().len() as f64
}

/// The largest difference of two pictures in any channel, of 255; `None` if they differ in size.
pub fn largest_difference(a: &RgbImage, b: &RgbImage) -> Option<u8> {
    let pairs = a.as_raw().iter().zip(b.as_raw());
    let largest = pairs.map(|(a, b)| a.abs_diff(*b)).max().unwrap_or(0);
    (a.dimensions() == b.dimensions()).then_some(largest)
}

/// The peak signal-to-noise ratio of a [mean square](mean_square), in dB, at most
/// [`MOST_DECIBELS`].
pub fn decibels(mean_square: f64) -> f64 {
    (10.0 * (255.0f64.powi(2) / mean_square).log10()).min(MOST_DECIBELS)
}

#[cfg(test)]
mod tests {
    use super::*;
    use image::Rgb;

    #[test]
    fn a_difference_of_one_in_every_byte_is_48_decibels() {
        let [a, b] = [7, 8].map(|value| RgbImage::from_pixel(3, 2, Rgb([value; 3])));
        assert!((psnr(&a, &b) - 48.1308).abs() < 1e-4);
        assert!((decibels(65.025) - 30.0).abs() < 1e-9);
        assert_eq!(psnr(&a, &a), MOST_DECIBELS);
        assert_eq!(largest_difference(&a, &b), Some(1));
        assert_eq!(largest_difference(&a, &RgbImage::new(2, 3)), None);
    }
}
