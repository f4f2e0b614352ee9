#![doc = include_str!("../README.md")]

mod arithmetic;
mod config;
mod convention;
#[cfg(feature = "dataset")]
pub mod data;
mod directory;
mod error;
#[cfg(feature = "eval")]
pub mod eval;
mod files;
mod make;
mod manifest;
mod motion;
mod noise;
mod picture;
mod pipeline;
mod precision;
mod prompt;
mod record;
mod settings;
mod task;

pub use arithmetic::Arithmetic;
pub use config::{FORMAT, ModelConfig};
pub use convention::Convention;
pub use directory::{FlowInOne, ModelDirectory, read_config};
pub use error::Error;
pub use make::{Networks, Report, Sources, assemble, convert, init, untrained};
pub use manifest::{Component, ComponentRecord, Manifest, Source};
pub use motion::{Animation, FrameRate, in_motion, write_animation};
pub use picture::{
    MAX_FILE, MAX_PIXELS, MAX_SIDE, decode_picture, read_picture, read_picture_file,
};
pub use pipeline::{Item, Pipeline, Start};
pub use precision::Precision;
pub use prompt::{
    Align, Canvas, ClassToImage, Colour, Coordinate, Doodle, Drawing, Face, Force, ForceArrow,
    Frame, Ground, Mark, PROMPT_SIDE, Pen, Picture, Point, Prompt, PromptError, PromptFiles,
    Region, SMALLEST_TEXT, Stroke, TextBox, TextInImage, TextStyle, TextToImage, Track, Trajectory,
    VisualMarker, VisualPrompt,
};
pub use record::{Input, Record, read_record, write_atomically, write_picture, write_png};
pub use settings::Settings;
pub use task::Task;
