//! Safetensors: an 8-byte header length, a JSON header of names, types, shapes and offsets, then
//! the values. Reading checks that the header is sane and that the data fills the file exactly;
//! writing streams one tensor at a time and hashes what it writes.

use std::collections::{BTreeMap, HashMap};
use std::fs::File;
use std::io::{ErrorKind, Read, Seek, SeekFrom, Write};
use std::ops::Range;
use std::path::Path;
use std::sync::{Arc, Mutex};

use ::safetensors::tensor::{Dtype, Metadata};
use burn::module::Module;
use burn::tensor::{BoolStore, DType, FloatDType, TensorData};
use flowinone_files::{AtomicFile, hexadecimal};
use serde_json::json;
use sha2::{Digest, Sha256};

use crate::arrange::arrange;
use crate::entry::{Element, Entry, Source};
use crate::{Error, Layout, ParamSpec, values};

/// Longest header accepted, in bytes: forty times that of the published checkpoint.
const MAX_HEADER: u64 = 16 << 20;

/// The note in a header by which a file that [`save`] wrote is known again.
pub(crate) const OWN_KEY: &str = "layout";
pub(crate) const OWN_VALUE: &str = "burn-module";

/// Reads `length` bytes from a place in a file.
type ReadAt = dyn Fn(u64, usize) -> std::io::Result<Vec<u8>> + Send + Sync;

/// The tensors of a file and the notes in its header.
pub(crate) struct Content {
    pub(crate) entries: BTreeMap<String, Entry>,
    pub(crate) notes: HashMap<String, String>,
}

/// What a file holds.
pub(crate) fn open(path: &Path) -> Result<Content, Error> {
    let file = File::open(path).map_err(Error::io("open", path))?;
    let size = file.metadata().map_err(Error::io("open", path))?.len();
    let file = Mutex::new(file);
    let read = move |start, length| {
        let mut buffer = vec![0; length];
        let mut file = file.lock().unwrap_or_else(|poison| poison.into_inner());
        file.seek(SeekFrom::Start(start))?;
        file.read_exact(&mut buffer)?;
        Ok(buffer)
    };
    parse(path, size, Arc::new(read))
}

/// The same of a file that lies in memory; `path` is what errors call it.
pub(crate) fn held(path: &Path, bytes: &'static [u8]) -> Result<Content, Error> {
    let read = move |start, length| {
        let start = usize::try_from(start).ok();
        let end = start.and_then(|start| start.checked_add(length));
        let part = start
            .zip(end)
            .and_then(|(start, end)| bytes.get(start..end));
        let part = part.ok_or(ErrorKind::UnexpectedEof)?;
        Ok(part.to_vec())
    };
    parse(path, bytes.len() as u64, Arc::new(read))
}

fn parse(path: &Path, size: u64, read: Arc<ReadAt>) -> Result<Content, Error> {
    let bad = |reason: String| Error::format(path, reason);
    let length = read(0, 8).map_err(Error::io("read", path))?;
    let length: [u8; 8] = length.try_into().expect("eight bytes were read");
    let header_len = u64::from_le_bytes(length);
    if header_len > MAX_HEADER {
        return Err(bad(format!(
            "its header claims {header_len} bytes, more than the {MAX_HEADER} allowed"
        )));
    }
    if header_len > size - 8 {
        return Err(bad(format!(
            "its header claims {header_len} bytes but the file has {size}: it is truncated"
        )));
    }
    let header = read(8, header_len as usize).map_err(Error::io("read", path))?;
    let metadata: Metadata = serde_json::from_slice(&header)
        .map_err(|e| bad(format!("its safetensors header is damaged: {e}")))?;
    let start = 8 + header_len;
    let expected = start + metadata.data_len() as u64;
    if expected != size {
        return Err(bad(format!(
            "its header describes {expected} bytes but the file has {size}: it is truncated or damaged"
        )));
    }

    let shared_path: Arc<Path> = path.into();
    let entry = |(name, info): (String, &::safetensors::tensor::TensorInfo)| {
        let (begin, end) = info.data_offsets;
        let read = read.clone();
        let bytes = move |range: Range<usize>| match begin + range.end <= end {
            true => read(start + (begin + range.start) as u64, range.len()),
            false => Err(ErrorKind::UnexpectedEof.into()),
        };
        let entry = Entry {
            name: name.clone(),
            file: shared_path.clone(),
            shape: info.shape.clone(),
            element: element(info.dtype),
            source: Source::Parts(Arc::new(bytes)),
        };
        (name, entry)
    };
    Ok(Content {
        entries: metadata.tensors().into_iter().map(entry).collect(),
        notes: metadata.metadata().clone().unwrap_or_default(),
    })
}

fn element(dtype: Dtype) -> Element {
    Element::Known(match dtype {
        Dtype::BOOL => DType::Bool(BoolStore::Native),
        Dtype::U8 => DType::U8,
        Dtype::I8 => DType::I8,
        Dtype::I16 => DType::I16,
        Dtype::U16 => DType::U16,
        Dtype::F16 => DType::F16,
        Dtype::BF16 => DType::BF16,
        Dtype::I32 => DType::I32,
        Dtype::U32 => DType::U32,
        Dtype::F32 => DType::F32,
        Dtype::F64 => DType::F64,
        Dtype::I64 => DType::I64,
        Dtype::U64 => DType::U64,
        other => return Element::Other(format!("{other:?}")),
    })
}

/// What [`save`] wrote.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Saved {
    /// SHA-256 of the whole file, lower-case hexadecimal.
    pub sha256: String,
    /// Size of the file in bytes.
    pub bytes: u64,
}

/// Writes one tensor for each parameter, in its own shape and the given type, to a safetensors
/// file at `path`.
///
/// `source` is called once for each parameter, in order, and must return values of that shape and
/// type; only one tensor is in memory at a time. The file appears under its name only when it is
/// complete.
///
/// # Errors
/// What `source` returns, a source of another shape, or a failure to write, naming the file.
pub fn save(
    path: &Path,
    params: &[ParamSpec],
    dtype: FloatDType,
    mut source: impl FnMut(&ParamSpec) -> Result<TensorData, Error>,
) -> Result<Saved, Error> {
    let name = match dtype {
        FloatDType::F64 => "F64",
        FloatDType::F16 => "F16",
        FloatDType::BF16 => "BF16",
        FloatDType::F32 | FloatDType::Flex32 => "F32",
    };
    let element = DType::from(dtype);
    let mut offset = 0;
    let mut header = serde_json::Map::new();
    header.insert("__metadata__".into(), json!({ OWN_KEY: OWN_VALUE }));
    for param in params {
        let end = offset + param.len() * element.size();
        let info = json!({ "dtype": name, "shape": param.shape, "data_offsets": [offset, end] });
        header.insert(param.path.clone(), info);
        offset = end;
    }
    let mut header = serde_json::Value::Object(header).to_string().into_bytes();
    header.resize(header.len().next_multiple_of(8), b' '); // values start 8-aligned

    let mut out = Hashed {
        file: AtomicFile::create(path).map_err(Error::io("write", path))?,
        hash: Sha256::new(),
        bytes: 0,
    };
    let write_error = |e| Error::io("write", path)(e);
    out.write(&(header.len() as u64).to_le_bytes())
        .and_then(|()| out.write(&header))
        .map_err(write_error)?;
    for param in params {
        let data = source(param)?;
        if data.dtype() != element || data.shape().as_slice() != param.shape {
            return Err(Error::tensor(
                path,
                &param.path,
                format!(
                    "expected {:?} {:?} to write, found {:?} {:?}",
                    element,
                    param.shape,
                    data.dtype(),
                    data.shape()
                ),
            ));
        }
        out.write(data.as_bytes()).map_err(write_error)?;
    }
    out.file.commit().map_err(write_error)?;
    Ok(Saved {
        sha256: hexadecimal(&out.hash.finalize()),
        bytes: out.bytes,
    })
}

/// Writes the parameters of a module as [`save`] does, from where [`restore`](crate::restore) reads
/// them.
///
/// # Errors
/// A value that is not finite in that type, or a failure to write, naming the file.
pub fn save_module<M: Module>(path: &Path, module: &M, dtype: FloatDType) -> Result<Saved, Error> {
    let (mut params, mut held) = (vec![], vec![]);
    values(module, |param, data| {
        params.push(param.clone());
        held.push(data);
    });
    let mut held = held.into_iter();
    save(path, &params, dtype, |param| {
        let data = held.next().expect("one value for each parameter");
        arrange(data, &param.shape, Layout::Same, dtype)
            .map_err(|unfit| Error::tensor(path, &param.path, unfit))
    })
}

struct Hashed {
    file: AtomicFile,
    hash: Sha256,
    bytes: u64,
}

impl Hashed {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<()> {
        self.hash.update(bytes);
        self.bytes += bytes.len() as u64;
        self.file.write_all(bytes)
    }
}
