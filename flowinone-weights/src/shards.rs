//! Sharded checkpoints: an index whose `weight_map` names the file of every tensor, and the usual
//! file names inside a downloaded model folder.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use flowinone_files::text_of;
use serde::Deserialize;

use crate::Error;
use crate::entry::Entry;

/// Names under which model folders keep their weights, in order of preference.
const USUAL_NAMES: [&str; 13] = [
    "model.safetensors.index.json",
    "model.safetensors",
    "diffusion_pytorch_model.safetensors.index.json",
    "diffusion_pytorch_model.safetensors",
    "model.fp16.safetensors",
    "diffusion_pytorch_model.fp16.safetensors",
    "pytorch_model.bin.index.json",
    "pytorch_model.bin",
    "diffusion_pytorch_model.bin",
    "pytorch_model.fp16.bin",
    "diffusion_pytorch_model.fp16.bin",
    "flowinone_256px.pth",
    "autoencoder_kl.pth",
];

/// Longest index accepted, in bytes.
const MAX_INDEX: u64 = 16 << 20;

#[derive(Deserialize)]
struct Index {
    weight_map: BTreeMap<String, String>,
}

/// The file to open for `path`: itself, or what a folder holds under a usual name.
pub(crate) fn resolve(path: &Path) -> Result<PathBuf, Error> {
    if !path.is_dir() {
        return Ok(path.to_path_buf());
    }
    let usual = |folder: &Path| {
        let mut names = USUAL_NAMES.iter().map(|name| folder.join(name));
        names.find(|candidate| candidate.is_file())
    };
    usual(path)
        .or_else(|| usual(&snapshot(path)?))
        // A pipeline of diffusers.
        .or_else(|| usual(&path.join("vae")))
        .ok_or_else(|| {
            let reason = format!("the folder has none of {}", USUAL_NAMES.join(", "));
            Error::format(path, reason)
        })
}

/// The newest content of a folder `models--OWNER--NAME`, as the cache of the Hugging Face Hub has
/// it: that which `refs/main` names, or the only one.
fn snapshot(path: &Path) -> Option<PathBuf> {
    let snapshots = path.join("snapshots");
    if let Ok(main) = std::fs::read_to_string(path.join("refs/main")) {
        let named = snapshots.join(main.trim());
        if named.starts_with(&snapshots) && named.is_dir() {
            return Some(named);
        }
    }
    let entries = std::fs::read_dir(snapshots).ok()?.flatten();
    let mut folders = entries
        .map(|entry| entry.path())
        .filter(|path| path.is_dir());
    match (folders.next(), folders.next()) {
        (Some(only), None) => Some(only),
        _ => None,
    }
}

/// Reads, by `shard`, every shard that the index names and takes from each the tensors assigned to
/// it.
pub(crate) fn open(
    path: &Path,
    shard: impl Fn(PathBuf) -> Result<BTreeMap<String, Entry>, Error>,
) -> Result<BTreeMap<String, Entry>, Error> {
    let bad = |reason: String| Error::format(path, reason);
    let size = std::fs::metadata(path)
        .map_err(Error::io("open", path))?
        .len();
    if size > MAX_INDEX {
        return Err(bad(format!(
            "the index has {size} bytes, more than {MAX_INDEX}"
        )));
    }
    let text = std::fs::read(path).map_err(Error::io("read", path))?;
    let text = text_of(text).map_err(bad)?;
    let index: Index =
        serde_json::from_str(&text).map_err(|e| bad(format!("it is no index of shards: {e}")))?;

    let mut shards = BTreeMap::new();
    for file in index.weight_map.values() {
        if shards.contains_key(file) {
            continue;
        }
        let plain = Path::new(file)
            .file_name()
            .is_some_and(|name| name == file.as_str());
        if !plain || file.ends_with(".json") {
            return Err(bad(format!(
                "it names the shard {file:?}, which is not a plain file beside it"
            )));
        }
        shards.insert(file, shard(path.with_file_name(file))?);
    }
    let take = |(name, file): (&String, &String)| {
        let entry = shards[file].get(name).cloned();
        let entry = entry.ok_or_else(|| bad(format!("shard {file} lacks the tensor {name}")))?;
        Ok((name.clone(), entry))
    };
    index.weight_map.iter().map(take).collect()
}
