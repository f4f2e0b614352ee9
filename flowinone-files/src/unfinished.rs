//! What is being written under a temporary name. It goes when it is dropped; when the program is
//! asked to stop ([`abandon`]); and if its process was killed, by the next that writes there
//! ([`tidy`]).

use std::collections::BTreeSet;
use std::fs::{File, TryLockError};
use std::io;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

/// How temporary names begin.
pub(crate) const PREFIX: &str = ".flowinone-";

/// Between the making of a temporary name and its lock another process must not take it for left
/// over.
const YOUNG: Duration = Duration::from_secs(5);
/// Where there are no locks, what has not changed for so long is left over.
const OLD: Duration = Duration::from_secs(24 * 3600);

static ALL: Mutex<BTreeSet<PathBuf>> = Mutex::new(BTreeSet::new());

/// A temporary name in use; locked, so that other processes can tell, for as long as the file is
/// open.
#[derive(Debug)]
pub(crate) struct Unfinished {
    path: PathBuf,
    /// A folder, opened to be locked.
    #[allow(dead_code, reason = "held for its lock")]
    folder: Option<File>,
}

impl Unfinished {
    /// Makes a temporary name and takes it down, with no moment between the two in which a signal
    /// could leave it behind.
    ///
    /// # Errors
    /// Those of `make`.
    pub(crate) fn making<T>(
        make: impl FnOnce() -> io::Result<(T, PathBuf)>,
    ) -> io::Result<(T, Self)> {
        let mut all = all();
        let (made, path) = make()?;
        let path = std::path::absolute(&path).unwrap_or(path);
        all.insert(path.clone());
        Ok((made, Self { path, folder: None }))
    }

    /// Locks a file that its writer keeps open.
    pub(crate) fn lock(&self, file: &File) {
        let _ = file.try_lock(); // some network file systems know no locks
    }

    /// Locks a folder and keeps it open. Systems on which a folder cannot be opened have no lock on
    /// it.
    pub(crate) fn hold(&mut self, folder: File) {
        self.lock(&folder);
        self.folder = Some(folder);
    }
}

impl Drop for Unfinished {
    fn drop(&mut self) {
        all().remove(&self.path);
    }
}

/// Removes everything that this process has begun and not finished: for a handler of signals,
/// before the process ends. From then on nothing new can be begun: who tries waits for the end.
pub fn abandon() {
    let mut all = all();
    for path in std::mem::take(&mut *all) {
        // A folder into which another thread still writes takes more than one attempt.
        for _ in 0..100 {
            if remove(&path) || !path.exists() {
                break;
            }
            std::thread::sleep(Duration::from_millis(1));
        }
    }
    std::mem::forget(all);
}

/// Removes what killed processes have left in a folder; what others still write stays. How many
/// things that were.
pub fn tidy(folder: &Path) -> usize {
    let Ok(entries) = std::fs::read_dir(folder) else {
        return 0;
    };
    let ours = |path: &PathBuf| {
        let name = path.file_name().and_then(|name| name.to_str());
        name.is_some_and(|name| name.starts_with(PREFIX))
    };
    let paths = entries.flatten().map(|entry| entry.path());
    let left = paths.filter(|path| ours(path) && is_left_over(path));
    left.filter(|path| remove(path)).count()
}

fn is_left_over(path: &Path) -> bool {
    let age = std::fs::symlink_metadata(path).and_then(|m| m.modified());
    let age = age.ok().and_then(|time| time.elapsed().ok());
    let older = |than| age.is_some_and(|age| age > than);
    match File::open(path).map(|file| file.try_lock()) {
        Ok(Ok(())) => older(YOUNG),
        Ok(Err(TryLockError::WouldBlock)) => false,
        Ok(Err(TryLockError::Error(_))) | Err(_) => older(OLD),
    }
}

fn remove(path: &Path) -> bool {
    let removed = match path.is_dir() {
        true => std::fs::remove_dir_all(path),
        false => std::fs::remove_file(path),
    };
    removed.is_ok()
}

fn all() -> MutexGuard<'static, BTreeSet<PathBuf>> {
    ALL.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{AtomicFile, AtomicFolder};

    fn aged(path: &Path) {
        let long_ago = std::time::SystemTime::now() - Duration::from_secs(60);
        let file = File::open(path).unwrap();
        file.set_modified(long_ago).unwrap();
    }

    #[cfg(unix)]
    #[test]
    fn what_a_killed_process_left_is_removed_and_nothing_else() {
        let folder = tempfile::tempdir().unwrap();
        let at = |name: &str| folder.path().join(name);
        std::fs::create_dir(at(".flowinone-abc123")).unwrap();
        std::fs::write(at(".flowinone-abc123/flow.safetensors"), "1").unwrap();
        std::fs::write(at(".flowinone-def456"), "1").unwrap();
        std::fs::create_dir(at("flowinone-mine")).unwrap();
        let writing = AtomicFile::create(at("x.png")).unwrap();
        let making = AtomicFolder::create(at("model")).unwrap();
        for entry in std::fs::read_dir(folder.path()).unwrap() {
            aged(&entry.unwrap().path());
        }
        std::fs::write(at(".flowinone-young0"), "1").unwrap();
        assert_eq!(tidy(folder.path()), 2);
        assert!(at("flowinone-mine").is_dir() && at(".flowinone-young0").is_file());
        writing.commit().unwrap();
        making.commit().unwrap();
        assert!(at("x.png").is_file() && at("model").is_dir());
    }
}
