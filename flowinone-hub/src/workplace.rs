//! The folder in which a download grows, `.NAME.pull` beside its target, and the lock
//! `.NAME.pull.lock` that lets one process at a time work in it.

use std::fs::{File, TryLockError};
use std::path::{Path, PathBuf};

use flowinone_files::Error as FileError;

use crate::{Error, Event};

/// A folder for the parts of one target. It stays where it is until it is
/// [cleared](Workplace::clear), so that the next run goes on.
#[derive(Debug)]
pub struct Workplace {
    folder: PathBuf,
    lock: PathBuf,
    /// Held for its lock.
    held: File,
}

impl Workplace {
    /// The workplace of what will stand at `target`; if another process works there, this one waits
    /// until it has ended.
    ///
    /// # Errors
    /// A folder that cannot be written to.
    pub fn of(target: &Path, see: &mut dyn FnMut(Event<'_>)) -> Result<Self, Error> {
        let name = target.file_name().unwrap_or_default().to_string_lossy();
        let above = target.parent().unwrap_or(Path::new(""));
        std::fs::create_dir_all(absolute(above)).map_err(FileError::of("create", above))?;
        let folder = above.join(format!(".{name}.pull"));
        let lock = above.join(format!(".{name}.pull.lock"));
        let held = taken(&lock, &folder, see)?;
        std::fs::create_dir_all(&folder).map_err(FileError::of("create", &folder))?;
        Ok(Self { folder, lock, held })
    }

    /// Where files are to be written.
    pub fn path(&self) -> &Path {
        &self.folder
    }

    /// Removes the folder with everything in it, and the lock.
    ///
    /// # Errors
    /// A folder that cannot be removed.
    pub fn clear(self) -> Result<(), Error> {
        let Self { folder, lock, held } = self;
        std::fs::remove_dir_all(&folder).map_err(FileError::of("remove", &folder))?;
        remove(&lock);
        drop(held);
        Ok(())
    }

    /// Removes the lock and, if it is empty, the folder.
    pub fn leave(self) {
        let Self { folder, lock, held } = self;
        if std::fs::remove_dir(&folder).is_ok() {
            remove(&lock);
        }
        drop(held);
    }
}

fn absolute(folder: &Path) -> PathBuf {
    match folder.as_os_str().is_empty() {
        true => PathBuf::from("."),
        false => folder.to_path_buf(),
    }
}

/// The lock, opened and held.
fn taken(lock: &Path, folder: &Path, see: &mut dyn FnMut(Event<'_>)) -> Result<File, Error> {
    loop {
        let mut options = File::options();
        options.create(true).write(true).truncate(false);
        let file = options.open(lock).map_err(FileError::of("write", lock))?;
        match file.try_lock() {
            Ok(()) => {}
            Err(TryLockError::WouldBlock) => {
                see(Event::Locked { path: folder });
                file.lock().map_err(FileError::of("lock", lock))?;
            }
            // Some network file systems know no locks.
            Err(TryLockError::Error(_)) => return Ok(file),
        }
        // Who held it may have removed it: then another file has that name, or none.
        if is_still(&file, lock) {
            return Ok(file);
        }
    }
}

#[cfg(unix)]
fn is_still(file: &File, path: &Path) -> bool {
    use std::os::unix::fs::MetadataExt;
    let node = |there: std::io::Result<std::fs::Metadata>| {
        there.ok().map(|there| (there.dev(), there.ino()))
    };
    node(file.metadata()) == node(std::fs::metadata(path))
}

#[cfg(unix)]
fn remove(lock: &Path) {
    let _ = std::fs::remove_file(lock);
}

// Elsewhere the file stays, so that it is always the same.
#[cfg(not(unix))]
fn is_still(_file: &File, _path: &Path) -> bool {
    true
}

#[cfg(not(unix))]
fn remove(_lock: &Path) {}

#[cfg(test)]
mod tests {
    use std::sync::mpsc;
    use std::time::Duration;

    use super::*;

    #[test]
    fn one_works_and_the_other_waits() {
        let folder = tempfile::tempdir().unwrap();
        let target = folder.path().join("model");
        let first = Workplace::of(&target, &mut |_| panic!("nobody else is here")).unwrap();
        std::fs::write(first.path().join("w.part"), "1").unwrap();
        let (sender, receiver) = mpsc::channel();
        let other = std::thread::spawn(move || {
            let mut waited = 0;
            let second = Workplace::of(&target, &mut |event| {
                assert!(matches!(event, Event::Locked { .. }));
                waited += 1;
                sender.send(()).unwrap();
            });
            let second = second.unwrap();
            let found = std::fs::read_dir(second.path()).unwrap().count();
            second.leave();
            (waited, found)
        });
        receiver.recv_timeout(Duration::from_secs(20)).unwrap();
        first.clear().unwrap();
        assert_eq!(other.join().unwrap(), (1, 0));
        assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 0);
    }
}
