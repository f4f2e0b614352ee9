//! Models by name: each is a directory in the models folder, which is `FLOWINONE_MODELS` or lies
//! where the platform keeps the data of programs.

use std::path::{Component, Path, PathBuf};

use flowinone_files::{is_companion, write_atomically};
use serde::{Deserialize, Serialize};

use crate::{Dtype, Error, ModelDirectory};

/// The variable that names the models folder.
const VARIABLE: &str = "FLOWINONE_MODELS";
/// The file of a model directory that says where it came from.
const PROVENANCE: &str = "provenance.json";

/// Where models are looked for by name; `None` where the system has no folder for a user.
pub fn models_folder() -> Option<PathBuf> {
    let variable = |name: &str| {
        let value = std::env::var_os(name).filter(|value| !value.is_empty());
        value.map(PathBuf::from)
    };
    folder(&variable, std::env::home_dir())
}

fn folder(variable: &dyn Fn(&str) -> Option<PathBuf>, home: Option<PathBuf>) -> Option<PathBuf> {
    if let Some(named) = variable(VARIABLE) {
        return Some(named);
    }
    let absolute = |name| variable(name).filter(|path| path.is_absolute());
    let data = if cfg!(windows) {
        absolute("LOCALAPPDATA")?
    } else if cfg!(target_os = "macos") {
        home?.join("Library/Application Support")
    } else {
        absolute("XDG_DATA_HOME").or_else(|| Some(home?.join(".local/share")))?
    };
    Some(data.join("flowinone").join("models"))
}

/// Whether a path is a bare name, which may be that of a model.
pub(crate) fn is_name(model: &Path) -> bool {
    let mut parts = model.components();
    let one = matches!(parts.next(), Some(Component::Normal(_))) && parts.next().is_none();
    one && !model.to_string_lossy().starts_with('.')
}

/// A model of the models folder by its name.
pub(crate) fn find(model: &Path) -> Option<PathBuf> {
    let path = models_folder()?.join(model);
    (is_name(model) && path.is_dir()).then_some(path)
}

/// Where the files of a model came from, and under which licences: `provenance.json` beside the
/// weights. Of a model that was converted or trained here there is none.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Provenance {
    /// Addresses with revisions, for people.
    pub files: Vec<String>,
    /// The licences of the weights.
    pub licences: Vec<LicenceNote>,
}

/// A licence of weights.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct LicenceNote {
    /// Its name.
    pub name: String,
    /// Where its text is, if that is known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub address: Option<String>,
}

impl Provenance {
    /// Reads that of a model directory; none if it has none, or one that says nothing.
    pub fn read(directory: &Path) -> Option<Self> {
        let text = std::fs::read(directory.join(PROVENANCE)).ok()?;
        serde_json::from_slice(&text).ok()
    }

    /// Writes it into a model directory.
    ///
    /// # Errors
    /// Names the file that cannot be written.
    pub fn write(&self, directory: &Path) -> Result<(), Error> {
        let mut text = serde_json::to_vec_pretty(self).expect("plain data");
        text.push(b'\n');
        Ok(write_atomically(directory.join(PROVENANCE), &text)?)
    }
}

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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_folder_is_named_or_that_of_the_platform() {
        let home = || Some(PathBuf::from(if cfg!(windows) { "C:\\h" } else { "/h" }));
        let named = |name: &str| (name == VARIABLE).then(|| PathBuf::from("mine"));
        assert_eq!(folder(&named, home()), Some("mine".into()));
        let own = folder(&|_| None, home());
        if cfg!(target_os = "linux") {
            assert_eq!(own, Some("/h/.local/share/flowinone/models".into()));
            let xdg = |name: &str| (name == "XDG_DATA_HOME").then(|| PathBuf::from("/d"));
            assert_eq!(folder(&xdg, home()), Some("/d/flowinone/models".into()));
            let relative = |name: &str| (name == "XDG_DATA_HOME").then(|| PathBuf::from("d"));
            assert_eq!(
                folder(&relative, home()),
                own,
                "which the standard tells to ignore"
            );
            assert_eq!(folder(&|_| None, None), None);
        }
    }

    #[test]
    fn only_a_bare_name_is_looked_for() {
        for (path, name) in [
            ("flowinone-256", true),
            ("a.b", true),
            ("", false),
            (".", false),
            ("..", false),
            (".a.pull", false),
            ("a/b", false),
            ("/a", false),
        ] {
            assert_eq!(is_name(Path::new(path)), name, "{path}");
        }
    }
}
