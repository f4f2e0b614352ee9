//! Cases of reference numbers: those that are committed, and those that `FLOWINONE_FIXTURES` leads
//! to.

use std::path::{Path, PathBuf};

use burn::tensor::{Device, Tensor, TensorData};
use flowinone_kernels::Dtype;
use flowinone_upscale::{Network, Watch};
use flowinone_weights::Checkpoint;
use safetensors::SafeTensors;
use serde_json::Value;

/// A case: its description, and the folder with its files.
pub(crate) struct Case {
    pub(crate) folder: PathBuf,
    pub(crate) value: Value,
}

impl Case {
    pub(crate) fn text(&self, field: &str) -> &str {
        self.value[field].as_str().unwrap_or_default()
    }

    /// The files of weights that are there.
    pub(crate) fn weights(&self) -> Vec<PathBuf> {
        let files = self.value["weights"].as_array().unwrap();
        let files = files
            .iter()
            .map(|file| self.folder.join(file["file"].as_str().unwrap()));
        files.filter(|file| file.is_file()).collect()
    }

    /// A tensor of its reference numbers.
    pub(crate) fn tensor(&self, name: &str) -> Option<Tensor<4>> {
        let bytes = std::fs::read(self.folder.join(self.text("tensors"))).unwrap();
        let all = SafeTensors::deserialize(&bytes).unwrap();
        let view = all.tensor(name).ok()?;
        let (values, _) = view.data().as_chunks::<4>();
        let values: Vec<f32> = values.iter().map(|b| f32::from_le_bytes(*b)).collect();
        let data = TensorData::new(values, view.shape().to_vec());
        Some(Tensor::from_data(data, &Device::flex()))
    }
}

/// All cases whose files are there.
pub(crate) fn cases() -> Vec<Case> {
    let own = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures");
    let mut folders = vec![own.clone(), own.join("span")];
    let more = flowinone_parity::folders().into_iter();
    folders.extend(more.map(|folder| folder.path().to_path_buf()));
    let mut cases = vec![];
    for folder in folders {
        let text = std::fs::read_to_string(folder.join("fixtures.json")).unwrap();
        let value: Value = serde_json::from_str(&text).unwrap();
        let Some(list) = value["cases"].as_array() else {
            continue; // of another network
        };
        for value in list {
            let case = Case {
                folder: folder.clone(),
                value: value.clone(),
            };
            let there = |field| case.folder.join(case.text(field)).is_file();
            if there("tensors") || (there("input_png") && there("output_png")) {
                cases.push(case);
            }
        }
    }
    cases
}

pub(crate) fn load(file: &Path) -> Network {
    let checkpoint = Checkpoint::open(file).unwrap();
    Network::load(&checkpoint, &Device::flex()).unwrap()
}

pub(crate) fn run(network: &Network, x: Tensor<4>, precision: Dtype) -> Tensor<4> {
    let mut go_on = |_| true;
    let mut watch = Watch::new(&mut go_on);
    network.forward(x, precision, &mut watch).unwrap()
}
