//! PNG files out: whole or not at all, with an optional text next to the pixels.
//!
//! The text stands in an international text chunk under a keyword; any image tool shows it.

use std::io::{BufRead, BufReader, Cursor, Seek};
use std::path::Path;

use flowinone_files::write_atomically;
use image::RgbImage;

use crate::Error;

/// Most memory that reading a text may take, in bytes.
const MAX_TEXT: usize = 16 << 20;

/// Writes a picture as a PNG; the file appears under its name only when complete.
///
/// # Errors
/// Names the file that cannot be written.
pub fn write_picture(path: &Path, picture: &RgbImage) -> Result<(), Error> {
    write(path, picture, None)
}

/// Writes a picture as [`write_picture`] does, with a text under a keyword of 1 to 79 Latin
/// letters.
///
/// # Errors
/// Names the file that cannot be written.
pub fn write_with_text(
    path: &Path,
    picture: &RgbImage,
    keyword: &str,
    text: String,
) -> Result<(), Error> {
    write(path, picture, Some((keyword, text)))
}

/// The bytes that [`write_with_text`] writes, for places that are no files; `path` is for errors.
///
/// # Errors
/// A text or a keyword that a PNG cannot hold.
pub fn png_with_text(
    path: &Path,
    picture: &RgbImage,
    keyword: &str,
    text: String,
) -> Result<Vec<u8>, Error> {
    png(path, picture, Some((keyword, text)))
}

fn write(path: &Path, picture: &RgbImage, text: Option<(&str, String)>) -> Result<(), Error> {
    Ok(write_atomically(path, &png(path, picture, text)?)?)
}

fn png(path: &Path, picture: &RgbImage, text: Option<(&str, String)>) -> Result<Vec<u8>, Error> {
    let mut bytes = Vec::new();
    let mut encoder = png::Encoder::new(&mut bytes, picture.width(), picture.height());
    encoder.set_color(png::ColorType::Rgb);
    encoder.set_depth(png::BitDepth::Eight);
    let encoded = text
        .map_or(Ok(()), |(keyword, text)| {
            encoder.add_itxt_chunk(keyword.into(), text)
        })
        .and_then(|()| encoder.write_header())
        .and_then(|mut writer| {
            writer.write_image_data(picture.as_raw())?;
            writer.finish()
        });
    encoded.map_err(|e| Error::picture(path, e.to_string()))?;
    Ok(bytes)
}

/// The text that a PNG carries under `keyword`, before its pixels or after them.
///
/// # Errors
/// Names the file, and says whether it is no PNG, damaged, or carries no such text.
pub fn read_text(path: &Path, keyword: &'static str) -> Result<String, Error> {
    let file = std::fs::File::open(path).map_err(flowinone_files::Error::of("read", path))?;
    text_from(BufReader::new(file), path, keyword)
}

/// As [`read_text`], of a PNG whose bytes are at hand; `path` is for errors.
///
/// # Errors
/// As [`read_text`].
pub fn text_of_png(bytes: &[u8], path: &Path, keyword: &'static str) -> Result<String, Error> {
    text_from(Cursor::new(bytes), path, keyword)
}

fn text_from(
    png: impl BufRead + Seek,
    path: &Path,
    keyword: &'static str,
) -> Result<String, Error> {
    let none = |reason: String| Error::NoText {
        path: path.to_path_buf(),
        keyword,
        reason,
    };
    let limits = png::Limits { bytes: MAX_TEXT };
    let mut decoder = png::Decoder::new_with_limits(png, limits);
    let info = decoder
        .read_header_info()
        .map_err(|e| none(e.to_string()))?;
    if let Some(text) = text_in(info, keyword) {
        return text.map_err(none);
    }
    // Text may also follow the pixels, as some tools move it.
    let mut reader = decoder.read_info().map_err(|e| none(e.to_string()))?;
    reader.finish().map_err(|e| none(e.to_string()))?;
    let text = text_in(reader.info(), keyword);
    text.unwrap_or_else(|| Err("no text chunk of that name".into()))
        .map_err(none)
}

/// The text under a keyword, in whichever kind of chunk: tools that rewrite a PNG change one into
/// another.
fn text_in(info: &png::Info<'_>, keyword: &str) -> Option<Result<String, String>> {
    let unicode = info.utf8_text.iter().find(|chunk| chunk.keyword == keyword);
    if let Some(chunk) = unicode {
        return Some(chunk.get_text().map_err(|e| e.to_string()));
    }
    let packed = &info.compressed_latin1_text;
    if let Some(chunk) = packed.iter().find(|chunk| chunk.keyword == keyword) {
        return Some(chunk.get_text().map(of_latin).map_err(|e| e.to_string()));
    }
    let plain = &info.uncompressed_latin1_text;
    let chunk = plain.iter().find(|chunk| chunk.keyword == keyword)?;
    Some(Ok(of_latin(chunk.text.clone())))
}

/// Text that is said to be Latin-1 is often UTF-8 all the same.
fn of_latin(text: String) -> String {
    let bytes: Option<Vec<u8>> = text
        .chars()
        .map(|c| u8::try_from(u32::from(c)).ok())
        .collect();
    bytes
        .and_then(|bytes| String::from_utf8(bytes).ok())
        .unwrap_or(text)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_text_comes_back_and_what_has_none_says_so() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a.png");
        let picture = RgbImage::from_pixel(3, 2, image::Rgb([1, 2, 3]));
        write_with_text(&path, &picture, "words", "grüße 猫".into()).unwrap();
        assert_eq!(read_text(&path, "words").unwrap(), "grüße 猫");
        let bytes = png_with_text(&path, &picture, "words", "grüße 猫".into()).unwrap();
        assert_eq!(std::fs::read(&path).unwrap(), bytes);
        assert_eq!(text_of_png(&bytes, &path, "words").unwrap(), "grüße 猫");
        assert_eq!(crate::read_picture(&path).unwrap(), picture);
        let text = read_text(&path, "other").unwrap_err().to_string();
        assert!(text.contains("a.png") && text.contains("other"), "{text}");
        write_picture(&path, &picture).unwrap();
        assert!(read_text(&path, "words").is_err());
        std::fs::write(&path, "no PNG").unwrap();
        let text = read_text(&path, "words").unwrap_err().to_string();
        assert!(text.contains("a.png"), "{text}");
    }

    #[test]
    fn a_text_is_found_in_every_kind_of_chunk_and_on_either_side_of_the_pixels() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a.png");
        let write = |add: &dyn Fn(&mut png::Encoder<'_, &mut Vec<u8>>)| {
            let mut bytes = vec![];
            let mut encoder = png::Encoder::new(&mut bytes, 1, 1);
            encoder.set_color(png::ColorType::Rgb);
            encoder
                .add_itxt_chunk("Software".into(), "other".into())
                .unwrap();
            add(&mut encoder);
            let mut writer = encoder.write_header().unwrap();
            writer.write_image_data(&[1, 2, 3]).unwrap();
            writer.finish().unwrap();
            std::fs::write(&path, &bytes).unwrap();
            bytes
        };
        for text in ["plain", "gr\u{fc}\u{df}e"] {
            write(&|encoder| encoder.add_text_chunk("words".into(), text.into()).unwrap());
            assert_eq!(read_text(&path, "words").unwrap(), text);
            write(&|encoder| encoder.add_ztxt_chunk("words".into(), text.into()).unwrap());
            assert_eq!(read_text(&path, "words").unwrap(), text);
        }
        // UTF-8 in a chunk that says Latin-1, behind another program's text and the pixels.
        let chunk = |kind: &[u8; 4], data: &[u8]| {
            let crc = !kind.iter().chain(data).fold(!0u32, |crc, &byte| {
                (0..8).fold(crc ^ u32::from(byte), |c, _| {
                    (c >> 1) ^ (0xedb8_8320 * (c & 1))
                })
            });
            let length = (data.len() as u32).to_be_bytes();
            [&length[..], kind, data, &crc.to_be_bytes()].concat()
        };
        let mut bytes = write(&|_| ());
        let end = bytes.len() - 12;
        let text = chunk(b"tEXt", "words\0\u{732b}".as_bytes());
        bytes.splice(end..end, text);
        std::fs::write(&path, &bytes).unwrap();
        assert_eq!(read_text(&path, "words").unwrap(), "\u{732b}");
    }
}
