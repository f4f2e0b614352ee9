//! A request for a picture: the JSON of a line of `flowinone batch`, and beside it `seed`,
//! `settings`, `frames`, `frame_rate` and `partial`.
//!
//! Pictures are what was sent, never paths: a data URL, `picture:SHA256` of one that was uploaded,
//! `job:ID` for the picture of a job, or the name of a part of the same multipart body. The names
//! of files that a prompt holds afterwards are made here, from digests.

mod name;
mod pictures;

use flowinone_image::{FrameRate, Profiles};
use flowinone_prompts::{Prompt, PromptFiles, VisualPrompt};
use flowinone_tasks::Adjustment;
use image::RgbImage;
use serde::de::DeserializeOwned;
use serde_json::{Map, Value};

use crate::asked::{Asked, rate};
use crate::config::Config;
use crate::engine::Engine;
use crate::refusal::Refusal;

pub(crate) use name::is_name;
pub(crate) use pictures::{Parts, keep};

/// Largest side of a prompt picture, in pixels.
const MOST_SIDE: u32 = 1024;
/// Most unfinished pictures that a request may want.
pub(crate) const MOST_PARTIAL: u8 = 16;

/// Reads requests for one model.
#[derive(Clone, Copy)]
pub(crate) struct Reader<'a> {
    pub(crate) engine: &'a Engine,
    pub(crate) config: &'a Config,
}

impl Reader<'_> {
    /// What a request asks for, checked: its prompt can be drawn. Decodes and draws, so it is no
    /// work for the threads that answer.
    ///
    /// # Errors
    /// Names the field that is wrong.
    pub(crate) fn read(self, request: Value, parts: &Parts) -> Result<Asked, Refusal> {
        let (asked, _) = self.drawn(request, parts)?;
        Ok(asked)
    }

    /// As [`read`](Self::read), with the prompt picture as the model will see it.
    ///
    /// # Errors
    /// As there.
    pub(crate) fn drawn(self, request: Value, parts: &Parts) -> Result<(Asked, RgbImage), Refusal> {
        let Value::Object(mut request) = request else {
            return Err(Refusal::invalid(
                "invalid_json",
                "a request is one JSON object",
            ));
        };
        let style = &self.engine.info.config.prompts;
        let name: Option<String> = take(&mut request, "output")?;
        if let Some(name) = &name
            && !is_name(name)
        {
            return Err(Refusal::field(
                "output",
                format!("{name:?} is no name of a file; write one such as \"cat-1\""),
            ));
        }
        let side = take(&mut request, "side")?.unwrap_or(style.side);
        if !(16..=MOST_SIDE).contains(&side) {
            return Err(Refusal::field(
                "side",
                format!("side is {side}; it must be 16 to {MOST_SIDE}"),
            ));
        }
        let frames: Option<u32> = take(&mut request, "frames")?;
        if let Some(frames) = frames
            && !(2..=self.config.most_frames).contains(&frames)
        {
            let most = self.config.most_frames;
            return Err(Refusal::field(
                "frames",
                format!("frames is {frames}; it must be 2 to {most}"),
            ));
        }
        let frame_rate = take(&mut request, "frame_rate")?.unwrap_or_else(rate);
        FrameRate::new(frame_rate).map_err(|e| Refusal::field("frame_rate", e.to_string()))?;
        let partial = take(&mut request, "partial")?.unwrap_or(0);
        if partial > MOST_PARTIAL {
            return Err(Refusal::field(
                "partial",
                format!("partial is {partial}; it must be 0 to {MOST_PARTIAL}"),
            ));
        }
        let seed = take(&mut request, "seed")?.unwrap_or(0);
        let item = take(&mut request, "item")?.unwrap_or(0);
        let settings = self.settings(take(&mut request, "settings")?.unwrap_or_default())?;
        let (prompt, inputs) = self.prompt(request, parts)?;
        let asked = Asked {
            prompt,
            side,
            seed,
            item,
            settings,
            frames,
            frame_rate,
            partial,
            name,
            inputs,
        };
        let invalid = |reason: String| Refusal::invalid("invalid_prompt", reason);
        asked
            .jobs(style, &self.engine.store.inputs())
            .map_err(|e| invalid(e.to_string()))?;
        let styled = asked.styled(style, &self.engine.store.inputs());
        let files = PromptFiles::read(&styled).map_err(|e| invalid(e.to_string()))?;
        let drawn = files
            .embed(styled, Profiles::Convert)
            .and_then(|prompt| prompt.render(side));
        let picture = drawn.map_err(|e| invalid(e.to_string()))?;
        Ok((asked, picture))
    }

    /// The settings of a run: the model's own, adjusted.
    pub(crate) fn settings(
        self,
        adjustment: Adjustment,
    ) -> Result<flowinone_tasks::Settings, Refusal> {
        let settings = adjustment.of_model(&self.engine.info.config);
        let settings = settings.map_err(|e| Refusal::field("settings", e.to_string()))?;
        // What the sampler itself would refuse is refused before the job is taken.
        if !matches!(
            settings.solver,
            flowinone_sampler::Solver::Euler | flowinone_sampler::Solver::Dopri5(_)
        ) && settings.grid == flowinone_sampler::Grid::Reference
        {
            return Err(Refusal::field(
                "settings",
                format!(
                    "solver {} cannot run on the reference grid; only euler can",
                    settings.solver
                ),
            ));
        }
        let most = self.config.most_steps;
        if settings.steps > most {
            return Err(Refusal::field(
                "settings",
                format!(
                    "{} steps are more than the {most} allowed here",
                    settings.steps
                ),
            ));
        }
        Ok(settings)
    }

    /// The prompt of a request, and the digests of its pictures.
    fn prompt(
        self,
        mut request: Map<String, Value>,
        parts: &Parts,
    ) -> Result<(Prompt, Vec<String>), Refusal> {
        if !request.contains_key("task") {
            return Err(Refusal::field(
                "task",
                "a request says its \"task\", such as \"text-to-image\"",
            ));
        }
        let mut inputs = vec![];
        let mut placed = |place: &str, value: &mut Value| -> Result<(), Refusal> {
            if let Value::String(reference) = value {
                let input = self
                    .picture(reference, parts)
                    .map_err(|refusal| refusal.at(place))?;
                *value = input.file.into();
                inputs.push(input.sha256);
            }
            Ok(())
        };
        if let Some(picture) = request.get_mut("picture") {
            placed("picture", picture)?;
        }
        if let Some(Value::Array(drawings)) = request.get_mut("drawings") {
            for drawing in drawings {
                if drawing.get("svg").is_some() {
                    return Err(Refusal::field(
                        "drawings",
                        "an SVG file is not read from a request; send its lines as strokes, or a picture of it",
                    ));
                }
                if let Some(picture) = drawing.get_mut("picture") {
                    placed("drawings", picture)?;
                }
            }
        }
        let mut prompt: Prompt = serde_json::from_value(Value::Object(request))
            .map_err(|e| Refusal::invalid("invalid_prompt", e.to_string()))?;
        // Whatever a prompt may name one day: only files that were made here are read.
        let mut foreign = false;
        prompt.each_file(|file| {
            let stem = file.file_stem().unwrap_or_default().to_string_lossy();
            foreign |=
                !inputs.iter().any(|sha256| *sha256 == stem) || file.components().count() != 1;
        });
        match foreign {
            true => Err(Refusal::invalid(
                "invalid_prompt",
                "the prompt names a file that was not sent",
            )),
            false => Ok((prompt, inputs)),
        }
    }
}

/// A field of a request, taken out of it.
fn take<T: DeserializeOwned>(
    request: &mut Map<String, Value>,
    name: &str,
) -> Result<Option<T>, Refusal> {
    match request.remove(name) {
        None | Some(Value::Null) => Ok(None),
        Some(value) => serde_json::from_value(value)
            .map(Some)
            .map_err(|e| Refusal::field(name, format!("{name}: {e}"))),
    }
}
