//! One tensor of a checkpoint: name, shape and element type, and how its bytes are read.

use std::fmt;
use std::ops::Range;
use std::path::Path;
use std::sync::Arc;

use burn::tensor::{DType, TensorData};

use crate::Error;

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
