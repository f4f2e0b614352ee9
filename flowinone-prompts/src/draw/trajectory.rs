//! Trajectory prompts: the line along which an object shall move.

use image::RgbImage;
use serde::{Deserialize, Serialize};

use super::marker::{counted, line_width};
use super::surface::polyline;
use super::{Colour, Picture, PromptError, TextStyle, Track, VisualPrompt, lettering};
use crate::Task;

/// An object moves along a drawn path.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Trajectory {
    /// The picture.
    pub picture: Picture,
    /// The ways, each from its object to its end.
    pub paths: Vec<Track>,
    /// The sentence below; none is written if it is empty.
    #[serde(default = "Trajectory::sentence")]
    pub instruction: String,
    /// Colour of the lines.
    #[serde(default = "Trajectory::colour_of_samples")]
    pub colour: Colour,
    /// Width of the lines, in pixels of a canvas of 512.
    #[serde(default = "Trajectory::width_of_samples")]
    pub width: f32,
    /// How the sentence is written.
    #[serde(default = "TextStyle::small_instruction")]
    pub style: TextStyle,
}

impl Trajectory {
    /// The published sentence.
    pub const INSTRUCTION: &str =
        "Follow the solid line as the trajectory of objects and generate the final image";
    /// Width of the published lines, in reference pixels.
    const WIDTH: f32 = 4.0;

    /// The published sentence and green line, to which [`path`](Self::path) adds ways.
    pub fn new(picture: impl Into<Picture>) -> Self {
        Self {
            picture: picture.into(),
            paths: vec![],
            instruction: Self::INSTRUCTION.into(),
            colour: Colour::TRAJECTORY,
            width: Self::WIDTH,
            style: TextStyle::small_instruction(),
        }
    }

    /// The same with another way.
    pub fn path(mut self, path: Track) -> Self {
        self.paths.push(path);
        self
    }

    /// The same as a thick black curve, the other convention of trajectory prompts.
    pub fn black(self) -> Self {
        Self {
            colour: Colour::BLACK,
            width: 8.0,
            ..self
        }
    }

    /// The same with another sentence.
    pub fn instruction(self, instruction: impl Into<String>) -> Self {
        Self {
            instruction: instruction.into(),
            ..self
        }
    }

    fn sentence() -> String {
        Self::INSTRUCTION.into()
    }

    fn colour_of_samples() -> Colour {
        Colour::TRAJECTORY
    }

    fn width_of_samples() -> f32 {
        Self::WIDTH
    }
}

impl VisualPrompt for Trajectory {
    fn task(&self) -> Task {
        Task::Trajectory
    }

    fn render(&self, side: u32) -> Result<RgbImage, PromptError> {
        let (mut surface, frame) = self.picture.surface(side)?;
        counted("trajectory", "path", self.paths.len())?;
        line_width(self.width)?;
        for path in &self.paths {
            if let Some(path) = polyline(&path.line(&frame)?, false) {
                surface.stroke(&path, self.colour, self.width);
            }
        }
        if !self.instruction.is_empty() {
            lettering::write(&mut surface, "instruction", &self.instruction, &self.style)?;
        }
        Ok(surface.finish())
    }
}
