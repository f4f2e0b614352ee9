//! Files that appear whole or not at all: written under a temporary name beside their place, then
//! renamed there.

use std::io::{self, BufWriter, Write};
use std::path::{Path, PathBuf};

use tempfile::NamedTempFile;

use crate::Error;

/// A file being written; without [`commit`](Self::commit) nothing remains of it.
#[derive(Debug)]
pub struct AtomicFile {
    path: PathBuf,
    temporary: BufWriter<NamedTempFile>,
}

impl AtomicFile {
    /// Starts a file that will stand at `path`, in a folder that exists.
    ///
    /// # Errors
    /// The folder is missing or cannot be written to.
    pub fn create(path: impl Into<PathBuf>) -> io::Result<Self> {
        let path = path.into();
        let folder = path.parent().filter(|p| !p.as_os_str().is_empty());
        let temporary = NamedTempFile::new_in(folder.unwrap_or(Path::new(".")))?;
        Ok(Self {
            path,
            temporary: BufWriter::with_capacity(1 << 20, temporary),
        })
    }

    /// Puts the file in its place, over whatever was there.
    ///
    /// # Errors
    /// The data cannot be brought to the disk, or the file not renamed; the old file then stays.
    pub fn commit(self) -> io::Result<()> {
        let temporary = self.temporary.into_inner().map_err(|e| e.into_error())?;
        share(temporary.as_file())?;
        temporary.as_file().sync_all()?;
        temporary.persist(&self.path).map_err(|e| e.error)?;
        Ok(())
    }
}

impl Write for AtomicFile {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.temporary.write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.temporary.flush()
    }
}

/// Writes `bytes` as a file that appears whole or not at all.
///
/// # Errors
/// Names the file that cannot be written; what stood there before then stays.
pub fn write_atomically(path: impl AsRef<Path>, bytes: &[u8]) -> Result<(), Error> {
    let path = path.as_ref();
    AtomicFile::create(path)
        .and_then(|mut file| {
            file.write_all(bytes)?;
            file.commit()
        })
        .map_err(Error::of("write", path))
}

/// Temporary files are private; a finished one may be read by everyone.
#[cfg(unix)]
fn share(file: &std::fs::File) -> io::Result<()> {
    use std::os::unix::fs::PermissionsExt;
    file.set_permissions(std::fs::Permissions::from_mode(0o644))
}

#[cfg(not(unix))]
fn share(_file: &std::fs::File) -> io::Result<()> {
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_committed_file_is_seen() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("out");
        let count = || std::fs::read_dir(folder.path()).unwrap().count();
        let mut file = AtomicFile::create(&path).unwrap();
        file.write_all(b"half").unwrap();
        drop(file);
        assert_eq!(count(), 0);
        let mut file = AtomicFile::create(&path).unwrap();
        file.write_all(b"whole").unwrap();
        assert!(!path.exists());
        file.commit().unwrap();
        assert_eq!(
            (std::fs::read(&path).unwrap(), count()),
            (b"whole".to_vec(), 1)
        );
        assert!(AtomicFile::create(folder.path().join("absent/out")).is_err());
    }
}
