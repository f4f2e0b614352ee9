//! Files and folders that appear whole or not at all: written under a temporary name next to their
//! place, then renamed there.

use std::fs::File;
use std::io::{self, BufWriter, Write};
use std::path::{Path, PathBuf};

use tempfile::{NamedTempFile, TempDir};

use crate::identity::place;
use crate::unfinished::{PREFIX, Unfinished};

use crate::Error;

/// A file being written; without [`commit`](Self::commit) nothing remains of it.
///
/// A new file has the mode that the umask leaves; one that is replaced keeps its mode and owner. A
/// link is followed, and what it leads to is replaced. A pipe or a device is written to as it is.
#[derive(Debug)]
pub struct AtomicFile(Kind);

#[derive(Debug)]
enum Kind {
    New {
        path: PathBuf,
        temporary: BufWriter<NamedTempFile>,
        unfinished: Unfinished,
    },
    /// What cannot be replaced.
    Direct(BufWriter<File>),
}

impl AtomicFile {
    /// Starts a file that will stand at `path`, in a folder that exists.
    ///
    /// # Errors
    /// The folder is missing or cannot be written to, or `path` is a folder.
    pub fn create(path: impl Into<PathBuf>) -> io::Result<Self> {
        let path = path.into();
        match std::fs::metadata(&path) {
            Ok(there) if there.is_dir() => return Err(io::ErrorKind::IsADirectory.into()),
            Ok(there) if !there.is_file() => {
                let file = File::options().write(true).open(&path)?;
                return Ok(Self(Kind::Direct(BufWriter::new(file))));
            }
            _ => {}
        }
        let path = place(&path);
        let folder = path.parent().filter(|p| !p.as_os_str().is_empty());
        let (temporary, unfinished) = Unfinished::making(|| {
            let temporary = shared(tempfile::Builder::new().prefix(PREFIX), 0o666)
                .tempfile_in(folder.unwrap_or(Path::new(".")))?;
            let path = temporary.path().to_path_buf();
            Ok((temporary, path))
        })?;
        unfinished.lock(temporary.as_file());
        Ok(Self(Kind::New {
            unfinished,
            path,
            temporary: BufWriter::with_capacity(1 << 20, temporary),
        }))
    }

    /// Puts the file in its place, over whatever was there.
    ///
    /// # Errors
    /// The data cannot be brought to the disk, or the file not renamed; the old file then stays.
    pub fn commit(self) -> io::Result<()> {
        let (path, temporary, unfinished) = match self.0 {
            Kind::New {
                path,
                temporary,
                unfinished,
            } => (path, temporary, unfinished),
            Kind::Direct(mut file) => return file.flush(),
        };
        let temporary = temporary.into_inner().map_err(|e| e.into_error())?;
        if let Ok(there) = std::fs::metadata(&path) {
            like(temporary.as_file(), &there)?;
        }
        temporary.as_file().sync_all()?;
        temporary.persist(&path).map_err(|e| e.error)?;
        drop(unfinished);
        Ok(())
    }
}

impl Write for AtomicFile {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        match &mut self.0 {
            Kind::New { temporary, .. } => temporary.write(bytes),
            Kind::Direct(file) => file.write(bytes),
        }
    }

    fn flush(&mut self) -> io::Result<()> {
        match &mut self.0 {
            Kind::New { temporary, .. } => temporary.flush(),
            Kind::Direct(file) => file.flush(),
        }
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

/// Makes the folder that a file shall lie in, and those above it.
///
/// # Errors
/// Names the folder that cannot be made.
pub fn make_parent(path: impl AsRef<Path>) -> Result<(), Error> {
    match path.as_ref().parent() {
        Some(parent) => std::fs::create_dir_all(parent).map_err(Error::of("create", parent)),
        None => Ok(()),
    }
}

/// A path that holds wherever the program is started.
pub fn absolute(path: &Path) -> PathBuf {
    std::path::absolute(path).unwrap_or_else(|_| path.to_path_buf())
}

/// Whether a file's name ends in one of some extensions, in letters of either case.
pub fn has_extension(path: impl AsRef<Path>, allowed: &[&str]) -> bool {
    let extension = path.as_ref().extension();
    extension.is_some_and(|e| allowed.iter().any(|a| e.eq_ignore_ascii_case(a)))
}

/// Makes the folder of a file that will be written, and tries whether it can be.
///
/// # Errors
/// Names the file that cannot be written.
pub fn writable(file: impl AsRef<Path>) -> Result<(), Error> {
    let file = file.as_ref();
    make_parent(file)?;
    let tried = AtomicFile::create(file).map_err(Error::of("write", file))?;
    drop(tried);
    Ok(())
}

/// A folder being written; without [`commit`](Self::commit) nothing remains of it.
#[derive(Debug)]
pub struct AtomicFolder {
    target: PathBuf,
    temporary: TempDir,
    unfinished: Unfinished,
}

impl AtomicFolder {
    /// Starts a folder that will stand at `target`, where nothing or an empty folder may be;
    /// folders above it are made. What a killed process left of another try is removed.
    ///
    /// # Errors
    /// [`io::ErrorKind::AlreadyExists`] if something is there; or a disk that cannot be written to.
    pub fn create(target: impl AsRef<Path>) -> io::Result<Self> {
        let target = place(target.as_ref());
        let vacant = match std::fs::read_dir(&target) {
            Ok(mut entries) => entries.next().is_none(),
            Err(_) => !target.exists(),
        };
        if !vacant {
            return Err(io::ErrorKind::AlreadyExists.into());
        }
        let above = target.parent().unwrap_or(Path::new("."));
        std::fs::create_dir_all(above)?;
        crate::tidy(above);
        let (temporary, mut unfinished) = Unfinished::making(|| {
            let temporary =
                shared(tempfile::Builder::new().prefix(PREFIX), 0o777).tempdir_in(above)?;
            let path = temporary.path().to_path_buf();
            Ok((temporary, path))
        })?;
        if let Ok(folder) = File::open(temporary.path()) {
            unfinished.hold(folder);
        }
        Ok(Self {
            target,
            temporary,
            unfinished,
        })
    }

    /// Where its files are to be written.
    pub fn path(&self) -> &Path {
        self.temporary.path()
    }

    /// Puts it in its place, and says where that is.
    ///
    /// # Errors
    /// Something has come there meanwhile.
    pub fn commit(self) -> io::Result<PathBuf> {
        let Self {
            target,
            temporary,
            unfinished,
        } = self;
        if target.exists() {
            std::fs::remove_dir(&target)?; // empty, or an error
        }
        std::fs::rename(temporary.path(), &target)?;
        // It has moved: nothing is left to remove.
        let _ = temporary.keep();
        drop(unfinished);
        Ok(target)
    }
}

/// With the permissions of any new file or folder: temporary ones are private by themselves.
#[cfg(unix)]
fn shared<'a, 'b>(
    builder: &'a mut tempfile::Builder<'b, 'static>,
    mode: u32,
) -> &'a mut tempfile::Builder<'b, 'static> {
    use std::os::unix::fs::PermissionsExt;
    builder.permissions(std::fs::Permissions::from_mode(mode)) // less the umask
}

#[cfg(not(unix))]
fn shared<'a, 'b>(
    builder: &'a mut tempfile::Builder<'b, 'static>,
    _mode: u32,
) -> &'a mut tempfile::Builder<'b, 'static> {
    builder
}

/// Gives a file the mode of one that it replaces, and its owner where the system allows it.
#[cfg(unix)]
fn like(file: &File, there: &std::fs::Metadata) -> io::Result<()> {
    use std::os::unix::fs::MetadataExt;
    let new = file.metadata()?;
    if (new.uid(), new.gid()) != (there.uid(), there.gid()) {
        // Only root may give files away; others keep what they write.
        let _ = std::os::unix::fs::fchown(file, Some(there.uid()), Some(there.gid()));
    }
    file.set_permissions(there.permissions())
}

#[cfg(not(unix))]
fn like(_file: &File, _there: &std::fs::Metadata) -> io::Result<()> {
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
        assert!(AtomicFile::create(folder.path()).is_err());
    }

    #[cfg(unix)]
    #[test]
    fn modes_are_those_of_any_other_program() {
        use std::os::unix::fs::{PermissionsExt, symlink};
        let folder = tempfile::tempdir().unwrap();
        let at = |name: &str| folder.path().join(name);
        let mode = |name: &str| {
            let metadata = std::fs::metadata(at(name)).unwrap();
            metadata.permissions().mode() & 0o777
        };
        let write = |name: &str| {
            let mut file = AtomicFile::create(at(name)).unwrap();
            file.write_all(b"new").unwrap();
            file.commit().unwrap();
        };
        // The umask is the whole process's: what it leaves is seen at a plain file and folder.
        std::fs::write(at("plain"), "").unwrap();
        std::fs::create_dir(at("plain folder")).unwrap();
        write("new");
        assert_eq!(mode("new"), mode("plain"));
        let new = AtomicFolder::create(at("new folder")).unwrap();
        new.commit().unwrap();
        assert_eq!(mode("new folder"), mode("plain folder"));

        for kept in [0o600, 0o444, 0o664] {
            std::fs::set_permissions(at("new"), std::fs::Permissions::from_mode(kept)).unwrap();
            write("new");
            assert_eq!(mode("new"), kept);
        }
        // What a link leads to is written, there or not; the link stays.
        for target in ["new", "not there yet"] {
            symlink(target, at("link")).unwrap();
            write("link");
            assert!(at("link").is_symlink());
            assert_eq!(std::fs::read(at(target)).unwrap(), b"new");
            std::fs::remove_file(at("link")).unwrap();
        }
        write("/dev/null");
        assert!(!std::fs::metadata("/dev/null").unwrap().is_file());
    }
}
