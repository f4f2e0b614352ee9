//! The files of a model: in a directory, or in memory as part of the program.

use std::borrow::Cow;
use std::path::{Path, PathBuf};

use flowinone_files::{sha256, sha256_of};
use flowinone_weights::Checkpoint;

use crate::Error;

/// Where the files of a model are.
#[derive(Debug, Clone)]
pub(crate) enum Files {
    /// In a directory.
    Directory(PathBuf),
    /// In memory, by name.
    Held {
        /// What errors and records call the model.
        name: &'static str,
        /// Name and content of each.
        files: &'static [(&'static str, &'static [u8])],
    },
}

impl Files {
    /// The directory, or the name that stands for it.
    pub(crate) fn path(&self) -> &Path {
        match self {
            Self::Directory(path) => path,
            Self::Held { name, .. } => Path::new(name),
        }
    }

    /// Size of a file in bytes.
    pub(crate) fn size(&self, file: &str) -> Result<u64, Error> {
        match self {
            Self::Directory(path) => {
                let path = path.join(file);
                let metadata = std::fs::metadata(&path).map_err(|e| unreadable(path, e))?;
                Ok(metadata.len())
            }
            Self::Held { .. } => Ok(self.held(file)?.len() as u64),
        }
    }

    /// A file's content.
    pub(crate) fn read(&self, file: &str) -> Result<Cow<'static, [u8]>, Error> {
        match self {
            Self::Directory(path) => {
                let path = path.join(file);
                let bytes = std::fs::read(&path).map_err(|e| unreadable(path, e))?;
                Ok(bytes.into())
            }
            Self::Held { .. } => Ok(self.held(file)?.into()),
        }
    }

    /// SHA-256 of a file.
    pub(crate) fn sha256(&self, file: &str) -> Result<String, Error> {
        match self {
            Self::Directory(path) => Ok(sha256(path.join(file))?),
            Self::Held { .. } => Ok(sha256_of(self.held(file)?)),
        }
    }

    /// A file of weights, opened.
    pub(crate) fn weights(&self, file: &str) -> Result<Checkpoint, Error> {
        let path = self.path().join(file);
        Ok(match self {
            Self::Directory(_) => Checkpoint::open(path)?,
            Self::Held { .. } => Checkpoint::held(path, self.held(file)?)?,
        })
    }

    fn held(&self, file: &str) -> Result<&'static [u8], Error> {
        let Self::Held { files, .. } = self else {
            return Err(unreadable(self.path().join(file), missing()));
        };
        let found = files.iter().find(|(name, _)| *name == file);
        let (_, bytes) = found.ok_or_else(|| unreadable(self.path().join(file), missing()))?;
        Ok(bytes)
    }
}

fn missing() -> std::io::Error {
    std::io::ErrorKind::NotFound.into()
}

fn unreadable(path: PathBuf, source: std::io::Error) -> Error {
    flowinone_files::Error::of("read", path)(source).into()
}
