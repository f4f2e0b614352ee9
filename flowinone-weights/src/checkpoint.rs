//! An opened checkpoint: the names, shapes and element types of a file's tensors. Data is read
//! one tensor at a time, when asked for, so that opening a 6 GB file costs its header only.

use std::collections::BTreeMap;
use std::fmt;
use std::ops::Range;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use burn::tensor::{DType, TensorData};
use flowinone_files::recognised;

use crate::{Error, pytorch, safetensors, shards};

/// A checkpoint file, or a set of shards, of which only metadata has been read.
#[derive(Debug)]
pub struct Checkpoint {
    path: PathBuf,
    format: Format,
    own: bool,
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

/// Where the bytes of a tensor come from.
#[derive(Clone)]
pub(crate) enum Source {
    /// Any of them alone.
    Parts(Arc<dyn Fn(Range<usize>) -> std::io::Result<Vec<u8>> + Send + Sync>),
    /// All at once.
    Whole(Arc<dyn Fn() -> std::io::Result<Vec<u8>> + Send + Sync>),
}

/// One tensor of a checkpoint, its data still in the file.
#[derive(Clone)]
pub struct Entry {
    pub(crate) name: String,
    pub(crate) file: Arc<Path>,
    pub(crate) shape: Vec<usize>,
    pub(crate) element: Element,
    pub(crate) source: Source,
}

/// The element type of a stored tensor: one that Burn knows, or the name of another.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Element {
    Known(DType),
    Other(String),
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
        let (format, (entries, own)) = match sniff(&path)? {
            Kind::Json => (Format::Sharded, (shards::open(&path)?, false)),
            Kind::Safetensors => (Format::Safetensors, safetensors::open(&path)?),
            Kind::Other => (Format::PyTorch, (pytorch::open(&path)?, false)),
        };
        if entries.is_empty() {
            return Err(Error::format(&path, "it holds no tensors"));
        }
        Ok(Self {
            path,
            format,
            own,
            entries: if own { entries } else { unwrapped(entries) },
        })
    }

    /// Opens a safetensors file that lies in memory, such as one that is part of the program;
    /// `name` is what errors call it.
    ///
    /// # Errors
    /// Names the file and what is wrong with it.
    pub fn held(name: impl AsRef<Path>, bytes: &'static [u8]) -> Result<Self, Error> {
        let path = name.as_ref();
        let (entries, own) = safetensors::held(path, bytes)?;
        Ok(Self {
            path: path.to_path_buf(),
            format: Format::Safetensors,
            own,
            entries,
        })
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
        self.own
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

impl Entry {
    /// Name in the checkpoint, without a wrapper common to all (`state_dict.`, `module.`).
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The file that holds the data.
    pub fn file(&self) -> &Path {
        &self.file
    }

    /// Extents, outermost first; empty for a scalar.
    pub fn shape(&self) -> &[usize] {
        &self.shape
    }

    /// Element type, or `None` where it is one that Burn has no type for (`F8_E4M3`, say).
    pub fn dtype(&self) -> Option<DType> {
        match self.element {
            Element::Known(dtype) => Some(dtype),
            Element::Other(_) => None,
        }
    }

    /// Element type as a word, for listings.
    pub fn dtype_name(&self) -> String {
        match &self.element {
            Element::Known(DType::Bool(_)) => "bool".into(),
            Element::Known(dtype) => format!("{dtype:?}").to_lowercase(),
            Element::Other(name) => name.to_lowercase(),
        }
    }

    /// Number of values.
    pub fn len(&self) -> usize {
        self.shape.iter().product()
    }

    /// Whether the tensor holds no value.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Reads the values in row-major order, in the stored element type.
    ///
    /// # Errors
    /// Names file and tensor where the data is unreadable, damaged or of an unsupported type.
    pub fn read(&self) -> Result<TensorData, Error> {
        self.read_part(0..self.len(), &self.shape)
    }

    /// The values in ranges of at most `most`, if there are several and each can be read alone.
    pub(crate) fn pieces(&self, most: usize) -> Option<impl Iterator<Item = Range<usize>> + use<>> {
        let len = self.len();
        let several = len > most && matches!(self.source, Source::Parts(_));
        several.then(|| {
            (0..len)
                .step_by(most)
                .map(move |first| first..(first + most).min(len))
        })
    }

    /// Reads one of the [`pieces`](Self::pieces), or all values, as a tensor of that shape.
    pub(crate) fn read_part(
        &self,
        values: Range<usize>,
        shape: &[usize],
    ) -> Result<TensorData, Error> {
        let fail = |reason: String| Error::tensor(&*self.file, &self.name, reason);
        let Element::Known(dtype) = self.element else {
            return Err(fail(format!(
                "element type {} is not supported; convert it to f32, f16 or bf16 first",
                self.dtype_name()
            )));
        };
        let bytes = match &self.source {
            Source::Parts(read) => read(values.start * dtype.size()..values.end * dtype.size()),
            Source::Whole(read) => read(),
        };
        let bytes = bytes.map_err(|e| fail(e.to_string()))?;
        TensorData::try_from_bytes_vec(bytes, shape.to_vec(), dtype)
            .map_err(|e| fail(format!("{e:?}")))
    }
}

impl fmt::Debug for Entry {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {:?} {}", self.name, self.shape, self.dtype_name())
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
