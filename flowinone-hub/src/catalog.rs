//! What can be pulled by a name: files by repository, revision and digest, with their licences.

use std::collections::BTreeMap;
use std::path::Path;

use flowinone_files::text_of;
use serde::Deserialize;

use crate::repository::is_sha256;
use crate::{Error, Repository, Wanted};

/// The list that is part of the program.
const BUILT_IN: &str = include_str!("catalog.json");
/// Longest list that is read, in bytes.
const MAX_CATALOG: u64 = 16 << 20;

/// Models and data sets by name.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Catalog {
    /// Models that are converted from published files.
    #[serde(default)]
    pub models: BTreeMap<String, Published>,
    /// Data sets.
    #[serde(default)]
    pub datasets: BTreeMap<String, Dataset>,
    /// Licences by the names that files call them by.
    #[serde(default)]
    licences: BTreeMap<String, Licence>,
}

/// A model, as its three published files.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Published {
    /// What it is, in some words.
    pub about: String,
    /// Numbers in the converted model.
    pub parameters: u64,
    /// Source encoder and velocity network.
    pub flow: PublishedFile,
    /// Autoencoder.
    pub vae: PublishedFile,
    /// Vision tower and aligner.
    pub janus: PublishedFile,
    /// The networks' configuration; that of the published model if it is left out.
    #[serde(default)]
    pub config: Option<serde_json::Value>,
}

/// A published file.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PublishedFile {
    repository: String,
    revision: String,
    path: String,
    #[serde(default)]
    bytes: Option<u64>,
    #[serde(default)]
    sha256: Option<String>,
    licence: String,
}

/// A data set, as the files of a repository whose names end in some way.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Dataset {
    /// What it is, in some words.
    pub about: String,
    repository: String,
    /// The revision that is taken if none is asked for.
    pub revision: String,
    /// How the names of its files end.
    pub ending: String,
    licence: String,
}

/// A licence.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Licence {
    /// Its name.
    pub name: String,
    /// Where its text is.
    pub address: String,
    /// Whether it restricts use, so that it has to be accepted.
    pub accept: bool,
    /// What else there is to know.
    #[serde(default)]
    pub note: Option<String>,
}

impl Catalog {
    /// The list that is part of the program.
    ///
    /// # Panics
    /// Never: a test reads it.
    pub fn built_in() -> Self {
        Self::parse(BUILT_IN).expect("it is tested")
    }

    /// A list of one's own, in the same form.
    ///
    /// # Errors
    /// Names the file and what is wrong with it.
    pub fn open(path: impl AsRef<Path>) -> Result<Self, Error> {
        let path = path.as_ref();
        let bad = |reason: String| Error::Content {
            path: path.to_path_buf(),
            reason,
        };
        let unread = || flowinone_files::Error::of("read", path);
        let size = std::fs::metadata(path).map_err(unread())?.len();
        if size > MAX_CATALOG {
            return Err(bad(format!("it has {size} bytes, more than {MAX_CATALOG}")));
        }
        let bytes = std::fs::read(path).map_err(unread())?;
        Self::parse(&text_of(bytes).map_err(bad)?).map_err(bad)
    }

    fn parse(text: &str) -> Result<Self, String> {
        let catalog: Self = serde_json::from_str(text).map_err(|e| format!("damaged: {e}"))?;
        let licence = |name: &String| match catalog.licences.contains_key(name) {
            true => Ok(()),
            false => Err(format!("it has no licence {name:?}")),
        };
        for model in catalog.models.values() {
            for file in model.files() {
                licence(&file.licence)?;
                file.wanted().map_err(|e| e.to_string())?;
            }
        }
        for dataset in catalog.datasets.values() {
            licence(&dataset.licence)?;
            dataset.repository().map_err(|e| e.to_string())?;
        }
        Ok(catalog)
    }

    /// The licences of a model's files, each once.
    pub fn licences_of(&self, model: &Published) -> Vec<&Licence> {
        let mut found: Vec<&Licence> = vec![];
        for licence in model.files().map(|file| &self.licences[&file.licence]) {
            if !found.contains(&licence) {
                found.push(licence);
            }
        }
        found
    }

    /// The licence of a data set.
    pub fn licence_of(&self, dataset: &Dataset) -> &Licence {
        &self.licences[&dataset.licence]
    }

    /// All names, for messages.
    pub fn names(&self) -> String {
        let names = self.models.keys().chain(self.datasets.keys());
        names.cloned().collect::<Vec<_>>().join(", ")
    }
}

impl Published {
    /// Its files: flow, autoencoder, Janus.
    pub fn files(&self) -> [&PublishedFile; 3] {
        [&self.flow, &self.vae, &self.janus]
    }
}

impl PublishedFile {
    /// Where it is, and what it must be.
    ///
    /// # Errors
    /// A repository or a digest that is none.
    pub fn wanted(&self) -> Result<Wanted, Error> {
        if let Some(digest) = self.sha256.as_ref().filter(|digest| !is_sha256(digest)) {
            return Err(Error::Setting(format!("{digest:?} is no SHA-256")));
        }
        let repository = Repository::model(&self.repository)?;
        Ok(Wanted {
            bytes: self.bytes,
            sha256: self
                .sha256
                .as_ref()
                .map(|digest| digest.to_ascii_lowercase()),
            ..Wanted::of(&repository, &self.revision, &self.path)
        })
    }

    /// What it is for people: `OWNER/NAME at REVISION`.
    pub fn source(&self) -> String {
        format!("{} at {}", self.repository, self.revision)
    }
}

impl Dataset {
    /// Its repository.
    ///
    /// # Errors
    /// A name that is none.
    pub fn repository(&self) -> Result<Repository, Error> {
        Repository::dataset(&self.repository)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_published_model_is_pinned_and_its_licences_are_told() {
        let catalog = Catalog::built_in();
        let model = &catalog.models["flowinone-256"];
        for file in model.files() {
            assert_eq!(file.revision.len(), 40, "{}", file.path);
        }
        let licences = catalog.licences_of(model);
        let asked = licences.iter().filter(|licence| licence.accept).count();
        assert_eq!((licences.len(), asked), (3, 2));
        let bench = &catalog.datasets["vpbench"];
        assert_eq!(catalog.licence_of(bench).name, "Apache-2.0");
        assert_eq!(catalog.names(), "flowinone-256, vpbench");
    }

    #[test]
    fn a_list_of_ones_own_is_checked() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("list.json");
        let told = |text: &str| {
            std::fs::write(&path, text).unwrap();
            Catalog::open(&path).unwrap_err().to_string()
        };
        let digest = BUILT_IN.replace("66290ec4", "nothex!!");
        let licence = BUILT_IN.replace("\"licence\": \"deepseek\"", "\"licence\": \"mine\"");
        let repository = BUILT_IN.replace("CSU-JPG/VPBench", "VPBench");
        for (text, word) in [
            ("{", "damaged"),
            ("{\"model\": {}}", "model"),
            (&*digest, "SHA-256"),
            (&*licence, "mine"),
            (&*repository, "OWNER/NAME"),
        ] {
            let told = told(text);
            assert!(told.contains("list.json") && told.contains(word), "{told}");
        }
    }
}
