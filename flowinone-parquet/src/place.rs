//! A path into a Parquet file: `FILE.parquet/SUBSET/NAME`.

use std::path::{Path, PathBuf};

use flowinone_files::{has_extension, is_companion};
use walkdir::WalkDir;

use crate::{Error, Pairs};

/// Whether a path is that of a Parquet file, by its name.
pub fn is_parquet(path: impl AsRef<Path>) -> bool {
    let path = path.as_ref();
    has_extension(path, &["parquet"]) && !is_companion(path)
}

/// The Parquet file that a path leads into, and what is left of the path; `None` for a path of its
/// own.
pub fn container(path: &Path) -> Option<(&Path, &Path)> {
    let above = path.ancestors().skip(1);
    let file = above
        .into_iter()
        .find(|file| is_parquet(file) && file.is_file())?;
    Some((file, path.strip_prefix(file).ok()?))
}

/// The bytes of a picture: those of a row for a path into a Parquet file, else those of the file.
///
/// # Errors
/// Names the file, or the row that is not there or holds no picture.
pub fn read_picture_file(path: impl AsRef<Path>) -> Result<Vec<u8>, Error> {
    let path = path.as_ref();
    let Some((file, inside)) = container(path) else {
        return Ok(flowinone_image::read_picture_file(path)?);
    };
    let pairs = Pairs::open(file)?;
    let wanted = |row: &&crate::Row| {
        let own = Path::new(row.task.benchmark_name()).join(&row.name);
        own == inside
    };
    let row = pairs.rows().iter().find(wanted);
    let row = row.ok_or_else(|| Error::table(path, "the file has no row of that name"))?;
    let bytes = pairs.prompt(row)?;
    if bytes.len() as u64 > flowinone_image::MAX_FILE {
        let most = flowinone_image::MAX_FILE;
        let reason = format!("it has {} bytes, more than the {most} allowed", bytes.len());
        return Err(Error::table(path, reason));
    }
    Ok(bytes)
}

/// The Parquet files that an input is or, for a folder, holds somewhere below, sorted. None of a
/// folder that also holds pictures: it is one of these.
///
/// # Errors
/// A folder that cannot be read.
pub fn find(input: &Path) -> Result<Vec<PathBuf>, Error> {
    if !input.is_dir() {
        let own = is_parquet(input) && input.is_file();
        return Ok(own.then(|| input.to_path_buf()).into_iter().collect());
    }
    let mut found = vec![];
    for entry in WalkDir::new(input).follow_links(true).sort_by_file_name() {
        let entry = entry.map_err(|e| {
            let path = e.path().unwrap_or(input).to_path_buf();
            flowinone_files::Error::of("read", path)(e.into())
        })?;
        let path = entry.path();
        if path.is_dir() || is_companion(path) {
            continue;
        }
        if flowinone_image::is_picture(path) {
            return Ok(vec![]);
        }
        if is_parquet(path) {
            found.push(path.to_path_buf());
        }
    }
    Ok(found)
}
