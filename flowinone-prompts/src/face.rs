//! The bundled typefaces by name.

use serde::{Deserialize, Serialize};

/// A face that text is set in; all are bundled, under the SIL Open Font License 1.1.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Face {
    /// Liberation Serif, as wide as Times New Roman: Latin, Greek, Cyrillic, Hebrew.
    #[default]
    Serif,
    /// Its bold.
    SerifBold,
    /// Comic Neue Bold, hand-written Latin.
    Comic,
}

impl Face {
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
