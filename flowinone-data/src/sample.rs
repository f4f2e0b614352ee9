//! A pair as it lies in a file (encoded pictures, bytes kept as they are), and as it is used.

use image::RgbImage;

use super::{Error, Pair, Truth};
use flowinone_image::decode_picture;
use flowinone_prompts::Task;

/// The `type` by which the reference knows samples without a structure path.
const GENERATED: &str = "t2i";
/// Extensions of pictures in shards and folders.
pub(crate) const EXTENSIONS: [&str; 4] = ["png", "jpg", "jpeg", "webp"];

/// An encoded picture.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Encoded {
    /// Extension of its file: `png`, `jpg`, `jpeg` or `webp`.
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
    /// What kind of sample it is; `t2i` means that the structure path is skipped.
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
        })
    }
}

impl Example {
    /// Whether the prompt's structure is kept: for all samples but those of type `t2i`.
    pub fn structure(&self) -> bool {
        self.kind.as_deref() != Some(GENERATED)
    }

    /// The ground truth, if the sample was made here.
    pub fn truth(&self) -> Option<Truth> {
        serde_json::from_str(self.json.as_deref()?).ok()
    }

    /// Whether its target keeps the structure of its prompt.
    pub fn keeps_structure(&self) -> bool {
        self.kind.as_deref() != Some(GENERATED)
    }

    /// A pair as an example of `source`, without a detour over files.
    pub fn of_pair(source: &str, key: String, pair: Pair) -> Self {
        Self {
            source: source.into(),
            key,
            kind: Some(kind(pair.truth.task).into()),
            json: Some(serde_json::to_string(&pair.truth).expect("plain data")),
            input: pair.prompt,
            output: pair.target,
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
