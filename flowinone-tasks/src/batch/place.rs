//! Where the work of a run was to be found, and what of it cannot be done.

use std::fmt;
use std::path::{Path, PathBuf};

/// Where a line stands.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LinePlace {
    /// The batch file.
    pub file: PathBuf,
    /// Its number, from 1 on.
    pub number: usize,
}

impl fmt::Display for LinePlace {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} line {}", self.file.display(), self.number)
    }
}

/// A line of a batch file that is no prompt, or an entry of a folder that cannot be looked at.
#[derive(Debug)]
pub struct Refused {
    /// Where it was to be found.
    pub place: Place,
    /// What is wrong with it.
    pub reason: String,
}

/// Where something was to be found.
#[derive(Debug)]
pub enum Place {
    /// A line of a batch file.
    Line(LinePlace),
    /// An entry of a folder.
    Entry(PathBuf),
}

impl Place {
    /// The file or folder.
    pub fn file(&self) -> &Path {
        match self {
            Self::Line(line) => &line.file,
            Self::Entry(path) => path,
        }
    }

    /// In a batch file: the line.
    pub fn line(&self) -> Option<usize> {
        match self {
            Self::Line(line) => Some(line.number),
            Self::Entry(_) => None,
        }
    }
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Line(line) => line.fmt(f),
            Self::Entry(path) => path.display().fmt(f),
        }
    }
}
