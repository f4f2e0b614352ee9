//! Prompt pictures where they lie: each in a file, or with the feature `parquet` as a row of a
//! Parquet file, whose path is `FILE.parquet/SUBSET/NAME`.

use std::path::{Path, PathBuf};

use flowinone_files::{sha256, sha256_of};

use crate::Error;

/// The bytes of a prompt picture.
pub(crate) fn read(path: &Path) -> Result<Vec<u8>, Error> {
    #[cfg(feature = "parquet")]
    if flowinone_parquet::container(path).is_some() {
        return Ok(flowinone_parquet::read_picture_file(path)?);
    }
    Ok(flowinone_image::read_picture_file(path)?)
}

/// SHA-256 of what a picture is made from.
pub(crate) fn digest(path: &Path) -> Result<String, Error> {
    match on_disk(path) == path {
        true => Ok(sha256(path)?),
        false => Ok(sha256_of(&read(path)?)),
    }
}

/// The file that holds it.
pub(crate) fn on_disk(path: &Path) -> PathBuf {
    #[cfg(feature = "parquet")]
    if let Some((file, _)) = flowinone_parquet::container(path) {
        return file.to_path_buf();
    }
    path.to_path_buf()
}
