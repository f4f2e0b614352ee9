//! The folder of a run: what it may write over, before anything is computed.

use std::path::{Path, PathBuf};

use flowinone_data::files_of;
use flowinone_files::{Identity, keep_apart, writable};
use flowinone_tasks::{ModelDirectory, Origin};

use crate::{DataConfig, Error, Kind, ModelSource};

/// Where the run's model will stand: what is there now must be a model of training and no more, and
/// no file of the run one that it reads.
///
/// # Errors
/// Names the file or folder that stands against it.
pub fn place_of_model(
    folder: &Path,
    config: &Path,
    source: &ModelSource,
    data: &[DataConfig],
) -> Result<PathBuf, Error> {
    let mut reads = vec![config.to_path_buf()];
    for source in data {
        match &source.kind {
            Kind::Files(path) => reads.extend(files_of(path)?),
            Kind::Procedural(pairs) => reads.extend(pairs.icons.iter().cloned()),
        }
    }
    let own = ["journal.jsonl", "journal.csv", "origin.json", "lock"].map(|name| folder.join(name));
    keep_apart(
        reads.iter().map(PathBuf::as_path),
        own.iter().map(PathBuf::as_path),
    )?;
    writable(folder.join("origin.json"))?;
    let target = folder.join("model");
    if let ModelSource::Directory(source) = source
        && Identity::of(source).is(&Identity::of(&target))
    {
        return Err(Error::file(
            &target,
            "it is the model that the run starts from, and the run would replace it; choose another run.folder",
        ));
    }
    let known = |name: &str| name.ends_with(".json") || name.ends_with(".safetensors");
    let ours = || -> Result<bool, Error> {
        let model = ModelDirectory::open(&target)?;
        let mut parts = model.manifest().components.values();
        let trained = parts.any(|part| matches!(part.source, Origin::Trained { .. }));
        let entries = std::fs::read_dir(&target).and_then(Iterator::collect::<Result<Vec<_>, _>>);
        let entries = entries.map_err(Error::io("read", &target))?;
        let mut entries = entries.iter();
        Ok(trained && entries.all(|entry| entry.file_name().to_str().is_some_and(known)))
    };
    match std::fs::read_dir(&target).map(|mut entries| entries.next().is_none()) {
        Ok(false) if !ours().unwrap_or(false) => Err(Error::file(
            &target,
            "it would be replaced by the trained model, but is no model of training or holds other files; move it away, or choose another run.folder",
        )),
        _ => Ok(target),
    }
}
