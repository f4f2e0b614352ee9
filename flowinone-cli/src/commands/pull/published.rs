//! The published model: three files from three repositories, converted.

use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail};
use flowinone_hub::{Catalog, Hub, Published};
use flowinone_tasks::{Dtype, ModelConfig, ModelDirectory, Sources, device};

use super::fetching::Fetching;
use super::watch::Watch;
use super::{Args, is_there, licences};
use crate::Outcome;
use crate::commands::convert::say;
use crate::show::with_hint;

pub(crate) fn pull(
    args: &Args,
    hub: &Hub,
    catalog: &Catalog,
    model: &Published,
) -> Result<Outcome> {
    let why = "its files are pinned; a catalogue of your own (--catalog) may pin others";
    args.without(args.revision.is_some(), "--revision", why)?;
    let target = args.model_at(&args.name)?;
    let dtype = args.dtype.unwrap_or(Dtype::F32);
    let size = match dtype {
        Dtype::F32 => 4,
        Dtype::F16 | Dtype::Bf16 => 2,
        Dtype::Int8 => bail!(
            "weights are stored as f32, f16 or bf16, not int8: --dtype int8 is for `generate`, from any of these"
        ),
    };
    let config = match &model.config {
        Some(value) => serde_json::from_value(value.clone())
            .with_context(|| format!("the configuration of {} in the catalogue", args.name))?,
        None => ModelConfig::flowinone_256(),
    };
    if is_there(&target) {
        return found(args, &target);
    }
    let mut watch = Watch::default();
    let mut files = vec![];
    for file in model.files() {
        files.push(hub.look(&file.wanted()?, &mut |event| watch.see(event))?);
    }
    let fetching = Fetching {
        hub,
        target: &target,
        files,
        written: model.parameters * size,
    };
    let licences_of = catalog.licences_of(model);
    licences::told(&licences_of);
    if args.dry_run {
        fetching.plan(&format!(" as {dtype}"));
        return Ok(Outcome::Done);
    }
    licences::accepted(&licences_of, args.accept_licence)?;
    let was_there = fetching.run(|paths, made| {
        let sources = named(paths, &fetching, made)?;
        let [flow, vae, encoder] = sources;
        tell!("converting to {dtype}");
        let sources = Sources { flow, vae, encoder };
        let device = device::blueprint();
        flowinone_tasks::convert(&sources, &config, dtype, false, made, &device, say)
            .map_err(with_hint)?;
        let files = model.files().map(|file| file.source());
        let files = files.iter().zip(&fetching.files);
        let files = files.map(|(source, file)| {
            format!("{source}: {}, sha256 {}", file.wanted.name(), file.sha256)
        });
        licences::provenance(files.collect(), &licences_of).write(made)?;
        Ok(())
    })?;
    match was_there {
        true => found(args, &target),
        false => {
            out!("{}", target.display());
            Ok(Outcome::Done)
        }
    }
}

/// The files under their own names, which the manifest keeps; in the Hub's cache they are named by
/// digest.
fn named(paths: &[PathBuf], fetching: &Fetching<'_>, made: &Path) -> Result<[PathBuf; 3]> {
    let mut own = vec![];
    for (path, file) in paths.iter().zip(&fetching.files) {
        own.push(match &file.cached {
            None => path.clone(),
            Some(blob) => linked(blob, file.wanted.name(), made)?,
        });
    }
    own.try_into()
        .map_err(|_| anyhow::anyhow!("a model has three files"))
}

#[cfg(unix)]
fn linked(blob: &Path, name: &str, made: &Path) -> Result<PathBuf> {
    let link = made.with_file_name(name);
    let _ = std::fs::remove_file(&link);
    let blob = flowinone_files::absolute(blob);
    std::os::unix::fs::symlink(blob, &link)
        .with_context(|| format!("cannot write {}", link.display()))?;
    Ok(link)
}

#[cfg(not(unix))]
fn linked(blob: &Path, _name: &str, _made: &Path) -> Result<PathBuf> {
    Ok(blob.to_path_buf())
}

/// The model is there already: is it the one that was asked for?
pub(crate) fn found(args: &Args, target: &Path) -> Result<Outcome> {
    let model = ModelDirectory::open(target)?;
    let parts = model.manifest().components.values();
    let stored = parts
        .max_by_key(|part| part.bytes)
        .map(|part| part.precision);
    if let (Some(wanted), Some(stored)) = (args.dtype, stored)
        && wanted != stored
    {
        bail!(
            "{} is there in {stored}; --dtype {wanted} takes another place (--output), or remove that one first",
            target.display()
        );
    }
    tell!("{} is there already", model.config().name);
    out!("{}", target.display());
    Ok(Outcome::Done)
}
