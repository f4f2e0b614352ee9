//! Sizes of the vision tower and the aligner, with the published model and a tiny one.

use serde::{Deserialize, Serialize};

use crate::Error;
use crate::stem::STEM_GROUPS;

/// No extent of a network that fits a computer is larger; products of three stay below 2^64.
const LARGEST: usize = 1 << 16;

/// Sizes of the vision tower and the aligner.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct EncoderConfig {
    /// Height and width of a picture, in pixels.
    pub image_size: usize,
    /// Side of the square of pixels that becomes one token.
    pub patch_size: usize,
    /// Channels of the levels of a convolutional stem before the patches, each half as wide and
    /// high as the one before; empty for the published model, which has none.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub stem: Vec<usize>,
    /// Width of a token in the tower.
    pub width: usize,
    /// Blocks of the tower.
    pub layers: usize,
    /// Attention heads of a block.
    pub heads: usize,
    /// Hidden width of a block's feed-forward network.
    pub mlp_width: usize,
    /// Width of a token after the aligner.
    pub output_width: usize,
}

impl EncoderConfig {
    /// The published model: SigLIP-L/16 at 384 x 384 pixels and the aligner of Janus-Pro-1B, 576
    /// tokens of width 2048.
    pub fn flowinone_256() -> Self {
        Self {
            image_size: 384,
            patch_size: 16,
            stem: vec![],
            width: 1024,
            layers: 24,
            heads: 16,
            mlp_width: 4096,
            output_width: 2048,
        }
    }

    /// A small tower for pictures of 192 x 192 pixels: 144 tokens of width 192.
    pub fn mini() -> Self {
        Self {
            image_size: 192,
            patch_size: 16,
            stem: vec![32, 64, 96],
            width: 192,
            layers: 9,
            heads: 6,
            mlp_width: 768,
            output_width: 192,
        }
    }

    /// Every part of the published model at sizes that run in milliseconds, for tests and examples:
    /// 16 tokens of width 24.
    pub fn tiny() -> Self {
        Self {
            image_size: 64,
            patch_size: 16,
            stem: vec![],
            width: 32,
            layers: 2,
            heads: 2,
            mlp_width: 48,
            output_width: 24,
        }
    }

    /// Tokens of a picture.
    pub fn tokens(&self) -> usize {
        (self.image_size / self.patch_size).pow(2)
    }

    /// Checks that the sizes fit each other.
    ///
    /// # Errors
    /// [`Error::Config`] with the name of the first field that does not fit, its value, and what
    /// would.
    pub fn validate(&self) -> Result<(), Error> {
        for (field, value) in [
            ("image_size", self.image_size),
            ("patch_size", self.patch_size),
            ("width", self.width),
            ("layers", self.layers),
            ("heads", self.heads),
            ("mlp_width", self.mlp_width),
            ("output_width", self.output_width),
        ] {
            require((1..=LARGEST).contains(&value), field, value, || {
                format!("from 1 to {LARGEST}")
            })?;
        }
        for &channels in &self.stem {
            let fits = channels <= LARGEST && channels > 0 && channels.is_multiple_of(STEM_GROUPS);
            require(fits, "stem", channels, || {
                format!("a multiple of {STEM_GROUPS}, from {STEM_GROUPS} to {LARGEST}")
            })?;
        }
        let levels = self.stem.len();
        require(levels < 8, "stem", levels, || "fewer than 8 levels".into())?;
        require(
            self.patch_size.is_multiple_of(1 << levels),
            "patch_size",
            self.patch_size,
            || {
                format!(
                    "a multiple of {} with {levels} levels of a stem",
                    1 << levels
                )
            },
        )?;
        require(
            self.image_size.is_multiple_of(self.patch_size),
            "image_size",
            self.image_size,
            || format!("a multiple of patch_size ({})", self.patch_size),
        )?;
        require(
            self.width.is_multiple_of(self.heads),
            "width",
            self.width,
            || format!("a multiple of heads ({})", self.heads),
        )
    }
}

fn require(
    fits: bool,
    field: &'static str,
    value: usize,
    wanted: impl FnOnce() -> String,
) -> Result<(), Error> {
    if fits {
        return Ok(());
    }
    Err(Error::Config {
        field,
        value,
        wanted: wanted(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn complaint(change: impl Fn(&mut EncoderConfig)) -> String {
        let mut config = EncoderConfig::flowinone_256();
        change(&mut config);
        config.validate().unwrap_err().to_string()
    }

    #[test]
    fn presets_are_valid_and_count_their_tokens() {
        for (config, tokens) in [
            (EncoderConfig::flowinone_256(), 576),
            (EncoderConfig::tiny(), 16),
        ] {
            config.validate().unwrap();
            assert_eq!(config.tokens(), tokens);
        }
    }

    #[test]
    fn a_misfit_is_named_with_its_number_and_what_would_fit() {
        assert_eq!(
            complaint(|c| c.heads = 15),
            "encoder configuration: width is 1024, but must be a multiple of heads (15)"
        );
        assert_eq!(
            complaint(|c| c.patch_size = 14),
            "encoder configuration: image_size is 384, but must be a multiple of patch_size (14)"
        );
        assert_eq!(
            complaint(|c| (c.image_size, c.patch_size, c.stem) = (384, 4, vec![8; 3])),
            "encoder configuration: patch_size is 4, but must be a multiple of 8 with 3 levels of a stem"
        );
        assert!(
            complaint(|c| c.stem = vec![12]).contains("stem is 12, but must be a multiple of 8")
        );
        let layers = "encoder configuration: layers is 0, but must be from 1 to 65536";
        assert_eq!(complaint(|c| c.layers = 0), layers);
        assert!(
            complaint(|c| c.mlp_width = usize::MAX).contains("mlp_width is 18446744073709551615")
        );
    }

    #[test]
    fn json_with_a_missing_or_unknown_field_is_refused() {
        let json = serde_json::to_string(&EncoderConfig::tiny()).unwrap();
        let read = |json: &str| serde_json::from_str::<EncoderConfig>(json);
        assert_eq!(read(&json).unwrap(), EncoderConfig::tiny());
        let misspelt = read(&json.replace("layers", "layer")).unwrap_err();
        assert!(misspelt.to_string().contains("unknown field `layer`"));
        let missing = read(&json.replace("\"heads\":2,", "")).unwrap_err();
        assert!(missing.to_string().contains("missing field `heads`"));
    }
}
