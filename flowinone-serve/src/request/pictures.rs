//! Pictures of requests: found, checked by their headers, decoded once, kept under their digest.

use std::collections::BTreeMap;
use std::io::Cursor;

use flowinone_files::sha256_of;
use flowinone_image::decode_picture;
use image::{ImageFormat, ImageReader};

use super::Reader;
use crate::engine::Engine;
use crate::refusal::Refusal;
use crate::store::{State, StoredInput};
use crate::wire::of_data_url;

/// The files of a multipart body, by the names of their parts.
pub(crate) type Parts = BTreeMap<String, Vec<u8>>;

impl Reader<'_> {
    /// The picture that a text of a request means.
    pub(super) fn picture(self, reference: &str, parts: &Parts) -> Result<StoredInput, Refusal> {
        let most = self.config.most_pixels;
        if let Some(bytes) = of_data_url(reference) {
            let bytes = bytes.map_err(|reason| Refusal::invalid("invalid_picture", reason))?;
            return keep(self.engine, &bytes, most);
        }
        if let Some(sha256) = reference.strip_prefix("picture:") {
            let found = self
                .engine
                .store
                .input(sha256)
                .map_err(|e| self.engine.refused(&e))?;
            return found.ok_or_else(|| {
                Refusal::invalid(
                    "unknown_picture",
                    format!("picture {sha256:?} is not here (any more); upload it first"),
                )
            });
        }
        if let Some(id) = reference.strip_prefix("job:") {
            let entry = self
                .engine
                .store
                .job(id)
                .map_err(|e| self.engine.refused(&e))?;
            let done = entry.is_some_and(|entry| entry.state == State::Done);
            let bytes = done
                .then(|| std::fs::read(self.engine.store.picture(id)).ok())
                .flatten();
            let bytes = bytes.ok_or_else(|| {
                Refusal::invalid(
                    "unknown_picture",
                    format!("job {id:?} has no picture (any more)"),
                )
            })?;
            return keep(self.engine, &bytes, u64::MAX);
        }
        match parts.get(reference) {
            Some(bytes) => keep(self.engine, bytes, most),
            None => Err(Refusal::invalid(
                "unknown_picture",
                "a picture is a data URL, \"picture:SHA256\" of an upload, \"job:ID\", or the name of a part of this body; no paths are read here",
            )),
        }
    }
}

/// Keeps the bytes of a picture, once it is found to be one of at most some pixels.
pub(crate) fn keep(
    engine: &Engine,
    bytes: &[u8],
    most_pixels: u64,
) -> Result<StoredInput, Refusal> {
    let sha256 = sha256_of(bytes);
    if let Some(known) = engine
        .store
        .input(&sha256)
        .map_err(|e| engine.refused(&e))?
    {
        return Ok(known);
    }
    let bad = |reason: String| {
        Refusal::invalid(
            "invalid_picture",
            format!("the picture cannot be used: {reason}"),
        )
    };
    // What the header says is checked before anything is decoded.
    let reader = ImageReader::new(Cursor::new(bytes)).with_guessed_format();
    let reader = reader.map_err(|e| bad(e.to_string()))?;
    let extension = match reader.format() {
        Some(ImageFormat::Png) => "png",
        Some(ImageFormat::Jpeg) => "jpg",
        Some(ImageFormat::WebP) => "webp",
        Some(ImageFormat::Bmp) => "bmp",
        Some(ImageFormat::Tiff) => "tiff",
        Some(ImageFormat::Gif) => "gif",
        _ => return Err(bad("it is none of PNG, JPEG, WebP, BMP, TIFF, GIF".into())),
    };
    let (width, height) = reader.into_dimensions().map_err(|e| bad(e.to_string()))?;
    let pixels = u64::from(width) * u64::from(height);
    if pixels > most_pixels {
        return Err(bad(format!(
            "it is {width} x {height} pixels, more than the {most_pixels} allowed; reduce it first"
        )));
    }
    let picture = decode_picture(bytes).map_err(bad)?;
    let (width, height) = picture.dimensions(); // upright
    engine
        .store
        .keep_input(bytes, extension, [width, height])
        .map_err(|e| engine.refused(&e))
}
