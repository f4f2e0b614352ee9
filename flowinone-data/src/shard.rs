//! Reading one shard from any offset on: files of one key, one after another, are a sample.
//!
//! An entry's key ends at the first dot of its file name, as in Python's `webdataset`.

use std::fs::File;
use std::io::{BufReader, Read, Seek, SeekFrom};
use std::path::{Path, PathBuf};

use flowinone_files::is_companion;
use flowinone_image::EXTENSIONS;

use super::sample::{known_json, known_kind};
use super::{Encoded, Error, Sample};

/// Largest file in a shard that is read, in bytes.
const MAX_ENTRY: u64 = 64 << 20;
/// Largest `type` or `json`, in bytes.
const MAX_TEXT: u64 = 4 << 20;

/// Endings of names of shards that must be unpacked first.
const PACKED: [&str; 6] = [".tgz", ".gz", ".xz", ".zst", ".bz2", ".txz"];

/// The shards of a folder (its `.tar` files, compressed ones included, which are damaged until they
/// are unpacked), or the one shard that `path` is, sorted by name.
///
/// # Errors
/// The folder cannot be read.
pub fn shards(path: &Path) -> Result<Vec<PathBuf>, Error> {
    Ok(shards_and_others(path)?.0)
}

/// The shards of a folder, and what is no shard.
pub(crate) fn shards_and_others(path: &Path) -> Result<(Vec<PathBuf>, Vec<PathBuf>), Error> {
    if path.is_file() {
        return Ok((vec![path.to_path_buf()], vec![]));
    }
    let (mut found, mut others) = (vec![], vec![]);
    for entry in std::fs::read_dir(path).map_err(Error::io("read", path))? {
        let entry = entry.map_err(Error::io("read", path))?.path();
        if is_companion(&entry) {
            continue;
        }
        let name = entry.file_name().unwrap_or_default().to_string_lossy();
        let name = name.to_lowercase();
        let packed = PACKED.iter().find_map(|end| name.strip_suffix(end));
        let shard = name.ends_with(".tar")
            || packed.is_some_and(|name| name.ends_with(".tar"))
            || name.ends_with(".tgz")
            || name.ends_with(".txz");
        match shard && !entry.is_dir() {
            true => found.push(entry),
            false => others.push(entry),
        }
    }
    found.sort();
    others.sort();
    Ok((found, others))
}

/// An open shard.
pub(crate) struct Shard {
    file: BufReader<File>,
    /// Where the next sample begins.
    offset: u64,
    length: u64,
}

/// A sample or what is wrong with it, and where in the shard it begins.
pub(crate) struct Found {
    pub(crate) offset: u64,
    pub(crate) key: String,
    pub(crate) sample: Result<Sample, String>,
    /// Files of its key that are not used.
    pub(crate) left_out: Vec<String>,
}

/// The files of one key so far.
#[derive(Default)]
struct Parts {
    input: Option<Encoded>,
    output: Option<Encoded>,
    kind: Option<String>,
    json: Option<String>,
    fault: Option<String>,
    left_out: Vec<String>,
}

impl Shard {
    /// Opens a shard at a place where a sample begins.
    pub(crate) fn open(path: &Path, offset: u64) -> Result<Self, String> {
        let file = File::open(path).map_err(|e| e.to_string())?;
        let length = file.metadata().map_err(|e| e.to_string())?.len();
        let mut file = BufReader::with_capacity(1 << 18, file);
        let mut head = vec![];
        let read = file.by_ref().take(512).read_to_end(&mut head);
        read.map_err(|e| e.to_string())?;
        if let Some(what) = flowinone_files::recognised(&head) {
            return Err(format!("it is {what}"));
        }
        Ok(Self {
            file,
            offset,
            length,
        })
    }

    /// Where the next sample begins.
    pub(crate) fn offset(&self) -> u64 {
        self.offset
    }

    /// Moves to a place where a sample begins.
    pub(crate) fn seek(&mut self, offset: u64) {
        self.offset = offset;
    }

    /// The next sample, `None` at the end; an error means that the rest cannot be read.
    pub(crate) fn next(&mut self) -> Result<Option<Found>, String> {
        let mut group: Option<(u64, String, Parts)> = None;
        loop {
            let start = self.offset;
            match self.entry(group.as_mut().map(|(_, key, parts)| (&**key, parts))) {
                Ok(Step::Skipped | Step::Taken) => {}
                Ok(Step::Other(key)) => match group {
                    Some(_) => break,
                    None => group = Some((start, key, Parts::default())),
                },
                Ok(Step::End) => break,
                Err(reason) => match &mut group {
                    // The damage itself is met again, by the next call.
                    Some((_, _, parts)) => {
                        parts.end_early();
                        break;
                    }
                    None => return Err(reason),
                },
            }
        }
        Ok(group.map(|(offset, key, mut parts)| Found {
            offset,
            left_out: std::mem::take(&mut parts.left_out),
            sample: parts.sample(&key),
            key,
        }))
    }

    /// Reads the entry at the offset if it belongs to the group; else only its key.
    fn entry(&mut self, group: Option<(&str, &mut Parts)>) -> Result<Step, String> {
        let start = self.offset;
        let damaged = |e: std::io::Error| {
            // Some of the reader's reasons quote the bytes that it met.
            let reason: String = e.to_string().chars().filter(|c| !c.is_control()).collect();
            let reason = match ["numeric field", "cksum", "utf-8"]
                .iter()
                .any(|at| reason.contains(at))
            {
                true => "there is no header of a tar entry".into(),
                false => reason,
            };
            format!("damaged at byte {start}: {reason}")
        };
        if start >= self.length {
            return Err("cut short: the end of the archive is missing".into());
        }
        let here = self.file.stream_position().map_err(damaged)?;
        match i64::try_from(i128::from(start) - i128::from(here)) {
            Ok(way) => self.file.seek_relative(way).map_err(damaged)?,
            Err(_) => self
                .file
                .seek(SeekFrom::Start(start))
                .map(drop)
                .map_err(damaged)?,
        }
        let mut archive = tar::Archive::new(&mut self.file);
        let mut entries = archive.entries().map_err(damaged)?;
        let Some(entry) = entries.next() else {
            return Ok(Step::End);
        };
        let mut entry = entry.map_err(damaged)?;
        let size = entry.size();
        let end = start
            .checked_add(entry.raw_file_position())
            .and_then(|data| data.checked_add(size))
            .filter(|end| *end <= self.length)
            .ok_or_else(|| format!("cut short: the entry at byte {start} claims {size} bytes"))?;
        let next = end.next_multiple_of(512);
        let path = String::from_utf8_lossy(&entry.path_bytes()).into_owned();
        let file = path.rsplit('/').next().unwrap_or_default();
        let of_none = file.starts_with("__") || file.is_empty() || is_companion(Path::new(file));
        if !entry.header().entry_type().is_file() || of_none {
            self.offset = next;
            return Ok(Step::Skipped);
        }
        let (key, extension) = match file.split_once('.') {
            Some((_, extension)) => (&path[..path.len() - extension.len() - 1], extension),
            None => (&*path, ""),
        };
        let Some((current, parts)) = group else {
            return Ok(Step::Other(key.into()));
        };
        if current != key {
            return Ok(Step::Other(key.into()));
        }
        let limit = match extension {
            "type" | "json" => MAX_TEXT,
            _ => MAX_ENTRY,
        };
        let unsafe_path = path.starts_with('/')
            || path.contains(['\\', '\0'])
            || path.split('/').any(|part| part == "..");
        if unsafe_path {
            parts.fault = Some("its path leads out of the shard".into());
        } else if size > limit {
            let fault = format!("{extension} has {size} bytes, more than the {limit} allowed");
            parts.fault = Some(fault);
        } else {
            let mut bytes = Vec::with_capacity(size as usize);
            entry.read_to_end(&mut bytes).map_err(damaged)?;
            if bytes.len() as u64 != size {
                return Err(format!("cut short in the entry at byte {start}"));
            }
            parts.take(extension, bytes);
        }
        self.offset = next;
        Ok(Step::Taken)
    }
}

enum Step {
    /// Nothing that belongs to a sample.
    Skipped,
    /// Added to the group.
    Taken,
    /// The first file of another key, not yet read.
    Other(String),
    /// No more entries.
    End,
}

impl Parts {
    fn take(&mut self, extension: &str, bytes: Vec<u8>) {
        let known = extension.to_ascii_lowercase();
        let repeated = match &*known {
            "type" => match known_kind(bytes) {
                Ok(kind) => self.kind.replace(kind).is_some(),
                Err(reason) => return self.fault = Some(reason),
            },
            "json" => match known_json(bytes) {
                Ok(json) => self.json.replace(json).is_some(),
                Err(reason) => return self.fault = Some(reason),
            },
            _ => {
                let side = known.split_once('.');
                let side = side.filter(|(_, format)| EXTENSIONS.contains(format));
                let picture = |format: &str| Encoded {
                    extension: format.into(),
                    bytes,
                };
                match side {
                    Some(("in", format)) => self.input.replace(picture(format)).is_some(),
                    Some(("out", format)) => self.output.replace(picture(format)).is_some(),
                    _ => return self.left_out.push(extension.into()),
                }
            }
        };
        if repeated {
            self.fault = Some(format!("{extension} is there twice"));
        }
    }

    /// The shard is damaged behind these files: others of the same sample may have been there, and
    /// a sample that lost its type would be taken for another kind.
    fn end_early(&mut self) {
        let whole = self.input.is_some() && self.output.is_some();
        if !(whole && self.kind.is_some() && self.json.is_some()) {
            let fault = "the shard is damaged there, files of this sample may be missing";
            self.fault.get_or_insert(fault.into());
        }
    }

    fn sample(self, key: &str) -> Result<Sample, String> {
        if let Some(fault) = self.fault {
            return Err(fault);
        }
        let missing = |name: &str| format!("{name}.png (or .jpg) is missing");
        Ok(Sample {
            key: key.into(),
            input: self.input.ok_or_else(|| missing("in"))?,
            output: self.output.ok_or_else(|| missing("out"))?,
            kind: self.kind,
            json: self.json,
        })
    }
}

/// The key of a sample in a shard: its path, with `dots` for the dots in its name.
///
/// # Errors
/// [`Error::Dots`] for a name with dots if there is nothing to write for them.
pub fn shard_key(path: &str, dots: Option<&str>) -> Result<String, Error> {
    let (folders, name) = match path.rsplit_once('/') {
        Some((folders, name)) => (Some(folders), name),
        None => (None, path),
    };
    let name = match (dots, name.contains('.')) {
        (_, false) => name.to_string(),
        (Some(dots), true) => name.replace('.', dots),
        (None, true) => return Err(Error::Dots(path.into())),
    };
    Ok(match folders {
        Some(folders) => format!("{folders}/{name}"),
        None => name,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_dots_of_the_name_itself_are_replaced() {
        assert_eq!(shard_key("v1.2/a.b.c", Some("-")).unwrap(), "v1.2/a-b-c");
        assert_eq!(shard_key("v1.2/a", None).unwrap(), "v1.2/a");
        let text = shard_key("a.b", None).unwrap_err().to_string();
        assert!(text.contains("a.b") && text.contains("dot"), "{text}");
    }
}
