//! Sizes of the velocity network and the source encoder, with the published model and a tiny one.

use std::fmt::Display;

use serde::{Deserialize, Serialize};

use crate::Error;

/// Largest width, side or number of tokens.
const LARGEST: usize = 1 << 16;
/// Most blocks of a stage, and the widest kernel.
const MOST_BLOCKS: usize = 1023;

/// Sizes of the whole flow model: where the flow starts and how it moves.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct FlowConfig {
    /// Channels of the latent.
    pub latent_channels: usize,
    /// Height and width of the latent.
    pub latent_side: usize,
    /// From visual tokens to the start of the flow.
    pub source: SourceConfig,
    /// First stage of the velocity network, at half resolution.
    pub transformer: TransformerConfig,
    /// Second stage of the velocity network, at full resolution.
    pub convnext: ConvNextConfig,
    /// If the velocity network has two times: where the second begins. `None` for one time.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub two_times: Option<TwoTimes>,
}

/// How a velocity network reads the two times of `u(x, t, r)`, without a weight more than one of a
/// single time has (Kim et al., 2025): the norms of the first transformer blocks read `t`, all
/// others, those of the `ConvNeXt` stage and of both heads among them, read `r`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct TwoTimes {
    /// Transformer blocks that read `t`, from 1 to all of them.
    pub boundary: usize,
}

/// Sizes of the source encoder: adapter, token compressor and context encoder.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SourceConfig {
    /// Visual tokens a picture.
    pub tokens: usize,
    /// Width of a visual token.
    pub token_width: usize,
    /// Tokens after the token compressor.
    pub compressed_tokens: usize,
    /// Width of the context encoder's layers.
    pub width: usize,
    /// Layers that keep the width.
    pub layers: usize,
    /// Layers after them that each halve the width.
    pub reductions: usize,
    /// Attention heads, the same at every width.
    pub heads: usize,
    /// Hidden width of the feed-forward networks, the same in every layer.
    pub mlp_width: usize,
    /// Standard deviation of the flow's start, the same everywhere. If `None`, the network predicts
    /// it, value by value, which takes as many weights as the mean.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub deviation: Option<f64>,
    /// Sizes of the codebook by which the last layer says what lies in each square of the start. If
    /// `None`, it is one linear layer on all tokens at once, as published.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub codebook: Option<Codebook>,
}

/// Sizes of a codebook: for each compressed token, shares of codes and some numbers, of which the
/// values of its square are one linear map, the same for all.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Codebook {
    /// Codes, whose shares are a softmax.
    pub codes: usize,
    /// Numbers beside them.
    pub numbers: usize,
    /// Temperature of that softmax where pictures are made; in training it is 1. Below 1 a square
    /// says one thing where its token is in two minds.
    #[serde(default = "one", skip_serializing_if = "is_one")]
    pub temperature: f64,
}

fn one() -> f64 {
    1.0
}

fn is_one(value: &f64) -> bool {
    *value == 1.0
}

/// Sizes of the transformer stage.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct TransformerConfig {
    /// Height and width of the token grid.
    pub side: usize,
    /// Side of the latent square that becomes one token.
    pub patch: usize,
    /// Width of a token.
    pub width: usize,
    /// Attention heads.
    pub heads: usize,
    /// Hidden width of the gated feed-forward networks.
    pub mlp_width: usize,
    /// Blocks, an odd number: as many before the middle one as after it.
    pub blocks: usize,
    /// Whether the blocks have a path for the structure latent.
    pub structure: bool,
}

/// Sizes of the `ConvNeXt` stage.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ConvNextConfig {
    /// Height and width of the feature map.
    pub side: usize,
    /// Channels of the feature map.
    pub width: usize,
    /// Hidden width of the gated feed-forward networks.
    pub mlp_width: usize,
    /// Blocks, an odd number: as many before the middle one as after it.
    pub blocks: usize,
    /// Side of the depthwise kernel, an odd number.
    pub kernel: usize,
}

impl FlowConfig {
    /// The published model for pictures of 256 x 256 pixels.
    pub fn flowinone_256() -> Self {
        Self {
            latent_channels: 4,
            latent_side: 32,
            source: SourceConfig {
                tokens: 576,
                token_width: 2048,
                compressed_tokens: 77,
                width: 768,
                layers: 11,
                reductions: 3,
                heads: 8,
                mlp_width: 1024,
                deviation: None,
                codebook: None,
            },
            transformer: TransformerConfig {
                side: 16,
                patch: 2,
                width: 1024,
                heads: 16,
                mlp_width: 2048,
                blocks: 65,
                structure: true,
            },
            convnext: ConvNextConfig {
                side: 32,
                width: 512,
                mlp_width: 1024,
                blocks: 33,
                kernel: 7,
            },
            two_times: None,
        }
    }

    /// A small network for latents of 16 x 16 and the 144 tokens of a small vision tower.
    pub fn mini() -> Self {
        Self {
            latent_channels: 8,
            latent_side: 16,
            source: SourceConfig {
                tokens: 144,
                token_width: 192,
                compressed_tokens: 64,
                width: 128,
                layers: 6,
                reductions: 0,
                heads: 4,
                mlp_width: 256,
                deviation: Some(0.05),
                codebook: Some(Codebook {
                    codes: 80,
                    numbers: 13,
                    temperature: 0.33,
                }),
            },
            transformer: TransformerConfig {
                side: 8,
                patch: 2,
                width: 160,
                heads: 5,
                mlp_width: 896,
                blocks: 5,
                structure: true,
            },
            convnext: ConvNextConfig {
                side: 16,
                width: 80,
                mlp_width: 448,
                blocks: 5,
                kernel: 7,
            },
            two_times: None,
        }
    }

    /// Every part of the published model at sizes that run in milliseconds, for tests and examples.
    pub fn tiny() -> Self {
        Self {
            latent_channels: 4,
            latent_side: 32,
            source: SourceConfig {
                tokens: 16,
                token_width: 24,
                compressed_tokens: 6,
                width: 16,
                layers: 1,
                reductions: 2,
                heads: 2,
                mlp_width: 24,
                deviation: None,
                codebook: None,
            },
            transformer: TransformerConfig {
                side: 16,
                patch: 2,
                width: 32,
                heads: 2,
                mlp_width: 48,
                blocks: 3,
                structure: true,
            },
            convnext: ConvNextConfig {
                side: 32,
                width: 16,
                mlp_width: 24,
                blocks: 3,
                kernel: 7,
            },
            two_times: None,
        }
    }

    /// Checks that the sizes fit each other.
    ///
    /// # Errors
    /// [`Error::Config`] with the name of the first field that does not fit, its value, and what
    /// would.
    pub fn validate(&self) -> Result<(), Error> {
        let (source, low, high) = (&self.source, &self.transformer, &self.convnext);
        for (field, value) in [
            ("latent_channels", self.latent_channels),
            ("latent_side", self.latent_side),
            ("source.tokens", source.tokens),
            ("source.token_width", source.token_width),
            ("source.compressed_tokens", source.compressed_tokens),
            ("source.width", source.width),
            ("source.heads", source.heads),
            ("source.mlp_width", source.mlp_width),
            ("transformer.side", low.side),
            ("transformer.patch", low.patch),
            ("transformer.width", low.width),
            ("transformer.heads", low.heads),
            ("transformer.mlp_width", low.mlp_width),
            ("convnext.side", high.side),
            ("convnext.width", high.width),
            ("convnext.mlp_width", high.mlp_width),
        ] {
            let fits = (1..=LARGEST).contains(&value);
            require(fits, field, value, || format!("from 1 to {LARGEST}"))?;
        }
        for (field, value) in [
            ("transformer.blocks", low.blocks),
            ("convnext.blocks", high.blocks),
            ("convnext.kernel", high.kernel),
        ] {
            let fits = value % 2 == 1 && value <= MOST_BLOCKS;
            require(fits, field, value, || {
                format!("an odd number up to {MOST_BLOCKS}")
            })?;
        }
        if let Some(TwoTimes { boundary }) = self.two_times {
            let blocks = low.blocks;
            let fits = (1..=blocks).contains(&boundary);
            require(fits, "two_times.boundary", boundary, || {
                format!("from 1 to transformer.blocks ({blocks})")
            })?;
        }
        let temperature = source.codebook.map(|book| book.temperature);
        for (field, value) in [
            ("source.deviation", source.deviation),
            ("source.codebook.temperature", temperature),
        ] {
            let value = value.unwrap_or(1.0);
            let fits = value > 0.0 && value.is_finite();
            require(fits, field, value, || "a positive number".into())?;
        }
        require(source.reduces(), "source.width", source.width, || {
            format!(
                "a number that {} halvings leave whole, divisible by {} heads before each",
                source.reductions, source.heads
            )
        })?;
        if let Some(Codebook { codes, .. }) = source.codebook {
            let fits = (1..=LARGEST).contains(&codes);
            require(fits, "source.codebook.codes", codes, || {
                format!("from 1 to {LARGEST}")
            })?;
            let across = source.compressed_tokens.isqrt();
            let squares = across.pow(2) == source.compressed_tokens
                && self.latent_side.is_multiple_of(across);
            let tokens = source.compressed_tokens;
            require(squares, "source.compressed_tokens", tokens, || {
                let side = self.latent_side;
                format!("a square number whose root divides latent_side ({side}), for a codebook")
            })?;
        }
        require(
            low.width.is_multiple_of(low.heads),
            "transformer.width",
            low.width,
            || format!("a multiple of transformer.heads ({})", low.heads),
        )?;
        require(
            !low.structure || low.width.is_multiple_of(4),
            "transformer.width",
            low.width,
            || "a multiple of 4, for the gate of the structure path".into(),
        )?;
        require(
            low.side * low.patch == self.latent_side,
            "transformer.side",
            low.side,
            || {
                format!(
                    "latent_side / transformer.patch ({} / {})",
                    self.latent_side, low.patch
                )
            },
        )?;
        require(
            high.side == self.latent_side,
            "convnext.side",
            high.side,
            || format!("latent_side ({})", self.latent_side),
        )?;
        require(
            high.side == 2 * low.side,
            "convnext.side",
            high.side,
            || format!("twice transformer.side ({})", low.side),
        )
    }
}

impl SourceConfig {
    /// Moments of each value of the flow's start that the network predicts: mean and log-variance,
    /// or the mean alone.
    pub(crate) fn moments(&self) -> usize {
        2 - usize::from(self.deviation.is_some())
    }

    /// Width of the context encoder's last tokens.
    pub(crate) fn reduced_width(&self) -> usize {
        self.width >> self.reductions
    }

    /// Whether every layer's heads share its width evenly, and every reduction can halve it.
    fn reduces(&self) -> bool {
        self.width.is_multiple_of(self.heads)
            && self.reductions < usize::BITS as usize
            && (0..self.reductions).all(|level| {
                let width = self.width >> level;
                width > 1 && width.is_multiple_of(2) && width.is_multiple_of(self.heads)
            })
    }
}

fn require(
    fits: bool,
    field: &'static str,
    value: impl Display,
    wanted: impl FnOnce() -> String,
) -> Result<(), Error> {
    if fits {
        return Ok(());
    }
    Err(Error::Config {
        field,
        value: value.to_string(),
        wanted: wanted(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn presets_are_valid() {
        FlowConfig::flowinone_256().validate().unwrap();
        FlowConfig::tiny().validate().unwrap();
    }

    #[test]
    fn a_misfit_is_named_with_its_number() {
        let mut config = FlowConfig::tiny();
        config.transformer.blocks = 4;
        let message = config.validate().unwrap_err().to_string();
        assert!(
            message.contains("transformer.blocks") && message.contains('4'),
            "{message}"
        );

        let mut config = FlowConfig::tiny();
        config.convnext.side = 31;
        let message = config.validate().unwrap_err().to_string();
        assert!(
            message.contains("convnext.side") && message.contains("31"),
            "{message}"
        );

        for (width, heads, reductions) in [(16, 3, 2), (18, 2, 2), (16, 2, 70)] {
            let mut config = FlowConfig::tiny();
            config.source.width = width;
            config.source.heads = heads;
            config.source.reductions = reductions;
            let message = config.validate().unwrap_err().to_string();
            assert!(message.contains("source.width"), "{message}");
        }
    }

    #[test]
    fn deviation_and_temperature_are_positive() {
        for wrong in [0.0, -0.1, f64::NAN, f64::INFINITY] {
            let [mut start, mut codes] = [FlowConfig::mini(), FlowConfig::mini()];
            start.source.deviation = Some(wrong);
            codes.source.codebook.as_mut().unwrap().temperature = wrong;
            for (field, config) in [("deviation", start), ("codebook.temperature", codes)] {
                let message = config.validate().unwrap_err().to_string();
                assert!(
                    message.contains(&format!("source.{field}"))
                        && message.contains(&wrong.to_string()),
                    "{message}"
                );
            }
        }
    }

    #[test]
    fn a_boundary_lies_within_the_transformer_and_is_absent_by_default() {
        let mut config = FlowConfig::tiny();
        let json = serde_json::to_string(&config).unwrap();
        assert!(!json.contains("two_times"), "{json}");
        for boundary in [0, 4, 99] {
            config.two_times = Some(TwoTimes { boundary });
            let message = config.validate().unwrap_err().to_string();
            let said = format!("two_times.boundary is {boundary}, but must be from 1 to");
            assert!(message.contains(&said), "{message}");
        }
        config.two_times = Some(TwoTimes { boundary: 2 });
        config.validate().unwrap();
        let json = serde_json::to_string(&config).unwrap();
        assert_eq!(serde_json::from_str::<FlowConfig>(&json).unwrap(), config);
        let unknown = json.replace("boundary", "border");
        let message = serde_json::from_str::<FlowConfig>(&unknown).unwrap_err();
        assert!(message.to_string().contains("border"), "{message}");
    }

    #[test]
    fn as_many_heads_as_the_last_reduction_is_wide_are_enough() {
        let mut config = FlowConfig::tiny();
        (
            config.source.width,
            config.source.heads,
            config.source.reductions,
        ) = (16, 4, 3);
        config.validate().unwrap();
    }
}
