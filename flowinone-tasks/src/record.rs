//! The record inside a PNG: everything needed to make the same picture again.
//!
//! It is JSON in an international text chunk with the keyword `flowinone`; any image tool shows it.

use std::io::{BufReader, Write};
use std::path::{Path, PathBuf};

use flowinone_weights::AtomicFile;
use image::RgbImage;
use serde::{Deserialize, Serialize};

use crate::{Error, Precision, Settings, Task};

const KEYWORD: &str = "flowinone";

/// How a picture was made.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Record {
    /// Version of the program.
    pub version: String,
    /// The prompt picture.
    pub input: PathBuf,
    /// SHA-256 of the prompt picture's file.
    pub input_sha256: String,
    /// The model directory.
    pub model: PathBuf,
    /// Digest over the model's networks and weights.
    pub model_digest: String,
    /// The task that decided the routing, if one was named.
    pub task: Option<Task>,
    /// Whether the structure path was on.
    pub structure: bool,
    /// Seed of the run.
    pub seed: u64,
    /// Number of the item in its run; selects the stream of noise.
    pub item: u64,
    /// How the flow was solved.
    pub settings: Settings,
    /// For a preview, the step after which the unfinished picture was decoded.
    pub preview: Option<usize>,
    /// Element type of the weights during the run.
    pub precision: Precision,
    /// The device that computed it.
    pub device: String,
}

impl Record {
    /// Whether the two describe the same picture: same input, model and numbers, wherever the
    /// files lie, whichever program version and device.
    pub fn same_picture(&self, other: &Self) -> bool {
        let anywhere = |record: &Self| Self {
            version: String::new(),
            input: PathBuf::new(),
            model: PathBuf::new(),
            device: String::new(),
            task: None,
            ..record.clone()
        };
        anywhere(self) == anywhere(other)
    }
}

/// Writes `picture` with its record as a PNG; the file appears under its name only when complete.
///
/// # Errors
/// Names the file that cannot be written.
pub fn write_png(path: &Path, picture: &RgbImage, record: &Record) -> Result<(), Error> {
    let json = serde_json::to_string(record).expect("a record is plain data");
    let mut bytes = Vec::new();
    let mut encoder = png::Encoder::new(&mut bytes, picture.width(), picture.height());
    encoder.set_color(png::ColorType::Rgb);
    encoder.set_depth(png::BitDepth::Eight);
    let encoded = encoder
        .add_itxt_chunk(KEYWORD.into(), json)
        .and_then(|()| encoder.write_header())
        .and_then(|mut writer| {
            writer.write_image_data(picture.as_raw())?;
            writer.finish()
        });
    encoded.map_err(|e| Error::picture(path, e.to_string()))?;
    write_atomically(path, &bytes)
}

/// Reads the record of a PNG that [`write_png`] wrote.
///
/// # Errors
/// Names the file, and says whether it is no PNG, carries no record, or a damaged one.
pub fn read_record(path: &Path) -> Result<Record, Error> {
    let none = |reason: String| Error::NoRecord {
        path: path.to_path_buf(),
        reason,
    };
    let file = std::fs::File::open(path).map_err(|source| Error::Io {
        action: "read",
        path: path.to_path_buf(),
        source,
    })?;
    let limits = png::Limits { bytes: 16 << 20 };
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
    let text = chunks
        .iter()
        .find(|chunk| chunk.keyword == KEYWORD)
        .ok_or_else(|| none("no text chunk of that name".into()))?
        .get_text()
        .map_err(|e| none(e.to_string()))?;
    serde_json::from_str(&text).map_err(|e| none(format!("its record is damaged: {e}")))
}

/// Writes a file so that it appears whole or not at all.
///
/// # Errors
/// Names the file that cannot be written.
pub fn write_atomically(path: &Path, bytes: &[u8]) -> Result<(), Error> {
    let fail = |source| Error::Io {
        action: "write",
        path: path.to_path_buf(),
        source,
    };
    let mut file = AtomicFile::create(path).map_err(fail)?;
    file.write_all(bytes).map_err(fail)?;
    file.commit().map_err(fail)
}
