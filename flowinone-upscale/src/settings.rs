//! How pictures are enlarged: how large, in what tiles, with which colours.

use serde::{Deserialize, Serialize};

use crate::Target;

/// How pictures are enlarged; with the model it decides every pixel.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Settings {
    /// The size that is asked for. What the network does not make is resized after.
    pub target: Target,
    /// Side of tiles in pixels of the picture; `None` lets memory decide.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tile: Option<u32>,
    /// The picture repeats: its edges fit each other, and still do when it is larger.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub tileable: bool,
    /// The low frequencies of the picture are kept.
    pub keep_colours: bool,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            target: Target::Native,
            tile: None,
            tileable: false,
            keep_colours: true,
        }
    }
}
