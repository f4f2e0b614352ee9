//! Distillation into an adapter: the networks stay as they are, packed where the device packs them,
//! and a student of few steps is one small file beside them.

use std::path::Path;

use burn::module::Module;
use burn::tensor::Device;
use flowinone_flow::{FlowNetwork, VelocityNetwork};

use super::task::DistillationTask;
use crate::lora::AdaptedLayers;
use crate::{AdapterFactors, BatchRng, Batcher, Error, FlowBatch, LoraConfig, Losses, TrainTask};

/// Distils a model into an adapter.
pub struct AdapterDistillationTask {
    distillation: DistillationTask,
    /// The teacher's flow, reading its times as the student does; without gradients.
    base: FlowNetwork,
    layers: AdaptedLayers,
}

impl AdapterDistillationTask {
    /// The task of a run whose student is an adapter.
    ///
    /// # Errors
    /// Targets that are no layers.
    pub fn new(distillation: DistillationTask, lora: &LoraConfig) -> Result<Self, Error> {
        let teacher = distillation.teacher();
        let flow = &teacher.model().flow;
        let layers = AdaptedLayers::chosen(flow, lora, &distillation.device().inner())?;
        let mut base = teacher.networks().flow().clone().train().no_grad();
        base.velocity = base.velocity.with_two_times(distillation.two_times());
        Ok(Self {
            distillation,
            base,
            layers,
        })
    }

    /// The same task on another device, which takes a share of every batch and validates nothing.
    #[must_use]
    pub fn on(&self, device: &Device) -> Self {
        Self {
            distillation: self.distillation.on(device),
            base: self.base.clone().to_device(device),
            layers: self.layers.clone(),
        }
    }

    /// What it shares with every other distillation.
    pub fn distillation(&self) -> &DistillationTask {
        &self.distillation
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

    /// The student with the factors beside its layers.
    fn beside(&self, factors: &AdapterFactors) -> VelocityNetwork {
        self.layers.beside(self.base.clone(), factors).velocity
    }
}

impl TrainTask for AdapterDistillationTask {
    type Model = AdapterFactors;
    type Batch = FlowBatch;

    fn device(&self) -> Device {
        self.distillation.device()
    }

    fn batcher(&self) -> Batcher<FlowBatch> {
        self.distillation.batcher()
    }

    fn train_step(&self, model: &AdapterFactors, batch: FlowBatch, rng: &mut BatchRng) -> Losses {
        self.distillation.losses(&self.beside(model), &batch, rng)
    }

    fn validate(
        &self,
        model: &AdapterFactors,
        step: u64,
        folder: &Path,
    ) -> Result<Vec<(String, f64)>, Error> {
        self.distillation
            .compare(self.beside(model).valid(), step, folder)
    }
}
