#![doc = include_str!("../README.md")]

mod config;
#[cfg(feature = "dataset")]
pub mod data;
mod directory;
mod error;
mod make;
mod manifest;
mod noise;
mod picture;
mod pipeline;
mod precision;
mod prompt;
mod record;
mod settings;
mod task;

pub use config::{FORMAT, ModelConfig};
pub use directory::{FlowInOne, ModelDirectory, read_config};
pub use error::Error;
pub use make::{Report, Sources, convert, init, untrained};
pub use manifest::{Component, ComponentRecord, Manifest, Source};
pub use picture::{MAX_FILE, MAX_PIXELS, MAX_SIDE, decode_picture, read_picture};
pub use pipeline::{Item, Pipeline, Start};
pub use precision::Precision;
pub use prompt::{
    Align, Canvas, ClassToImage, Colour, Coordinate, Doodle, Drawing, Face, Force, ForceArrow,
    Frame, Ground, Mark, PROMPT_SIDE, Pen, Picture, Point, Prompt, PromptError, Region,
    SMALLEST_TEXT, Stroke, TextBox, TextInImage, TextStyle, TextToImage, Track, Trajectory,
    VisualMarker, VisualPrompt,
};
pub use record::{Record, read_record, write_atomically, write_png};
pub use settings::Settings;
pub use task::Task;
