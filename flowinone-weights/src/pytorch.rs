//! PyTorch checkpoints through the `pytorch-reader` crate: zip archives, the older pickle stream,
//! tar. The pickle is parsed as data; no code in it can run.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;

use burn::tensor::{BoolStore, DType};
use pytorch_reader::{DType as Stored, PytorchReader};

use crate::Error;
use crate::entry::{Element, Entry, Source};

pub(crate) fn open(path: &Path) -> Result<BTreeMap<String, Entry>, Error> {
    let reader = PytorchReader::new(path).map_err(|e| Error::format(path, e))?;
    let file: Arc<Path> = path.into();
    let entry = |(name, tensor): (String, pytorch_reader::Tensor)| {
        let (_, dtype, shape, read) = tensor.into_parts();
        let entry = Entry {
            name: name.clone(),
            file: file.clone(),
            shape,
            element: Element::Known(element(dtype)),
            source: Source::Whole(Arc::new(read)),
        };
        (name, entry)
    };
    Ok(reader.into_tensors().into_iter().map(entry).collect())
}

fn element(stored: Stored) -> DType {
    match stored {
        Stored::F64 => DType::F64,
        Stored::F32 => DType::F32,
        Stored::F16 => DType::F16,
        Stored::BF16 => DType::BF16,
        Stored::I64 => DType::I64,
        Stored::I32 => DType::I32,
        Stored::I16 => DType::I16,
        Stored::I8 => DType::I8,
        Stored::U64 => DType::U64,
        Stored::U32 => DType::U32,
        Stored::U16 => DType::U16,
        Stored::U8 => DType::U8,
        Stored::Bool => DType::Bool(BoolStore::Native),
    }
}
