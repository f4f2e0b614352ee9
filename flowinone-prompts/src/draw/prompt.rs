//! A visual prompt: one type a task, drawn onto a square canvas in the conventions of the published
//! prompts. All lengths are stated for a canvas of 512 pixels and grow with it:
//! `length = reference * side / 512`.

use image::RgbImage;
use serde::{Deserialize, Serialize};

use crate::{
    ClassToImage, Doodle, Force, PromptError, Task, TextBox, TextInImage, TextToImage, Trajectory,
    VisualMarker,
};

/// A prompt that can be drawn.
///
/// ```
/// use flowinone_prompts::{Task, TextToImage, VisualPrompt};
///
/// let prompt = TextToImage::new("a tram in the rain");
/// assert_eq!(prompt.task(), Task::TextToImage);
/// assert_eq!(prompt.render(512)?.dimensions(), (512, 512));
/// # Ok::<(), flowinone_prompts::PromptError>(())
/// ```
pub trait VisualPrompt {
    /// The task that it asks for, from which routing follows.
    fn task(&self) -> Task;

    /// The prompt on a square of `side` x `side` pixels, the same for the same prompt, and where
    /// its letters stand.
    ///
    /// # Errors
    /// A side outside 16 to 4096, empty or too long text, characters that the face lacks, marks
    /// outside the picture or too small to be seen, files that cannot be read.
    fn draw(&self, side: u32) -> Result<DrawnPrompt, PromptError>;

    /// The picture alone.
    ///
    /// # Errors
    /// As [`draw`](Self::draw).
    fn render(&self, side: u32) -> Result<RgbImage, PromptError> {
        Ok(self.draw(side)?.picture)
    }
}

/// A prompt as it was drawn.
#[derive(Debug, Clone, PartialEq)]
pub struct DrawnPrompt {
    /// The square picture.
    pub picture: RgbImage,
    /// Its letters in the order in which they were written, line by line.
    pub letters: Vec<Letter>,
}

/// A letter where it stands.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Letter {
    /// The letter; the first of those that share a glyph.
    pub letter: char,
    /// Middle of its width, and of a small letter's height, in fractions of the side.
    pub at: [f32; 2],
}

/// Any prompt; in JSON an object whose `task` says which.
///
/// ```
/// use flowinone_prompts::Prompt;
///
/// let line = r#"{"task": "force", "picture": "ball.png", "arrows": [{"at": {"from": [0.3, 0.5], "to": [0.6, 0.5]}}]}"#;
/// let prompt: Prompt = serde_json::from_str(line)?;
/// # Ok::<(), serde_json::Error>(())
/// ```
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "task", rename_all = "kebab-case")]
pub enum Prompt {
    /// A class name becomes a picture of it.
    #[serde(alias = "class2image")]
    ClassToImage(ClassToImage),
    /// A caption becomes a picture of it.
    #[serde(alias = "text2image")]
    TextToImage(TextToImage),
    /// An instruction written into a picture is carried out.
    #[serde(alias = "text_in_image")]
    TextInImage(TextInImage),
    /// A described thing appears inside a drawn box.
    #[serde(alias = "text_box_control")]
    TextBox(TextBox),
    /// What a mark points at is changed.
    #[serde(alias = "vismarker")]
    VisualMarker(VisualMarker),
    /// A sketch becomes the real thing.
    #[serde(alias = "doodles")]
    Doodle(Doodle),
    /// An arrow pushes an object.
    Force(Force),
    /// An object moves along a drawn path.
    Trajectory(Trajectory),
}

impl Prompt {
    fn inner(&self) -> &dyn VisualPrompt {
        match self {
            Self::ClassToImage(prompt) => prompt,
            Self::TextToImage(prompt) => prompt,
            Self::TextInImage(prompt) => prompt,
            Self::TextBox(prompt) => prompt,
            Self::VisualMarker(prompt) => prompt,
            Self::Doodle(prompt) => prompt,
            Self::Force(prompt) => prompt,
            Self::Trajectory(prompt) => prompt,
        }
    }
}

impl VisualPrompt for Prompt {
    fn task(&self) -> Task {
        self.inner().task()
    }

    fn draw(&self, side: u32) -> Result<DrawnPrompt, PromptError> {
        self.inner().draw(side)
    }
}

macro_rules! from {
    ($($kind:ident),*) => {$(
        impl From<$kind> for Prompt {
            fn from(prompt: $kind) -> Self {
                Self::$kind(prompt)
            }
        }
    )*};
}

from!(
    ClassToImage,
    TextToImage,
    TextInImage,
    TextBox,
    VisualMarker,
    Doodle,
    Force,
    Trajectory
);
