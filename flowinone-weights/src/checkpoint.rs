//! An opened checkpoint: the names, shapes and element types of a file's tensors. Data is read
//! one tensor at a time, when asked for, so that opening a 6 GB file costs its header only.

use std::collections::{BTreeMap, HashMap};
use std::fmt;
use std::path::{Path, PathBuf};

use flowinone_files::recognised;

use crate::entry::Entry;
use crate::safetensors::{Content, OWN_KEY, OWN_VALUE};
use crate::{Error, pytorch, safetensors, shards};

/// A checkpoint file, or a set of shards, of which only metadata has been read.
#[derive(Debug)]
pub struct Checkpoint {
    path: PathBuf,
    format: Format,
    notes: HashMap<String, String>,
    entries: BTreeMap<String, Entry>,
}

/// The container that a checkpoint came in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Format {
    /// One safetensors file.
    Safetensors,
    /// What `torch.save` writes, zip or older; pickled structure is parsed, never executed.
    PyTorch,
    /// A `*.index.json` that names the shard of every tensor.
    Sharded,
}

impl fmt::Display for Format {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Safetensors => "safetensors",
            Self::PyTorch => "PyTorch",
            Self::Sharded => "sharded",
        })
    }
}

/// Wrappers that some training scripts put around every name of a `state_dict`.
const WRAPPERS: [&str; 2] = ["state_dict.", "module."];

impl Checkpoint {
    /// Opens a safetensors file, a PyTorch `.pth`/`.bin` (zip or older), a `*.index.json` of
    /// shards, or a directory that holds one of these under its usual name.
    ///
    /// The kind is told by content, not by extension.
    ///
    /// # Errors
    /// Names the file and what is wrong with it: unreadable, of another kind, truncated.
    pub fn open(path: impl AsRef<Path>) -> Result<Self, Error> {
        let path = shards::resolve(path.as_ref())?;
        let without_notes = |entries| Content {
            entries,
            notes: HashMap::new(),
        };
        let (format, content) = match sniff(&path)? {
            Kind::Json => {
                let shard = |file| Ok(Self::open(file)?.entries);
                let entries = shards::open(&path, shard)?;
                (Format::Sharded, without_notes(entries))
            }
            Kind::Safetensors => (Format::Safetensors, safetensors::open(&path)?),
            Kind::Other => (Format::PyTorch, without_notes(pytorch::open(&path)?)),
        };
        if content.entries.is_empty() {
            return Err(Error::format(&path, "it holds no tensors"));
        }
        let checkpoint = Self::of(path, format, content);
        Ok(match checkpoint.is_own() {
            true => checkpoint,
            false => Self {
                entries: unwrapped(checkpoint.entries),
                ..checkpoint
            },
        })
    }

    /// Opens a safetensors file that lies in memory, such as one that is part of the program;
    /// `name` is what errors call it.
    ///
    /// # Errors
    /// Names the file and what is wrong with it.
    pub fn held(name: impl AsRef<Path>, bytes: &'static [u8]) -> Result<Self, Error> {
        let path = name.as_ref();
        let content = safetensors::held(path, bytes)?;
        Ok(Self::of(path.to_path_buf(), Format::Safetensors, content))
    }

    fn of(path: PathBuf, format: Format, content: Content) -> Self {
        Self {
            path,
            format,
            notes: content.notes,
            entries: content.entries,
        }
    }

    /// What the header of a safetensors file says under a name.
    pub fn note(&self, name: &str) -> Option<&str> {
        self.notes.get(name).map(String::as_str)
    }

    /// The file that was opened (the index of a sharded set).
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// The container it came in.
    pub fn format(&self) -> Format {
        self.format
    }

    /// Whether [`save`](crate::save) wrote it: module paths as names, values as the module holds
    /// them.
    pub fn is_own(&self) -> bool {
        self.note(OWN_KEY) == Some(OWN_VALUE)
    }

    /// All tensors, by name.
    pub fn entries(&self) -> impl Iterator<Item = &Entry> {
        self.entries.values()
    }

    /// The tensor of that name.
    pub fn entry(&self, name: &str) -> Option<&Entry> {
        self.entries.get(name)
    }
}

enum Kind {
    Json,
    Safetensors,
    Other,
}

/// Tells the container by its first bytes: safetensors opens with a little-endian header
/// length and `{`, an index with `{`.
fn sniff(path: &Path) -> Result<Kind, Error> {
    use std::io::Read;
    let mut head = Vec::new();
    std::fs::File::open(path)
        .and_then(|file| file.take(512).read_to_end(&mut head))
        .map_err(Error::io("open", path))?;
    let text = head.strip_prefix(b"\xef\xbb\xbf").unwrap_or(&head);
    Ok(match head.as_slice() {
        [] => return Err(Error::format(path, "the file is empty")),
        // A header is shorter than 4 GiB: what begins like another file is another.
        [_, _, _, _, 0, 0, 0, 0, b'{', ..] => Kind::Safetensors,
        _ if text.trim_ascii_start().starts_with(b"{") => Kind::Json,
        [_, _, _, _, _, _, _, _, b'{', ..] => Kind::Safetensors,
        _ => match recognised(&head) {
            Some(what) => return Err(Error::format(path, format!("it is {what}"))),
            None => Kind::Other,
        },
    })
}

fn unwrapped(mut entries: BTreeMap<String, Entry>) -> BTreeMap<String, Entry> {
    for wrapper in WRAPPERS {
        if entries.keys().all(|name| name.starts_with(wrapper)) {
            entries = entries
                .into_iter()
                .map(|(name, mut entry)| {
                    entry.name = name[wrapper.len()..].to_string();
                    (entry.name.clone(), entry)
                })
                .collect();
        }
    }
    entries
}
