//! Pictures with what [`read_picture`](crate::read_picture) takes off: transparency, and a colour
//! profile that is kept beside the numbers.

use std::path::Path;

use flowinone_files::write_atomically;
use image::{GrayImage, RgbImage};

use crate::Error;
use crate::read::{decoded, on_white};

/// A picture, its transparency and its colour profile.
#[derive(Debug, Clone, PartialEq)]
pub struct PictureWithAlpha {
    /// Its colours, also where they are not seen.
    pub colours: RgbImage,
    /// How much is seen of each pixel, 0 to 255; `None` if the file has no transparency.
    pub alpha: Option<GrayImage>,
    /// The ICC profile that says what the numbers mean; `None` for sRGB.
    pub profile: Option<Vec<u8>>,
}

/// Decodes a picture as [`decode_picture`](crate::decode_picture) does, but keeps transparency, and
/// the ICC profile of colours with numbers as they are. Colours of other kinds (inks, greys with a
/// profile, numbers of H.273) are converted to sRGB.
///
/// # Errors
/// A sentence that says which limit is broken or what is damaged.
pub fn decode_with_alpha(bytes: &[u8]) -> Result<PictureWithAlpha, String> {
    let decoded = decoded(bytes)?;
    let mut picture = decoded.picture;
    let mut profile = None;
    if let Some(found) = decoded.profile {
        match found.of_colours() {
            Some(bytes) if picture.color().has_color() => profile = Some(bytes),
            _ => picture = found.to_srgb(picture),
        }
    }
    picture.apply_orientation(decoded.orientation);
    if !picture.color().has_alpha() {
        return Ok(PictureWithAlpha {
            colours: on_white(picture),
            alpha: None,
            profile,
        });
    }
    let rgba = picture.into_rgba8();
    let (width, height) = rgba.dimensions();
    let (mut colours, mut alpha) = (RgbImage::new(width, height), GrayImage::new(width, height));
    for ((from, to), seen) in rgba
        .pixels()
        .zip(colours.pixels_mut())
        .zip(alpha.pixels_mut())
    {
        let [red, green, blue, a] = from.0;
        (to.0, seen.0) = ([red, green, blue], [a]);
    }
    Ok(PictureWithAlpha {
        colours,
        alpha: Some(alpha),
        profile,
    })
}

/// Writes a picture as a PNG with its transparency and profile, and a text under a keyword of 1 to
/// 79 Latin letters; the file appears under its name only when complete.
///
/// # Errors
/// Names the file that cannot be written.
///
/// # Panics
/// If the transparency has another size than the colours.
pub fn write_with_alpha(
    path: &Path,
    picture: &PictureWithAlpha,
    keyword: &str,
    text: String,
) -> Result<(), Error> {
    let (width, height) = picture.colours.dimensions();
    let fail = |e: png::EncodingError| Error::picture(path, e.to_string());
    let mut info = png::Info::with_size(width, height);
    info.bit_depth = png::BitDepth::Eight;
    info.color_type = match picture.alpha {
        Some(_) => png::ColorType::Rgba,
        None => png::ColorType::Rgb,
    };
    info.icc_profile = picture.profile.as_deref().map(Into::into);
    let mut bytes = Vec::new();
    let mut encoder = png::Encoder::with_info(&mut bytes, info).map_err(fail)?;
    encoder.add_itxt_chunk(keyword.into(), text).map_err(fail)?;
    let mut writer = encoder.write_header().map_err(fail)?;
    let colours = picture.colours.as_raw();
    let written = match &picture.alpha {
        None => writer.write_image_data(colours),
        Some(alpha) => {
            assert_eq!(alpha.dimensions(), (width, height), "size of transparency");
            let pixels = colours.chunks_exact(3).zip(alpha.as_raw());
            let rgba: Vec<u8> = pixels
                .flat_map(|(colour, alpha)| [colour[0], colour[1], colour[2], *alpha])
                .collect();
            writer.write_image_data(&rgba)
        }
    };
    written.and_then(|()| writer.finish()).map_err(fail)?;
    Ok(write_atomically(path, &bytes)?)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::read_text;
    use image::{Luma, Rgb};

    #[test]
    fn transparency_profile_and_text_come_back() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a.png");
        let profile = moxcms::ColorProfile::new_display_p3().encode().unwrap();
        for alpha in [
            None,
            Some(GrayImage::from_fn(5, 4, |x, y| Luma([(x * 40 + y) as u8]))),
        ] {
            let picture = PictureWithAlpha {
                colours: RgbImage::from_fn(5, 4, |x, y| Rgb([(x * 50) as u8, 7, (y * 60) as u8])),
                alpha,
                profile: Some(profile.clone()),
            };
            write_with_alpha(&path, &picture, "words", "kept".into()).unwrap();
            let back = decode_with_alpha(&std::fs::read(&path).unwrap()).unwrap();
            assert_eq!(back, picture);
            assert_eq!(read_text(&path, "words").unwrap(), "kept");
        }
    }
}
