//! What a run began with and does not change: networks that stay as they are, and the files that it
//! learns from. Their digests lie in the run's folder, so that the run never goes on with others.
//!
//! Before the first step every file is read and decoded once: what will be refused is refused then.

use std::collections::BTreeMap;
use std::path::Path;

use flowinone_data::{Survey, digest};
use flowinone_files::write_atomically;
use serde::{Deserialize, Serialize};

use crate::{DataConfig, Error, Kind, newest_checkpoint};

const FILE: &str = "origin.json";
/// Share of samples, and of shards, that may be damaged.
const TOLERANCE: f64 = 0.01;

/// What a run began with.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Origin {
    /// Digests of the networks that do not change, by name.
    networks: BTreeMap<String, String>,
    /// Digests of the files of each source, in the order of the configuration.
    files: Vec<String>,
}

impl Origin {
    /// Makes sure that the run in `folder` begins, or goes on, with these networks (name and
    /// [digest](crate::digest) of each) and the files of `data`; `tell` is told how many samples
    /// there are and what of them is damaged. A run of an older version that kept no digests keeps
    /// these.
    ///
    /// # Errors
    /// Names the network or the source that is another one, or of which too much is damaged.
    pub fn hold(
        folder: &Path,
        networks: BTreeMap<String, String>,
        data: &[DataConfig],
        mut tell: impl FnMut(&Path, &Survey),
    ) -> Result<(), Error> {
        let path = folder.join(FILE);
        let begun = newest_checkpoint(folder)?.is_some();
        let before = match std::fs::read(&path) {
            Ok(json) if begun => {
                let read = serde_json::from_slice::<Self>(&json);
                Some(read.map_err(|e| Error::file(&path, format!("damaged: {e}")))?)
            }
            _ => None,
        };
        let sources = data.iter().filter_map(|source| match &source.kind {
            Kind::Files(path) => Some(path),
            Kind::Procedural(_) => None,
        });
        let mut now = Self {
            networks,
            files: vec![],
        };
        for source in sources {
            now.files.push(match before {
                Some(_) => digest(source)?,
                None => {
                    let survey = Survey::of(source, TOLERANCE)?;
                    tell(source, &survey);
                    survey.digest
                }
            });
        }
        if let Some(before) = before {
            return before.check(&now, folder, data);
        }
        std::fs::create_dir_all(folder).map_err(Error::io("write", folder))?;
        let json = serde_json::to_vec_pretty(&now).expect("plain data");
        Ok(write_atomically(&path, &json).map_err(flowinone_tasks::Error::from)?)
    }

    fn check(&self, now: &Self, folder: &Path, data: &[DataConfig]) -> Result<(), Error> {
        let other = |what: &str| {
            Err(Error::file(
                folder,
                format!(
                    "the run began with {what}; go on with the same, or start a run in another folder"
                ),
            ))
        };
        for (name, digest) in &self.networks {
            if now.networks.get(name) != Some(digest) {
                return other(&format!("another {name} than there is now"));
            }
        }
        if self.files.len() != now.files.len() {
            let (then, now) = (self.files.len(), now.files.len());
            return other(&format!("{then} sources of files, not {now}"));
        }
        let sources = data.iter().filter_map(|source| match &source.kind {
            Kind::Files(path) => Some(path),
            Kind::Procedural(_) => None,
        });
        for ((then, now), source) in self.files.iter().zip(&now.files).zip(sources) {
            if then != now {
                let source = source.display();
                return other(&format!(
                    "other files than {source} holds now (their digest differs)"
                ));
            }
        }
        Ok(())
    }
}
