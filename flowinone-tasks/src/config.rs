//! What a model is made of: the complete configuration next to its weights.

use flowinone_encoder::EncoderConfig;
use flowinone_flow::{FlowConfig, TwoTimes};
use flowinone_prompts::PromptStyle;
use flowinone_sampler::{GuidanceRule, Solver};
use flowinone_vae::VaeConfig;
use serde::{Deserialize, Serialize};

use crate::{Error, Settings};

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
    /// What the flow was distilled from. `None` for a model that learned from pictures alone.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub distilled: Option<Distilled>,
    /// Defaults of sampling; free to edit.
    pub sampling: Settings,
    /// A faster setting whose error was found small enough (`flowinone tune`); free to edit.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub fast: Option<Settings>,
    /// How prompts for it are drawn, and what it knows; free to edit.
    #[serde(default)]
    pub prompts: PromptStyle,
}

/// What a flow was distilled from: a teacher whose guidance is now part of its weights.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Distilled {
    /// Digest of the teacher, networks and weights.
    pub teacher: String,
    /// Guidance scale of the teacher.
    pub guidance: f64,
}

/// What distillation changes in the configuration of a model.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Student {
    /// How its velocity network reads two times; `None` for one time.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub two_times: Option<TwoTimes>,
    /// What it was distilled from.
    pub distilled: Distilled,
    /// Its defaults of sampling.
    pub sampling: Settings,
}

impl Student {
    /// The configuration of the student whose teacher has the configuration `model`.
    ///
    /// # Errors
    /// A sentence naming the fields and numbers that do not fit the model.
    pub fn of(self, model: &ModelConfig) -> Result<ModelConfig, String> {
        let mut model = model.clone();
        model.flow.two_times = self.two_times;
        model.distilled = Some(self.distilled);
        model.sampling = self.sampling;
        model.fast = None; // it was measured on other weights
        model.validate()?;
        Ok(model)
    }
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
            distilled: None,
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
            // It is trained near the start of a way, where one step begins and ends.
            sampling: Settings {
                steps: 1,
                ..Settings::mini()
            },
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

    /// Side of the largest pictures that its networks work on, in pixels: of its own, or of those
    /// made larger in which it knows [what stays](flowinone_vae::LatentCodec::kept).
    pub fn largest_side(&self) -> usize {
        self.picture_side * self.vae.compositor_scale
    }

    /// Checks that the model can be sampled so: one of two times steps by its map and no other
    /// model does, and a distilled one has the guidance that it was distilled at.
    ///
    /// # Errors
    /// [`Error::Settings`] with what the model cannot do, why, and what it can.
    pub fn check(&self, settings: &Settings) -> Result<(), Error> {
        let refused = |reason: String| Err(Error::Settings(reason));
        let (solver, guidance) = (settings.solver, settings.guidance);
        match (self.flow.two_times.is_some(), solver == Solver::Map) {
            (true, false) => {
                return refused(format!(
                    "solver {solver} follows velocities, and this model was distilled to give \
                     averages between two times: it steps by its map alone; leave the solver out \
                     and choose its cost by the number of steps"
                ));
            }
            (false, true) => {
                return refused(
                    "solver map needs a model of two times, as `flowinone distil` makes one of this"
                        .into(),
                );
            }
            _ => {}
        }
        match (&self.distilled, guidance) {
            (Some(distilled), GuidanceRule::Distilled { scale }) if scale == distilled.guidance => {
                Ok(())
            }
            (Some(distilled), _) => refused(format!(
                "guidance {} cannot be had: this model was distilled at guidance {}, which is part \
                 of its weights, and has no unconditional branch to change it with; leave guidance \
                 out, or use the model that it was distilled from",
                named(guidance),
                distilled.guidance
            )),
            (None, GuidanceRule::Distilled { .. }) => {
                refused("guidance rule distilled is for distilled models, and this is none".into())
            }
            (None, _) => Ok(()),
        }
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
            self.check(fast).map_err(|e| format!("fast: {e}"))?;
        }
        self.check(&self.sampling)
            .map_err(|e| format!("sampling: {e}"))?;
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

/// A rule with its scale, as people state it.
fn named(rule: GuidanceRule) -> String {
    let scale = rule.scale();
    match rule {
        GuidanceRule::Distilled { .. } => scale.to_string(),
        GuidanceRule::Constant { .. } => format!("{scale} (constant)"),
        GuidanceRule::ZeroStar { .. } => format!("{scale} (zero-star)"),
        GuidanceRule::Interval { from, to, .. } => format!("{scale} (interval={from}-{to})"),
    }
}

#[cfg(test)]
mod tests {
    use flowinone_sampler::Grid;

    use super::*;

    fn distilled() -> ModelConfig {
        let guidance = 7.0;
        let mut config = ModelConfig::tiny();
        config.flow.two_times = Some(TwoTimes { boundary: 2 });
        config.distilled = Some(Distilled {
            teacher: "digest".into(),
            guidance,
        });
        config.sampling = Settings {
            steps: 4,
            guidance: GuidanceRule::Distilled { scale: guidance },
            solver: Solver::Map,
            grid: Grid::Uniform,
            ..Settings::published()
        };
        config
    }

    #[test]
    fn a_distilled_model_has_its_own_solver_and_guidance_and_no_other() {
        let config = distilled();
        config.validate().unwrap();
        let refused = |settings: Settings| config.check(&settings).unwrap_err().to_string();
        let own = config.sampling;
        let said = refused(Settings {
            solver: Solver::Ab2,
            ..own
        });
        assert!(
            said.contains("solver ab2") && said.contains("its map alone"),
            "{said}"
        );
        let said = refused(Settings {
            guidance: own.guidance.with_scale(3.0),
            ..own
        });
        assert!(
            said.contains("guidance 3 cannot be had") && said.contains("at guidance 7"),
            "{said}"
        );
        let said = refused(Settings {
            guidance: GuidanceRule::Constant { scale: 7.0 },
            ..own
        });
        assert!(said.contains("guidance 7 (constant)"), "{said}");
        let mut edited = config.clone();
        edited.sampling.guidance = GuidanceRule::Distilled { scale: 2.0 };
        let said = edited.validate().unwrap_err();
        assert!(said.starts_with("sampling: guidance 2"), "{said}");
    }

    #[test]
    fn the_map_and_the_distilled_rule_are_for_models_that_have_them() {
        let config = ModelConfig::tiny();
        let refused = |settings: Settings| config.check(&settings).unwrap_err().to_string();
        let said = refused(Settings {
            solver: Solver::Map,
            ..config.sampling
        });
        assert!(said.contains("needs a model of two times"), "{said}");
        let said = refused(Settings {
            guidance: GuidanceRule::Distilled { scale: 7.0 },
            ..config.sampling
        });
        assert!(said.contains("for distilled models"), "{said}");
        let json = serde_json::to_string(&config).unwrap();
        assert!(!json.contains("distilled"), "{json}");
    }
}
