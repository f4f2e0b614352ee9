//! JPEG, decoded as libjpeg-turbo does it: colour that is stored at half the size is brought to
//! full size by a triangle filter, `(9 a + 3 b + 3 c + d) / 16`. Prompts are mostly photos, and the
//! reference reads them so.

use image::metadata::Orientation;
use image::{DynamicImage, GrayImage, ImageBuffer, Luma, RgbImage};
use jpeg_decoder::{Decoder, Error, PixelFormat};

use super::profile::Profile;
use super::{Decoded, MAX_DECODE, check_size};

/// Whether the bytes begin as a JPEG does.
pub(super) fn begins(bytes: &[u8]) -> bool {
    bytes.starts_with(&[0xff, 0xd8, 0xff])
}

/// Decodes a whole JPEG; one whose data end early is refused.
pub(super) fn decode(bytes: &[u8]) -> Result<Decoded, String> {
    let mut decoder = Decoder::new(bytes);
    decoder.set_max_decoding_buffer_size(MAX_DECODE as usize);
    decoder.read_info().map_err(reason)?;
    let info = decoder.info().ok_or("its header says no size")?;
    let (width, height) = (u32::from(info.width), u32::from(info.height));
    check_size(width, height)?;
    let pixels = decoder.decode().map_err(reason)?;
    let exif = decoder.exif_data();
    let orientation = exif.and_then(Orientation::from_exif_chunk);
    let profile = decoder.icc_profile().map(Profile::Icc);
    let short = || "it has fewer pixels than its header says".to_string();
    let (picture, profile) = match info.pixel_format {
        PixelFormat::L8 => {
            let grey = GrayImage::from_raw(width, height, pixels).ok_or_else(short)?;
            (grey.into(), profile)
        }
        PixelFormat::L16 => {
            let (pairs, _) = pixels.as_chunks::<2>();
            let values = pairs.iter().map(|pair| u16::from_ne_bytes(*pair)).collect();
            let grey: Option<ImageBuffer<Luma<u16>, _>> =
                ImageBuffer::from_raw(width, height, values);
            (DynamicImage::ImageLuma16(grey.ok_or_else(short)?), profile)
        }
        PixelFormat::RGB24 => {
            let colour = RgbImage::from_raw(width, height, pixels).ok_or_else(short)?;
            (colour.into(), profile)
        }
        PixelFormat::CMYK32 => {
            let colour = profile.and_then(|profile| profile.of_inks(&pixels));
            let colour = colour.unwrap_or_else(|| plain(&pixels));
            let colour = RgbImage::from_raw(width, height, colour).ok_or_else(short)?;
            (colour.into(), None)
        }
    };
    Ok(Decoded {
        picture,
        orientation: orientation.unwrap_or(Orientation::NoTransforms),
        profile,
    })
}

fn reason(error: Error) -> String {
    match error {
        Error::Io(e) if e.kind() == std::io::ErrorKind::UnexpectedEof => {
            "it is cut short: its data end before the picture does; copy or download it again"
                .into()
        }
        error => format!("it is a damaged JPEG, or of a kind that is not read: {error}"),
    }
}

/// Inks to colours where no profile says more: `(1 - ink) (1 - black)`.
fn plain(inks: &[u8]) -> Vec<u8> {
    let (inks, _) = inks.as_chunks::<4>();
    let colour = |&[cyan, magenta, yellow, black]: &[u8; 4]| {
        let light = 255 - u32::from(black);
        [cyan, magenta, yellow].map(|ink| {
            let product = u32::from(ink) * light + 128;
            (light - ((product + (product >> 8)) >> 8)) as u8
        })
    };
    inks.iter().flat_map(colour).collect()
}
