//! Names of the pictures of a sequence.

use std::path::{Path, PathBuf};

use flowinone_files::has_extension;

use crate::Error;

/// The files of a sequence: `0001.png` and on in a directory, `NAME.0001.png` and on for a file.
///
/// # Errors
/// A file of another kind, or one where a directory is needed.
pub fn numbered(output: &Path, count: usize) -> Result<Vec<PathBuf>, Error> {
    let directory = output.is_dir()
        || output.extension().is_none()
        || output.to_string_lossy().ends_with(['/', '\\']);
    if !directory && !has_extension(output, &["png", "webp", "gif", "apng"]) {
        return Err(Error::Jobs(format!(
            "output {} must be a directory (end it in /), or end in .png, .webp, .gif or .apng",
            output.display()
        )));
    }
    if directory && output.is_file() {
        return Err(Error::Jobs(format!(
            "output {} is a file, but numbered pictures need a directory or a name that ends in .png",
            output.display()
        )));
    }
    let name = |number: usize| match directory {
        true => output.join(format!("{number:04}.png")),
        false => output.with_extension(format!("{number:04}.png")),
    };
    Ok((1..=count).map(name).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn frames_are_numbered_beside_or_inside() {
        let folder = tempfile::tempdir().unwrap();
        let last = |name: &str| {
            let files = numbered(&folder.path().join(name), 12).unwrap();
            let file = files[11].strip_prefix(folder.path()).unwrap();
            file.display().to_string()
        };
        assert_eq!(last("ball.png"), "ball.0012.png");
        assert_eq!(last("ball.v2.webp"), "ball.v2.0012.png");
        assert_eq!(last("ball"), "ball/0012.png");
        assert_eq!(last("ball.d/"), "ball.d/0012.png");
        assert_eq!(last("."), "0012.png");
        let text = numbered(&folder.path().join("a.mp4"), 2)
            .unwrap_err()
            .to_string();
        assert!(text.contains(".webp, .gif or .apng"), "{text}");
        std::fs::write(folder.path().join("file"), "").unwrap();
        assert!(numbered(&folder.path().join("file"), 2).is_err());
    }
}
