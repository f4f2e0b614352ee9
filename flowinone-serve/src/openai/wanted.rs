//! What a request of OpenAI's API wants, read from its fields and said as requests of our own.

use flowinone_prompts::Task;
use serde_json::{Map, Value, json};

use super::fields::Fields;
use super::models;
use crate::app::App;
use crate::http::capabilities::sizes;
use crate::http::pictures::Format;
use crate::refusal::Refusal;

/// Longest prompt, in characters.
const LONGEST: usize = 32_000;
/// Largest whole number that every JSON reader keeps.
const MOST: u64 = (1 << 53) - 1;

/// How the picture is sent back.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Output {
    Picture(Format),
    /// An animation of all frames.
    Gif,
}

impl Output {
    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Picture(Format::Png) => "png",
            Self::Picture(Format::Jpeg) => "jpeg",
            Self::Picture(Format::Webp) => "webp",
            Self::Gif => "gif",
        }
    }
}

/// A request, read.
#[derive(Debug, Clone)]
pub(super) struct Wanted {
    pub(super) prompt: String,
    pub(super) n: u64,
    pub(super) seed: u64,
    pub(super) output: Output,
    /// Quality of a JPEG.
    pub(super) compression: u8,
    /// The word for how much work is done, for the answer.
    pub(super) quality: &'static str,
    pub(super) stream: bool,
    pub(super) partial: u8,
    /// Links instead of pictures.
    pub(super) url: bool,
    /// `steps` and `guidance`, and what the quality stands for.
    pub(super) settings: Map<String, Value>,
    /// Frames and frames a second of a GIF.
    pub(super) motion: Option<(u64, f64)>,
    /// Our own words.
    pub(super) own: Map<String, Value>,
}

impl Wanted {
    /// Reads all fields but pictures; none may be left.
    pub(super) fn read(app: &App, mut fields: Fields) -> Result<Self, Refusal> {
        let prompt = fields
            .text("prompt")?
            .ok_or_else(|| Refusal::field("prompt", "prompt is missing"))?;
        if prompt.chars().count() > LONGEST {
            return Err(Refusal::field(
                "prompt",
                format!("the prompt is longer than {LONGEST} characters"),
            ));
        }
        models::check(app, fields.text("model")?.as_deref())?;
        let n = fields.whole("n", 1, 10)?.unwrap_or(1);
        size(app, fields.text("size")?.as_deref())?;
        let (quality, settings) = quality(app, &mut fields)?;
        let output = match fields
            .word("output_format", &["png", "jpeg", "webp", "gif", "svg"])?
            .as_deref()
        {
            None | Some("png") => Output::Picture(Format::Png),
            Some("jpeg") => Output::Picture(Format::Jpeg),
            Some("webp") => Output::Picture(Format::Webp),
            Some("gif") => Output::Gif,
            _ => {
                return Err(Refusal::field(
                    "output_format",
                    "this model makes no vector graphics; use png, jpeg, webp or gif",
                ));
            }
        };
        let compression = fields.whole("output_compression", 0, 100)?.unwrap_or(100);
        if compression != 100 && output == Output::Picture(Format::Webp) {
            return Err(Refusal::field(
                "output_compression",
                "WebP is written without loss here; leave output_compression at 100 or use jpeg",
            ));
        }
        let stream = fields.truth("stream")?.unwrap_or(false);
        let partial = fields.whole("partial_images", 0, 3)?.unwrap_or(0) as u8;
        if partial > 0 && !stream {
            return Err(Refusal::field(
                "partial_images",
                "partial_images needs stream",
            ));
        }
        let frames = fields.whole("frame_count", 2, 16)?;
        let duration = fields.whole("frame_duration_ms", 10, 10_000)?;
        let motion = match output {
            Output::Gif if stream => return Err(Refusal::field("stream", "a GIF is not streamed")),
            Output::Gif => {
                let duration = (duration.unwrap_or(200) + 5) / 10 * 10;
                Some((frames.unwrap_or(9), 1000.0 / duration as f64))
            }
            Output::Picture(_) if frames.or(duration).is_some() => {
                return Err(Refusal::field(
                    "frame_count",
                    "frame_count and frame_duration_ms need output_format gif",
                ));
            }
            Output::Picture(_) => None,
        };
        if fields
            .word("background", &["transparent", "opaque", "auto"])?
            .as_deref()
            == Some("transparent")
        {
            return Err(Refusal::field(
                "background",
                "this model's pictures are opaque",
            ));
        }
        let url = fields
            .word("response_format", &["url", "b64_json"])?
            .as_deref()
            == Some("url");
        if url && app.config.public_url.is_none() {
            return Err(Refusal::field(
                "response_format",
                "links need a server that knows its address (--public-url); use b64_json",
            ));
        }
        fields.refuse("svg", "this model makes no vector graphics")?;
        for name in [
            "user",
            "safety_identifier",
            "moderation",
            "style",
            "input_fidelity",
            "complexity",
        ] {
            fields.any(name); // no effect here
        }
        let seed = fields.whole("seed", 0, MOST)?;
        let own = fields.object("flowinone")?;
        fields.finish()?;
        Ok(Self {
            prompt,
            n,
            seed: seed.unwrap_or_else(|| crate::id::random() >> 32),
            output,
            compression: compression as u8,
            quality,
            stream,
            partial,
            url,
            settings,
            motion,
            own,
        })
    }

    /// The task: what our own words say, or what follows from the pictures.
    pub(super) fn task(&self, otherwise: Task) -> Result<Task, Refusal> {
        match self.own.get("task") {
            None => Ok(otherwise),
            Some(name) => serde_json::from_value(name.clone())
                .map_err(|e| Refusal::field("flowinone", format!("flowinone.task: {e}"))),
        }
    }

    /// The requests of our own that it stands for, one a picture; `more` is what follows from the
    /// pictures that came with it.
    pub(super) fn requests(&self, task: Task, more: Map<String, Value>) -> Vec<Value> {
        let mut request = Map::new();
        request.insert("task".into(), json!(task));
        let (text, sentence) = match task {
            Task::ClassToImage => ("name", false),
            Task::TextToImage | Task::TextBox => ("text", false),
            Task::TextInImage | Task::VisualMarker => ("instruction", false),
            Task::Doodle | Task::Force | Task::Trajectory => ("instruction", true),
        };
        // These tasks have a sentence of their own, which an empty prompt leaves as it is.
        if !(sentence && self.prompt.trim().is_empty()) {
            request.insert(text.into(), self.prompt.as_str().into());
        }
        request.insert("seed".into(), self.seed.into());
        request.insert("partial".into(), self.partial.into());
        if let Some((frames, rate)) = self.motion {
            request.insert("frames".into(), frames.into());
            request.insert("frame_rate".into(), rate.into());
        }
        request.extend(more);
        let mut settings = self.settings.clone();
        let mut own = self.own.clone();
        if let Some(Value::Object(said)) = own.remove("settings") {
            settings.extend(said);
        }
        request.extend(own);
        request.insert("settings".into(), settings.into());
        let first = request.get("item").and_then(Value::as_u64).unwrap_or(0);
        let one = |number: u64| {
            let mut request = request.clone();
            request.insert("item".into(), first.wrapping_add(number).into());
            Value::Object(request)
        };
        (0..self.n).map(one).collect()
    }
}

/// Refuses sizes that cannot be made.
fn size(app: &App, size: Option<&str>) -> Result<(), Refusal> {
    let known = sizes(app);
    match size {
        None | Some("auto") => Ok(()),
        Some(size) if known.iter().any(|known| known == size) => Ok(()),
        Some(size) => Err(Refusal::field(
            "size",
            format!(
                "size {size:?} is not made here; there are auto, {}",
                known.join(", ")
            ),
        )),
    }
}

/// Quality as a number of steps: low is the model's fast setting, medium its default, high twice
/// and more four times its steps; `steps` and `guidance` say it outright.
fn quality(app: &App, fields: &mut Fields) -> Result<(&'static str, Map<String, Value>), Refusal> {
    let words = [
        "low", "medium", "high", "xhigh", "max", "auto", "standard", "hd",
    ];
    let word = fields.word("quality", &words)?;
    let default = app.engine.info.config.sampling.steps;
    let mut settings = Map::new();
    let name = match word.as_deref() {
        Some("low") => {
            settings.insert("fast".into(), true.into());
            "low"
        }
        Some("high" | "hd") => {
            settings.insert("steps".into(), (2 * default).into());
            "high"
        }
        Some("xhigh") => {
            settings.insert("steps".into(), (4 * default).into());
            "xhigh"
        }
        Some("max") => {
            settings.insert("steps".into(), (4 * default).into());
            "max"
        }
        _ => "medium",
    };
    if let Some(steps) = fields.whole("steps", 1, 100_000)? {
        settings.insert("steps".into(), steps.into());
    }
    if let Some(guidance) = fields.number("guidance")? {
        settings.insert("guidance".into(), guidance.into());
    }
    Ok((name, settings))
}
