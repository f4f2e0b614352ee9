//! Reading one shard from any offset on: files of one key, one after another, are a sample.
//!
//! An entry's key ends at the first dot of its file name, as in Python's `webdataset`.

use std::fs::File;
use std::io::{BufReader, Read, Seek, SeekFrom};
use std::path::{Path, PathBuf};

use super::sample::EXTENSIONS;
use super::{Encoded, Error, Sample};

/// Largest file in a shard that is read, in bytes.
const MAX_ENTRY: u64 = 64 << 20;
/// Largest `type` or `json`, in bytes.
const MAX_TEXT: u64 = 4 << 20;

/// The shards of a folder (its `.tar` files), or the one shard that `path` is, sorted by name.
///
/// # Errors
/// The folder cannot be read.
pub fn shards(path: &Path) -> Result<Vec<PathBuf>, Error> {
    if path.is_file() {
        return Ok(vec![path.to_path_buf()]);
    }
    let mut found = vec![];
    for entry in std::fs::read_dir(path).map_err(Error::io("read", path))? {
        let entry = entry.map_err(Error::io("read", path))?.path();
        if entry.extension().is_some_and(|e| e == "tar") && entry.is_file() {
            found.push(entry);
        }
    }
    found.sort();
    Ok(found)
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
}

/// The files of one key so far.
#[derive(Default)]
struct Parts {
    input: Option<Encoded>,
    output: Option<Encoded>,
    kind: Option<String>,
    json: Option<String>,
    fault: Option<String>,
}

impl Shard {
    /// Opens a shard at a place where a sample begins.
    pub(crate) fn open(path: &Path, offset: u64) -> Result<Self, String> {
        let file = File::open(path).map_err(|e| e.to_string())?;
        let length = file.metadata().map_err(|e| e.to_string())?.len();
        Ok(Self {
            file: BufReader::with_capacity(1 << 18, file),
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
        Ok(group.map(|(offset, key, parts)| Found {
            offset,
            sample: parts.sample(&key),
            key,
        }))
    }

    /// Reads the entry at the offset if it belongs to the group; else only its key.
    fn entry(&mut self, group: Option<(&str, &mut Parts)>) -> Result<Step, String> {
        let start = self.offset;
        let damaged = |e: std::io::Error| format!("damaged at byte {start}: {e}");
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
        if !entry.header().entry_type().is_file() || file.starts_with("__") || file.is_empty() {
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
        let repeated = match extension {
            "type" => match String::from_utf8(bytes) {
                Ok(text) => self.kind.replace(text.trim().into()).is_some(),
                Err(_) => return self.fault = Some("type is no text".into()),
            },
            "json" => match String::from_utf8(bytes) {
                Ok(text) => self.json.replace(text).is_some(),
                Err(_) => return self.fault = Some("json is no text".into()),
            },
            _ => {
                let Some((side, format)) = extension.split_once('.') else {
                    return;
                };
                if !EXTENSIONS.contains(&format) {
                    return;
                }
                let picture = Encoded {
                    extension: format.into(),
                    bytes,
                };
                match side {
                    "in" => self.input.replace(picture).is_some(),
                    "out" => self.output.replace(picture).is_some(),
                    _ => return,
                }
            }
        };
        if repeated {
            self.fault = Some(format!("{extension} is there twice"));
        }
    }

    /// The shard is damaged behind these files: others of the same sample may have been there, and a
    /// sample that lost its type would be taken for another kind.
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
