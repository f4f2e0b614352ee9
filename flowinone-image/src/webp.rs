//! The container of an animated WebP around frames that are each compressed without loss:
//!
//! ```text
//! "RIFF" size "WEBP"
//!   "VP8X" 10: flags (2: animated), 3 bytes of 0, width - 1, height - 1     24 bits each
//!   "ANIM"  6: background (blue, green, red, alpha), repetitions (0: without end)
//!   "ANMF"  n: x / 2, y / 2, width - 1, height - 1, milliseconds            24 bits each
//!              flags (2: replaces what was there, 0: stays until the next)
//!              "VP8L" n: the frame
//!   "ANMF" …
//! ```
//!
//! Every chunk is a name, the length of its content as 32 bits, the content, and a 0 if that length
//! is odd. Numbers are little-endian.
//! <https://developers.google.com/speed/webp/docs/riff_container>

use image::codecs::webp::WebPEncoder;
use image::{ExtendedColorType, RgbImage};

const ANIMATED: u8 = 2;
const REPLACES: u8 = 2;

/// A picture and how long it is seen, in milliseconds.
pub(super) type Timed = (RgbImage, u32);

/// The bytes of an animation of frames of one size.
pub(super) fn animated<E>(
    (width, height): (u32, u32),
    frames: impl Iterator<Item = Result<Timed, E>>,
    fail: &impl Fn(String) -> E,
) -> Result<Vec<u8>, E> {
    let mut body = b"WEBP".to_vec();
    let [right, foot] = [width - 1, height - 1].map(bits24);
    let header = [&[ANIMATED, 0, 0, 0][..], &right, &foot].concat();
    chunk(&mut body, b"VP8X", &header);
    chunk(&mut body, b"ANIM", &[255, 255, 255, 255, 0, 0]);
    for frame in frames {
        let (picture, time) = frame?;
        let mut content = [bits24(0), bits24(0), right, foot, bits24(time)].concat();
        content.push(REPLACES);
        let pixels = lossless(&picture).map_err(fail)?;
        chunk(&mut content, b"VP8L", &pixels);
        chunk(&mut body, b"ANMF", &content);
    }
    if u32::try_from(body.len()).is_err() {
        return Err(fail("it is larger than the 4 GiB of a WebP file".into()));
    }
    let mut file = Vec::with_capacity(body.len() + 8);
    chunk(&mut file, b"RIFF", &body);
    Ok(file)
}

/// The content of the `VP8L` chunk of a picture.
fn lossless(picture: &RgbImage) -> Result<Vec<u8>, String> {
    let mut file = Vec::new();
    let encoder = WebPEncoder::new_lossless(&mut file);
    let (width, height) = picture.dimensions();
    encoder
        .encode(picture, width, height, ExtendedColorType::Rgb8)
        .map_err(|e| e.to_string())?;
    // A single lossless picture is "RIFF" size "WEBP" "VP8L" length content.
    let length = |bytes: &[u8]| Some(u32::from_le_bytes(bytes.try_into().ok()?) as usize);
    let content = file.strip_prefix(b"RIFF").and_then(|rest| {
        let rest = rest.get(4..)?.strip_prefix(b"WEBPVP8L")?;
        rest.get(4..4 + length(rest.get(..4)?)?)
    });
    content
        .map(<[u8]>::to_vec)
        .ok_or_else(|| "the encoder wrote another kind of WebP".into())
}

fn chunk(to: &mut Vec<u8>, name: &[u8; 4], content: &[u8]) {
    to.extend(name);
    to.extend((content.len() as u32).to_le_bytes());
    to.extend(content);
    to.extend([0].iter().take(content.len() % 2));
}

fn bits24(value: u32) -> [u8; 3] {
    let [a, b, c, _] = value.to_le_bytes();
    [a, b, c]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn chunks_follow_the_layout() {
        let frames = [40, 300].map(|time| Ok((RgbImage::new(5, 3), time)));
        let file = animated((5, 3), frames.into_iter(), &|reason| reason).unwrap();
        let length = |at: usize| u32::from_le_bytes(file[at..at + 4].try_into().unwrap()) as usize;
        assert_eq!(
            (&file[..4], length(4), &file[8..12]),
            (&b"RIFF"[..], file.len() - 8, &b"WEBP"[..])
        );
        assert_eq!(file[12..30], *b"VP8X\x0a\0\0\0\x02\0\0\0\x04\0\0\x02\0\0");
        assert_eq!(file[30..44], *b"ANIM\x06\0\0\0\xff\xff\xff\xff\0\0");
        assert_eq!(file[44..48], *b"ANMF");
        assert_eq!(file[52..68], *b"\0\0\0\0\0\0\x04\0\0\x02\0\0\x28\0\0\x02");
        assert_eq!(file[68..72], *b"VP8L");
        let second = 52 + length(48);
        assert_eq!((second % 2, &file[second..second + 4]), (0, &b"ANMF"[..]));
        assert_eq!(file[second + 20..second + 23], [44, 1, 0]);
        assert_eq!(second + 8 + length(second + 4), file.len());
    }
}
