#![doc = include_str!("../README.md")]

mod adapter;
mod adapters;
mod choice;
mod error;
mod layers;
mod names;
mod peft;
mod read;
mod targets;
mod write;

pub use adapter::{Adapter, Factors, Format};
pub use adapters::Adapters;
pub use choice::Choice;
pub use error::Error;
pub use layers::Layers;
pub use targets::{TargetGroup, Targets};
