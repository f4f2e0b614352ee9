//! What was asked for, in the form that the journal keeps: everything that decides the picture.

use std::path::Path;

use flowinone_image::{FrameRate, Profiles};
use flowinone_prompts::{Prompt, PromptError, PromptStyle, VisualPrompt, in_motion};
use flowinone_tasks::{Job, Settings, Source};
use serde::{Deserialize, Serialize};

/// A job as it was asked for, and checked. Files of the prompt are names in the folder of inputs.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) struct Asked {
    /// The prompt as a person means it, not yet in the model's style.
    pub(crate) prompt: Prompt,
    /// Side of the prompt picture, in pixels.
    pub(crate) side: u32,
    /// Seed of the noise.
    pub(crate) seed: u64,
    /// The number that selects the noise.
    pub(crate) item: u64,
    /// How the flow is solved.
    pub(crate) settings: Settings,
    /// Frames of a motion; `None` for a single picture.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) frames: Option<u32>,
    /// Frames a second.
    #[serde(default = "rate")]
    pub(crate) frame_rate: f64,
    /// Unfinished pictures that are wanted on the way.
    #[serde(default)]
    pub(crate) partial: u8,
    /// Name of the picture when it is saved.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) name: Option<String>,
    /// SHA-256 of the pictures that it needs.
    #[serde(default)]
    pub(crate) inputs: Vec<String>,
}

/// Frames a second of a motion that does not say.
pub(crate) fn rate() -> f64 {
    12.0
}

impl Asked {
    /// The prompt in the style of a model, with its files in `inputs`.
    pub(crate) fn styled(&self, style: &PromptStyle, inputs: &Path) -> Prompt {
        let mut prompt = style.applied(self.prompt.clone());
        prompt.resolve(inputs);
        prompt
    }

    /// What the model computes: one job, or one for each frame, all of the same noise.
    ///
    /// # Errors
    /// A prompt in which nothing moves, asked for a motion.
    pub(crate) fn jobs(&self, style: &PromptStyle, inputs: &Path) -> Result<Vec<Job>, PromptError> {
        let prompt = self.styled(style, inputs);
        let prompts = match self.frames {
            Some(frames) => in_motion(&prompt, frames)?,
            None => vec![prompt],
        };
        let job = |prompt| Job {
            source: Source::Prompt {
                prompt: Box::new(prompt),
                side: self.side,
            },
            seed: self.seed,
            number: self.item,
            profiles: Profiles::Convert,
        };
        Ok(prompts.into_iter().map(job).collect())
    }

    /// The steps after which unfinished pictures are wanted: they part the way evenly.
    pub(crate) fn partial_steps(&self) -> impl Iterator<Item = usize> {
        let (steps, parts) = (self.settings.steps, usize::from(self.partial) + 1);
        (1..parts).map(move |part| (part * steps / parts).max(1))
    }

    /// Frames a second.
    pub(crate) fn rate(&self) -> FrameRate {
        FrameRate::new(self.frame_rate).unwrap_or_default()
    }

    /// Name of its task.
    pub(crate) fn task(&self) -> &'static str {
        self.prompt.task().name()
    }
}
