//! How sharp the outlines of a picture are beside those of the expected one, wherever they lie.
//!
//! ```text
//! g(p) = sqrt(|c(p) - c(right of p)|^2 + |c(p) - c(below p)|^2)      of colours c, 0 to 255 each
//! sharpness = mean of the result's n largest g / mean of the expected picture's n largest g
//! ```
//!
//! `n` counts the pixels of the expected picture's outlines: those with `g` of 32 or more.

use image::RgbImage;

use super::likeness::distance;

/// The least gradient of an outline.
const OUTLINE: f32 = 32.0;

/// The sharpness of `shown` beside `expected`: 1 for the same, less for a blurred picture; none
/// where the expected picture has no outlines. Both have one size.
pub(crate) fn sharpness(shown: &RgbImage, expected: &RgbImage) -> Option<f64> {
    let (shown, expected) = (descending(shown), descending(expected));
    let outlines = expected.partition_point(|gradient| *gradient >= OUTLINE);
    let mean = |gradients: &[f32]| {
        let sum: f64 = gradients[..outlines].iter().map(|g| f64::from(*g)).sum();
        sum / outlines as f64
    };
    (outlines > 0).then(|| mean(&shown) / mean(&expected))
}

/// The gradients of all pixels but those of the last row and column, the largest first.
fn descending(picture: &RgbImage) -> Vec<f32> {
    let (width, height) = picture.dimensions();
    let inner = |y| (0..width.saturating_sub(1)).map(move |x| (x, y));
    let gradient = |(x, y): (u32, u32)| {
        let [here, right, below] =
            [(x, y), (x + 1, y), (x, y + 1)].map(|(x, y)| *picture.get_pixel(x, y));
        ((distance(here, right) + distance(here, below)) as f32).sqrt()
    };
    let all = (0..height.saturating_sub(1)).flat_map(inner);
    let mut gradients: Vec<f32> = all.map(gradient).collect();
    gradients.sort_unstable_by(|a, b| b.total_cmp(a));
    gradients
}

#[cfg(test)]
mod tests {
    use super::*;
    use image::Rgb;

    /// A black square of half the side on white, its edges over `ramp` pixels.
    fn square(ramp: i32) -> RgbImage {
        RgbImage::from_fn(64, 64, |x, y| {
            let inside = |at: u32| 16 - (at as i32 - 32).abs();
            let depth = inside(x).min(inside(y)).clamp(0, ramp);
            Rgb([(255 - 255 * depth / ramp) as u8; 3])
        })
    }

    #[test]
    fn a_blurred_edge_is_less_sharp_by_as_much_as_it_is_wider() {
        let sharp = square(1);
        assert_eq!(sharpness(&sharp, &sharp), Some(1.0));
        let moved = image::imageops::rotate180(&sharp);
        assert!((sharpness(&moved, &sharp).unwrap() - 1.0).abs() < 0.02);
        let blurred = sharpness(&square(4), &sharp).unwrap();
        assert!((0.2..0.3).contains(&blurred), "{blurred}");
        let bare = RgbImage::from_pixel(64, 64, Rgb([9; 3]));
        assert_eq!(sharpness(&bare, &sharp), Some(0.0));
        assert_eq!(sharpness(&sharp, &bare), None);
    }
}
