//! The task of a run that trains an adapter.

use std::path::Path;

use burn::module::Module;
use burn::tensor::Device;
use flowinone_tasks::{FlowInOne, ModelConfig};

use super::layers::AdaptedLayers;
use crate::{
    AdapterFactors, BatchRng, Batcher, Error, FlowBatch, FlowTrainTask, LoraConfig, Losses,
    TrainTask, TrainableFlow,
};

/// Trains an adapter beside a flow that stays as it is.
pub struct LoraTrainTask {
    flow: FlowTrainTask,
    /// Without gradients, its linear layers packed where the device packs them.
    base: TrainableFlow,
    layers: AdaptedLayers,
}

impl LoraTrainTask {
    /// The task of a run with `flow`'s data and losses, beside `networks`, those of `model`; they
    /// lie on `flow`'s device or, packed, on the same without gradients.
    ///
    /// # Errors
    /// Targets that are no layers.
    pub fn new(
        flow: FlowTrainTask,
        lora: &LoraConfig,
        model: &ModelConfig,
        networks: &FlowInOne,
    ) -> Result<Self, Error> {
        let device = flow.device();
        let base = TrainableFlow::frozen(networks, &device);
        let layers = AdaptedLayers::chosen(&model.flow, lora, &device.inner())?;
        Ok(Self { flow, base, layers })
    }

    /// The same task on another device, which takes a share of every batch and validates nothing.
    #[must_use]
    pub fn on(&self, device: &Device) -> Self {
        Self {
            flow: self.flow.on(device),
            base: self.base.clone().to_device(device),
            layers: self.layers.clone(),
        }
    }

    /// The factors to begin with.
    ///
    /// # Errors
    /// As [`AdapterFactors::new`].
    pub fn factors(&self, rank: usize, seed: u64) -> Result<AdapterFactors, Error> {
        self.layers.factors(rank, seed, &self.device())
    }

    /// Module paths of the layers that are changed, in the order of the factors.
    pub fn paths(&self) -> &[String] {
        self.layers.paths()
    }

    /// The flow with the factors beside its layers.
    ///
    /// # Panics
    /// If they are of other layers.
    pub fn beside(&self, factors: &AdapterFactors) -> TrainableFlow {
        let flow = self.base.clone();
        TrainableFlow {
            network: self.layers.beside(flow.network, factors),
            ..flow
        }
    }
}

impl TrainTask for LoraTrainTask {
    type Model = AdapterFactors;
    type Batch = FlowBatch;

    fn device(&self) -> Device {
        self.flow.device()
    }

    fn batcher(&self) -> Batcher<FlowBatch> {
        self.flow.batcher()
    }

    fn train_step(&self, model: &AdapterFactors, batch: FlowBatch, rng: &mut BatchRng) -> Losses {
        self.flow.train_step(&self.beside(model), batch, rng)
    }

    fn validate(
        &self,
        model: &AdapterFactors,
        step: u64,
        folder: &Path,
    ) -> Result<Vec<(String, f64)>, Error> {
        self.flow.validate(&self.beside(model), step, folder)
    }
}
