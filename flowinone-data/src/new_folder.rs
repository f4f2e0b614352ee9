//! A folder that appears under its name whole or not at all.

use std::path::{Path, PathBuf};

use super::Error;

/// A folder in the making: a temporary one beside its final place, gone if it is dropped.
#[derive(Debug)]
pub struct NewFolder {
    target: PathBuf,
    temporary: tempfile::TempDir,
}

impl NewFolder {
    /// Begins a folder that will stand at `target`; folders above it are made.
    ///
    /// # Errors
    /// Something that is no empty folder is there already, or the disk cannot be written to.
    pub fn create(target: impl Into<PathBuf>) -> Result<Self, Error> {
        let target = target.into();
        let vacant = match std::fs::read_dir(&target) {
            Ok(mut entries) => entries.next().is_none(),
            Err(_) => !target.exists(),
        };
        if !vacant {
            let reason = "it is there already and not empty; choose another folder or remove it";
            return Err(Error::layout(&target, reason));
        }
        let above = target.parent().filter(|p| !p.as_os_str().is_empty());
        let above = above.unwrap_or(Path::new("."));
        std::fs::create_dir_all(above).map_err(Error::io("make", above))?;
        let temporary = tempfile::Builder::new()
            .prefix(".flowinone-")
            .tempdir_in(above)
            .map_err(Error::io("write to", above))?;
        Ok(Self { target, temporary })
    }

    /// Where its files are to be written.
    pub fn path(&self) -> &Path {
        self.temporary.path()
    }

    /// Puts it in its place.
    ///
    /// # Errors
    /// Something has come there meanwhile.
    pub fn finish(self) -> Result<PathBuf, Error> {
        let Self { target, temporary } = self;
        let fail = || Error::io("write", &target);
        if target.exists() {
            std::fs::remove_dir(&target).map_err(fail())?; // empty, or an error
        }
        share(temporary.path()).map_err(fail())?;
        std::fs::rename(temporary.path(), &target).map_err(fail())?;
        // It has moved: nothing is left to remove.
        let _ = temporary.keep();
        Ok(target)
    }
}

/// Temporary folders are private; a finished one may be read by everyone.
#[cfg(unix)]
fn share(folder: &Path) -> std::io::Result<()> {
    use std::os::unix::fs::PermissionsExt;
    std::fs::set_permissions(folder, std::fs::Permissions::from_mode(0o755))
}

#[cfg(not(unix))]
fn share(_folder: &Path) -> std::io::Result<()> {
    Ok(())
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
