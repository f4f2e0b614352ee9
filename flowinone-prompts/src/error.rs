//! What can be wrong with a prompt: every message names the thing, the number, and what to do.

use std::fmt::Write;

use crate::Task;

/// An error of a visual prompt, found before or while it is drawn.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum PromptError {
    /// A text has no visible character.
    #[error("the {0} is empty; write what the picture should show or what should happen")]
    EmptyText(&'static str),
    /// A text does not fit even at the smallest size.
    #[error(
        "the {what} of {length} characters is too long: {fits} fit at the smallest size of {smallest} px (of 512); shorten it"
    )]
    TooLong {
        /// Which text.
        what: &'static str,
        /// Characters of the text.
        length: usize,
        /// Characters of it that fit, from its beginning.
        fits: usize,
        /// The smallest size that text shrinks to.
        smallest: f32,
    },
    /// The face lacks characters of a text.
    #[error("the face {face} has no glyph for {glyphs} in the {what}; leave them out or choose another face", glyphs = list(glyphs))]
    MissingGlyphs {
        /// Which text.
        what: &'static str,
        /// Name of the face.
        face: &'static str,
        /// The characters, each once.
        glyphs: Vec<char>,
    },
    /// A coordinate, point, box, colour or path that cannot be read.
    #[error("{text:?} is no {kind}: {reason}")]
    Unreadable {
        /// What was expected ("coordinate", "colour").
        kind: &'static str,
        /// What was found.
        text: String,
        /// What is wrong with it.
        reason: String,
    },
    /// A number that is infinite or NaN.
    #[error("the {0} has a coordinate that is not a finite number")]
    NotFinite(&'static str),
    /// A mark lies outside the part of the picture that the canvas shows.
    #[error("the {what} at ({x:.1}, {y:.1}) pixels lies outside {place}")]
    Outside {
        /// Which mark.
        what: &'static str,
        /// Its place in pixels of the given picture.
        x: f64,
        /// Its place in pixels of the given picture.
        y: f64,
        /// What it has to lie in, with numbers.
        place: String,
    },
    /// An arrow, path or box too small to be seen.
    #[error(
        "the {what} is {size:.2} px (of 512) long, less than the {least} px that can be seen; draw it larger"
    )]
    TooSmall {
        /// Which mark.
        what: &'static str,
        /// Its length, or the shorter side of a box.
        size: f64,
        /// The least length.
        least: f64,
    },
    /// A prompt lacks what makes it one.
    #[error("a {0} prompt needs at least one {1}")]
    Nothing(&'static str, &'static str),
    /// A prompt in which nothing moves was asked for a motion.
    #[error("a {0} prompt has no motion; force and trajectory prompts have")]
    NoMotion(Task),
    /// More marks than any prompt needs.
    #[error("{count} {what} are more than the {most} allowed; simplify the drawing")]
    TooMany {
        /// What is counted.
        what: &'static str,
        /// How many there are.
        count: usize,
        /// How many are allowed.
        most: usize,
    },
    /// A width, size or share outside its range.
    #[error("{name} is {value}; it must be {range}")]
    Range {
        /// The setting.
        name: &'static str,
        /// Its value.
        value: f64,
        /// The allowed range in words.
        range: &'static str,
    },
    /// A drawing that cannot be used.
    #[error("drawing: {0}")]
    Drawing(String),
    /// A picture or drawing file that cannot be read.
    #[error(transparent)]
    File(Box<flowinone_image::Error>),
}

impl From<flowinone_files::Error> for PromptError {
    fn from(error: flowinone_files::Error) -> Self {
        flowinone_image::Error::from(error).into()
    }
}

impl From<flowinone_image::Error> for PromptError {
    fn from(error: flowinone_image::Error) -> Self {
        Self::File(Box::new(error))
    }
}

impl PromptError {
    pub(crate) fn unreadable(kind: &'static str, text: &str, reason: impl Into<String>) -> Self {
        let mut shown: String = text.chars().take(40).collect();
        if shown.len() < text.len() {
            shown.push('…');
        }
        Self::Unreadable {
            kind,
            text: shown,
            reason: reason.into(),
        }
    }
}

/// `value` if it is finite and within `least..=most`, else an error that says the range.
#[cfg(feature = "draw")]
pub(crate) fn within(
    name: &'static str,
    value: f32,
    least: f32,
    most: f32,
    range: &'static str,
) -> Result<f32, PromptError> {
    match (least..=most).contains(&value) {
        true => Ok(value),
        false => Err(PromptError::Range {
            name,
            value: value.into(),
            range,
        }),
    }
}

/// "ن (U+0646), 漢 (U+6F22)", at most twenty.
fn list(glyphs: &[char]) -> String {
    let mut text = String::new();
    for (i, &glyph) in glyphs.iter().take(20).enumerate() {
        let comma = if i == 0 { "" } else { ", " };
        let shown = if glyph.is_control() { ' ' } else { glyph };
        let _ = write!(text, "{comma}{shown} (U+{:04X})", u32::from(glyph));
    }
    if glyphs.len() > 20 {
        let _ = write!(text, " and {} more", glyphs.len() - 20);
    }
    text
}
