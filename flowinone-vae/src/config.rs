//! Sizes of the autoencoder: `channels * multipliers[i]` channels at level i, each level half as
//! wide and high as the one before.

use burn::tensor::Device;
use serde::{Deserialize, Serialize};

use crate::{Autoencoder, Error};

/// Most levels accepted: 2^7 pixels of a picture for one of its latent.
const MAX_LEVELS: usize = 8;
/// Most channels, blocks or groups.
const LARGEST: usize = 1 << 16;

/// Sizes of an [`Autoencoder`].
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct VaeConfig {
    /// Channels of a picture.
    pub image_channels: usize,
    /// Channels of a latent.
    pub latent_channels: usize,
    /// Channels at full resolution.
    pub channels: usize,
    /// Channels of each level in units of `channels`, from full resolution down.
    pub multipliers: Vec<usize>,
    /// Residual blocks of an encoder level; a decoder level has one more.
    pub blocks: usize,
    /// Groups of every group norm.
    pub groups: usize,
    /// Factor between the posterior and the latent that the flow works on.
    pub scale: f64,
}

impl VaeConfig {
    /// The Stable Diffusion v1 autoencoder with FlowInOne's scale (0.2301, not 0.18215).
    pub fn flowinone_256() -> Self {
        Self {
            image_channels: 3,
            latent_channels: 4,
            channels: 128,
            multipliers: vec![1, 2, 4, 4],
            blocks: 2,
            groups: 32,
            scale: 0.2301,
        }
    }

    /// A small network for pictures of 64 x 64 pixels, a quarter as wide and high as latents.
    pub fn mini() -> Self {
        Self {
            image_channels: 3,
            latent_channels: 4,
            channels: 16,
            multipliers: vec![1, 2, 4],
            blocks: 1,
            groups: 8,
            scale: 1.0,
        }
    }

    /// The same shape of network with 8 channels, for tests and examples.
    pub fn tiny() -> Self {
        Self {
            channels: 8,
            multipliers: vec![1, 1, 1, 2],
            blocks: 1,
            groups: 4,
            ..Self::flowinone_256()
        }
    }

    /// Pixels of a picture for one of its latent, along each side: 8 for the published network.
    pub fn reduction(&self) -> usize {
        1 << self.multipliers.len().saturating_sub(1)
    }

    /// Builds the network on `device`; its parameters still wait for [`Autoencoder::load`].
    ///
    /// # Panics
    /// If the configuration is not [valid](Self::validate).
    pub fn init(&self, device: &Device) -> Autoencoder {
        if let Err(error) = self.validate() {
            panic!("{error}");
        }
        Autoencoder::new(self, device)
    }

    /// Checks that such a network can exist.
    ///
    /// # Errors
    /// [`Error::Config`] with the first field that cannot be.
    pub fn validate(&self) -> Result<(), Error> {
        let positive = [
            ("image_channels", self.image_channels),
            ("latent_channels", self.latent_channels),
            ("channels", self.channels),
            ("blocks", self.blocks),
            ("groups", self.groups),
        ];
        for (field, value) in positive {
            if value == 0 {
                return Err(Error::config(field, value, "must be at least 1"));
            }
            if value > LARGEST {
                let limit = format!("must be at most {LARGEST}");
                return Err(Error::config(field, value, limit));
            }
        }
        let levels = self.multipliers.len();
        if levels == 0 || levels > MAX_LEVELS {
            return Err(Error::config(
                "multipliers",
                format!("{:?}", self.multipliers),
                format!("must have 1 to {MAX_LEVELS} levels, not {levels}"),
            ));
        }
        for (level, &multiplier) in self.multipliers.iter().enumerate() {
            let field = format!("multipliers[{level}]");
            match self.channels.checked_mul(multiplier) {
                None | Some(0) => {
                    let limit = "times channels must be a number of channels";
                    return Err(Error::config(field, multiplier, limit));
                }
                Some(width) if width > LARGEST => {
                    let limit = format!("makes {width} channels, at most {LARGEST}");
                    return Err(Error::config(field, multiplier, limit));
                }
                Some(width) if width % self.groups != 0 => {
                    let groups = self.groups;
                    return Err(Error::config(
                        field,
                        multiplier,
                        format!("makes {width} channels, which {groups} groups do not divide"),
                    ));
                }
                Some(_) => {}
            }
        }
        if !(self.scale.is_finite() && self.scale > 0.0) {
            return Err(Error::config("scale", self.scale, "must be above 0"));
        }
        Ok(())
    }

    /// Number of resolutions.
    pub(crate) fn levels(&self) -> usize {
        self.multipliers.len()
    }

    /// Channels of a level, counted from full resolution.
    pub(crate) fn width(&self, level: usize) -> usize {
        self.channels * self.multipliers[level]
    }

    /// Channels of the lowest resolution, where the attention is.
    pub(crate) fn deepest_width(&self) -> usize {
        self.width(self.levels() - 1)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn complaint(change: impl Fn(&mut VaeConfig)) -> String {
        let mut config = VaeConfig::flowinone_256();
        change(&mut config);
        config.validate().unwrap_err().to_string()
    }

    #[test]
    fn the_presets_are_valid_and_reduce_eightfold() {
        for config in [VaeConfig::flowinone_256(), VaeConfig::tiny()] {
            config.validate().unwrap();
            assert_eq!(config.reduction(), 8);
        }
    }

    #[test]
    fn json_has_every_field_and_no_other() {
        let complete = serde_json::to_value(VaeConfig::tiny()).unwrap();
        let read = |json: serde_json::Value| serde_json::from_value::<VaeConfig>(json);
        assert_eq!(read(complete.clone()).unwrap(), VaeConfig::tiny());

        let mut extra = complete.clone();
        extra["resolution"] = 256.into();
        assert!(
            read(extra)
                .unwrap_err()
                .to_string()
                .contains("unknown field `resolution`")
        );

        let mut short = complete;
        short.as_object_mut().unwrap().remove("scale");
        assert!(
            read(short)
                .unwrap_err()
                .to_string()
                .contains("missing field `scale`")
        );
    }

    #[test]
    fn an_invalid_field_is_named_with_its_number() {
        let groups = complaint(|c| c.groups = 48);
        assert_eq!(
            groups,
            "the autoencoder's multipliers[0] = 1 makes 128 channels, which 48 groups do not divide"
        );
        assert!(complaint(|c| c.blocks = 0).contains("blocks = 0 must be at least 1"));
        assert!(complaint(|c| c.multipliers.clear()).contains("multipliers = []"));
        assert!(complaint(|c| c.multipliers[2] = 0).contains("multipliers[2] = 0"));
        assert!(complaint(|c| c.channels = usize::MAX).contains("multipliers["));
        assert!(complaint(|c| c.scale = f64::NAN).contains("scale = NaN"));
    }
}
