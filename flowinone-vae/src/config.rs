//! Sizes of the autoencoder: `channels * multipliers[i]` channels at level i, each level half as
//! wide and high as the one before.

use serde::{Deserialize, Serialize};

use crate::Error;

/// Largest [`VaeConfig::compositor_scale`].
const MAX_SCALE: usize = 8;
/// Sides of pictures that a compositor takes are multiples of this many pixels.
pub(crate) const STRIDE: usize = 8;
/// Most levels accepted: 2^7 pixels of a picture for one of its latent.
const MAX_LEVELS: usize = 8;
/// Most channels, blocks or groups.
const LARGEST: usize = 1 << 16;

/// Sizes of an [`Autoencoder`](crate::Autoencoder).
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
    /// Channels of the [levels](crate::FineDecoder) that make the decoded picture finer than what
    /// the encoder sees, from the picture's resolution down to the encoder's, each half as wide and
    /// high as the one before; none if it is not to be finer.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub fine_channels: Vec<usize>,
    /// Channels of the [network](crate::Compositor) that takes what stays from the prompt picture,
    /// if there is one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub compositor_channels: Option<usize>,
    /// How many times as wide and high as decoded pictures those are in which it takes what stays:
    /// 1 for these themselves, more for pictures that are made larger after decoding.
    #[serde(default = "one", skip_serializing_if = "is_one")]
    pub compositor_scale: usize,
}

fn one() -> usize {
    1
}

#[allow(clippy::trivially_copy_pass_by_ref, reason = "as serde asks")]
fn is_one(scale: &usize) -> bool {
    *scale == 1
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
            fine_channels: vec![],
            compositor_channels: None,
            compositor_scale: 1,
        }
    }

    /// A small network for pictures of 64 x 64 pixels, a quarter as wide and high as latents.
    pub fn mini() -> Self {
        Self {
            image_channels: 3,
            latent_channels: 8,
            channels: 16,
            multipliers: vec![1, 2, 4],
            blocks: 1,
            groups: 8,
            scale: 1.0,
            fine_channels: vec![],
            compositor_channels: None,
            compositor_scale: 1,
        }
    }

    /// The same network, latents of 16 x 16 among them, for pictures of 256 x 256 pixels: the
    /// encoder sees means of 4 x 4 pixels, and what stays is taken from the prompt.
    pub fn mini_256() -> Self {
        Self {
            fine_channels: vec![8, 16, 32],
            compositor_channels: Some(12),
            ..Self::mini()
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
        self.pooling() << self.multipliers.len().saturating_sub(1)
    }

    /// Pixels of a picture whose mean is one pixel for the encoder, along each side: 1 without
    /// [fine levels](Self::fine_channels).
    pub fn pooling(&self) -> usize {
        1 << self.fine_channels.len().saturating_sub(1)
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
        let fine = self.fine_channels.len();
        let text = || format!("{:?}", self.fine_channels);
        if fine == 1 || fine + levels > MAX_LEVELS + 1 {
            let limit = MAX_LEVELS + 1 - levels;
            let reason = format!(
                "must be none or 2 to {limit}: the last ones are at the encoder's resolution"
            );
            return Err(Error::config("fine_channels", text(), reason));
        }
        if self.fine_channels.contains(&0) {
            return Err(Error::config("fine_channels", text(), "must be at least 1"));
        }
        if !self.compositor_scale.is_power_of_two() || self.compositor_scale > MAX_SCALE {
            let limit = format!("must be 1, 2, 4 or {MAX_SCALE}");
            return Err(Error::config(
                "compositor_scale",
                self.compositor_scale,
                limit,
            ));
        }
        match self.compositor_channels {
            Some(0) => {
                let field = "compositor_channels";
                Err(Error::config(field, 0, "must be at least 1"))
            }
            Some(channels) if self.reduction() * self.compositor_scale < STRIDE => {
                Err(Error::config(
                    "compositor_channels",
                    channels,
                    format!(
                        "needs a picture of {STRIDE} pixels for one of its latent, not {}",
                        self.reduction() * self.compositor_scale
                    ),
                ))
            }
            Some(_) if self.compositor_scale > 1 && fine > 0 => {
                let reason = "must be 1 with fine_channels: what they make is the whole picture";
                Err(Error::config(
                    "compositor_scale",
                    self.compositor_scale,
                    reason,
                ))
            }
            None if self.compositor_scale > 1 => {
                let reason = "is of a compositor, and there is none: set compositor_channels";
                Err(Error::config(
                    "compositor_scale",
                    self.compositor_scale,
                    reason,
                ))
            }
            _ => Ok(()),
        }
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
    fn fine_levels_make_pictures_larger_and_nothing_else() {
        let [small, fine] = [VaeConfig::mini(), VaeConfig::mini_256()];
        fine.validate().unwrap();
        assert_eq!((small.reduction(), small.pooling()), (4, 1));
        assert_eq!((fine.reduction(), fine.pooling()), (16, 4));
        // Without them a file is what it was: the digest of old weights is over these bytes.
        let json = serde_json::to_string(&small).unwrap();
        assert!(json.ends_with("\"scale\":1.0}"), "{json}");
        let json = serde_json::to_string(&fine).unwrap();
        assert_eq!(serde_json::from_str::<VaeConfig>(&json).unwrap(), fine);
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
        assert!(complaint(|c| c.channels = usize::MAX).contains("channels = 18446744073709551615"));
        assert!(complaint(|c| c.scale = f64::NAN).contains("scale = NaN"));
        assert!(
            complaint(|c| c.fine_channels = vec![8]).contains("fine_channels = [8] must be none")
        );
        assert!(complaint(|c| c.fine_channels = vec![8; 6]).contains("none or 2 to 5"));
        assert!(complaint(|c| c.fine_channels = vec![0, 8]).contains("at least 1"));
        assert!(complaint(|c| c.compositor_channels = Some(0)).contains("compositor_channels = 0"));
        let shallow = complaint(|c| {
            c.multipliers = vec![1, 2, 4];
            c.compositor_channels = Some(12);
        });
        assert!(
            shallow.contains("8 pixels for one of its latent, not 4"),
            "{shallow}"
        );
        let alone = complaint(|c| c.compositor_scale = 4);
        assert!(
            alone.contains("compositor_scale = 4 is of a compositor"),
            "{alone}"
        );
        assert!(complaint(|c| c.compositor_scale = 3).contains("must be 1, 2, 4 or 8"));
    }
}
