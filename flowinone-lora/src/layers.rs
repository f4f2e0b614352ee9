//! The linear layers of a flow: what an adapter may change.

use std::collections::BTreeMap;

use burn::tensor::Device;
use flowinone_flow::{FlowConfig, map_key, published_key};
use flowinone_weights::{Key, Layout, param_specs};

/// The linear layers of a flow, by module path.
#[derive(Debug, Clone)]
pub struct Layers {
    /// Inputs and outputs.
    sizes: BTreeMap<String, [usize; 2]>,
    /// Module path by published name with underscores for its dots.
    flattened: BTreeMap<String, String>,
}

impl Layers {
    /// Those of a flow of that configuration; on the device nothing is initialised.
    ///
    /// # Panics
    /// If the configuration is not valid.
    pub fn of(config: &FlowConfig, device: &Device) -> Self {
        let (mut sizes, mut flattened) = (BTreeMap::new(), BTreeMap::new());
        for param in param_specs(&config.init(device)) {
            let (Layout::Transposed, [input, output]) = (param.layout, param.shape.as_slice())
            else {
                continue;
            };
            let Some(path) = param.path.strip_suffix(".weight") else {
                continue;
            };
            flattened.insert(published(path).replace('.', "_"), path.to_string());
            sizes.insert(path.to_string(), [*input, *output]);
        }
        Self { sizes, flattened }
    }

    /// Inputs and outputs of the layer at a module path.
    pub fn sizes(&self, path: &str) -> Option<[usize; 2]> {
        self.sizes.get(path).copied()
    }

    /// Module paths, in order.
    pub fn paths(&self) -> impl Iterator<Item = &str> {
        self.sizes.keys().map(String::as_str)
    }

    /// The layer of a published name, such as `stages.0.blocks.3.block1.query_key_value`.
    pub(crate) fn published(&self, name: &str) -> Option<&str> {
        let Key::Parameter(path) = map_key(&format!("{name}.weight")) else {
            return None;
        };
        self.path(path.strip_suffix(".weight")?)
    }

    /// The layer of a published name with underscores for its dots.
    pub(crate) fn flattened(&self, name: &str) -> Option<&str> {
        self.flattened.get(name).map(String::as_str)
    }

    fn path(&self, path: &str) -> Option<&str> {
        let (path, _) = self.sizes.get_key_value(path)?;
        Some(path)
    }
}

/// The published name of the layer at a module path.
pub(crate) fn published(path: &str) -> String {
    let key = published_key(&format!("{path}.weight"));
    key.trim_end_matches(".weight").to_string()
}
