//! The files of a folder of pairs: all of them, each part of a sample, or named as left out.
//!
//! Links are followed. What macOS puts next to files (`._NAME`, `.DS_Store`) is no picture. Names
//! are compared as they are seen: a letter with an accent may be written as one sign or as two.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use flowinone_files::is_companion;
use flowinone_image::EXTENSIONS;
use icu_normalizer::ComposingNormalizerBorrowed;
use walkdir::WalkDir;

use super::sample::{kind_of, known_json, known_kind};
use super::{Encoded, Error, Sample};

/// Largest file that is read, in bytes.
const MAX_FILE: u64 = 64 << 20;
/// Largest `type`, in bytes.
const MAX_TYPE: u64 = 4 << 10;

/// The files of one sample.
pub(crate) struct Files {
    pub(crate) key: String,
    input: Result<PathBuf, String>,
    output: Result<PathBuf, String>,
    truth: Option<Result<PathBuf, String>>,
    kind: Option<Result<PathBuf, String>>,
}

/// What a folder of pairs holds.
pub(crate) struct Listed {
    /// Sorted by key.
    pub(crate) samples: Vec<Files>,
    /// What belongs to no sample, and why.
    pub(crate) left_out: Vec<String>,
}

/// Looks through a folder of pairs. A sample is there if its prompt or its target is.
///
/// # Errors
/// The folder itself cannot be read.
pub(crate) fn listed(root: &Path) -> Result<Listed, Error> {
    let mut inputs = Folder::read(root, "input", &EXTENSIONS)?;
    let mut outputs = Folder::read(root, "output", &EXTENSIONS)?;
    let mut truths = Folder::read(root, "truth", &["json"])?;
    let mut kinds = Folder::read(root, "type", &["txt"])?;
    let mut keys: Vec<String> = inputs
        .files
        .keys()
        .chain(outputs.files.keys())
        .cloned()
        .collect();
    keys.sort();
    keys.dedup();
    let samples = keys.into_iter().map(|key| Files {
        input: inputs.take(&key),
        output: outputs.take(&key),
        truth: truths.files.remove(&key),
        kind: kinds.files.remove(&key),
        key,
    });
    let samples = samples.collect();
    let mut left_out = [inputs.left_out, outputs.left_out].concat();
    for other in [truths, kinds] {
        let without = other.files.into_values().flatten();
        left_out.extend(without.map(|path| format!("{}: no picture has its name", path.display())));
        left_out.extend(other.left_out);
    }
    Ok(Listed { samples, left_out })
}

/// One of the folders.
struct Folder {
    name: &'static str,
    /// By relative name without extension; an error where two have the same.
    files: BTreeMap<String, Result<PathBuf, String>>,
    left_out: Vec<String>,
}

impl Folder {
    /// The files of these extensions; of `truth` and `type` none if the folder is not there.
    fn read(root: &Path, name: &'static str, wanted: &[&str]) -> Result<Self, Error> {
        let folder = root.join(name);
        let mut read = Self {
            name,
            files: BTreeMap::new(),
            left_out: vec![],
        };
        if !folder.is_dir() && matches!(name, "truth" | "type") {
            return Ok(read);
        }
        std::fs::read_dir(&folder).map_err(Error::io("read", &folder))?;
        for entry in WalkDir::new(&folder).follow_links(true).sort_by_file_name() {
            let entry = match entry {
                Ok(entry) => entry,
                Err(error) => {
                    read.lost(&folder, &error, wanted);
                    continue;
                }
            };
            let path = entry.path();
            if entry.file_type().is_dir() || is_companion(path) {
                continue;
            }
            if !entry.file_type().is_file() {
                read.left_out
                    .push(format!("{}: no regular file", path.display()));
            } else if !extension(path).is_some_and(|e| wanted.contains(&&*e)) {
                read.left_out
                    .push(format!("{}: {}", path.display(), stray(path)));
            } else {
                match key(&folder, path) {
                    Some(key) => read.add(key, path),
                    None => {
                        let reason = "its name is not UTF-8; rename it";
                        read.left_out.push(format!("{}: {reason}", path.display()));
                    }
                }
            }
        }
        Ok(read)
    }

    fn add(&mut self, key: String, path: &Path) {
        let two = |other: &PathBuf| {
            Err(format!(
                "{} and {} have the same name",
                other.display(),
                path.display()
            ))
        };
        let file = match self.files.get(&key) {
            None => Ok(path.to_path_buf()),
            Some(Ok(other)) => two(other),
            Some(Err(_)) => return,
        };
        self.files.insert(key, file);
    }

    /// A link that leads nowhere, or a file or folder that may not be read: part of a sample if its
    /// name is that of one.
    fn lost(&mut self, folder: &Path, error: &walkdir::Error, wanted: &[&str]) {
        let path = error.path().unwrap_or(folder);
        let reason = match (error.loop_ancestor(), error.io_error()) {
            (Some(above), _) => format!("a link to {}, which it lies in", above.display()),
            (_, Some(e)) if path.is_symlink() => format!("a link that leads nowhere: {e}"),
            (_, Some(e)) => e.to_string(),
            _ => error.to_string(),
        };
        let named = format!("{}: {reason}", path.display());
        let ours = extension(path).is_some_and(|e| wanted.contains(&&*e)) && !is_companion(path);
        match key(folder, path).filter(|_| ours) {
            Some(key) => drop(self.files.insert(key, Err(named))),
            None => self.left_out.push(named),
        }
    }

    fn take(&mut self, key: &str) -> Result<PathBuf, String> {
        let absent = || Err(format!("{}/ has no picture of this name", self.name));
        self.files.remove(key).unwrap_or_else(absent)
    }
}

impl Files {
    pub(crate) fn read(&self) -> Result<Sample, String> {
        let (input, output) = (self.input.clone()?, self.output.clone()?);
        let text = |file: &Option<Result<PathBuf, String>>, most, known: fn(_) -> _| match file {
            None => Ok(None),
            Some(Err(reason)) => Err(reason.clone()),
            Some(Ok(path)) => bytes(path, most)
                .and_then(known)
                .map(Some)
                .map_err(|reason| format!("{}: {reason}", path.display())),
        };
        let json = text(&self.truth, MAX_FILE, known_json)?;
        let named = text(&self.kind, MAX_TYPE, known_kind)?;
        Ok(Sample {
            key: self.key.clone(),
            input: encoded(&input)?,
            output: encoded(&output)?,
            kind: named.or_else(|| kind_of(json.as_deref())),
            json,
        })
    }

    /// The files that there are.
    pub(crate) fn paths(&self) -> impl Iterator<Item = &Path> {
        let pictures = [&self.input, &self.output].into_iter().flatten();
        let texts = [&self.truth, &self.kind].into_iter().flatten().flatten();
        pictures.chain(texts).map(PathBuf::as_path)
    }
}

/// Every file that reading `path` as shards or as a folder of pairs opens.
///
/// # Errors
/// It is neither, or cannot be read.
pub fn files_of(path: impl AsRef<Path>) -> Result<Vec<PathBuf>, Error> {
    let path = path.as_ref();
    if path.join("input").is_dir() {
        let samples = listed(path)?.samples;
        return Ok(samples
            .iter()
            .flat_map(|files| files.paths().map(Path::to_path_buf))
            .collect());
    }
    super::shards(path)
}

/// Every file below a folder, links followed; what cannot be looked at is left out.
///
/// # Errors
/// The folder itself cannot be read.
pub fn files_below(folder: impl AsRef<Path>) -> Result<Vec<PathBuf>, Error> {
    let folder = folder.as_ref();
    std::fs::read_dir(folder).map_err(Error::io("read", folder))?;
    let entries = WalkDir::new(folder)
        .follow_links(true)
        .into_iter()
        .flatten();
    let files = entries.filter(|entry| entry.file_type().is_file());
    Ok(files.map(|entry| entry.into_path()).collect())
}

fn stray(path: &Path) -> String {
    let mut head = vec![];
    let read = std::fs::File::open(path)
        .and_then(|file| std::io::Read::read_to_end(&mut std::io::Read::take(file, 64), &mut head));
    match read.ok().and_then(|_| flowinone_files::recognised(&head)) {
        Some(what) => format!("it is {what}"),
        None => "its extension is none that is read here".into(),
    }
}

/// The name below a folder, without extension, its letters composed.
fn key(folder: &Path, path: &Path) -> Option<String> {
    let relative = path.strip_prefix(folder).ok()?.with_extension("");
    let key = relative.to_str()?.replace('\\', "/");
    Some(
        ComposingNormalizerBorrowed::new_nfc()
            .normalize(&key)
            .into_owned(),
    )
}

fn encoded(path: &Path) -> Result<Encoded, String> {
    Ok(Encoded {
        extension: extension(path).unwrap_or_default(),
        bytes: bytes(path, MAX_FILE)?,
    })
}

fn bytes(path: &Path, most: u64) -> Result<Vec<u8>, String> {
    let name = path.display();
    let fault = |e: std::io::Error| format!("{name}: {e}");
    let size = std::fs::metadata(path).map_err(fault)?.len();
    if size > most {
        return Err(format!("{name} has {size} bytes, more than {most}"));
    }
    std::fs::read(path).map_err(fault)
}

fn extension(path: &Path) -> Option<String> {
    Some(path.extension()?.to_str()?.to_ascii_lowercase())
}
