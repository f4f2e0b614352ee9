//! The tensors of a fixture file, read by the safetensors crate itself, so that a fault in our
//! own reader cannot hide.

use std::path::Path;

use burn::tensor::{Device, Tensor};
use safetensors::{Dtype, SafeTensors};

/// A safetensors file in memory.
#[derive(Debug)]
pub struct Tensors {
    file: String,
    bytes: Vec<u8>,
}

impl Tensors {
    pub(crate) fn read(path: &Path) -> Self {
        let file = path.display().to_string();
        let bytes = std::fs::read(path).unwrap_or_else(|e| panic!("cannot read {file}: {e}"));
        Self { file, bytes }
    }

    fn all(&self) -> SafeTensors<'_> {
        SafeTensors::deserialize(&self.bytes).unwrap_or_else(|e| panic!("{}: {e}", self.file))
    }

    fn view<'a>(
        &self,
        all: &'a SafeTensors<'a>,
        name: &str,
    ) -> safetensors::tensor::TensorView<'a> {
        all.tensor(name)
            .unwrap_or_else(|e| panic!("{} has no tensor {name}: {e}", self.file))
    }

    /// Names of all tensors, sorted.
    pub fn names(&self) -> Vec<String> {
        let all = self.all();
        let mut names: Vec<String> = all.names().into_iter().map(String::from).collect();
        names.sort();
        names
    }

    /// Whether the file has that tensor.
    pub fn contains(&self, name: &str) -> bool {
        self.all().tensor(name).is_ok()
    }

    /// Extents of a tensor.
    pub fn shape(&self, name: &str) -> Vec<usize> {
        let all = self.all();
        self.view(&all, name).shape().to_vec()
    }

    /// Values of a float32 tensor, row-major.
    pub fn floats(&self, name: &str) -> Vec<f32> {
        let all = self.all();
        let view = self.view(&all, name);
        assert_eq!(view.dtype(), Dtype::F32, "{name} of {}", self.file);
        let (values, _) = view.data().as_chunks::<4>();
        values.iter().map(|b| f32::from_le_bytes(*b)).collect()
    }

    /// Values of an int64, uint8 or bool tensor, row-major.
    pub fn ints(&self, name: &str) -> Vec<i64> {
        let all = self.all();
        let view = self.view(&all, name);
        match view.dtype() {
            Dtype::U8 | Dtype::BOOL => view.data().iter().map(|&b| i64::from(b)).collect(),
            Dtype::I64 => {
                let (values, _) = view.data().as_chunks::<8>();
                values.iter().map(|b| i64::from_le_bytes(*b)).collect()
            }
            other => panic!("{name} of {} is {other:?}, not an integer", self.file),
        }
    }

    /// A float32 tensor on a device.
    pub fn tensor<const D: usize>(&self, name: &str, device: &Device) -> Tensor<D> {
        let shape = self.shape(name);
        let shape: [usize; D] = shape.clone().try_into().unwrap_or_else(|_| {
            panic!(
                "{name} of {} has shape {shape:?}, not {D} extents",
                self.file
            )
        });
        crate::tensor(self.floats(name), shape, device)
    }
}
