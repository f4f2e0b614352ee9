//! A benchmark: the files of a repository that end in `.parquet`, in its folders.

use std::path::PathBuf;

use anyhow::{Result, bail};
use flowinone_hub::{Catalog, Dataset, Hub, Wanted};

use super::fetching::{Fetching, place};
use super::watch::Watch;
use super::{Args, is_there, licences};
use crate::Outcome;

pub(crate) fn pull(
    args: &Args,
    hub: &Hub,
    catalog: &Catalog,
    dataset: &Dataset,
) -> Result<Outcome> {
    args.without(args.dtype.is_some(), "--dtype", "it holds no weights")?;
    let target = args
        .output
        .clone()
        .unwrap_or_else(|| PathBuf::from(&args.name));
    if is_there(&target) {
        tell!("{} is there already", target.display());
        out!("{}", target.display());
        return Ok(Outcome::Done);
    }
    let mut watch = Watch::default();
    let mut see = |event: flowinone_hub::Event<'_>| watch.see(event);
    let repository = dataset.repository()?;
    let revision = args.revision.as_deref().unwrap_or(&dataset.revision);
    let listing = hub.list(&repository, revision, &mut see)?;
    let (mut paths, mut files) = (vec![], vec![]);
    for file in listing.files {
        if !file.path.ends_with(&dataset.ending) {
            continue;
        }
        let wanted = Wanted {
            bytes: file.bytes,
            sha256: file.sha256,
            ..Wanted::of(&repository, &listing.commit, &file.path)
        };
        files.push(hub.look(&wanted, &mut see)?);
        paths.push(file.path);
    }
    if files.is_empty() {
        let (page, ending) = (
            repository.page(&hub.environment().endpoint),
            &dataset.ending,
        );
        bail!("{page} at {revision} has no file that ends in {ending}");
    }
    let fetching = Fetching::as_they_are(hub, &target, files);
    let licence = [catalog.licence_of(dataset)];
    licences::told(&licence);
    if args.dry_run {
        fetching.plan("");
        return Ok(Outcome::Done);
    }
    licences::accepted(&licence, args.accept_licence)?;
    fetching.run(|fetched, made| {
        for ((file, path), below) in fetching.files.iter().zip(fetched).zip(&paths) {
            place(file, path, &made.join(below))?;
        }
        Ok(())
    })?;
    out!("{}", target.display());
    Ok(Outcome::Done)
}
