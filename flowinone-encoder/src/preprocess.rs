//! From a picture of any size to what the networks read, in the reference's exact bytes and floats.
//!
//! The vision path sees the whole picture, scaled into a grey square: `(x / 255 - 1/2) / (1/2)`.
//! The structure path sees the square in its middle: `x / 127.5 - 1`.

use burn::tensor::{Device, Tensor, TensorData};
use flowinone_image::{Filter, resize};
use image::{Rgb, RgbImage, imageops};

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

/// The input `[pictures, 3, h, w]` of the vision tower for the bytes of [`janus_square`]s.
///
/// # Panics
/// If the pictures differ in size, or there is none.
pub fn janus_pixels<'a>(
    pictures: impl IntoIterator<Item = &'a RgbImage>,
    device: &Device,
) -> Tensor<4> {
    to_tensor(
        pictures,
        |byte| (f32::from(byte) / 255.0 - 0.5) / 0.5,
        device,
    )
}

/// The input `[pictures, 3, h, w]` of the autoencoder for the bytes of
/// [`center_crop`](flowinone_image::center_crop)s, in training and for pictures alike.
///
/// It differs from [`janus_pixels`] in the last bit of some values: computed in double precision.
///
/// # Panics
/// If the pictures differ in size, or there is none.
pub fn structure_pixels<'a>(
    pictures: impl IntoIterator<Item = &'a RgbImage>,
    device: &Device,
) -> Tensor<4> {
    to_tensor(
        pictures,
        |byte| (f64::from(byte) / 127.5 - 1.0) as f32,
        device,
    )
}

fn to_tensor<'a>(
    pictures: impl IntoIterator<Item = &'a RgbImage>,
    value: impl Fn(u8) -> f32,
    device: &Device,
) -> Tensor<4> {
    let table: [f32; 256] = std::array::from_fn(|byte| value(byte as u8));
    let (mut values, mut size, mut count) = (vec![], None, 0);
    for picture in pictures {
        let first = *size.get_or_insert(picture.dimensions());
        assert_eq!(
            picture.dimensions(),
            first,
            "pictures of a batch have one size"
        );
        let (pixels, _) = picture.as_raw().as_chunks::<3>();
        let bytes = (0..3).flat_map(|channel| pixels.iter().map(move |pixel| pixel[channel]));
        values.extend(bytes.map(|byte| table[usize::from(byte)]));
        count += 1;
    }
    let (width, height) = size.expect("a batch has at least one picture");
    let shape = [count, 3, height as usize, width as usize];
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
            let square = janus_square(&line, 384);
            let inside = square.pixels().filter(|pixel| **pixel != GREY).count();
            assert_eq!(inside, 384 * 14);
        }
        assert_eq!(janus_square(&stripes(100, 1), 8).dimensions(), (8, 8));
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
        let pixels = structure_pixels([&picture], &Device::flex());
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
