//! Reading adapters: every tensor is that of a layer, every layer has both factors, or the file is
//! refused with all that does not fit.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use flowinone_files::sha256;
use flowinone_weights::{Checkpoint, Entry};
use serde::{Deserialize, Serialize};

use crate::layers::published;
use crate::names::{Role, other_kind, placed};
use crate::peft::PeftConfig;
use crate::{Adapter, Error, Factors, Format, Layers};

/// File names of peft and diffusers inside a folder.
const FILES: [&str; 2] = [
    "adapter_model.safetensors",
    "pytorch_lora_weights.safetensors",
];
/// Where a header has the configurations of diffusers' adapters.
const DIFFUSERS_CONFIG: &str = "lora_adapter_metadata";
/// Where a header says which model an adapter was trained on. Earlier versions said so in peft's
/// configuration.
pub(crate) const BASE: &str = "flowinone_base_sha256";
/// Where a header says so of an adapter with which the model is a distilled student, and what
/// becomes of the model's configuration.
pub(crate) const STUDENT: &str = "flowinone_student";
/// Highest rank: no layer is wider.
const MOST_RANK: usize = 4096;

impl Adapter {
    /// Opens an adapter of these layers: a folder with the files of peft or diffusers, or a file of
    /// factors; peft's has its configuration beside it.
    ///
    /// # Errors
    /// A file that cannot be read, another kind of adapter, and by name every tensor that no layer
    /// has, every layer that lacks a factor, and every factor of another shape.
    pub fn open(path: impl AsRef<Path>, layers: &Layers) -> Result<Self, Error> {
        let path = path.as_ref();
        let file = file_of(path)?;
        let checkpoint = Checkpoint::open(&file)?;
        let (format, parts) = sorted(&checkpoint, layers)?;
        let config = match format {
            Format::Peft => {
                let beside = file.with_file_name("adapter_config.json");
                if !beside.exists() {
                    return Err(Error::adapter(
                        path,
                        "peft's adapter_config.json is not beside it, so the scale is not known",
                    ));
                }
                Some(PeftConfig::read(&beside)?)
            }
            Format::Diffusers => of_header(&checkpoint).map_err(|e| Error::adapter(path, e))?,
            Format::Kohya => None,
        };
        let mut wrong = vec![];
        let mut factors = BTreeMap::new();
        for (layer, parts) in &parts {
            match parts.factors(layer, layers, config.as_ref()) {
                Ok(read) => {
                    factors.insert(layer.clone(), read?);
                }
                Err(reason) => wrong.push(format!("{} {reason}", published(layer))),
            }
        }
        if !wrong.is_empty() {
            return Err(Error::adapter(path, listed(&wrong)));
        }
        let note = checkpoint.note(STUDENT).map(serde_json::from_str);
        let note: Option<StudentNote> = note
            .transpose()
            .map_err(|e| Error::adapter(path, format!("its header's {STUDENT} is damaged: {e}")))?;
        let (base, student) = note.map(|note| (note.base, note.student)).unzip();
        let base = base.or_else(|| checkpoint.note(BASE).map(String::from));
        Ok(Self {
            path: path.to_path_buf(),
            sha256: sha256(&file)?,
            format,
            base: base.or_else(|| config.and_then(|config| config.flowinone_base_sha256)),
            student,
            layers: factors,
        })
    }
}

/// What the header of a student's adapter says.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct StudentNote {
    pub(crate) base: String,
    pub(crate) student: serde_json::Value,
}

/// The file of factors in a folder, or the file itself.
fn file_of(path: &Path) -> Result<PathBuf, Error> {
    if !path.is_dir() {
        return Ok(path.to_path_buf());
    }
    let mut files = FILES.iter().map(|name| path.join(name));
    files
        .find(|file| file.is_file())
        .ok_or_else(|| Error::adapter(path, format!("the folder has none of {}", FILES.join(", "))))
}

/// The tensors of one layer.
#[derive(Default)]
struct Parts<'a> {
    down: Option<&'a Entry>,
    up: Option<&'a Entry>,
    alpha: Option<&'a Entry>,
}

/// All tensors by layer, and who wrote them.
fn sorted<'a>(
    checkpoint: &'a Checkpoint,
    layers: &Layers,
) -> Result<(Format, BTreeMap<String, Parts<'a>>), Error> {
    let path = checkpoint.path();
    let mut parts: BTreeMap<String, Parts<'_>> = BTreeMap::new();
    let (mut formats, mut unknown) = (vec![], vec![]);
    for entry in checkpoint.entries() {
        if let Some(kind) = other_kind(entry.name()) {
            return Err(Error::adapter(
                path,
                format!(
                    "its tensor {} is of {kind}; LoRA of linear layers is read",
                    entry.name()
                ),
            ));
        }
        let Some((format, layer, role)) = placed(entry.name(), layers) else {
            unknown.push(entry.name().to_string());
            continue;
        };
        formats.push(format);
        let of_layer = parts.entry(layer).or_default();
        let place = match role {
            Role::Down => &mut of_layer.down,
            Role::Up => &mut of_layer.up,
            Role::Alpha => &mut of_layer.alpha,
        };
        if let Some(other) = place.replace(entry) {
            return Err(Error::adapter(
                path,
                format!("{} and {} are the same factor", other.name(), entry.name()),
            ));
        }
    }
    if !unknown.is_empty() {
        return Err(Error::adapter(
            path,
            format!(
                "no layer of this model has the tensors {}",
                listed(&unknown)
            ),
        ));
    }
    formats.dedup();
    match formats.as_slice() {
        [format] => Ok((*format, parts)),
        _ => Err(Error::adapter(
            path,
            "its names are of several programs at once",
        )),
    }
}

/// The first names, and how many more there are.
fn listed(names: &[String]) -> String {
    const SHOWN: usize = 8;
    let mut text = names
        .iter()
        .take(SHOWN)
        .cloned()
        .collect::<Vec<_>>()
        .join(", ");
    if names.len() > SHOWN {
        text += &format!(", and {} more", names.len() - SHOWN);
    }
    text
}

/// The configuration that diffusers keeps in the header, if it is there.
fn of_header(checkpoint: &Checkpoint) -> Result<Option<PeftConfig>, String> {
    let Some(text) = checkpoint.note(DIFFUSERS_CONFIG) else {
        return Ok(None);
    };
    let damaged = |e| format!("its {DIFFUSERS_CONFIG} is damaged: {e}");
    let all: serde_json::Map<_, _> = serde_json::from_str(text).map_err(damaged)?;
    // Each field begins with the name of the part that it is for.
    let of_part: serde_json::Map<_, _> = all
        .into_iter()
        .filter_map(|(name, value)| Some((name.strip_prefix("transformer.")?.to_string(), value)))
        .collect();
    if of_part.is_empty() {
        return Ok(None);
    }
    PeftConfig::parse(&serde_json::Value::Object(of_part).to_string()).map(Some)
}

impl Parts<'_> {
    /// The factors; inside, a tensor that cannot be read.
    fn factors(
        &self,
        path: &str,
        layers: &Layers,
        config: Option<&PeftConfig>,
    ) -> Result<Result<Factors, Error>, String> {
        let sizes = layers.sizes(path).ok_or("is no layer")?;
        let (down, up) = match (self.down, self.up) {
            (Some(down), Some(up)) => (down, up),
            (None, None) => return Err("has neither factor".into()),
            (None, _) => return Err("lacks its first factor, A".into()),
            (_, None) => return Err("lacks its second factor, B".into()),
        };
        let (of_down, of_up) = (plain(down.shape()), plain(up.shape()));
        let (&[rank, input], &[output, second]) = (of_down, of_up) else {
            return Err(format!(
                "has factors {of_down:?} and {of_up:?}, not two matrices"
            ));
        };
        if [input, output] != sizes || rank != second {
            let [wide, high] = sizes;
            return Err(format!(
                "has factors {of_down:?} and {of_up:?}, expected [rank, {wide}] and [{high}, rank]"
            ));
        }
        if !(1..=MOST_RANK).contains(&rank) {
            return Err(format!("has the rank {rank}; 1 to {MOST_RANK} are read"));
        }
        let read = || {
            let alpha = match self.alpha {
                Some(alpha) => values(alpha)?.first().copied(),
                None => None,
            };
            let scale = match (alpha, config) {
                (Some(alpha), _) => f64::from(alpha) / rank as f64,
                (None, Some(config)) => config.scale(&published(path), rank),
                // As diffusers and kohya take it: alpha is the rank.
                (None, None) => 1.0,
            };
            Ok(Factors {
                down: values(down)?,
                up: values(up)?,
                sizes,
                rank,
                scale: scale as f32,
            })
        };
        Ok(read())
    }
}

/// A shape without extents of one behind its second: that of a 1x1 convolution.
fn plain(shape: &[usize]) -> &[usize] {
    match shape.split_at_checked(2) {
        Some((head, tail)) if tail.iter().all(|extent| *extent == 1) => head,
        _ => shape,
    }
}

/// A tensor in float32, every value finite.
fn values(entry: &Entry) -> Result<Vec<f32>, Error> {
    let bad = |reason: &str| {
        Error::adapter(
            entry.file(),
            format!("its tensor {} {reason}", entry.name()),
        )
    };
    if !entry.dtype().is_some_and(|dtype| dtype.is_float()) {
        return Err(bad("holds no floating-point numbers"));
    }
    let values = entry.read()?.convert::<f32>().try_into_vec::<f32>();
    let values = values.map_err(|_| bad("cannot be read as float32"))?;
    match values.iter().all(|value| value.is_finite()) {
        true => Ok(values),
        false => Err(bad("holds values that are not finite")),
    }
}
