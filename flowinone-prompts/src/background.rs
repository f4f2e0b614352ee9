//! What an empty canvas is painted with.

use std::str::FromStr;

use image::{Rgb, RgbImage};
use serde::{Deserialize, Serialize};

use crate::{Colour, PromptError};

/// What a canvas is painted with.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub enum Background {
    /// One colour.
    Plain(Colour),
    /// A vertical gradient.
    Gradient {
        /// Colour of the first row.
        top: Colour,
        /// Colour of the last row.
        foot: Colour,
    },
}

impl FromStr for Background {
    type Err = PromptError;

    /// Reads `#rrggbb`, or `#rrggbb,#rrggbb` from top to foot.
    fn from_str(text: &str) -> Result<Self, PromptError> {
        match text.split_once(',') {
            None => text.parse().map(Self::Plain),
            Some((top, foot)) => Ok(Self::Gradient {
                top: top.trim().parse()?,
                foot: foot.trim().parse()?,
            }),
        }
    }
}

impl Background {
    /// The background alone, `side` x `side` pixels.
    pub fn paint(&self, side: u32) -> RgbImage {
        let (Colour(top), Colour(foot)) = match *self {
            Self::Plain(colour) => (colour, colour),
            Self::Gradient { top, foot } => (top, foot),
        };
        let last = f32::from(side.saturating_sub(1).max(1) as u16);
        RgbImage::from_fn(side, side, |_, y| {
            let share = y as f32 / last;
            let mix = |i: usize| f32::from(top[i]) * (1.0 - share) + f32::from(foot[i]) * share;
            Rgb([mix(0), mix(1), mix(2)].map(|value| value.round() as u8))
        })
    }
}
