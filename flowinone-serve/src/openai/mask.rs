//! Pictures that say where: a mask whose transparent part is a box, and marks laid over a picture.

use std::io::Cursor;

use image::{ImageFormat, ImageReader, RgbImage, RgbaImage};

use crate::refusal::Refusal;

/// Decodes a picture with its transparency, of exactly a size.
fn decoded(name: &str, bytes: &[u8], size: (u32, u32)) -> Result<RgbaImage, Refusal> {
    let bad = |reason: String| Refusal::field(name, format!("the {name} cannot be used: {reason}"));
    let reader = || {
        let reader = ImageReader::new(Cursor::new(bytes)).with_guessed_format();
        reader.map_err(|e| bad(e.to_string()))
    };
    let (width, height) = reader()?
        .into_dimensions()
        .map_err(|e| bad(e.to_string()))?;
    if (width, height) != size {
        return Err(bad(format!(
            "it is {width} x {height} pixels and the picture {} x {}; they must be of one size",
            size.0, size.1
        )));
    }
    Ok(reader()?
        .decode()
        .map_err(|e| bad(e.to_string()))?
        .into_rgba8())
}

/// The bounds of the transparent part of a mask: `[x, y, width, height]` in pixels.
///
/// # Errors
/// A mask of another size than the picture's, or one without a transparent part.
pub(super) fn bounds(bytes: &[u8], size: (u32, u32)) -> Result<[u32; 4], Refusal> {
    let mask = decoded("mask", bytes, size)?;
    let (mut left, mut top, mut right, mut foot) = (u32::MAX, u32::MAX, 0, 0);
    for (x, y, pixel) in mask.enumerate_pixels() {
        if pixel.0[3] == 0 {
            (left, top) = (left.min(x), top.min(y));
            (right, foot) = (right.max(x + 1), foot.max(y + 1));
        }
    }
    match right {
        0 => Err(Refusal::field(
            "mask",
            "the mask has no transparent part; that is where the edit goes",
        )),
        _ => Ok([left, top, right - left, foot - top]),
    }
}

/// A picture with marks laid over it, as PNG.
///
/// # Errors
/// Marks of another size than the picture's, or that cannot be read.
pub(super) fn marked(picture: &RgbImage, markup: &[u8]) -> Result<Vec<u8>, Refusal> {
    let markup = decoded("markup", markup, picture.dimensions())?;
    let mut marked = picture.clone();
    for (under, over) in marked.pixels_mut().zip(markup.pixels()) {
        let alpha = u32::from(over.0[3]);
        for channel in 0..3 {
            let [below, above] = [under.0[channel], over.0[channel]].map(u32::from);
            under.0[channel] = ((above * alpha + below * (255 - alpha) + 127) / 255) as u8;
        }
    }
    let mut png = Cursor::new(vec![]);
    let written = marked.write_to(&mut png, ImageFormat::Png);
    written.map_err(|e| Refusal::internal("encoding", e.to_string()))?;
    Ok(png.into_inner())
}

#[cfg(test)]
mod tests {
    use super::*;
    use image::Rgba;

    fn png(picture: &RgbaImage) -> Vec<u8> {
        let mut bytes = Cursor::new(vec![]);
        picture.write_to(&mut bytes, ImageFormat::Png).unwrap();
        bytes.into_inner()
    }

    #[test]
    fn the_box_is_the_bounds_of_what_is_transparent() {
        let mut mask = RgbaImage::from_pixel(40, 30, Rgba([0, 0, 0, 255]));
        for (x, y) in [(5, 7), (20, 9), (11, 25)] {
            mask.put_pixel(x, y, Rgba([0; 4]));
        }
        assert_eq!(bounds(&png(&mask), (40, 30)).unwrap(), [5, 7, 16, 19]);
        let refused = bounds(&png(&mask), (30, 40)).unwrap_err();
        assert!(refused.message.contains("one size"), "{}", refused.message);
        let whole = RgbaImage::from_pixel(4, 4, Rgba([0, 0, 0, 255]));
        assert!(bounds(&png(&whole), (4, 4)).is_err());
    }

    #[test]
    fn marks_cover_what_is_under_them() {
        let picture = RgbImage::from_pixel(2, 1, image::Rgb([100; 3]));
        let mut markup = RgbaImage::new(2, 1);
        markup.put_pixel(1, 0, Rgba([255, 0, 0, 255]));
        let marked = marked(&picture, &png(&markup)).unwrap();
        let marked = flowinone_image::decode_picture(&marked).unwrap();
        assert_eq!(marked.into_raw(), [100, 100, 100, 255, 0, 0]);
    }
}
