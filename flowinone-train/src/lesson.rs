//! What is learned: the model that changes, how pictures become its batches, and what a batch costs.

use std::path::Path;

use burn::module::Module;
use burn::tensor::{Device, Tensor};
use flowinone_data::Example;

use crate::{Chance, Error};

/// How examples become a batch; it runs on another thread.
pub type Prepare<B> = Box<dyn Fn(Vec<Example>) -> Result<B, Error> + Send>;

/// Something to train.
pub trait Lesson: Send {
    /// The parameters that are trained.
    type Model: Module + Send + 'static;
    /// A batch as it waits in memory, made on another thread.
    type Batch: Send + 'static;

    /// Where the arithmetic happens, with gradients.
    fn device(&self) -> Device;

    /// How examples become a batch; it runs on another thread.
    fn prepare(&self) -> Prepare<Self::Batch>;

    /// The losses of a batch, means over its items.
    fn losses(&self, model: &Self::Model, batch: Self::Batch, chance: &mut Chance) -> Losses;

    /// Judges the averaged model on examples that it is not trained on: numbers by name, none if
    /// there are no such examples, and pictures in `folder`.
    ///
    /// # Errors
    /// Examples that cannot be made, or files that cannot be written.
    fn evaluate(
        &self,
        model: &Self::Model,
        step: u64,
        folder: &Path,
    ) -> Result<Vec<(String, f64)>, Error>;
}

/// What a batch costs.
#[derive(Debug, Clone)]
pub struct Losses {
    /// What a step descends, `[1]`.
    pub total: Tensor<1>,
    /// Its parts and other numbers worth watching, each `[1]`, by name.
    pub parts: Vec<(&'static str, Tensor<1>)>,
}
