//! A picture once more: what it was made from, found again and proved by digest.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use crate::{Error, Input, Record, Routing, Source, inputs};

/// What the picture of a record was made from. Each file is looked for among `given`, then where it
/// was.
///
/// # Errors
/// A file that cannot be read, or one that is not what the picture was made from
/// ([`Error::NotTheInput`]).
pub fn again(record: &Record, given: &[PathBuf]) -> Result<Source, Error> {
    let needed = record.input.files();
    let mut by_digest = BTreeMap::new(); // path by digest
    for path in given {
        let digest = inputs::digest(path)?;
        if !needed.values().any(|other| *other == digest) {
            return Err(Error::NotTheInput(path.clone()));
        }
        by_digest.insert(digest, path.clone());
    }
    let mut places = BTreeMap::new(); // path now by path before
    for (before, digest) in &needed {
        let now = by_digest.get(digest).unwrap_or(before);
        if inputs::digest(now)? != *digest {
            return Err(Error::NotTheInput(now.clone()));
        }
        places.insert(before, now.clone());
    }
    let moved = |path: &Path| places.get(&path.to_path_buf()).cloned().unwrap_or_default();
    Ok(match record.input.clone().moved(moved) {
        Input::Picture { file, .. } => Source::Picture {
            file,
            routing: Routing {
                task: record.task,
                structure: record.structure,
            },
        },
        Input::Prompt { prompt, side, .. } => Source::Prompt { prompt, side },
    })
}
