//! Colours as `#rrggbb`.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

use super::PromptError;

/// An opaque sRGB colour, written `#rrggbb`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Colour(pub [u8; 3]);

impl Colour {
    /// Black.
    pub const BLACK: Self = Self([0; 3]);
    /// White.
    pub const WHITE: Self = Self([255; 3]);
    /// The red of the published boxes.
    pub const BOX: Self = Self([255, 0, 0]);
    /// The orange-red of the published marker arrows.
    pub const MARKER: Self = Self([255, 108, 72]);
    /// The turquoise of the published force arrows.
    pub const FORCE: Self = Self([70, 231, 224]);
    /// The green of the published trajectories.
    pub const TRAJECTORY: Self = Self([26, 166, 77]);
}

impl FromStr for Colour {
    type Err = PromptError;

    fn from_str(text: &str) -> Result<Self, PromptError> {
        let value = text
            .strip_prefix('#')
            .filter(|digits| digits.len() == 6 && digits.bytes().all(|b| b.is_ascii_hexdigit()))
            .and_then(|digits| u32::from_str_radix(digits, 16).ok());
        match value {
            Some(value) => {
                let [_, red, green, blue] = value.to_be_bytes();
                Ok(Self([red, green, blue]))
            }
            None => Err(PromptError::unreadable(
                "colour",
                text,
                "write it as #rrggbb, for example #ff6c48",
            )),
        }
    }
}

impl TryFrom<String> for Colour {
    type Error = PromptError;

    fn try_from(text: String) -> Result<Self, PromptError> {
        text.parse()
    }
}

impl From<Colour> for String {
    fn from(colour: Colour) -> Self {
        colour.to_string()
    }
}

impl fmt::Display for Colour {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let [red, green, blue] = self.0;
        write!(f, "#{red:02x}{green:02x}{blue:02x}")
    }
}
