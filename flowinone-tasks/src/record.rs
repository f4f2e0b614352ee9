//! The record inside a PNG: everything needed to make the same picture again.
//!
//! It is JSON in an international text chunk with the keyword `flowinone`; any image tool shows it.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use flowinone_files::{absolute, sha256_of};
use flowinone_image::{png_with_text, read_text, text_of_png, write_with_text};
use flowinone_lora::{Adapter, Choice};
use flowinone_prompts::{Prompt, Task};
use image::RgbImage;
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize, Serializer};

use crate::{Dtype, Error, Settings};

pub(crate) const KEYWORD: &str = "flowinone";

/// How a picture was made.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Record {
    /// Version of the program.
    pub version: String,
    /// What the picture was made from.
    #[serde(flatten)]
    pub input: Input,
    /// The model directory.
    #[serde(serialize_with = "as_seen")]
    pub model: PathBuf,
    /// Digest over the model's networks and weights.
    pub model_digest: String,
    /// The task that decided the routing, if one was named.
    pub task: Option<Task>,
    /// Whether the structure path was on.
    pub structure: bool,
    /// Seed of the run.
    pub seed: u64,
    /// Number of the item in its run; selects the stream of noise.
    pub item: u64,
    /// How the flow was solved.
    pub settings: Settings,
    /// For a preview, the step after which the unfinished picture was decoded.
    pub preview: Option<usize>,
    /// Whether colour profiles inside pictures were ignored, as the reference does.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub ignore_profiles: bool,
    /// How the model's picture was enlarged, if it was.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub upscale: Option<UpscaleRecord>,
    /// The adapters that were added to the model's weights, in order.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub adapters: Vec<AdapterRecord>,
    /// What the model multiplied with.
    pub precision: Dtype,
    /// The device that computed it.
    pub device: String,
}

/// An adapter, and how much of it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct AdapterRecord {
    /// Its folder or file.
    #[serde(serialize_with = "as_seen")]
    pub path: PathBuf,
    /// SHA-256 of its factors.
    pub sha256: String,
    /// What its change was multiplied with.
    pub weight: f32,
}

impl AdapterRecord {
    pub(crate) fn of((adapter, weight): (&Adapter, f32)) -> Self {
        Self {
            path: absolute(adapter.path()),
            sha256: adapter.sha256().into(),
            weight,
        }
    }

    /// What opens it again, from where it was.
    pub fn choice(&self) -> Choice {
        Choice {
            path: self.path.clone(),
            weight: self.weight,
        }
    }
}

/// How a picture was enlarged.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct UpscaleRecord {
    /// The file of the model, or the name of a built-in one.
    #[serde(serialize_with = "as_seen")]
    pub model: PathBuf,
    /// SHA-256 of that file.
    pub model_digest: String,
    /// Everything else that decides the pixels.
    pub settings: flowinone_upscale::Settings,
}

impl UpscaleRecord {
    /// The same wherever the model lies.
    pub(crate) fn anywhere(&self) -> Self {
        Self {
            model: PathBuf::new(),
            ..self.clone()
        }
    }
}

/// What a picture was made from: in the record `input` and `input_sha256`, or `prompt`, `side` and
/// `files`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(untagged)]
pub enum Input {
    /// A ready prompt picture.
    Picture {
        /// Its file.
        #[serde(rename = "input", serialize_with = "as_seen")]
        file: PathBuf,
        /// SHA-256 of the file.
        #[serde(rename = "input_sha256")]
        sha256: String,
    },
    /// A prompt that the program drew.
    Prompt {
        /// The prompt.
        prompt: Box<Prompt>,
        /// Side of its canvas in pixels.
        side: u32,
        /// SHA-256 of each file that the prompt names.
        #[serde(serialize_with = "all_as_seen")]
        files: BTreeMap<PathBuf, String>,
    },
}

/// JSON is Unicode: of a name that is not, what is seen of it is kept.
pub(crate) fn as_seen<S: Serializer>(path: &Path, to: S) -> Result<S::Ok, S::Error> {
    path.to_string_lossy().serialize(to)
}

fn all_as_seen<S: Serializer>(files: &BTreeMap<PathBuf, String>, to: S) -> Result<S::Ok, S::Error> {
    to.collect_map(
        files
            .iter()
            .map(|(path, sha256)| (path.to_string_lossy(), sha256)),
    )
}

impl Input {
    /// The files that are needed again, with their SHA-256.
    pub fn files(&self) -> BTreeMap<PathBuf, String> {
        match self {
            Self::Picture { file, sha256 } => [(file.clone(), sha256.clone())].into(),
            Self::Prompt { files, .. } => files.clone(),
        }
    }

    /// The same with its files elsewhere, as `place` tells from the path before.
    #[must_use]
    pub fn moved(mut self, place: impl Fn(&Path) -> PathBuf) -> Self {
        match &mut self {
            Self::Picture { file, .. } => *file = place(file),
            Self::Prompt { prompt, files, .. } => {
                prompt.each_file(|path| *path = place(path));
                let moved = std::mem::take(files).into_iter();
                files.extend(moved.map(|(path, sha256)| (place(&path), sha256)));
            }
        }
        self
    }

    /// The same wherever its files lie: each named by its digest.
    fn anywhere(&self) -> Self {
        let files = self.files();
        self.clone()
            .moved(|path| files.get(path).map_or(PathBuf::new(), PathBuf::from))
    }
}

impl Record {
    /// Whether the two describe the same picture: same input, model and numbers, wherever the
    /// files lie, whichever program version and device.
    pub fn same_picture(&self, other: &Self) -> bool {
        self.anywhere() == other.anywhere()
    }

    /// SHA-256, in hexadecimal, of all that decides the picture: equal for two records that
    /// describe the [same picture](Self::same_picture).
    ///
    /// # Errors
    /// A prompt with pixels in memory, which cannot be written.
    pub fn digest(&self) -> Result<String, Error> {
        let decides = serde_json::to_vec(&self.anywhere());
        let decides = decides.map_err(|e| Error::Jobs(format!("the record of a picture: {e}")))?;
        Ok(sha256_of(&decides))
    }

    /// What decides the picture, without where its files lie and who computes it.
    fn anywhere(&self) -> Self {
        Self {
            version: String::new(),
            input: self.input.anywhere(),
            model: PathBuf::new(),
            device: String::new(),
            task: None,
            upscale: self.upscale.as_ref().map(UpscaleRecord::anywhere),
            adapters: vec![], // the digest is that of the model with them
            ..self.clone()
        }
    }
}

/// Writes `picture` with its record as a PNG; the file appears under its name only when complete.
///
/// # Errors
/// Names the file that cannot be written.
pub fn write_png(path: &Path, picture: &RgbImage, record: &Record) -> Result<(), Error> {
    Ok(write_with_text(
        path,
        picture,
        KEYWORD,
        text(path, record)?,
    )?)
}

/// The bytes that [`write_png`] writes, for places that are no files; `path` is for errors.
///
/// # Errors
/// A record that cannot be written.
pub fn encode_png(path: &Path, picture: &RgbImage, record: &Record) -> Result<Vec<u8>, Error> {
    let text = text(path, record)?;
    Ok(png_with_text(path, picture, KEYWORD, text)?)
}

/// As [`read_record`], of a PNG whose bytes are at hand.
///
/// # Errors
/// As [`read_record`].
pub fn decode_record(bytes: &[u8], path: &Path) -> Result<Record, Error> {
    parsed(path, text_of_png(bytes, path, KEYWORD))
}

/// Reads the record of a PNG that [`write_png`] wrote.
///
/// # Errors
/// Names the file, and says whether it is no PNG, carries no record, or a damaged one.
pub fn read_record(path: &Path) -> Result<Record, Error> {
    read(path)
}

/// The text that the PNG at `path` carries: a record of what made it.
pub(crate) fn text(path: &Path, record: &impl Serialize) -> Result<String, Error> {
    let json = serde_json::to_string(record).map_err(|e| {
        flowinone_image::Error::picture(path, format!("its settings cannot be written: {e}"))
    })?;
    Ok(json)
}

/// The record that the PNG at `path` carries.
pub(crate) fn read<R: DeserializeOwned>(path: &Path) -> Result<R, Error> {
    parsed(path, read_text(path, KEYWORD))
}

fn parsed<R: DeserializeOwned>(
    path: &Path,
    text: Result<String, flowinone_image::Error>,
) -> Result<R, Error> {
    let none = |reason: String| Error::NoRecord {
        path: path.to_path_buf(),
        reason,
    };
    let text = text.map_err(|error| match error {
        flowinone_image::Error::NoText { reason, .. } => none(reason),
        other => other.into(),
    })?;
    serde_json::from_str(&text).map_err(|e| none(format!("its record is damaged: {e}")))
}

#[cfg(test)]
mod tests {
    use super::*;
    use flowinone_prompts::TextInImage;

    fn record(input: Input) -> Record {
        Record {
            version: "0".into(),
            input,
            model: "m".into(),
            model_digest: "d".into(),
            task: Some(Task::TextInImage),
            structure: true,
            seed: u64::MAX,
            item: 3,
            settings: Settings::published(),
            preview: None,
            ignore_profiles: false,
            upscale: None,
            adapters: vec![],
            precision: Dtype::F32,
            device: "cpu".into(),
        }
    }

    fn drawn(picture: &str, sha256: &str, instruction: &str) -> Record {
        record(Input::Prompt {
            prompt: Box::new(TextInImage::new(picture, instruction).into()),
            side: 512,
            files: [(picture.into(), sha256.into())].into(),
        })
    }

    #[test]
    fn both_kinds_of_input_survive_json() {
        let picture = record(Input::Picture {
            file: "a.png".into(),
            sha256: "12".into(),
        });
        let json = serde_json::to_value(&picture).unwrap();
        assert_eq!(
            (&json["input"], &json["input_sha256"]),
            (&"a.png".into(), &"12".into())
        );
        let prompt = drawn("a.png", "12", "go");
        assert_eq!(
            serde_json::to_value(&prompt).unwrap()["prompt"]["task"],
            "text-in-image"
        );
        for record in [picture, prompt] {
            let json = serde_json::to_string(&record).unwrap();
            assert_eq!(
                serde_json::from_str::<Record>(&json).unwrap(),
                record,
                "{json}"
            );
        }
    }

    #[test]
    fn a_drawn_picture_is_the_same_wherever_its_files_lie() {
        let here = drawn("a.png", "12", "go");
        assert!(here.same_picture(&drawn("elsewhere/b.png", "12", "go")));
        assert!(!here.same_picture(&drawn("a.png", "34", "go")));
        assert!(!here.same_picture(&drawn("a.png", "12", "stop")));
        let digest = here.digest().unwrap();
        assert_eq!(
            digest,
            drawn("elsewhere/b.png", "12", "go").digest().unwrap()
        );
        assert_ne!(digest, drawn("a.png", "34", "go").digest().unwrap());
        let other = Record {
            seed: 1,
            ..here.clone()
        };
        assert_ne!(digest, other.digest().unwrap());
        let moved = here.input.moved(|path| Path::new("x").join(path));
        assert_eq!(moved.files(), [("x/a.png".into(), "12".to_string())].into());
    }
}
