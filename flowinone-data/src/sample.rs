//! A pair as it lies in a file (encoded pictures, bytes kept as they are), and as it is used.

use image::RgbImage;

use super::{Error, Pair, Truth};
use flowinone_files::text_of;
use flowinone_image::decode_picture;
use flowinone_prompts::{Letter, Task};

/// The `type` by which the reference knows samples without a structure path.
const GENERATED: &str = "t2i";
/// The `type` by which some data sets know all others.
const EDITED: &str = "edit";

/// An encoded picture.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Encoded {
    /// Extension of its file: `png`, `jpg`, `jpeg`, `webp`, `bmp`, `gif`, `tif` or `tiff`.
    pub extension: String,
    /// The file's bytes.
    pub bytes: Vec<u8>,
}

/// A pair as it lies in a shard or folder.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Sample {
    /// Its name, folders before it; in a shard the name itself has no dot.
    pub key: String,
    /// The prompt picture.
    pub input: Encoded,
    /// The target picture.
    pub output: Encoded,
    /// What kind of sample it is: `t2i`, which means that the structure path is skipped, or a name
    /// of its task.
    pub kind: Option<String>,
    /// JSON about it, in [`Truth`]'s form if it was made here.
    pub json: Option<String>,
}

/// A pair ready for use.
#[derive(Debug, Clone, PartialEq)]
pub struct Example {
    /// Name of the source from which it came.
    pub source: String,
    /// Its name there.
    pub key: String,
    /// The prompt picture.
    pub input: RgbImage,
    /// The target picture.
    pub output: RgbImage,
    /// What kind of sample it is.
    pub kind: Option<String>,
    /// JSON about it.
    pub json: Option<String>,
    /// The letters in its prompt, if it was made here and not read from a file.
    pub letters: Option<Vec<Letter>>,
}

impl Sample {
    /// Encodes a pair as PNG, losslessly and always to the same bytes.
    ///
    /// # Errors
    /// None that a pair made here can cause.
    pub fn encode(key: impl Into<String>, pair: &Pair) -> Result<Self, Error> {
        Ok(Self {
            key: key.into(),
            input: encode(&pair.prompt)?,
            output: encode(&pair.target)?,
            kind: Some(kind(pair.truth.task).into()),
            json: Some(serde_json::to_string(&pair.truth).expect("plain data")),
        })
    }

    /// Decodes both pictures.
    ///
    /// # Errors
    /// A sentence that says which picture cannot be used and why.
    pub fn decode(&self, source: &str) -> Result<Example, String> {
        let picture = |name: &str, file: &Encoded| {
            let name = format!("{name}.{}", file.extension);
            decode_picture(&file.bytes).map_err(|reason| format!("{name}: {reason}"))
        };
        Ok(Example {
            source: source.into(),
            key: self.key.clone(),
            input: picture("in", &self.input)?,
            output: picture("out", &self.output)?,
            kind: self.kind.clone(),
            json: self.json.clone(),
            letters: None,
        })
    }
}

impl Truth {
    /// The ground truth of a sample that was made here.
    pub fn of(sample: &Sample) -> Option<Self> {
        serde_json::from_str(sample.json.as_deref()?).ok()
    }
}

impl Example {
    /// Whether the prompt's structure is kept: for all samples but those of type `t2i`, or of a
    /// task that makes a picture from words.
    pub fn structure(&self) -> bool {
        match self.kind.as_deref() {
            Some(GENERATED) => false,
            Some(kind) => kind.parse().map_or(true, Task::keeps_structure),
            None => true,
        }
    }

    /// The ground truth, if the sample was made here.
    pub fn truth(&self) -> Option<Truth> {
        serde_json::from_str(self.json.as_deref()?).ok()
    }

    /// Whether its target keeps the structure of its prompt.
    pub fn keeps_structure(&self) -> bool {
        self.structure()
    }

    /// A pair as an example of `source`, without a detour through files.
    pub fn of_pair(source: &str, key: String, pair: Pair) -> Self {
        Self {
            source: source.into(),
            key,
            kind: Some(kind(pair.truth.task).into()),
            json: Some(serde_json::to_string(&pair.truth).expect("plain data")),
            input: pair.prompt,
            output: pair.target,
            letters: Some(pair.letters),
        }
    }
}

/// The `type` of a task's samples.
pub(crate) fn kind(task: Task) -> &'static str {
    match task.keeps_structure() {
        true => task.benchmark_name(),
        false => GENERATED,
    }
}

/// The type that follows from a sample's truth.
pub(crate) fn kind_of(json: Option<&str>) -> Option<String> {
    let truth: Truth = serde_json::from_str(json?).ok()?;
    Some(kind(truth.task).into())
}

/// The kind that a `type` names, whatever its letter case: `t2i`, or a name of a task.
pub(crate) fn known_kind(bytes: Vec<u8>) -> Result<String, String> {
    let text = text_of(bytes).map_err(|reason| format!("its type cannot be read: {reason}"))?;
    let kind = text.trim().to_lowercase();
    if kind == GENERATED || kind == EDITED || kind.parse::<Task>().is_ok() {
        return Ok(kind);
    }
    let names = Task::ALL.map(Task::name).join(", ");
    Err(format!(
        "its type {:?} is unknown; known are {GENERATED}, {EDITED} and the tasks {names}",
        text.trim().chars().take(40).collect::<String>()
    ))
}

/// JSON about a sample, which may be of other programs; what looks like ground truth must be it.
pub(crate) fn known_json(bytes: Vec<u8>) -> Result<String, String> {
    let unreadable = |reason: String| format!("its ground truth cannot be read: {reason}");
    let json = text_of(bytes).map_err(unreadable)?;
    let value: serde_json::Value =
        serde_json::from_str(&json).map_err(|e| unreadable(e.to_string()))?;
    if value.get("task").is_some() && value.get("scene").is_some() {
        serde_json::from_value::<Truth>(value)
            .map_err(|e| unreadable(format!("{e} (is it of another version?)")))?;
    }
    Ok(json)
}

fn encode(picture: &RgbImage) -> Result<Encoded, Error> {
    let mut bytes = Vec::with_capacity(picture.len() / 4);
    let mut encoder = png::Encoder::new(&mut bytes, picture.width(), picture.height());
    encoder.set_color(png::ColorType::Rgb);
    encoder.set_depth(png::BitDepth::Eight);
    encoder.set_compression(png::Compression::Fast);
    let written = encoder.write_header().and_then(|mut writer| {
        writer.write_image_data(picture.as_raw())?;
        writer.finish()
    });
    written.map_err(|e| Error::Scene(format!("a picture cannot be encoded: {e}")))?;
    Ok(Encoded {
        extension: "png".into(),
        bytes,
    })
}
