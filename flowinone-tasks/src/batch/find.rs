//! Pictures in files, directories and patterns.

use std::path::{Path, PathBuf};

use flowinone_files::{Identity, is_companion};
use flowinone_image::{EXTENSIONS, is_picture};
use walkdir::WalkDir;

use super::place::{Place, Refused};
use crate::Error;

/// What files, directories and patterns hold.
#[derive(Debug, Default)]
pub struct Found {
    /// Every picture, sorted: its path, and its path below the directory.
    pub pictures: Vec<(PathBuf, PathBuf)>,
    /// Entries that cannot be looked at.
    pub refused: Vec<Refused>,
}

/// Every picture of files, directories and patterns but those below `except`.
///
/// # Errors
/// An input that is not there or holds no picture.
pub fn find(inputs: &[PathBuf], except: Option<&Path>) -> Result<Found, Error> {
    let mut found = Found::default();
    let except = except.map(|path| (path, Identity::of(path)));
    for input in inputs {
        let before = found.pictures.len() + found.refused.len();
        collect(input, except.as_ref(), &mut found)?;
        if found.pictures.len() + found.refused.len() == before {
            let brackets = match input.to_string_lossy().contains(['[', ']']) {
                true => "; [ ] stand for one of several characters, write [[] for a bracket itself",
                false => "",
            };
            return Err(Error::Jobs(format!(
                "no pictures match {} (directories are searched for {}{brackets})",
                input.display(),
                EXTENSIONS.join(", ")
            )));
        }
    }
    found.pictures.sort();
    found.pictures.dedup();
    Ok(found)
}

/// Whether an input is one file: also a pipe, which has no name of its own.
pub(super) fn is_single(input: &Path) -> bool {
    input.metadata().is_ok_and(|there| !there.is_dir())
}

/// An output directory, and what it is.
type Except<'a> = Option<&'a (&'a Path, Identity)>;

fn collect(input: &Path, except: Except<'_>, found: &mut Found) -> Result<(), Error> {
    let text = input.to_string_lossy();
    if input.is_dir() {
        in_directory(input, except, found)?;
    } else if is_single(input) {
        let name = input.file_name().map(PathBuf::from).unwrap_or_default();
        found.pictures.push((input.to_path_buf(), name));
    } else if text.contains(['*', '?', '[']) {
        by_pattern(input, except, found)?;
    } else {
        let pipe = match &*text {
            "-" => "; write /dev/stdin to read from a pipe",
            _ => "",
        };
        return Err(Error::Jobs(format!("input {text} does not exist{pipe}")));
    }
    Ok(())
}

fn in_directory(folder: &Path, except: Except<'_>, found: &mut Found) -> Result<(), Error> {
    let own = Identity::of(folder);
    // An output directory inside the input must not feed on itself.
    let inside = except.filter(|(_, output)| output.is_within(&own));
    if let Some((output, identity)) = inside
        && identity.is(&own)
    {
        return Err(Error::Jobs(format!(
            "{} and the output {} are the same directory; choose another output",
            folder.display(),
            output.display()
        )));
    }
    let mut entries = WalkDir::new(folder)
        .follow_links(true)
        .sort_by_file_name()
        .into_iter();
    while let Some(entry) = entries.next() {
        let entry = match entry {
            Ok(entry) => entry,
            Err(error) => {
                found.refuse(folder, &error);
                continue;
            }
        };
        let path = entry.path();
        if path.is_dir() {
            if inside.is_some_and(|(_, output)| Identity::of(path).is(output)) {
                entries.skip_current_dir();
            }
            continue;
        }
        if is_picture(path) && !is_companion(path) {
            let below = path.strip_prefix(folder).unwrap_or(path);
            found
                .pictures
                .push((path.to_path_buf(), below.to_path_buf()));
        }
    }
    Ok(())
}

impl Found {
    /// Notes an entry of a directory that cannot be looked at; it fails alone.
    fn refuse(&mut self, folder: &Path, error: &walkdir::Error) {
        let path = error.path().unwrap_or(folder);
        let picture = is_picture(path) || path.is_dir();
        // A link to nowhere that is no picture is nobody's loss.
        if is_companion(path) || (path.is_symlink() && !picture) {
            return;
        }
        let reason = match (error.loop_ancestor(), error.io_error()) {
            (Some(above), _) => format!("it is a link to {}, which it lies in", above.display()),
            (None, Some(e)) if path.is_symlink() => format!("it is a link that leads nowhere: {e}"),
            (None, Some(e)) => format!("it cannot be read: {e}"),
            (None, None) => format!("{error}"),
        };
        self.refused.push(Refused {
            place: Place::Entry(path.to_path_buf()),
            reason,
        });
    }
}

/// The leading folders that are there are taken as they are written, whatever signs they have.
fn by_pattern(input: &Path, except: Except<'_>, found: &mut Found) -> Result<(), Error> {
    let mut root = PathBuf::new();
    let mut parts = input.components().peekable();
    while let Some(part) = parts.peek() {
        let longer = root.join(part);
        if !longer.is_dir() {
            break;
        }
        root = longer;
        parts.next();
    }
    let rest: PathBuf = parts.collect();
    let (Some(root), Some(rest)) = (root.to_str(), rest.to_str()) else {
        return Err(Error::Jobs(format!(
            "the pattern {} is not UTF-8",
            input.display()
        )));
    };
    let pattern = Path::new(&glob::Pattern::escape(root)).join(rest);
    let refused = |e: glob::PatternError| Error::Jobs(format!("pattern {}: {e}", input.display()));
    for entry in glob::glob(&pattern.to_string_lossy()).map_err(refused)? {
        let entry = match entry {
            Ok(entry) => entry,
            Err(error) => {
                found.refused.push(Refused {
                    reason: format!("it cannot be read: {}", error.error()),
                    place: Place::Entry(error.path().to_path_buf()),
                });
                continue;
            }
        };
        let own = except.is_some_and(|(_, output)| {
            let above = entry.parent().map(Identity::of);
            above.is_some_and(|above| {
                above.is_within(output) && !Identity::of(root).is_within(output)
            })
        });
        if !entry.is_dir() && !own && !is_companion(&entry) {
            let below = entry.strip_prefix(root).unwrap_or(&entry).to_path_buf();
            found.pictures.push((entry, below));
        }
    }
    Ok(())
}
