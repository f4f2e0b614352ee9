//! A folder that appears under its name whole or not at all.

use std::path::{Path, PathBuf};

use flowinone_files::AtomicFolder;

use super::Error;

/// A folder in the making: a temporary one next to its final place, removed if it is dropped.
#[derive(Debug)]
pub struct NewFolder {
    target: PathBuf,
    folder: AtomicFolder,
}

impl NewFolder {
    /// Begins a folder that will stand at `target`; folders above it are made.
    ///
    /// # Errors
    /// Something that is no empty folder is there already, or the disk cannot be written to.
    pub fn create(target: impl Into<PathBuf>) -> Result<Self, Error> {
        let target = target.into();
        match AtomicFolder::create(&target) {
            Ok(folder) => Ok(Self { target, folder }),
            Err(e) if e.kind() == std::io::ErrorKind::AlreadyExists => {
                let reason =
                    "it is there already and not empty; choose another folder or remove it";
                Err(Error::layout(&target, reason))
            }
            Err(e) => Err(Error::io("make", &target)(e)),
        }
    }

    /// Where its files are to be written.
    pub fn path(&self) -> &Path {
        self.folder.path()
    }

    /// Puts it in its place.
    ///
    /// # Errors
    /// Something has come there meanwhile.
    pub fn finish(self) -> Result<PathBuf, Error> {
        let Self { target, folder } = self;
        folder.commit().map_err(Error::io("write", &target))?;
        Ok(target)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_finished_folder_is_seen_and_nothing_is_written_over() {
        let above = tempfile::tempdir().unwrap();
        let target = above.path().join("deep/set");
        let folder = NewFolder::create(&target).unwrap();
        std::fs::write(folder.path().join("a"), "1").unwrap();
        drop(folder);
        assert_eq!(
            std::fs::read_dir(above.path().join("deep"))
                .unwrap()
                .count(),
            0
        );

        std::fs::create_dir(&target).unwrap(); // empty ones may be there
        let folder = NewFolder::create(&target).unwrap();
        std::fs::write(folder.path().join("a"), "1").unwrap();
        assert_eq!(folder.finish().unwrap(), target);
        assert_eq!(std::fs::read_to_string(target.join("a")).unwrap(), "1");
        let text = NewFolder::create(&target).unwrap_err().to_string();
        assert!(text.contains("set") && text.contains("not empty"), "{text}");
        assert!(NewFolder::create(target.join("a")).is_err());
    }

    #[test]
    fn what_came_there_meanwhile_is_kept() {
        let above = tempfile::tempdir().unwrap();
        let target = above.path().join("set");
        let folder = NewFolder::create(&target).unwrap();
        std::fs::create_dir(&target).unwrap();
        std::fs::write(target.join("theirs"), "2").unwrap();
        assert!(folder.finish().is_err());
        assert_eq!(std::fs::read_dir(above.path()).unwrap().count(), 1);
        assert!(target.join("theirs").is_file());
    }
}
