//! Everything that draws: the prompts, their words and marks.

mod applied;
mod canvas;
mod coordinate;
mod doodle;
mod edit;
mod files;
mod font;
mod force;
mod frame;
mod geometry;
pub mod layout;
mod lettering;
mod marker;
mod motion;
mod picture;
mod prompt;
mod slide;
mod strokes;
mod surface;
mod svg;
mod text_box;
mod text_style;
mod track;
mod trajectory;

pub use canvas::{Canvas, ClassToImage, TextToImage};
pub use coordinate::{Coordinate, Point, Region};
pub use doodle::{Doodle, Drawing};
pub use edit::TextInImage;
pub use files::PromptFiles;
pub use force::{Force, ForceArrow};
pub use frame::Frame;
pub use layout::SMALLEST_TEXT;
pub use marker::{Mark, VisualMarker};
pub use motion::in_motion;
pub use picture::Picture;
pub use prompt::{DrawnPrompt, Letter, Prompt, VisualPrompt};
pub use slide::part_of_way;
pub use strokes::{Pen, Stroke};
pub use text_box::TextBox;
pub use text_style::{Align, TextStyle};
pub use track::Track;
pub use trajectory::Trajectory;

use crate::{Background, Colour, PROMPT_SIDE, PromptError, Typeface};
