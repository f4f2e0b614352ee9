//! Doodle prompts: strokes or line drawings over a picture, which shall become real things.

use std::fs::File;
use std::io::Read;
use std::path::{Path, PathBuf};

use flowinone_image::center_crop;
use image::{Rgb, RgbImage};
use serde::{Deserialize, Serialize};

use super::marker::counted;
use super::surface::Surface;
use super::{Frame, Pen, Picture, PromptError, Stroke, TextStyle, VisualPrompt, lettering};
use super::{strokes, svg};
use crate::Task;

/// Largest file of strokes, in bytes.
const MOST_BYTES: u64 = 4 << 20;
/// Darkness below which a pixel of a drawing is paper, of 255.
const PAPER: u8 = 24;
/// Largest share of a drawing that ink may cover.
const MOST_INK: f64 = 0.6;
/// Width of the white around a drawing's lines, in reference pixels.
const HALO: f32 = 2.0;

/// Something drawn over the picture. In JSON an object with one key: `{"strokes": […]}`,
/// `{"svg": "file.svg"}` or `{"picture": "file.png"}`.
///
/// A file has the picture's proportions and lies over the whole picture, or it is square and lies
/// over the canvas, the square in the picture's middle.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Drawing {
    /// Lines, in places of the picture.
    Strokes(Vec<Stroke>),
    /// An SVG file of lines, read each time the prompt is drawn. Black lines and outlines are drawn
    /// by the doodle's pen, others in their own colour and width.
    Svg(PathBuf),
    /// A drawing of dark lines on light or transparent background.
    Picture(Picture),
}

impl Drawing {
    /// A drawing from a file: `.svg`, `.json` (a list of [`Stroke`]s), or any picture.
    ///
    /// # Errors
    /// A list of strokes that cannot be read; other files are read when the prompt is drawn.
    pub fn open(path: impl AsRef<Path>) -> Result<Self, PromptError> {
        let path = path.as_ref();
        let extension = path.extension().and_then(|e| e.to_str()).unwrap_or("");
        match extension.to_ascii_lowercase().as_str() {
            "svg" => Ok(Self::Svg(path.into())),
            "json" => read_strokes(path).map(Self::Strokes),
            _ => Ok(Self::Picture(path.into())),
        }
    }

    fn draw(
        &self,
        surface: &mut Surface,
        frame: &Frame,
        pen: Pen,
        side: u32,
    ) -> Result<(), PromptError> {
        match self {
            Self::Strokes(list) => strokes::draw(surface, &strokes::lines(list, frame)?, pen),
            Self::Svg(path) => {
                let lines = svg::read(path, frame)?;
                strokes::draw(surface, &lines, pen).map_err(|error| match error {
                    PromptError::Drawing(reason) => {
                        PromptError::Drawing(format!("{}: {reason}", path.display()))
                    }
                    other => other,
                })
            }
            Self::Picture(picture) => ink(surface, &picture.read()?, frame, side),
        }
    }
}

fn read_strokes(path: &Path) -> Result<Vec<Stroke>, PromptError> {
    let unreadable = || flowinone_files::Error::of("read", path);
    let bad = |reason: String| PromptError::Drawing(format!("{}: {reason}", path.display()));
    let mut bytes = vec![];
    let file = File::open(path).map_err(unreadable())?;
    file.take(MOST_BYTES + 1)
        .read_to_end(&mut bytes)
        .map_err(unreadable())?;
    if bytes.len() as u64 > MOST_BYTES {
        return Err(bad(format!("it has more than {MOST_BYTES} bytes")));
    }
    let text = flowinone_files::text_of(bytes).map_err(bad)?;
    let no_list = |e: serde_json::Error| bad(format!("it is no list of strokes: {e}"));
    let mut list: serde_json::Value = serde_json::from_str(&text).map_err(no_list)?;
    // A line that is only its points is a stroke as well.
    for stroke in list.as_array_mut().into_iter().flatten() {
        if stroke.is_array() {
            *stroke = serde_json::json!({ "points": stroke.take() });
        }
    }
    serde_json::from_value(list).map_err(no_list)
}

/// Lays the dark lines of a drawing over the canvas, with a white halo so that they are seen
/// anywhere.
fn ink(
    surface: &mut Surface,
    drawing: &RgbImage,
    frame: &Frame,
    side: u32,
) -> Result<(), PromptError> {
    let size = [drawing.width(), drawing.height()].map(f64::from);
    svg::fitting("drawing", size, frame).map_err(PromptError::Drawing)?;
    let ink: Vec<u8> = center_crop(drawing, side)
        .pixels()
        .map(|Rgb([r, g, b])| {
            let light = (u32::from(*r) * 299 + u32::from(*g) * 587 + u32::from(*b) * 114) / 1000;
            let dark = 255 - light as u8;
            let above = u32::from(dark.saturating_sub(PAPER)) * 255;
            (above / u32::from(255 - PAPER)) as u8
        })
        .collect();
    let covered = ink.iter().filter(|&&value| value > 64).count() as f64 / ink.len() as f64;
    if covered == 0.0 {
        let reason = "it shows no dark lines in the square that the canvas shows";
        return Err(PromptError::Drawing(reason.into()));
    }
    if covered > MOST_INK {
        let share = (covered * 100.0).round();
        return Err(PromptError::Drawing(format!(
            "{share}% of it is dark; draw dark lines on light or transparent ground"
        )));
    }
    let radius = (HALO * side as f32 / 512.0).round().max(1.0) as usize;
    let halo = widened(
        &widened(&ink, side as usize, 1, radius),
        side as usize,
        side as usize,
        radius,
    );
    surface.ink(ink.into_iter().zip(halo).map(|(ink, halo)| [ink, halo]));
    Ok(())
}

/// The largest value within `radius` along rows (`step` 1) or columns (`step` = side).
fn widened(values: &[u8], side: usize, step: usize, radius: usize) -> Vec<u8> {
    let largest = |at: usize| {
        let along = if step == 1 { at % side } else { at / side };
        let start = at - along.min(radius) * step;
        let count = along.min(radius) + 1 + radius.min(side - 1 - along);
        let near = (0..count).map(|i| values[start + i * step]);
        near.max().unwrap_or(0)
    };
    (0..values.len()).map(largest).collect()
}

/// A sketch becomes the real thing.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Doodle {
    /// The picture.
    pub picture: Picture,
    /// What is drawn over it, in this order.
    pub drawings: Vec<Drawing>,
    /// The sentence below; `null` in JSON for none.
    #[serde(default = "Doodle::sentence")]
    pub instruction: Option<String>,
    /// What draws lines that have no colour of their own.
    #[serde(default)]
    pub pen: Pen,
    /// How the sentence is written.
    #[serde(default = "TextStyle::small_instruction")]
    pub style: TextStyle,
}

impl Doodle {
    /// The published sentence.
    pub const INSTRUCTION: &str = "Turn the doodle in the image into a realistic real-world object";

    /// The published sentence, to which [`drawing`](Self::drawing) adds drawings.
    pub fn new(picture: impl Into<Picture>) -> Self {
        Self {
            picture: picture.into(),
            drawings: vec![],
            instruction: Self::sentence(),
            pen: Pen::default(),
            style: TextStyle::small_instruction(),
        }
    }

    /// The same with another drawing.
    pub fn drawing(mut self, drawing: Drawing) -> Self {
        self.drawings.push(drawing);
        self
    }

    /// The same with another stroke, a drawing of its own.
    pub fn stroke(self, stroke: Stroke) -> Self {
        self.drawing(Drawing::Strokes(vec![stroke]))
    }

    /// The same with another sentence, or none.
    pub fn instruction(self, instruction: Option<String>) -> Self {
        Self {
            instruction,
            ..self
        }
    }

    /// The same with another pen.
    pub fn pen(self, pen: Pen) -> Self {
        Self { pen, ..self }
    }

    fn sentence() -> Option<String> {
        Some(Self::INSTRUCTION.into())
    }
}

impl VisualPrompt for Doodle {
    fn task(&self) -> Task {
        Task::Doodle
    }

    fn render(&self, side: u32) -> Result<RgbImage, PromptError> {
        let (mut surface, frame) = self.picture.surface(side)?;
        counted("doodle", "drawing", self.drawings.len())?;
        self.pen.validate()?;
        for drawing in &self.drawings {
            drawing.draw(&mut surface, &frame, self.pen, side)?;
        }
        if let Some(instruction) = &self.instruction {
            lettering::write(&mut surface, "instruction", instruction, &self.style)?;
        }
        Ok(surface.finish())
    }
}
