//! The square in the middle of a picture, in the reference's exact bytes.

use std::borrow::Cow;

use image::RgbImage;

use crate::resample::{Filter, resize, resize_window};

/// The `side` x `side` pixels in the middle of the picture whose shorter side was scaled to `side`.
///
/// A picture of more than twice the size is first halved, as often as possible, by averaging. Only
/// pixels of the square are computed, however long the picture is; one of that size stays as it is.
///
/// # Panics
/// If the picture or the square has no pixels.
pub fn center_crop(picture: &RgbImage, side: u32) -> RgbImage {
    assert!(side > 0, "cannot crop to 0 x 0 pixels");
    let mut picture = Cow::Borrowed(picture);
    while picture.width().min(picture.height()) / 2 >= side {
        let (width, height) = (picture.width() / 2, picture.height() / 2);
        picture = Cow::Owned(resize(&picture, width, height, Filter::Box));
    }
    if picture.dimensions() == (side, side) {
        return picture.into_owned();
    }
    let shorter = picture.width().min(picture.height());
    let scale = f64::from(side) / f64::from(shorter);
    let scaled = |extent: u32| (f64::from(extent) * scale).round_ties_even() as u32;
    let size = [scaled(picture.width()), scaled(picture.height())];
    let window = size.map(|extent| {
        let start = (extent - side) / 2;
        start..start + side
    });
    resize_window(&picture, size, window, Filter::Bicubic)
}

#[cfg(test)]
mod tests {
    use super::*;
    use image::{Rgb, imageops};

    fn stripes(width: u32, height: u32) -> RgbImage {
        RgbImage::from_fn(width, height, |x, y| {
            Rgb([(x % 256) as u8, (y % 256) as u8, 7])
        })
    }

    #[test]
    fn a_line_of_pixels_is_not_lost() {
        for (width, height) in [(16_384, 1), (1, 16_384)] {
            let crop = center_crop(&stripes(width, height), 256);
            assert_eq!(crop.dimensions(), (256, 256));
        }
    }

    #[test]
    fn a_crop_is_the_middle_of_the_scaled_picture() {
        for (width, height) in [(90, 7), (7, 90), (300, 41)] {
            let picture = stripes(width, height);
            let crop = center_crop(&picture, 32);
            let mut halved = picture;
            while halved.width().min(halved.height()) >= 64 {
                halved = resize(
                    &halved,
                    halved.width() / 2,
                    halved.height() / 2,
                    Filter::Box,
                );
            }
            let shorter = f64::from(halved.width().min(halved.height()));
            let [w, h] = [halved.width(), halved.height()]
                .map(|extent| (f64::from(extent) * (32.0 / shorter)).round_ties_even() as u32);
            let whole = resize(&halved, w, h, Filter::Bicubic);
            let middle = imageops::crop_imm(&whole, (w - 32) / 2, (h - 32) / 2, 32, 32);
            assert_eq!(crop, middle.to_image());
        }
    }

    #[test]
    fn a_square_of_the_right_size_is_left_as_resampling_would_leave_it() {
        let picture = stripes(37, 37);
        let resampled = resize_window(&picture, [37, 37], [0..37, 0..37], Filter::Bicubic);
        assert_eq!(center_crop(&picture, 37), resampled);
        assert_eq!(resampled, picture);
    }
}
