#![doc = include_str!("../README.md")]

mod colour;
mod convention;
#[cfg(feature = "draw")]
mod draw;
mod error;
mod face;
mod ground;
mod task;

pub use colour::Colour;
pub use convention::{Convention, PROMPT_SIDE};
#[cfg(feature = "draw")]
pub use draw::*;
pub use error::PromptError;
pub use face::Face;
pub use ground::Ground;
pub use task::{Task, UnknownTask};
