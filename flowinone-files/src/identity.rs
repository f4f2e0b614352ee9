//! What a path is, however it is spelled: `a.png`, `./a.png`, `sub/../a.png`, a link to it, or
//! `A.PNG` where the file system ignores case, are one file.
//!
//! Outputs are compared with inputs so before anything is computed: a file is known by the place
//! that its path leads to, and by device and inode where there are such, which also sees hard
//! links.

use std::collections::{HashMap, VecDeque};
use std::ffi::OsString;
use std::path::{Component, Path, PathBuf};

/// Most links that one path may lead over, as systems have it.
const MOST_LINKS: usize = 40;

/// A file or folder, whether or not it is there yet.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Identity {
    /// Free of links, dots and, where the file system ignores it, letter case.
    place: PathBuf,
    /// Device and inode of what is there.
    node: Option<(u64, u64)>,
}

impl Identity {
    /// What `path` is now. A path that leads nowhere is known by the place where a file written to
    /// it would come to lie; so is a link that dangles.
    pub fn of(path: impl AsRef<Path>) -> Self {
        Self::with(path.as_ref(), ignores_case)
    }

    fn with(path: &Path, ignores_case: impl Fn(&Path) -> bool) -> Self {
        let mut place = place(path);
        let there = place.ancestors().find(|folder| folder.is_dir());
        if there.is_some_and(ignores_case) {
            place = place.to_string_lossy().to_lowercase().into();
        }
        Self {
            node: node(path),
            place,
        }
    }

    /// Whether both are one file or folder.
    pub fn is(&self, other: &Self) -> bool {
        self.place == other.place || (self.node.is_some() && self.node == other.node)
    }

    /// Whether it is `folder` or lies somewhere below it.
    pub fn is_within(&self, folder: &Self) -> bool {
        self.is(folder) || self.place.starts_with(&folder.place)
    }
}

/// An output that would be written over an input or another output.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{}", told(self))]
pub struct Collision {
    /// The output.
    pub output: PathBuf,
    /// The same file as another path names it.
    pub other: PathBuf,
    /// Whether that is an input; another output otherwise.
    pub input: bool,
}

fn told(
    Collision {
        output,
        other,
        input,
    }: &Collision,
) -> String {
    let output = output.display();
    let what = match input {
        true => "a file that is read",
        false => "another output",
    };
    let other = match other.display() {
        other if other.to_string() == output.to_string() => String::new(),
        other => format!(" ({other} is the same file)"),
    };
    format!("{output} would be written over {what}{other}; choose another name for the output")
}

/// Checks that no output is an input or another output, by what the files are.
///
/// # Errors
/// The first output that is.
pub fn keep_apart<'a>(
    inputs: impl IntoIterator<Item = &'a Path>,
    outputs: impl IntoIterator<Item = &'a Path>,
) -> Result<(), Collision> {
    let mut known = Known::default();
    for path in inputs {
        known.add(path, Identity::of(path), true);
    }
    for output in outputs {
        let identity = Identity::of(output);
        if let Some((other, input)) = known.find(&identity) {
            return Err(Collision {
                output: output.to_path_buf(),
                other: other.to_path_buf(),
                input,
            });
        }
        known.add(output, identity, false);
    }
    Ok(())
}

/// Files by what they are: the path that named each, and whether it is an input.
#[derive(Default)]
struct Known<'a> {
    places: HashMap<PathBuf, (&'a Path, bool)>,
    nodes: HashMap<(u64, u64), (&'a Path, bool)>,
}

impl<'a> Known<'a> {
    fn add(&mut self, path: &'a Path, identity: Identity, input: bool) {
        if let Some(node) = identity.node {
            self.nodes.entry(node).or_insert((path, input));
        }
        let place = self.places.entry(identity.place);
        place.or_insert((path, input));
    }

    fn find(&self, identity: &Identity) -> Option<(&'a Path, bool)> {
        let by_node = || self.nodes.get(&identity.node?);
        let found = self.places.get(&identity.place).or_else(by_node);
        found.copied()
    }
}

/// Where a path leads, all links followed, those that dangle included.
pub(crate) fn place(path: &Path) -> PathBuf {
    let absolute = std::path::absolute(path).unwrap_or_else(|_| path.to_path_buf());
    let mut place = PathBuf::new();
    let mut rest: VecDeque<OsString> = names(&absolute).collect();
    let mut links = 0;
    while let Some(name) = rest.pop_front() {
        match Path::new(&name).components().next() {
            Some(Component::ParentDir) => {
                place.pop(); // what is here is free of links
            }
            Some(Component::Normal(_)) => {
                let here = place.join(&name);
                match std::fs::read_link(&here) {
                    Ok(target) if links < MOST_LINKS => {
                        links += 1;
                        for name in names(&target).collect::<Vec<_>>().into_iter().rev() {
                            rest.push_front(name);
                        }
                    }
                    _ => place = here,
                }
            }
            Some(Component::CurDir) | None => {}
            Some(Component::RootDir | Component::Prefix(_)) => place.push(&name), // starts again
        }
    }
    // The system's own spelling of what is there.
    let there = place.ancestors().find_map(|folder| {
        let canonical = std::fs::canonicalize(folder).ok()?;
        Some((canonical, folder.to_path_buf()))
    });
    match there {
        Some((canonical, folder)) => match place.strip_prefix(&folder) {
            Ok(rest) if rest.as_os_str().is_empty() => canonical,
            Ok(rest) => canonical.join(rest),
            Err(_) => place,
        },
        None => place,
    }
}

fn names(path: &Path) -> impl Iterator<Item = OsString> {
    path.components().map(|part| part.as_os_str().to_owned())
}

/// Device and inode of what a path leads to.
#[cfg(unix)]
fn node(path: &Path) -> Option<(u64, u64)> {
    use std::os::unix::fs::MetadataExt;
    let metadata = std::fs::metadata(path).ok()?;
    Some((metadata.dev(), metadata.ino()))
}

#[cfg(not(unix))]
fn node(_path: &Path) -> Option<(u64, u64)> {
    None
}

/// Whether the file system of a folder takes its own name in the other case for the same folder.
fn ignores_case(folder: &Path) -> bool {
    let swap = |c: char| match c.is_lowercase() {
        true => c.to_uppercase().next().unwrap_or(c),
        false => c.to_lowercase().next().unwrap_or(c),
    };
    folder.ancestors().find_map(|folder| {
        let name = folder.file_name()?.to_str()?;
        let other: String = name.chars().map(swap).collect();
        let other = (other != name).then(|| folder.with_file_name(other))?;
        Some(match (node(folder), node(&other)) {
            (None, None) => cfg!(windows),
            (here, there) => here == there,
        })
    }) == Some(true)
}

#[cfg(test)]
mod tests;
