//! The record of a picture that was only enlarged.

use std::path::{Path, PathBuf};

use flowinone_files::absolute;
use flowinone_image::{PictureWithAlpha, read_text, write_with_alpha};
use serde::{Deserialize, Serialize};

use crate::record::{KEYWORD, as_seen, read, text};
use crate::{Dtype, Error, UpscaleRecord, Upscaling};

/// How a picture that lay in a file was enlarged; the record of such a picture.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct EnlargedRecord {
    /// Version of the program.
    pub version: String,
    /// The file that was enlarged.
    #[serde(serialize_with = "as_seen")]
    pub enlarged: PathBuf,
    /// SHA-256 of that file.
    pub enlarged_sha256: String,
    /// How.
    pub upscale: UpscaleRecord,
    /// What the network multiplied with.
    pub precision: Dtype,
    /// The device that computed it.
    pub device: String,
    /// The record that the file carried: how the small picture was made.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub made: Option<serde_json::Value>,
}

impl EnlargedRecord {
    /// The record of a picture that is enlarged from a file with that digest.
    pub(crate) fn new(upscaling: &Upscaling, file: &Path, sha256: String) -> Self {
        let made = read_text(file, KEYWORD).ok();
        let (precision, device) = upscaling.computed();
        Self {
            version: env!("CARGO_PKG_VERSION").into(),
            enlarged: absolute(file),
            enlarged_sha256: sha256,
            upscale: upscaling.record(),
            precision,
            device: device.into(),
            made: made.and_then(|text| serde_json::from_str(&text).ok()),
        }
    }

    /// Whether the two describe the same picture, wherever the files lie, whichever program
    /// version and device.
    pub fn same_picture(&self, other: &Self) -> bool {
        let of = |record: &Self| {
            let digest = record.enlarged_sha256.clone();
            (digest, record.upscale.anywhere(), record.precision)
        };
        of(self) == of(other)
    }
}

/// Writes a picture with its record as a PNG; the file appears under its name only when complete.
///
/// # Errors
/// Names the file that cannot be written.
pub fn write_enlarged(
    path: &Path,
    picture: &PictureWithAlpha,
    record: &EnlargedRecord,
) -> Result<(), Error> {
    Ok(write_with_alpha(
        path,
        picture,
        KEYWORD,
        text(path, record)?,
    )?)
}

/// Reads the record of a picture that was enlarged, [`write_enlarged`] having written it.
///
/// # Errors
/// Names the file, and says whether it is no PNG, carries no such record, or a damaged one.
pub fn read_enlarged(path: &Path) -> Result<EnlargedRecord, Error> {
    read(path)
}
