//! PNG files out: whole or not at all, with a text beside the pixels if wanted.
//!
//! The text stands in an international text chunk under a keyword; any image tool shows it.

use std::io::BufReader;
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

/// Writes a picture as [`write_picture`] does, with a text under a keyword of 1 to 79 Latin letters.
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

fn write(path: &Path, picture: &RgbImage, text: Option<(&str, String)>) -> Result<(), Error> {
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
    Ok(write_atomically(path, &bytes)?)
}

/// The text that a PNG carries under `keyword`, before its pixels or after them.
///
/// # Errors
/// Names the file, and says whether it is no PNG, damaged, or carries no such text.
pub fn read_text(path: &Path, keyword: &'static str) -> Result<String, Error> {
    let none = |reason: String| Error::NoText {
        path: path.to_path_buf(),
        keyword,
        reason,
    };
    let file = std::fs::File::open(path).map_err(flowinone_files::Error::of("read", path))?;
    let limits = png::Limits { bytes: MAX_TEXT };
    let mut decoder = png::Decoder::new_with_limits(BufReader::new(file), limits);
    let info = decoder
        .read_header_info()
        .map_err(|e| none(e.to_string()))?;
    let mut chunks = info.utf8_text.clone();
    if chunks.is_empty() {
        // Text may also follow the pixels, as some tools move it.
        let mut reader = decoder.read_info().map_err(|e| none(e.to_string()))?;
        reader.finish().map_err(|e| none(e.to_string()))?;
        chunks = reader.info().utf8_text.clone();
    }
    chunks
        .iter()
        .find(|chunk| chunk.keyword == keyword)
        .ok_or_else(|| none("no text chunk of that name".into()))?
        .get_text()
        .map_err(|e| none(e.to_string()))
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
        assert_eq!(crate::read_picture(&path).unwrap(), picture);
        let text = read_text(&path, "other").unwrap_err().to_string();
        assert!(text.contains("a.png") && text.contains("other"), "{text}");
        write_picture(&path, &picture).unwrap();
        assert!(read_text(&path, "words").is_err());
        std::fs::write(&path, "no PNG").unwrap();
        let text = read_text(&path, "words").unwrap_err().to_string();
        assert!(text.contains("a.png"), "{text}");
    }
}
