//! The kinds of TIFF that have no decoder elsewhere: palettes and greys of fewer than 16 bits or in
//! floating point. What else is not read is told by its kind.

use std::io::Cursor;

use image::metadata::Orientation;
use image::{DynamicImage, GrayImage, RgbImage};
use tiff::ColorType;
use tiff::decoder::{Decoder, DecodingResult, Limits};
use tiff::tags::{PhotometricInterpretation, SampleFormat, Tag};

use super::profile::Profile;
use super::{Decoded, MAX_DECODE, check_size};

/// The tag that says what samples mean.
const PHOTOMETRIC: u16 = 262;

/// A TIFF of a kind that is decoded here, or one that nobody decodes; `None` for all others.
pub(super) fn decode(bytes: &[u8]) -> Option<Result<Decoded, String>> {
    let photometric = Photometric::find(bytes)?;
    if photometric.value == PhotometricInterpretation::RGBPalette.to_u16() {
        // Its numbers are read as greys, and looked up.
        let mut grey = bytes.to_vec();
        let black_is_zero = PhotometricInterpretation::BlackIsZero.to_u16();
        photometric.write(&mut grey, black_is_zero)?;
        return Some(samples(&grey, true));
    }
    let mut decoder = Decoder::new(Cursor::new(bytes)).ok()?;
    let formats: Vec<u16> = decoder
        .get_tag_u16_vec(Tag::SampleFormat)
        .unwrap_or_default();
    let float = formats.first() == Some(&SampleFormat::IEEEFP.to_u16());
    let whole = formats
        .first()
        .is_none_or(|format| *format == SampleFormat::Uint.to_u16());
    match decoder.colortype() {
        Ok(ColorType::Gray(2 | 4)) if whole => Some(samples(bytes, false)),
        Ok(ColorType::Gray(32)) if float => Some(samples(bytes, false)),
        Ok(ColorType::Gray(1 | 8 | 16) | ColorType::GrayA(8 | 16)) if whole => None,
        Ok(ColorType::RGB(8 | 16) | ColorType::RGBA(8 | 16) | ColorType::CMYK(8 | 16)) if whole => {
            None
        }
        Ok(ColorType::RGB(32) | ColorType::RGBA(32)) if float => None,
        _ => {
            let bits = decoder
                .get_tag_u16_vec(Tag::BitsPerSample)
                .unwrap_or_default();
            let bits = bits.first().copied().unwrap_or(1);
            let kind = if float { " in floating point" } else { "" };
            Some(Err(format!(
                "it is a TIFF in {}, {bits} bits a sample{kind}, which is not read; save it as PNG",
                photometric.name()
            )))
        }
    }
}

fn samples(bytes: &[u8], palette: bool) -> Result<Decoded, String> {
    let damaged = |e: tiff::TiffError| format!("it is a damaged TIFF: {e}");
    let mut limits = Limits::default();
    limits.decoding_buffer_size = MAX_DECODE as usize;
    let decoder = Decoder::new(Cursor::new(bytes)).map_err(damaged)?;
    let mut decoder = decoder.with_limits(limits);
    let (width, height) = decoder.dimensions().map_err(damaged)?;
    check_size(width, height)?;
    let bits = match decoder.colortype().map_err(damaged)? {
        ColorType::Gray(bits) => bits,
        other => {
            return Err(format!(
                "it is a TIFF whose palette has {other:?} for numbers"
            ));
        }
    };
    let colours = match palette {
        true => Some(decoder.get_tag_u16_vec(Tag::ColorMap).map_err(damaged)?),
        false => None,
    };
    let orientation = decoder.find_tag_unsigned::<u16>(Tag::Orientation);
    let orientation = orientation.ok().flatten().unwrap_or(1);
    let profile = decoder.get_tag_u8_vec(Tag::IccProfile).ok();
    let picture: DynamicImage = match decoder.read_image().map_err(damaged)? {
        DecodingResult::U8(packed) if bits <= 8 => {
            let numbers = unpacked(&packed, width as usize, height as usize, bits)?;
            match colours {
                Some(colours) => looked_up(&numbers, &colours, bits, width, height)?.into(),
                None => {
                    let most = (1u16 << bits) - 1;
                    let grey = |n: u8| (u16::from(n) * 255 / most) as u8;
                    let grey = numbers.into_iter().map(grey).collect();
                    grey_picture(grey, width, height)?.into()
                }
            }
        }
        DecodingResult::F32(values) => {
            let most = values.iter().copied().fold(0.0, f32::max);
            if !most.is_finite() || most > 1.0 {
                return Err(format!(
                    "it is a TIFF in floating point whose values reach {most}; 0 must be black and 1 white: scale it, or save it as PNG"
                ));
            }
            let grey = |value: f32| (value.clamp(0.0, 1.0) * 255.0).round() as u8;
            grey_picture(values.into_iter().map(grey).collect(), width, height)?.into()
        }
        _ => {
            return Err(format!(
                "it is a TIFF of {bits} bits a sample; save it as PNG"
            ));
        }
    };
    Ok(Decoded {
        picture,
        orientation: u8::try_from(orientation)
            .ok()
            .and_then(Orientation::from_exif)
            .unwrap_or(Orientation::NoTransforms),
        profile: profile.map(Profile::Icc),
    })
}

/// One number a byte; each row begins with a byte of its own.
fn unpacked(packed: &[u8], width: usize, height: usize, bits: u8) -> Result<Vec<u8>, String> {
    if !matches!(bits, 1 | 2 | 4 | 8) {
        return Err(format!(
            "it is a TIFF of {bits} bits a sample; save it as PNG"
        ));
    }
    let stride = (width * usize::from(bits)).div_ceil(8);
    if packed.len() < stride * height {
        return Err("it is a damaged TIFF: pixels are missing".into());
    }
    let mask = ((1u16 << bits) - 1) as u8;
    let row = |row: &[u8]| -> Vec<u8> {
        let number = |x: usize| {
            let bit = x * usize::from(bits);
            (row[bit / 8] >> (8 - usize::from(bits) - bit % 8)) & mask
        };
        (0..width).map(number).collect()
    };
    Ok(packed.chunks(stride).take(height).flat_map(row).collect())
}

/// The colours of numbers: all reds of the table, then all greens, then all blues, in 16 bits.
fn looked_up(
    numbers: &[u8],
    table: &[u16],
    bits: u8,
    width: u32,
    height: u32,
) -> Result<RgbImage, String> {
    let count = 1usize << bits;
    if table.len() < 3 * count {
        return Err(format!(
            "it is a damaged TIFF: its palette has {} of {} numbers",
            table.len(),
            3 * count
        ));
    }
    let colour =
        |number: u8| [0, 1, 2].map(|c| (table[c * count + usize::from(number)] >> 8) as u8);
    let pixels = numbers.iter().copied().flat_map(colour).collect();
    RgbImage::from_raw(width, height, pixels).ok_or_else(|| "pixels are missing".into())
}

fn grey_picture(pixels: Vec<u8>, width: u32, height: u32) -> Result<GrayImage, String> {
    GrayImage::from_raw(width, height, pixels).ok_or_else(|| "pixels are missing".into())
}

/// The photometric interpretation of the first picture, and where it is written.
struct Photometric {
    value: u16,
    at: usize,
    big_endian: bool,
}

impl Photometric {
    fn find(bytes: &[u8]) -> Option<Self> {
        let big_endian = match bytes.get(..2)? {
            b"II" => false,
            b"MM" => true,
            _ => return None,
        };
        let number = |at: usize, length: usize| -> Option<u64> {
            let field = bytes.get(at..at.checked_add(length)?)?;
            let fold = |sum: u64, byte: &u8| sum << 8 | u64::from(*byte);
            Some(match big_endian {
                true => field.iter().fold(0, fold),
                false => field.iter().rev().fold(0, fold),
            })
        };
        // Classic TIFF, or BigTIFF: width of an offset, of a count, of an entry, of an entry's
        // count.
        let (first, counted, entry, offset) = match number(2, 2)? {
            42 => (number(4, 4)?, 2, 12, 8),
            43 => (number(8, 8)?, 8, 20, 12),
            _ => return None,
        };
        let first = usize::try_from(first).ok()?;
        let count = number(first, counted)?.min(4096) as usize;
        (0..count).find_map(|place| {
            let at = first.checked_add(counted + place * entry)?;
            if number(at, 2)? != u64::from(PHOTOMETRIC) {
                return None;
            }
            let at = at + offset;
            let value = number(at, 2)? as u16;
            Some(Self {
                value,
                at,
                big_endian,
            })
        })
    }

    fn write(&self, bytes: &mut [u8], value: u16) -> Option<()> {
        let field = bytes.get_mut(self.at..self.at + 2)?;
        field.copy_from_slice(&match self.big_endian {
            true => value.to_be_bytes(),
            false => value.to_le_bytes(),
        });
        Some(())
    }

    fn name(&self) -> String {
        let name = match self.value {
            0 | 1 => "greys",
            2 => "RGB",
            4 => "a transparency mask",
            5 => "CMYK",
            6 => "YCbCr",
            8 => "CIE Lab",
            9 => "ICC Lab",
            10 => "ITU Lab",
            32_844 | 32_845 => "LogLuv",
            other => return format!("colours of kind {other}"),
        };
        name.into()
    }
}

#[cfg(test)]
mod tests {
    use crate::decode_picture;
    use tiff::encoder::{Compression, TiffEncoder, colortype};
    use tiff::tags::Tag;

    /// A grey TIFF of these bytes a sample, made into one with a palette.
    fn with_palette(numbers: &[u8], width: u32, height: u32) -> Vec<u8> {
        let mut file = std::io::Cursor::new(vec![]);
        let mut encoder = TiffEncoder::new(&mut file)
            .unwrap()
            .with_compression(Compression::Lzw);
        let mut image = encoder
            .new_image::<colortype::Gray8>(width, height)
            .unwrap();
        let channel =
            |shift: u32| (0..256u32).map(move |n| ((n * 7 + shift * 50) % 256 * 257) as u16);
        let table: Vec<u16> = [0, 1, 2].into_iter().flat_map(channel).collect();
        image
            .encoder()
            .write_tag(Tag::ColorMap, &table[..])
            .unwrap();
        image.write_data(numbers).unwrap();
        let mut bytes = file.into_inner();
        let photometric = super::Photometric::find(&bytes).unwrap();
        photometric.write(&mut bytes, 3).unwrap();
        bytes
    }

    #[test]
    fn a_palette_is_looked_up() {
        let numbers: Vec<u8> = (0..12).map(|n| n * 20).collect();
        let picture = decode_picture(&with_palette(&numbers, 4, 3)).unwrap();
        assert_eq!(picture.dimensions(), (4, 3));
        for (pixel, number) in picture.pixels().zip(numbers) {
            let colour = [0u32, 50, 100].map(|shift| ((u32::from(number) * 7 + shift) % 256) as u8);
            assert_eq!(pixel.0, colour);
        }
    }

    #[test]
    fn greys_in_floating_point_reach_from_black_to_white() {
        let encode = |values: &[f32]| {
            let mut file = std::io::Cursor::new(vec![]);
            let mut encoder = TiffEncoder::new(&mut file).unwrap();
            let image = encoder.new_image::<colortype::Gray32Float>(values.len() as u32, 1);
            image.unwrap().write_data(values).unwrap();
            file.into_inner()
        };
        let picture = decode_picture(&encode(&[0.0, 0.5, 1.0, -1.0])).unwrap();
        let greys: Vec<u8> = picture.pixels().map(|pixel| pixel.0[0]).collect();
        assert_eq!(greys, [0, 128, 255, 0]);
        let text = decode_picture(&encode(&[0.0, 255.0])).unwrap_err();
        assert!(
            text.contains("255") && text.contains("save it as PNG"),
            "{text}"
        );
    }

    #[test]
    fn numbers_of_few_bits_are_unpacked_row_by_row() {
        // Three pixels a row of two bits each: a byte a row.
        let numbers = super::unpacked(&[0b0001_1000, 0b1100_0100], 3, 2, 2).unwrap();
        assert_eq!(numbers, [0, 1, 2, 3, 0, 1]);
        assert!(super::unpacked(&[0], 3, 2, 2).is_err());
    }
}
