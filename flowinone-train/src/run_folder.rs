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
    keep_files_apart(folder, config, data)?;
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
        Ok(trained && only_files(&target, known)?)
    };
    match std::fs::read_dir(&target).map(|mut entries| entries.next().is_none()) {
        Ok(false) if !ours().unwrap_or(false) => Err(Error::file(
            &target,
            "it would be replaced by the trained model, but is no model of training or holds other files; move it away, or choose another run.folder",
        )),
        _ => Ok(target),
    }
}

/// Where the run's adapter will stand: what is there now must be the two files of one and no more,
/// and no file of the run one that it reads.
///
/// # Errors
/// Names the file or folder that stands against it.
pub fn place_of_adapter(
    folder: &Path,
    config: &Path,
    data: &[DataConfig],
) -> Result<PathBuf, Error> {
    keep_files_apart(folder, config, data)?;
    let target = folder.join("adapter");
    let known = |name: &str| name == "adapter_model.safetensors" || name == "adapter_config.json";
    match target.exists() && !only_files(&target, known)? {
        true => Err(Error::file(
            &target,
            "the trained adapter would lie there, but it holds other files; move it away, or choose another run.folder",
        )),
        false => Ok(target),
    }
}

/// Whether a folder has files of `known` names alone.
fn only_files(folder: &Path, known: impl Fn(&str) -> bool) -> Result<bool, Error> {
    let entries = std::fs::read_dir(folder).and_then(Iterator::collect::<Result<Vec<_>, _>>);
    let entries = entries.map_err(Error::io("read", folder))?;
    let mut names = entries.iter().map(std::fs::DirEntry::file_name);
    Ok(names.all(|name| name.to_str().is_some_and(&known)))
}

/// Makes sure that the files that a run writes are none that it reads.
fn keep_files_apart(folder: &Path, config: &Path, data: &[DataConfig]) -> Result<(), Error> {
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
    Ok(())
}
