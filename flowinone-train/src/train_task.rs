//! What is trained: the model that changes, how pictures become its batches, and the loss of a
//! batch.

use std::path::Path;

use burn::module::Module;
use burn::tensor::{Device, Tensor};
use flowinone_data::Example;

use crate::{BatchRng, Error};

/// Makes a batch of examples; it runs on another thread.
pub type Batcher<B> = Box<dyn Fn(Vec<Example>) -> Result<B, Error> + Send>;

/// Something to train: a model with its batches, its loss and its validation.
pub trait TrainTask: Send {
    /// The parameters that are trained.
    type Model: Module + Send + 'static;
    /// A batch as it waits in memory, made on another thread.
    type Batch: Send + 'static;

    /// Where the arithmetic happens, with gradients.
    fn device(&self) -> Device;

    /// Makes batches of examples; it runs on another thread.
    fn batcher(&self) -> Batcher<Self::Batch>;

    /// The losses of a batch, means over its items; `rng` has the batch's random numbers.
    fn train_step(&self, model: &Self::Model, batch: Self::Batch, rng: &mut BatchRng) -> Losses;

    /// Validates the averaged model on examples that it is not trained on. Returns metrics by name,
    /// which are empty if there are no such examples, and writes pictures into `folder`.
    ///
    /// # Errors
    /// Examples that cannot be made, or files that cannot be written.
    fn validate(
        &self,
        model: &Self::Model,
        step: u64,
        folder: &Path,
    ) -> Result<Vec<(String, f64)>, Error>;
}

/// The losses of a batch.
#[derive(Debug, Clone)]
pub struct Losses {
    /// The loss that a step minimises, `[1]`.
    pub total: Tensor<1>,
    /// Its terms and other metrics worth watching, each `[1]`, by name.
    pub parts: Vec<(&'static str, Tensor<1>)>,
}
