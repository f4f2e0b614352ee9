//! What a model is made of: the complete configuration next to its weights.

use flowinone_encoder::EncoderConfig;
use flowinone_flow::FlowConfig;
use flowinone_prompts::PromptStyle;
use flowinone_vae::VaeConfig;
use serde::{Deserialize, Serialize};

use crate::Settings;

/// Version of the directory format that this crate reads and writes.
pub const FORMAT: u32 = 1;

/// A model: its three networks, its defaults of sampling and the style of its prompts.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ModelConfig {
    /// Version of the directory format.
    pub format: u32,
    /// What the model is called.
    pub name: String,
    /// Whether the weights were trained; pictures of an untrained model are noise.
    pub trained: bool,
    /// Side of the pictures it makes, in pixels.
    pub picture_side: usize,
    /// The vision encoder (semantic path).
    pub encoder: EncoderConfig,
    /// The autoencoder between pictures and latents.
    pub vae: VaeConfig,
    /// Source encoder and velocity network.
    pub flow: FlowConfig,
    /// Defaults of sampling; free to edit.
    pub sampling: Settings,
    /// A faster setting whose error was found small enough (`flowinone tune`); free to edit.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub fast: Option<Settings>,
    /// How prompts for it are drawn, and what it knows; free to edit.
    #[serde(default)]
    pub prompts: PromptStyle,
}

impl ModelConfig {
    /// The published model at 256x256: 1.76 billion parameters.
    pub fn flowinone_256() -> Self {
        Self {
            format: FORMAT,
            name: "flowinone-256".into(),
            trained: true,
            picture_side: 256,
            encoder: EncoderConfig::flowinone_256(),
            vae: VaeConfig::flowinone_256(),
            flow: FlowConfig::flowinone_256(),
            sampling: Settings::published(),
            fast: None,
            prompts: PromptStyle::default(),
        }
    }

    /// A small model for pictures of 64 x 64 pixels, the one that is trained here.
    pub fn mini() -> Self {
        Self {
            name: "mini".into(),
            trained: false,
            picture_side: 64,
            encoder: EncoderConfig::mini(),
            vae: VaeConfig::mini(),
            flow: FlowConfig::mini(),
            sampling: Settings::mini(),
            prompts: PromptStyle::mini(),
            ..Self::flowinone_256()
        }
    }

    /// The same small model for pictures of 256 x 256 pixels: another autoencoder around the same
    /// latents.
    pub fn mini_256() -> Self {
        let mut config = Self::mini();
        config.name = "mini-256".into();
        config.picture_side = 256;
        config.vae = VaeConfig::mini_256();
        config.prompts.side = 256;
        config
    }

    /// The same architecture at the smallest sensible widths, for tests.
    pub fn tiny() -> Self {
        Self {
            name: "tiny".into(),
            trained: false,
            encoder: EncoderConfig::tiny(),
            vae: VaeConfig::tiny(),
            flow: FlowConfig::tiny(),
            ..Self::flowinone_256()
        }
    }

    /// Side of the pictures as the autoencoder's encoder sees them, in pixels.
    pub fn encoder_side(&self) -> usize {
        self.picture_side / self.vae.pooling()
    }

    /// Checks every part, and that the parts fit each other.
    ///
    /// # Errors
    /// A sentence naming the fields and numbers that do not fit.
    pub fn validate(&self) -> Result<(), String> {
        if self.format != FORMAT {
            return Err(format!(
                "format {} is not the {FORMAT} that this version reads; use the matching version of flowinone",
                self.format
            ));
        }
        self.encoder.validate().map_err(|e| e.to_string())?;
        self.vae.validate().map_err(|e| e.to_string())?;
        self.flow.validate().map_err(|e| e.to_string())?;
        self.sampling.validate().map_err(|e| e.to_string())?;
        if let Some(fast) = &self.fast {
            fast.validate().map_err(|e| format!("fast: {e}"))?;
        }
        let agree = |what: &str, left: usize, right: usize| {
            if left == right {
                return Ok(());
            }
            Err(format!("{what} do not agree: {left} and {right}"))
        };
        let source = &self.flow.source;
        agree(
            "encoder tokens and flow.source.tokens",
            self.encoder.tokens(),
            source.tokens,
        )?;
        agree(
            "encoder.output_width and flow.source.token_width",
            self.encoder.output_width,
            source.token_width,
        )?;
        agree(
            "vae.latent_channels and flow.latent_channels",
            self.vae.latent_channels,
            self.flow.latent_channels,
        )?;
        agree(
            "picture_side over the autoencoder's reduction and flow.latent_side",
            self.picture_side / self.vae.reduction(),
            self.flow.latent_side,
        )?;
        agree(
            "picture_side and its multiple of the autoencoder's reduction",
            self.picture_side,
            self.flow.latent_side * self.vae.reduction(),
        )
    }
}
