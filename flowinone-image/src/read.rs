//! The door through which pictures enter: limits first, then decoding, orientation and a white
//! ground, so that everything inside works on plain 8-bit RGB.

use std::fs::File;
use std::io::{Cursor, Read};
use std::path::Path;

use flowinone_files::has_extension;
use image::metadata::Orientation;
use image::{DynamicImage, ImageDecoder, ImageFormat, ImageReader, Limits, RgbImage};

use crate::Error;
use profile::Profile;

mod jpeg;
mod profile;
mod tiff;

pub use profile::Profiles;

/// Longest side of an accepted picture, in pixels.
pub const MAX_SIDE: u32 = 16_384;
/// Most pixels of an accepted picture.
pub const MAX_PIXELS: u64 = 64_000_000;
/// Largest accepted file, in bytes.
pub const MAX_FILE: u64 = 256 << 20;
/// Most memory that decoding may take, in bytes: 64 MP of 16-bit RGBA, and as much again.
const MAX_DECODE: u64 = 1 << 30;

/// Extensions of the files that [`read_picture`] reads, for searches in folders.
pub const EXTENSIONS: [&str; 8] = ["png", "jpg", "jpeg", "webp", "bmp", "tif", "tiff", "gif"];

/// Whether a file's name ends in one of the [`EXTENSIONS`], in letters of either case.
pub fn is_picture(path: impl AsRef<Path>) -> bool {
    has_extension(path, &EXTENSIONS)
}

/// Reads a picture file as upright 8-bit RGB on white.
///
/// PNG, JPEG, WebP, BMP, TIFF and the first frame of a GIF, told apart by content. The EXIF
/// orientation is applied, colours are converted to sRGB from what an embedded profile says,
/// transparency is put on white, 16-bit and grey pictures are converted.
///
/// # Errors
/// Names the file and the limit that it breaks, or what is damaged. Sizes are checked before
/// anything is decoded.
pub fn read_picture(path: impl AsRef<Path>) -> Result<RgbImage, Error> {
    let path = path.as_ref();
    decode_picture(&read_picture_file(path)?).map_err(|reason| Error::picture(path, reason))
}

/// The bytes of a picture file, for those who need them besides the picture (their digest, say).
///
/// # Errors
/// Names the file that cannot be read, or that is larger than [`MAX_FILE`].
pub fn read_picture_file(path: impl AsRef<Path>) -> Result<Vec<u8>, Error> {
    let path = path.as_ref();
    let unreadable = || flowinone_files::Error::of("read", path);
    let file = File::open(path).map_err(unreadable())?;
    let size = file.metadata().map_err(unreadable())?.len();
    let mut bytes = Vec::with_capacity(size.min(MAX_FILE) as usize);
    // A device has no size and no end.
    file.take(MAX_FILE + 1)
        .read_to_end(&mut bytes)
        .map_err(unreadable())?;
    if bytes.len() as u64 > MAX_FILE {
        return Err(Error::picture(
            path,
            format!("it has more than the {MAX_FILE} bytes allowed; reduce it first"),
        ));
    }
    Ok(bytes)
}

/// As [`read_picture`], from bytes in memory; the error is the reason alone.
///
/// # Errors
/// A sentence that says which limit is broken or what is damaged.
pub fn decode_picture(bytes: &[u8]) -> Result<RgbImage, String> {
    decode_picture_with(bytes, Profiles::Convert)
}

/// As [`decode_picture`], with a choice of what becomes of colour profiles.
///
/// # Errors
/// As those of [`decode_picture`].
pub fn decode_picture_with(bytes: &[u8], profiles: Profiles) -> Result<RgbImage, String> {
    let Decoded {
        mut picture,
        orientation,
        profile,
    } = decoded(bytes)?;
    if let (Some(profile), Profiles::Convert) = (profile, profiles) {
        picture = profile.to_srgb(picture);
    }
    picture.apply_orientation(orientation);
    Ok(on_white(picture))
}

/// A picture as its file has it, and what the file says besides.
pub(crate) struct Decoded {
    pub(crate) picture: DynamicImage,
    pub(crate) orientation: Orientation,
    pub(crate) profile: Option<Profile>,
}

pub(crate) fn decoded(bytes: &[u8]) -> Result<Decoded, String> {
    if bytes.is_empty() {
        return Err("the file is empty".into());
    }
    if jpeg::begins(bytes) {
        return jpeg::decode(bytes);
    }
    let reader = ImageReader::new(Cursor::new(bytes))
        .with_guessed_format()
        .map_err(|e| e.to_string())?;
    let Some(format) = reader.format() else {
        return Err(no_picture(bytes));
    };
    if format == ImageFormat::Tiff
        && let Some(decoded) = tiff::decode(bytes)
    {
        return decoded;
    }
    let mut decoder = reader.into_decoder().map_err(|e| e.to_string())?;
    let (width, height) = decoder.dimensions();
    check_size(width, height)?;
    let mut limits = Limits::default();
    limits.max_alloc = Some(MAX_DECODE);
    decoder.set_limits(limits).map_err(|e| e.to_string())?;
    // Damage to what a file says besides should not cost the picture itself.
    let orientation = decoder.orientation().unwrap_or(Orientation::NoTransforms);
    let points = (format == ImageFormat::Png).then(|| Profile::of_png(bytes));
    let profile = points.flatten().or_else(|| {
        let profile = decoder.icc_profile().ok().flatten();
        profile.map(Profile::Icc)
    });
    let picture = DynamicImage::from_decoder(decoder).map_err(|e| e.to_string())?;
    Ok(Decoded {
        picture,
        orientation,
        profile,
    })
}

/// Refuses a size before anything is decoded.
fn check_size(width: u32, height: u32) -> Result<(), String> {
    if width == 0 || height == 0 {
        return Err(format!("it is {width} x {height} pixels"));
    }
    if width.max(height) > MAX_SIDE {
        return Err(format!(
            "it is {width} x {height} pixels, more than {MAX_SIDE} a side; reduce it first"
        ));
    }
    if u64::from(width) * u64::from(height) > MAX_PIXELS {
        return Err(format!(
            "it is {width} x {height} pixels, more than {} megapixels; reduce it first",
            MAX_PIXELS / 1_000_000
        ));
    }
    Ok(())
}

/// Why bytes are not in one of the formats that are read.
fn no_picture(bytes: &[u8]) -> String {
    match flowinone_files::recognised(bytes) {
        Some(what) => format!("it is {what}; expected PNG, JPEG, WebP, BMP, TIFF or GIF"),
        None => "it is none of PNG, JPEG, WebP, BMP, TIFF, GIF".into(),
    }
}

/// 8-bit RGB; where a picture has transparency, white shows through.
pub(crate) fn on_white(picture: DynamicImage) -> RgbImage {
    if !picture.color().has_alpha() {
        return picture.into_rgb8();
    }
    let rgba = picture.into_rgba8();
    let mut rgb = RgbImage::new(rgba.width(), rgba.height());
    for (to, from) in rgb.pixels_mut().zip(rgba.pixels()) {
        let [red, green, blue, alpha] = from.0.map(u32::from);
        let over = |value: u32| ((value * alpha + 255 * (255 - alpha) + 127) / 255) as u8;
        to.0 = [over(red), over(green), over(blue)];
    }
    rgb
}

#[cfg(test)]
mod tests {
    use super::*;
    use image::{ImageBuffer, ImageFormat, Luma, LumaA, Rgba};

    fn encoded(picture: &DynamicImage, format: ImageFormat) -> Vec<u8> {
        let mut bytes = Cursor::new(Vec::new());
        picture.write_to(&mut bytes, format).unwrap();
        bytes.into_inner()
    }

    #[test]
    fn transparency_shows_white() {
        let mut picture = ImageBuffer::from_pixel(3, 1, Rgba([10u8, 20, 30, 255]));
        picture.put_pixel(1, 0, Rgba([10, 20, 30, 0]));
        picture.put_pixel(2, 0, Rgba([0, 100, 255, 128]));
        let bytes = encoded(&picture.into(), ImageFormat::Png);
        let rgb = decode_picture(&bytes).unwrap();
        assert_eq!(rgb.into_raw(), [10, 20, 30, 255, 255, 255, 127, 177, 255]);
    }

    #[test]
    fn sixteen_bits_and_grey_become_eight_bit_colour() {
        let deep = ImageBuffer::from_pixel(1, 1, Luma([0x80ff_u16]));
        let rgb = decode_picture(&encoded(&deep.into(), ImageFormat::Png)).unwrap();
        assert!(rgb.into_raw().iter().all(|v| v.abs_diff(0x80) <= 1));
        let veiled = ImageBuffer::from_pixel(1, 1, LumaA([0u16, 0]));
        let rgb = decode_picture(&encoded(&veiled.into(), ImageFormat::Png)).unwrap();
        assert_eq!(rgb.into_raw(), [255, 255, 255]);
    }

    #[test]
    fn every_format_is_told_by_content() {
        let picture = DynamicImage::from(RgbImage::from_pixel(8, 8, image::Rgb([200, 30, 30])));
        for format in [
            ImageFormat::Png,
            ImageFormat::Jpeg,
            ImageFormat::WebP,
            ImageFormat::Bmp,
            ImageFormat::Tiff,
            ImageFormat::Gif,
        ] {
            let rgb = decode_picture(&encoded(&picture, format)).unwrap();
            assert!(rgb.get_pixel(4, 4).0[0].abs_diff(200) < 8, "{format:?}");
        }
    }

    #[test]
    fn exif_orientation_is_honoured() {
        let mut picture = RgbImage::from_pixel(2, 1, image::Rgb([0, 0, 0]));
        picture.put_pixel(0, 0, image::Rgb([255, 255, 255]));
        let mut bytes = Vec::new();
        let mut encoder = image::codecs::png::PngEncoder::new(&mut bytes);
        // One TIFF entry: tag 0x0112 (orientation), SHORT, count 1, value 6 (turn clockwise).
        let exif = b"II*\0\x08\0\0\0\x01\0\x12\x01\x03\0\x01\0\0\0\x06\0\0\0\0\0\0\0";
        image::ImageEncoder::set_exif_metadata(&mut encoder, exif.to_vec()).unwrap();
        picture.write_with_encoder(encoder).unwrap();
        let upright = decode_picture(&bytes).unwrap();
        assert_eq!(upright.dimensions(), (1, 2));
        assert_eq!(upright.get_pixel(0, 0).0, [255; 3]);
    }

    #[test]
    fn oversized_pictures_are_refused_by_their_header() {
        // A PNG header that claims 20,000 x 10, then 16,000 x 16,000, and no pixel data at all.
        for (width, height, reason) in
            [(20_000u32, 10u32, "a side"), (16_000, 16_000, "megapixels")]
        {
            let mut bytes = encoded(&RgbImage::new(1, 1).into(), ImageFormat::Png);
            bytes[16..20].copy_from_slice(&width.to_be_bytes());
            bytes[20..24].copy_from_slice(&height.to_be_bytes());
            let crc = crc32(&bytes[12..29]);
            bytes[29..33].copy_from_slice(&crc.to_be_bytes());
            let text = decode_picture(&bytes).unwrap_err();
            assert!(text.contains(reason), "{text}");
        }
    }

    fn crc32(bytes: &[u8]) -> u32 {
        !bytes.iter().fold(!0u32, |crc, &byte| {
            (0..8).fold(crc ^ u32::from(byte), |c, _| {
                if c & 1 == 1 {
                    (c >> 1) ^ 0xedb8_8320
                } else {
                    c >> 1
                }
            })
        })
    }
}
