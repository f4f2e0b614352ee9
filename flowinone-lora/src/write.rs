//! Writing an adapter as peft does: factors and configuration, under the published names.

use std::borrow::Cow;
use std::collections::{BTreeMap, HashMap};
use std::path::Path;

use flowinone_files::{sha256_of, write_atomically};
use safetensors::{Dtype, View, serialize};
use serde_json::json;

use crate::layers::published;
use crate::read::{BASE, STUDENT, StudentNote};
use crate::{Adapter, Error, Factors, Format};

/// A factor in float32.
struct Factor<'a> {
    values: &'a [f32],
    shape: [usize; 2],
}

impl View for Factor<'_> {
    fn dtype(&self) -> Dtype {
        Dtype::F32
    }

    fn shape(&self) -> &[usize] {
        &self.shape
    }

    fn data(&self) -> Cow<'_, [u8]> {
        let bytes = self.values.iter().flat_map(|value| value.to_le_bytes());
        Cow::Owned(bytes.collect())
    }

    fn data_len(&self) -> usize {
        4 * self.values.len()
    }
}

impl Adapter {
    /// An adapter of factors by module path, trained on the model of a digest, as a folder of
    /// peft's: `adapter_model.safetensors`, then `adapter_config.json`. Each file appears whole or
    /// not at all.
    ///
    /// # Errors
    /// A folder or file that cannot be written.
    pub fn write(
        folder: &Path,
        layers: BTreeMap<String, Factors>,
        base: Option<String>,
    ) -> Result<Self, Error> {
        let note = base.clone().map(|digest| (BASE.to_string(), digest));
        Self::write_with(folder, layers, note, (base, None))
    }

    /// As [`write`](Self::write), of an adapter with which the model is a distilled student:
    /// `student` is what becomes of its configuration.
    ///
    /// # Errors
    /// As there.
    pub fn write_student(
        folder: &Path,
        layers: BTreeMap<String, Factors>,
        base: String,
        student: serde_json::Value,
    ) -> Result<Self, Error> {
        let note = StudentNote {
            base: base.clone(),
            student: student.clone(),
        };
        let note = serde_json::to_string(&note).expect("plain data");
        let note = (STUDENT.to_string(), note);
        Self::write_with(folder, layers, Some(note), (Some(base), Some(student)))
    }

    fn write_with(
        folder: &Path,
        layers: BTreeMap<String, Factors>,
        note: Option<(String, String)>,
        (base, student): (Option<String>, Option<serde_json::Value>),
    ) -> Result<Self, Error> {
        let io = |e| Error::File(flowinone_files::Error::of("make", folder)(e));
        std::fs::create_dir_all(folder).map_err(io)?;
        let factors = layers.iter().flat_map(|(path, factors)| {
            let (name, [input, output]) = (published(path), factors.sizes);
            let named = |end, values, shape| {
                let name = format!("base_model.model.{name}.{end}.weight");
                (name, Factor { values, shape })
            };
            [
                named("lora_A", &factors.down, [factors.rank, input]),
                named("lora_B", &factors.up, [output, factors.rank]),
            ]
        });
        // In the header, as peft warns of keys in its configuration that it does not know. One note
        // alone: several would stand in no particular order, and the file's digest changed.
        let bytes = serialize(factors, Some(HashMap::from_iter(note)));
        let bytes =
            bytes.map_err(|e| Error::adapter(folder, format!("it cannot be written: {e}")))?;
        write_atomically(folder.join("adapter_model.safetensors"), &bytes)?;
        let config = format!("{:#}\n", config(&layers));
        write_atomically(folder.join("adapter_config.json"), config.as_bytes())?;
        Ok(Self {
            path: folder.to_path_buf(),
            sha256: sha256_of(&bytes),
            format: Format::Peft,
            base,
            student,
            layers,
        })
    }
}

/// What peft needs to load the factors: the commonest rank and alpha, and the layers of others.
fn config(layers: &BTreeMap<String, Factors>) -> serde_json::Value {
    let alpha = |factors: &Factors| f64::from(factors.scale) * factors.rank as f64;
    let usual = layers.values().next();
    let (rank, usual_alpha) = usual.map_or((1, 1.0), |factors| (factors.rank, alpha(factors)));
    let named = layers
        .iter()
        .map(|(path, factors)| (published(path), factors));
    let ranks: BTreeMap<String, usize> = named
        .clone()
        .filter(|(_, factors)| factors.rank != rank)
        .map(|(name, factors)| (pattern(&name), factors.rank))
        .collect();
    let alphas: BTreeMap<String, f64> = named
        .clone()
        .filter(|(_, factors)| alpha(factors) != usual_alpha)
        .map(|(name, factors)| (pattern(&name), alpha(factors)))
        .collect();
    let names: Vec<String> = named.map(|(name, _)| name).collect();
    json!({
        "peft_type": "LORA",
        "base_model_name_or_path": null,
        "r": rank,
        "lora_alpha": usual_alpha,
        "target_modules": names,
        "rank_pattern": ranks,
        "alpha_pattern": alphas,
        "lora_dropout": 0.0,
        "bias": "none",
        "use_rslora": false,
        "use_dora": false,
        "fan_in_fan_out": false,
        "inference_mode": true,
    })
}

/// A name as a regular expression.
fn pattern(name: &str) -> String {
    name.replace('.', r"\.")
}
