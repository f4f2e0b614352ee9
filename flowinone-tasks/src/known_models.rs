//! Every model that is there by name, in a few words.

use std::path::PathBuf;

use flowinone_files::is_companion;

use crate::models_folder::is_name;
use crate::{Dtype, Error, ModelDirectory, Provenance, models_folder};

/// A model that is there.
#[derive(Debug)]
pub struct KnownModel {
    /// What `--model` calls it.
    pub name: String,
    /// Its directory; none of one that is part of the program.
    pub path: Option<PathBuf>,
    /// What it is, or what is wrong with it.
    pub summary: Result<ModelSummary, Error>,
}

/// A model in a few words.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ModelSummary {
    /// Side of its pictures in pixels.
    pub picture_side: usize,
    /// Element type of its weights, the largest file's.
    pub precision: Dtype,
    /// Bytes of its weights.
    pub bytes: u64,
    /// Whether it was trained.
    pub trained: bool,
    /// Names of the licences of its weights; empty if they were not written down.
    pub licences: Vec<String>,
}

/// Every model that `--model` finds by name: what is built in, then the models folder by name.
///
/// # Errors
/// A models folder that cannot be read; one that is not there holds no models.
pub fn known_models() -> Result<Vec<KnownModel>, Error> {
    let mut found = vec![];
    #[cfg(feature = "mini")]
    found.push(KnownModel {
        name: flowinone_mini::NAME.into(),
        path: None,
        summary: ModelDirectory::named(flowinone_mini::NAME).map(|model| {
            // As the program itself: trained here.
            summary(&model, vec!["MIT or Apache-2.0".into()])
        }),
    });
    let Some(folder) = models_folder().filter(|folder| folder.is_dir()) else {
        return Ok(found);
    };
    let unread = || flowinone_files::Error::of("read", &folder);
    let mut names = vec![];
    for entry in std::fs::read_dir(&folder).map_err(unread())? {
        let entry = entry.map_err(unread())?;
        let name = PathBuf::from(entry.file_name());
        if entry.path().is_dir() && is_name(&name) && !is_companion(&name) {
            names.push(name);
        }
    }
    names.sort();
    found.extend(names.into_iter().map(|name| {
        let path = folder.join(&name);
        let licences = Provenance::read(&path).unwrap_or_default().licences;
        let licences = licences.into_iter().map(|licence| licence.name).collect();
        KnownModel {
            name: name.display().to_string(),
            summary: ModelDirectory::open(&path).map(|model| summary(&model, licences)),
            path: Some(path),
        }
    }));
    Ok(found)
}

fn summary(model: &ModelDirectory, licences: Vec<String>) -> ModelSummary {
    let parts = model.manifest().components.values();
    let largest = parts.clone().max_by_key(|part| part.bytes);
    ModelSummary {
        picture_side: model.config().picture_side,
        precision: largest.map_or(Dtype::F32, |part| part.precision),
        bytes: parts.map(|part| part.bytes).sum(),
        trained: model.config().trained,
        licences,
    }
}
