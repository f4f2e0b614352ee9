//! Numbers from the reference, and the comparison with them.
//!
//! A fixture folder holds a `fixtures.json` (configuration of every module, cases), small random
//! weights, and tensors as the reference computed them. One folder is committed next to this
//! crate; `FLOWINONE_FIXTURES` names more: a folder, or a tree of them.

use std::path::{Path, PathBuf};

use burn::tensor::{Device, Tensor};
use serde_json::Value;

mod config;
mod damage;
mod tensors;

pub use damage::mutated;
pub use tensors::Tensors;

/// One folder of reference numbers.
#[derive(Debug)]
pub struct Folder {
    path: PathBuf,
    description: Value,
}

/// The committed folder, and every one that `FLOWINONE_FIXTURES` leads to.
///
/// # Panics
/// If the variable names a tree without any `fixtures.json`, or one of them cannot be read.
pub fn folders() -> Vec<Folder> {
    let committed = Path::new(env!("CARGO_MANIFEST_DIR")).join("open");
    let mut paths = vec![committed];
    if let Some(root) = std::env::var_os("FLOWINONE_FIXTURES") {
        let before = paths.len();
        collect(Path::new(&root), &mut paths);
        assert!(
            paths.len() > before,
            "FLOWINONE_FIXTURES={} has no fixtures.json below it",
            root.display()
        );
    }
    paths.into_iter().map(Folder::open).collect()
}

fn collect(folder: &Path, found: &mut Vec<PathBuf>) {
    if folder.join("fixtures.json").is_file() {
        found.push(folder.to_path_buf());
    }
    let mut below: Vec<PathBuf> = std::fs::read_dir(folder)
        .into_iter()
        .flatten()
        .flatten()
        .map(|entry| entry.path())
        .filter(|path| path.is_dir())
        .collect();
    below.sort();
    below.iter().for_each(|path| collect(path, found));
}

impl Folder {
    fn open(path: PathBuf) -> Self {
        let file = path.join("fixtures.json");
        let text = std::fs::read_to_string(&file)
            .unwrap_or_else(|e| panic!("cannot read {}: {e}", file.display()));
        let description = serde_json::from_str(&text)
            .unwrap_or_else(|e| panic!("{} is damaged: {e}", file.display()));
        Self { path, description }
    }

    /// The folder itself.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Last part of the path, for labels.
    pub fn name(&self) -> String {
        let name = self.path.file_name().unwrap_or_default();
        name.to_string_lossy().into_owned()
    }

    /// Full path of a file in the folder.
    pub fn file(&self, name: &str) -> PathBuf {
        self.path.join(name)
    }

    /// Whether the folder has that file.
    pub fn has(&self, name: &str) -> bool {
        self.file(name).is_file()
    }

    /// The cases of a module (`"velocity"`, say), or `Null`.
    pub fn cases(&self, module: &str) -> &Value {
        &self.description["cases"][module]
    }

    /// Configuration of the vision encoder, in this project's form.
    pub fn encoder_config(&self) -> Value {
        config::encoder(&self.description["config"])
    }

    /// Configuration of the autoencoder, in this project's form.
    pub fn vae_config(&self) -> Value {
        config::vae(&self.description["config"])
    }

    /// Configuration of the source encoder and velocity network, in this project's form.
    pub fn flow_config(&self) -> Value {
        config::flow(&self.description["config"])
    }

    /// The tensors of a safetensors file in the folder.
    pub fn tensors(&self, file: &str) -> Tensors {
        Tensors::read(&self.file(file))
    }
}

/// `max |a - b| / max |b|`.
///
/// # Panics
/// If the lengths differ or a value is not finite.
pub fn relative_error(actual: &[f32], expected: &[f32]) -> f64 {
    assert_eq!(actual.len(), expected.len(), "number of values");
    let (mut difference, mut scale) = (0.0f64, 0.0f64);
    for (&a, &b) in actual.iter().zip(expected) {
        assert!(a.is_finite() && b.is_finite(), "{a} against {b}");
        difference = difference.max(f64::from((a - b).abs()));
        scale = scale.max(f64::from(b.abs()));
    }
    if difference == 0.0 {
        0.0
    } else {
        difference / scale
    }
}

/// Asserts that two tensors agree to `tolerance` in [`relative_error`], and prints the error.
///
/// # Panics
/// If they do not, or if shapes differ or values are not finite.
pub fn assert_close<const D: usize>(
    label: &str,
    actual: Tensor<D>,
    expected: Tensor<D>,
    tolerance: f64,
) {
    assert_eq!(actual.dims(), expected.dims(), "{label}: shapes differ");
    let values = |tensor: Tensor<D>| -> Vec<f32> {
        let data = tensor.into_data().convert::<f32>();
        data.try_to_vec().expect("floats convert to f32")
    };
    let error = relative_error(&values(actual), &values(expected));
    println!("parity {label} {error:.1e}");
    assert!(
        error <= tolerance,
        "{label}: relative error {error:.3e} is above {tolerance:.0e}"
    );
}

/// A tensor from host values.
pub fn tensor<const D: usize>(values: Vec<f32>, shape: [usize; D], device: &Device) -> Tensor<D> {
    Tensor::from_data(burn::tensor::TensorData::new(values, shape), device)
}
