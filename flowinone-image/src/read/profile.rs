//! Colour profiles: a picture that says which colours its numbers mean is converted to sRGB, which
//! everything inside takes numbers for.

use image::{DynamicImage, GrayAlphaImage, GrayImage, RgbImage, RgbaImage};
use moxcms::{
    CicpColorPrimaries, CicpProfile, ColorPrimaries, ColorProfile, DataColorSpace, Layout,
    MatrixCoefficients, TransferCharacteristics, TransformOptions,
};

/// A profile that changes no colour of a probe by more than this is sRGB, and changes none.
const SAME: u8 = 2;

/// Transfer functions of pictures brighter than white: PQ and HLG.
const HIGH_DYNAMIC_RANGE: [u8; 2] = [16, 18];

/// What becomes of colour profiles inside pictures.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Profiles {
    /// Colours are converted to sRGB.
    #[default]
    Convert,
    /// Numbers are taken as they are, as the reference does.
    Ignore,
}

impl Profiles {
    /// What `--ignore-profiles` says, and the record of a picture.
    pub fn ignored(ignored: bool) -> Self {
        match ignored {
            true => Self::Ignore,
            false => Self::Convert,
        }
    }
}

/// What a file says about its colours.
#[derive(Debug, Clone)]
pub(crate) enum Profile {
    /// An ICC profile.
    Icc(Vec<u8>),
    /// Primaries and transfer function by their numbers in ITU-T H.273, as the chunk `cICP` of PNG.
    Cicp(u8, u8),
}

impl Profile {
    /// Of a PNG's header, where the chunk `cICP` counts for more than a profile.
    pub(super) fn of_png(bytes: &[u8]) -> Option<Self> {
        let limits = png::Limits { bytes: 16 << 20 };
        let mut decoder = png::Decoder::new_with_limits(std::io::Cursor::new(bytes), limits);
        let info = decoder.read_header_info().ok()?;
        let points = info.coding_independent_code_points?;
        Some(Self::Cicp(points.color_primaries, points.transfer_function))
    }

    /// The picture in sRGB; as it is if the profile is damaged, or of another kind of colours.
    pub(crate) fn to_srgb(&self, picture: DynamicImage) -> DynamicImage {
        let Some(profile) = self.read() else {
            return picture;
        };
        converted(&profile, &picture).unwrap_or(picture)
    }

    /// The profile as it lies in the file, if it is one of red, green and blue.
    pub(crate) fn of_colours(&self) -> Option<Vec<u8>> {
        let Self::Icc(bytes) = self else {
            return None;
        };
        let colours = self.read()?.color_space == DataColorSpace::Rgb;
        colours.then(|| bytes.clone())
    }

    /// Inks, four bytes a pixel, as sRGB; `None` if the profile is not one of inks.
    pub(super) fn of_inks(&self, inks: &[u8]) -> Option<Vec<u8>> {
        let profile = self.read()?;
        if profile.color_space != DataColorSpace::Cmyk {
            return None;
        }
        let pixels = inks.len() / 4;
        transformed(&profile, Layout::Rgba, inks, Layout::Rgb, 3 * pixels)
    }

    fn read(&self) -> Option<ColorProfile> {
        match self {
            Self::Icc(bytes) => ColorProfile::new_from_slice(bytes).ok(),
            Self::Cicp(primaries, transfer) => {
                if HIGH_DYNAMIC_RANGE.contains(transfer) {
                    return None; // its brightness has no place in sRGB
                }
                let cicp = CicpProfile {
                    color_primaries: CicpColorPrimaries::try_from(*primaries).ok()?,
                    transfer_characteristics: TransferCharacteristics::try_from(*transfer).ok()?,
                    matrix_coefficients: MatrixCoefficients::Identity,
                    full_range: true,
                };
                ColorPrimaries::try_from(cicp.color_primaries).ok()?;
                let profile = ColorProfile::new_from_cicp(cicp);
                profile.red_trc.is_some().then_some(profile)
            }
        }
    }
}

fn converted(profile: &ColorProfile, picture: &DynamicImage) -> Option<DynamicImage> {
    let colour = picture.color();
    let (width, height) = (picture.width(), picture.height());
    let pixels = width as usize * height as usize;
    match (profile.color_space, colour.has_color(), colour.has_alpha()) {
        (DataColorSpace::Rgb, ..) if is_srgb(profile) => None,
        (DataColorSpace::Rgb, _, false) => {
            let from = picture.to_rgb8();
            let to = transformed(profile, Layout::Rgb, &from, Layout::Rgb, 3 * pixels)?;
            RgbImage::from_raw(width, height, to).map(Into::into)
        }
        (DataColorSpace::Rgb, _, true) => {
            let from = picture.to_rgba8();
            let to = transformed(profile, Layout::Rgba, &from, Layout::Rgba, 4 * pixels)?;
            RgbaImage::from_raw(width, height, to).map(Into::into)
        }
        (DataColorSpace::Gray, false, false) => {
            let from: GrayImage = picture.to_luma8();
            let to = transformed(profile, Layout::Gray, &from, Layout::Rgb, 3 * pixels)?;
            RgbImage::from_raw(width, height, to).map(Into::into)
        }
        (DataColorSpace::Gray, false, true) => {
            let from: GrayAlphaImage = picture.to_luma_alpha8();
            let to = transformed(profile, Layout::GrayAlpha, &from, Layout::Rgba, 4 * pixels)?;
            RgbaImage::from_raw(width, height, to).map(Into::into)
        }
        _ => None,
    }
}

fn transformed(
    profile: &ColorProfile,
    from: Layout,
    pixels: &[u8],
    to: Layout,
    length: usize,
) -> Option<Vec<u8>> {
    let srgb = ColorProfile::new_srgb();
    let options = TransformOptions::default();
    let transform = profile.create_transform_8bit(from, &srgb, to, options);
    let mut converted = vec![0; length];
    transform.ok()?.transform(pixels, &mut converted).ok()?;
    Some(converted)
}

/// Whether a profile means sRGB: most photos carry that, and their numbers are not touched.
fn is_srgb(profile: &ColorProfile) -> bool {
    let levels = (0..=8u16).map(|level| (level * 255 / 8) as u8);
    let probe: Vec<u8> = levels
        .clone()
        .flat_map(|red| levels.clone().map(move |green| (red, green)))
        .flat_map(|(red, green)| levels.clone().flat_map(move |blue| [red, green, blue]))
        .collect();
    let probed = transformed(profile, Layout::Rgb, &probe, Layout::Rgb, probe.len());
    probed.is_some_and(|probed| {
        let mut pairs = probed.iter().zip(&probe);
        pairs.all(|(a, b)| a.abs_diff(*b) <= SAME)
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::read::{decode_picture, decode_picture_with};
    use image::{ImageEncoder, Rgb, Rgba};

    fn png(picture: &DynamicImage, profile: &ColorProfile) -> Vec<u8> {
        let mut bytes = vec![];
        let mut encoder = image::codecs::png::PngEncoder::new(&mut bytes);
        encoder.set_icc_profile(profile.encode().unwrap()).unwrap();
        picture.write_with_encoder(encoder).unwrap();
        bytes
    }

    fn red() -> DynamicImage {
        RgbImage::from_pixel(4, 4, Rgb([220, 40, 40])).into()
    }

    #[test]
    fn display_p3_becomes_srgb_unless_profiles_are_ignored() {
        // As colour management of the common programs gives it: (240, 0, 21), by a rounding.
        let bytes = png(&red(), &ColorProfile::new_display_p3());
        let [r, g, b] = decode_picture(&bytes).unwrap().get_pixel(2, 2).0;
        assert!(
            r.abs_diff(240) <= 1 && g <= 1 && b.abs_diff(21) <= 2,
            "{r} {g} {b}"
        );
        let ignored = decode_picture_with(&bytes, Profiles::Ignore).unwrap();
        assert_eq!(ignored.get_pixel(2, 2).0, [220, 40, 40]);
    }

    #[test]
    fn srgb_pictures_keep_every_number() {
        let mut picture = RgbImage::new(256, 16);
        for (x, y, pixel) in picture.enumerate_pixels_mut() {
            pixel.0 = [x as u8, (x * 7 + y * 31) as u8, (255 - x) as u8];
        }
        let bytes = png(&picture.clone().into(), &ColorProfile::new_srgb());
        assert_eq!(decode_picture(&bytes).unwrap(), picture);
    }

    #[test]
    fn transparency_stays_and_shows_white_after_conversion() {
        let mut picture = RgbaImage::from_pixel(2, 1, Rgba([220, 40, 40, 255]));
        picture.put_pixel(1, 0, Rgba([220, 40, 40, 0]));
        let bytes = png(&picture.into(), &ColorProfile::new_display_p3());
        let read = decode_picture(&bytes).unwrap();
        assert!(read.get_pixel(0, 0).0[0] >= 239);
        assert_eq!(read.get_pixel(1, 0).0, [255; 3]);
    }

    #[test]
    fn grey_has_profiles_of_its_own() {
        let grey: DynamicImage = GrayImage::from_pixel(2, 2, image::Luma([128])).into();
        let linear = ColorProfile::new_gray_with_gamma(1.0);
        let read = decode_picture(&png(&grey, &linear)).unwrap();
        // 128 / 255 of the light is 188 of 255 in sRGB.
        assert!(read.get_pixel(0, 0).0.iter().all(|v| v.abs_diff(188) <= 1));
        // A profile of greys says nothing about colours.
        let read = decode_picture(&png(&red(), &linear)).unwrap();
        assert_eq!(read.get_pixel(0, 0).0, [220, 40, 40]);
    }

    #[test]
    fn a_damaged_profile_does_not_cost_the_picture() {
        let whole = ColorProfile::new_display_p3().encode().unwrap();
        for length in [0, 1, 20, 130, 200, whole.len() - 1] {
            let picture = Profile::Icc(whole[..length].to_vec()).to_srgb(red());
            assert_eq!(picture.to_rgb8().dimensions(), (4, 4));
        }
    }

    #[test]
    fn code_points_of_a_png_count_as_a_profile() {
        let p3 = Profile::Cicp(12, 13).to_srgb(red()).to_rgb8();
        assert!(p3.get_pixel(0, 0).0[0] >= 239, "{:?}", p3.get_pixel(0, 0));
        let srgb = Profile::Cicp(1, 13).to_srgb(red()).to_rgb8();
        assert_eq!(srgb.get_pixel(0, 0).0, [220, 40, 40]);
    }
}
