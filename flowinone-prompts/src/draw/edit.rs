//! Text-in-image prompts: an instruction written low into a picture.

use serde::{Deserialize, Serialize};

use super::{DrawnPrompt, Picture, PromptError, TextStyle, VisualPrompt, lettering};
use crate::Task;

/// An instruction written into a picture is carried out.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct TextInImage {
    /// The picture to edit.
    pub picture: Picture,
    /// What to do with it.
    pub instruction: String,
    /// How it is written.
    #[serde(default)]
    pub style: TextStyle,
}

impl TextInImage {
    /// An instruction in the default style.
    pub fn new(picture: impl Into<Picture>, instruction: impl Into<String>) -> Self {
        Self {
            picture: picture.into(),
            instruction: instruction.into(),
            style: TextStyle::instruction(),
        }
    }

    /// The same in another style.
    pub fn style(self, style: TextStyle) -> Self {
        Self { style, ..self }
    }
}

impl VisualPrompt for TextInImage {
    fn task(&self) -> Task {
        Task::TextInImage
    }

    fn draw(&self, side: u32) -> Result<DrawnPrompt, PromptError> {
        let (mut surface, _) = self.picture.surface(side)?;
        lettering::write(&mut surface, "instruction", &self.instruction, &self.style)?;
        Ok(surface.finish())
    }
}
