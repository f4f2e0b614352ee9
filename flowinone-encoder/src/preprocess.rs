//! From a picture of any size to what the networks read, in the reference's exact bytes and floats.
//!
//! The vision path sees the whole picture, scaled into a grey square: `(x / 255 - 1/2) / (1/2)`.
//! The structure path sees the square in its middle: `x / 127.5 - 1`.

use std::borrow::Cow;

use burn::tensor::{Device, Tensor, TensorData};
use image::{Rgb, RgbImage, imageops};

use crate::resample::{Filter, resize, resize_window};

/// The colour around a picture that is not square: `int(0.5 * 255)` in every channel.
const GREY: Rgb<u8> = Rgb([127; 3]);

/// The shorter side of a very long picture does not shrink below this many pixels.
const THINNEST: u32 = 14;

/// The whole picture on a square of `side` x `side` pixels, as Janus prepares it: the longer side
/// fills the square, the other is centred on grey.
///
/// # Panics
/// If the picture or the square has no pixels.
pub fn janus_square(picture: &RgbImage, side: u32) -> RgbImage {
    let longest = picture.width().max(picture.height());
    let scaled = |extent: u32| {
        let exact = f64::from(extent) / f64::from(longest) * f64::from(side);
        (exact as u32).max(THINNEST).min(side) // truncated, not rounded
    };
    let (width, height) = (scaled(picture.width()), scaled(picture.height()));
    let fitted = resize(picture, width, height, Filter::Bicubic);
    let mut square = RgbImage::from_pixel(side, side, GREY);
    let (left, top) = ((side - width) / 2, (side - height) / 2);
    imageops::replace(&mut square, &fitted, left.into(), top.into());
    square
}

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

/// The input `[1, 3, h, w]` of the vision tower for the bytes of [`janus_square`].
pub fn janus_pixels(picture: &RgbImage, device: &Device) -> Tensor<4> {
    to_tensor(
        picture,
        |byte| (f32::from(byte) / 255.0 - 0.5) / 0.5,
        device,
    )
}

/// The input `[1, 3, h, w]` of the autoencoder for the bytes of [`center_crop`].
///
/// It differs from [`janus_pixels`] in the last bit of some values: computed in double precision.
pub fn structure_pixels(picture: &RgbImage, device: &Device) -> Tensor<4> {
    to_tensor(
        picture,
        |byte| (f64::from(byte) / 127.5 - 1.0) as f32,
        device,
    )
}

fn to_tensor(picture: &RgbImage, value: impl Fn(u8) -> f32, device: &Device) -> Tensor<4> {
    let table: [f32; 256] = std::array::from_fn(|byte| value(byte as u8));
    let (pixels, _) = picture.as_raw().as_chunks::<3>();
    let values: Vec<f32> = (0..3)
        .flat_map(|channel| pixels.iter().map(move |pixel| pixel[channel]))
        .map(|byte| table[usize::from(byte)])
        .collect();
    let shape = [1, 3, picture.height() as usize, picture.width() as usize];
    Tensor::from_data(TensorData::new(values, shape), device)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn stripes(width: u32, height: u32) -> RgbImage {
        RgbImage::from_fn(width, height, |x, y| {
            Rgb([(x % 256) as u8, (y % 256) as u8, 7])
        })
    }

    #[test]
    fn a_line_of_pixels_is_neither_lost_nor_blown_up() {
        for (width, height) in [(16_384, 1), (1, 16_384)] {
            let line = stripes(width, height);
            assert_eq!(center_crop(&line, 256).dimensions(), (256, 256));
            let square = janus_square(&line, 384);
            let inside = square.pixels().filter(|pixel| **pixel != GREY).count();
            assert_eq!(inside, 384 * 14);
        }
        assert_eq!(janus_square(&stripes(100, 1), 8).dimensions(), (8, 8));
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

    #[test]
    #[should_panic(expected = "cannot resize 0 x 0 pixels")]
    fn an_empty_picture_is_refused() {
        janus_square(&RgbImage::new(0, 0), 384);
    }

    #[cfg(feature = "cpu")]
    #[test]
    fn channels_come_before_rows() {
        let picture = RgbImage::from_raw(2, 1, vec![0, 51, 102, 153, 204, 255]).unwrap();
        let pixels = structure_pixels(&picture, &Device::flex());
        assert_eq!(pixels.dims(), [1, 3, 1, 2]);
        let values: Vec<f32> = pixels.into_data().try_to_vec().unwrap();
        let expected = [-1.0, 0.2, -0.6, 0.6, -0.2, 1.0];
        assert!(
            values
                .iter()
                .zip(expected)
                .all(|(a, b)| (a - b).abs() < 1e-6)
        );
    }
}
