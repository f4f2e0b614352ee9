#![doc = include_str!("../README.md")]

mod background;
mod colour;
#[cfg(feature = "draw")]
mod draw;
mod error;
mod prompt_style;
mod task;
mod typeface;

pub use background::Background;
pub use colour::Colour;
#[cfg(feature = "draw")]
pub use draw::*;
pub use error::PromptError;
pub use prompt_style::{PROMPT_SIDE, PromptStyle, UnknownWord};
pub use task::{Task, UnknownTask};
pub use typeface::Typeface;
