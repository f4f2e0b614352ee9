//! Distillation into an adapter: the networks stay as they are, packed where the device packs them,
//! and a student of few steps is one small file beside them.

use std::path::Path;

use burn::module::Module;
use burn::tensor::Device;
use flowinone_flow::{FlowNetwork, VelocityNetwork};
use flowinone_lora::Layers;

use super::task::DistillationTask;
use crate::{AdapterFactors, BatchRng, Batcher, Error, FlowBatch, LoraConfig, Losses, TrainTask};

/// Distils a model into an adapter.
pub struct AdapterDistillationTask {
    distillation: DistillationTask,
    /// The teacher's flow, reading its times as the student does; without gradients.
    base: FlowNetwork,
    paths: Vec<String>,
    sizes: Vec<[usize; 2]>,
    scale: f32,
}

impl AdapterDistillationTask {
    /// The task of a run whose student is an adapter.
    ///
    /// # Errors
    /// Targets that are no layers.
    pub fn new(distillation: DistillationTask, lora: &LoraConfig) -> Result<Self, Error> {
        let teacher = distillation.teacher();
        let layers = Layers::of(&teacher.model().flow, &distillation.device().inner());
        let paths = layers.chosen(&lora.targets)?;
        let sizes = paths.iter().filter_map(|path| layers.sizes(path)).collect();
        let mut base = teacher.networks().flow().clone().train().no_grad();
        base.velocity = base.velocity.with_two_times(distillation.two_times());
        Ok(Self {
            distillation,
            base,
            paths,
            sizes,
            scale: lora.scale(),
        })
    }

    /// The same task on another device, which takes a share of every batch and validates nothing.
    #[must_use]
    pub fn on(&self, device: &Device) -> Self {
        Self {
            distillation: self.distillation.on(device),
            base: self.base.clone().to_device(device),
            paths: self.paths.clone(),
            sizes: self.sizes.clone(),
            scale: self.scale,
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
        AdapterFactors::new(&self.sizes, rank, seed, &self.device())
    }

    /// Module paths of the layers that are changed, in the order of the factors.
    pub fn paths(&self) -> &[String] {
        &self.paths
    }

    /// The student with the factors beside its layers.
    fn beside(&self, factors: &AdapterFactors) -> VelocityNetwork {
        let mut flow = self.base.clone();
        factors.beside(&mut flow, &self.paths, self.scale);
        flow.velocity
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
