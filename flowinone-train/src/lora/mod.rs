//! Training adapters (LoRA): the networks stay as they are, and two thin factors beside each chosen
//! linear layer are trained,
//!
//! ```text
//! y = x W + b + alpha / rank (x down) up,   down [input, rank],   up [rank, output]
//! ```
//!
//! `up` begins at zero, so that a run begins at the model. No gradient of `W` is ever formed, and
//! `W` may be packed in bfloat16 or 8 bits.

mod config;
mod factors;
mod layers;
mod task;

pub use config::LoraConfig;
pub use factors::{AdapterFactors, LayerFactors};
pub(crate) use layers::AdaptedLayers;
pub use task::LoraTrainTask;
