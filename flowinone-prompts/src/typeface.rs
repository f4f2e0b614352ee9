//! The bundled typefaces by name.

use std::str::FromStr;

use serde::{Deserialize, Serialize};

use crate::PromptError;

/// A face that text is set in; all are bundled, under the SIL Open Font License 1.1.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Typeface {
    /// Liberation Serif, as wide as Times New Roman: Latin, Greek, Cyrillic, Hebrew.
    #[default]
    Serif,
    /// Its bold.
    SerifBold,
    /// Comic Neue Bold, hand-written Latin.
    Comic,
}

impl Typeface {
    /// All faces.
    pub const ALL: [Self; 3] = [Self::Serif, Self::SerifBold, Self::Comic];

    /// Name in files.
    pub fn name(self) -> &'static str {
        match self {
            Self::Serif => "serif",
            Self::SerifBold => "serif-bold",
            Self::Comic => "comic",
        }
    }
}

impl FromStr for Typeface {
    type Err = PromptError;

    fn from_str(text: &str) -> Result<Self, PromptError> {
        let mut faces = Self::ALL.into_iter();
        faces.find(|face| face.name() == text).ok_or_else(|| {
            let names = Self::ALL.map(Self::name).join(", ");
            PromptError::unreadable("face", text, format!("the faces are {names}"))
        })
    }
}
