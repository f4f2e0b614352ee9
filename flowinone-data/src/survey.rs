//! A look at all the files of a source before anything is made of them: what of it is damaged, by
//! the same rule and the same words as everywhere, and a digest by which the same files are known
//! again.

use std::path::Path;

use flowinone_files::{hexadecimal, sha256, sha256_of};
use rayon::prelude::*;
use serde::{Deserialize, Serialize};

use super::files::{files_of, listed};
use super::shard::Shard;
use super::{Damage, Error, shards};

/// What was found.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Survey {
    /// SHA-256 over the names and contents of all files.
    pub digest: String,
    /// Samples, sound and damaged.
    pub samples: u64,
    /// Shards; 0 for a folder.
    pub shards: u64,
    /// What of it is damaged.
    pub damage: Damage,
}

impl Survey {
    /// Reads and decodes everything that `path` holds, on all threads.
    ///
    /// # Errors
    /// It is no source, or more than the share `tolerance` is damaged.
    pub fn of(path: impl AsRef<Path>, tolerance: f64) -> Result<Self, Error> {
        let path = path.as_ref();
        let name = path.display().to_string();
        let mut survey = Self {
            digest: digest(path)?,
            samples: 0,
            shards: 0,
            damage: Damage::default(),
        };
        if path.join("input").is_dir() {
            let files = listed(path)?.samples;
            let faults: Vec<Option<String>> = files
                .par_iter()
                .map(|files| files.read().and_then(|sample| sample.decode(&name)).err())
                .collect();
            survey.samples = files.len() as u64;
            for (files, fault) in files.iter().zip(faults) {
                if let Some(reason) = fault {
                    let place = format!("{name}, {}", files.key);
                    survey.damage.sample(&place, format!("{place}: {reason}"));
                }
            }
        } else {
            let all = shards(path)?;
            survey.shards = all.len() as u64;
            let parts: Vec<(u64, Vec<Fault>)> =
                all.par_iter().map(|shard| of_shard(shard)).collect();
            for (samples, faults) in parts {
                survey.samples += samples;
                for fault in faults {
                    let named = format!("{}: {}", fault.place, fault.reason);
                    match fault.whole {
                        true => survey.damage.shard(&fault.place, named),
                        false => survey.damage.sample(&fault.place, named),
                    };
                }
            }
        }
        survey.damage.seen = survey.samples;
        let Self {
            samples, shards, ..
        } = survey;
        survey.damage.check(&name, samples, shards, tolerance)?;
        if samples == survey.damage.samples {
            return Err(Error::layout(path, "none of its samples can be used"));
        }
        Ok(survey)
    }
}

/// SHA-256 over the names and contents of all files of a source; the folder may stand elsewhere.
///
/// # Errors
/// It is no source, or a file cannot be read.
pub fn digest(path: impl AsRef<Path>) -> Result<String, Error> {
    let path = path.as_ref();
    let files = files_of(path)?;
    let line = |file: &std::path::PathBuf| {
        let name = file.strip_prefix(path).unwrap_or(file);
        // What cannot be read is counted as damage, by others.
        let digest = sha256(file).unwrap_or_default();
        format!(
            "{} {digest}\n",
            hexadecimal(name.as_os_str().as_encoded_bytes())
        )
    };
    let mut lines: Vec<String> = files.par_iter().map(line).collect();
    lines.sort();
    Ok(sha256_of(lines.concat().as_bytes()))
}

/// A damaged sample, or a shard that cannot be read to its end.
struct Fault {
    place: String,
    reason: String,
    whole: bool,
}

fn of_shard(path: &Path) -> (u64, Vec<Fault>) {
    let (mut samples, mut faults) = (0, vec![]);
    let name = path.display();
    let mut fault = |place: String, reason: String, whole| {
        faults.push(Fault {
            place,
            reason,
            whole,
        });
    };
    match Shard::open(path, 0) {
        Err(reason) => fault(name.to_string(), reason, true),
        Ok(mut shard) => loop {
            match shard.next() {
                Ok(None) => break,
                Err(reason) => {
                    fault(name.to_string(), reason, true);
                    break;
                }
                Ok(Some(found)) => {
                    samples += 1;
                    let decoded = found.sample.and_then(|sample| sample.decode("").map(drop));
                    if let Err(reason) = decoded {
                        fault(format!("{name}, {}", found.key), reason, false);
                    }
                }
            }
        },
    }
    (samples, faults)
}
