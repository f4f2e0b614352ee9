//! The layers that an adapter changes.

use burn::tensor::Device;
use flowinone_flow::{FlowConfig, FlowNetwork};
use flowinone_lora::Layers;

use crate::{AdapterFactors, Error, LoraConfig};

/// The chosen layers of a flow, and how much of the factors' product is added to them.
#[derive(Debug, Clone)]
pub(crate) struct AdaptedLayers {
    /// Module paths, in the order of the factors.
    paths: Vec<String>,
    /// Their inputs and outputs.
    sizes: Vec<[usize; 2]>,
    scale: f32,
}

impl AdaptedLayers {
    /// Those that `lora` names in a flow of these sizes.
    ///
    /// # Errors
    /// Targets that are no layers.
    pub(crate) fn chosen(
        flow: &FlowConfig,
        lora: &LoraConfig,
        device: &Device,
    ) -> Result<Self, Error> {
        let layers = Layers::of(flow, device);
        let paths = layers.chosen(&lora.targets)?;
        let sizes = paths.iter().filter_map(|path| layers.sizes(path)).collect();
        Ok(Self {
            paths,
            sizes,
            scale: lora.scale(),
        })
    }

    /// Module paths of the layers, in the order of the factors.
    pub(crate) fn paths(&self) -> &[String] {
        &self.paths
    }

    /// The factors to begin with.
    ///
    /// # Errors
    /// As [`AdapterFactors::new`].
    pub(crate) fn factors(
        &self,
        rank: usize,
        seed: u64,
        device: &Device,
    ) -> Result<AdapterFactors, Error> {
        AdapterFactors::new(&self.sizes, rank, seed, device)
    }

    /// The flow with the factors beside its layers.
    ///
    /// # Panics
    /// If they are of other layers.
    pub(crate) fn beside(&self, mut flow: FlowNetwork, factors: &AdapterFactors) -> FlowNetwork {
        factors.beside(&mut flow, &self.paths, self.scale);
        flow
    }
}
