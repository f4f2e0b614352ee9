//! Class and text prompts: words on a canvas of one colour or of two that blend from top to foot.

use image::RgbImage;
use rand::SeedableRng;
use rand_chacha::ChaCha8Rng;
use rand_distr::{Distribution, Uniform};
use serde::{Deserialize, Serialize};

use super::surface::Surface;
use super::{Align, Background, Colour, PromptError, TextStyle, Typeface, VisualPrompt, lettering};
use crate::Task;

/// An empty canvas and how words stand on it.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Canvas {
    /// The background.
    pub ground: Background,
    /// The words.
    #[serde(default = "TextStyle::caption")]
    pub style: TextStyle,
}

impl Default for Canvas {
    /// The pink of the published caption, with the words in the middle.
    fn default() -> Self {
        Self {
            ground: Background::Plain(Colour([253, 111, 167])),
            style: TextStyle::caption(),
        }
    }
}

impl Canvas {
    /// A random canvas, the same for the same seed: plain or gradient, light or dark, words left,
    /// centred or right, high or low, in any typeface.
    pub fn seeded(seed: u64) -> Self {
        let mut random = ChaCha8Rng::seed_from_u64(seed);
        let mut below = |most: u32| {
            let range = Uniform::new(0, most).expect("a range that is not empty");
            range.sample(&mut random)
        };
        let dark = below(3) == 0;
        let mut channel = |_| match dark {
            true => below(110) as u8,
            false => 130 + below(126) as u8,
        };
        let top = Colour([0, 1, 2].map(&mut channel));
        let foot = Colour([0, 1, 2].map(&mut channel));
        let ground = match below(2) {
            0 => Background::Plain(top),
            _ => Background::Gradient { top, foot },
        };
        let ink = Colour([0, 1, 2].map(|_| below(40) as u8));
        let (fill, outline) = match dark {
            true => (Colour(ink.0.map(|v| 255 - v)), Colour::BLACK),
            false => (ink, Colour::WHITE),
        };
        let style = TextStyle {
            face: Typeface::ALL[below(3) as usize],
            size: 36.0 + below(25) as f32,
            fill,
            outline,
            spacing: below(7) as f32 / 2.0,
            align: [Align::Left, Align::Centre, Align::Right][below(3) as usize],
            place: below(101) as f32 / 100.0,
            ..TextStyle::caption()
        };
        Self { ground, style }
    }

    fn write(&self, what: &'static str, text: &str, side: u32) -> Result<RgbImage, PromptError> {
        Surface::check(side)?;
        let mut surface = Surface::over(&self.ground.paint(side));
        lettering::write(&mut surface, what, text, &self.style)?;
        Ok(surface.finish())
    }
}

/// A class name becomes a picture of it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ClassToImage {
    /// Name of the class, in plain words.
    pub name: String,
    /// What it is written on.
    #[serde(default)]
    pub canvas: Canvas,
}

impl ClassToImage {
    /// A class name on the default canvas.
    pub fn new(name: impl Into<String>) -> Self {
        Self {
            name: name.into(),
            canvas: Canvas::default(),
        }
    }

    /// The same on another canvas.
    pub fn canvas(self, canvas: Canvas) -> Self {
        Self { canvas, ..self }
    }
}

impl VisualPrompt for ClassToImage {
    fn task(&self) -> Task {
        Task::ClassToImage
    }

    fn render(&self, side: u32) -> Result<RgbImage, PromptError> {
        self.canvas.write("class name", &self.name, side)
    }
}

/// A caption becomes a picture of it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct TextToImage {
    /// The caption.
    pub text: String,
    /// What it is written on.
    #[serde(default)]
    pub canvas: Canvas,
}

impl TextToImage {
    /// A caption on the default canvas.
    pub fn new(text: impl Into<String>) -> Self {
        Self {
            text: text.into(),
            canvas: Canvas::default(),
        }
    }

    /// The same on another canvas.
    pub fn canvas(self, canvas: Canvas) -> Self {
        Self { canvas, ..self }
    }
}

impl VisualPrompt for TextToImage {
    fn task(&self) -> Task {
        Task::TextToImage
    }

    fn render(&self, side: u32) -> Result<RgbImage, PromptError> {
        self.canvas.write("caption", &self.text, side)
    }
}
