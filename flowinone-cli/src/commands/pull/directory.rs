//! A model directory of a Hub repository or at an address: `config.json` and `manifest.json`, and
//! the files of weights that the manifest names by size and SHA-256.

use anyhow::{Context, Result, bail};
use flowinone_hub::{Found, Hub, Repository, Wanted};
use flowinone_tasks::{Component, LicenceNote, Manifest, ModelDirectory, Provenance};

use super::fetching::{Fetching, place};
use super::published::found;
use super::watch::Watch;
use super::{Args, is_there};
use crate::Outcome;

/// Longest `config.json` or `manifest.json`, in bytes.
const MAX_JSON: u64 = 16 << 20;

/// Where the files of the directory are.
enum Source {
    Repository {
        repository: Repository,
        commit: String,
        licence: Option<String>,
        with_provenance: bool,
    },
    Address(String),
}

pub(crate) fn pull(args: &Args, hub: &Hub) -> Result<Outcome> {
    let why = "a model directory is taken as it is stored";
    args.without(args.dtype.is_some(), "--dtype", why)?;
    let (own, source) = name(args)?;
    let target = args.model_at(&own)?;
    if is_there(&target) {
        return found(args, &target);
    }
    let mut watch = Watch::default();
    let mut see = |event: flowinone_hub::Event<'_>| watch.see(event);
    let source = match source {
        Some(repository) => {
            let revision = args.revision.as_deref().unwrap_or("main");
            let listing = hub.list(&repository, revision, &mut see)?;
            let has = |name: &str| listing.files.iter().any(|file| file.path == name);
            if !has("manifest.json") || !has("config.json") {
                bail!(
                    "{} at {revision} is no model directory of flowinone: it has no manifest.json and config.json; published checkpoints are converted by `flowinone convert`",
                    repository.page(&hub.environment().endpoint)
                );
            }
            Source::Repository {
                with_provenance: has("provenance.json"),
                repository,
                commit: listing.commit,
                licence: listing.licence,
            }
        }
        None => {
            args.without(args.revision.is_some(), "--revision", "an address has none")?;
            Source::Address(args.name.trim_end_matches('/').into())
        }
    };
    let (config, _) = hub.read(&source.file("config.json"), MAX_JSON, &mut see)?;
    let (text, _) = hub.read(&source.file("manifest.json"), MAX_JSON, &mut see)?;
    let manifest: Manifest = serde_json::from_slice(&text).with_context(|| {
        format!(
            "{}: it is no manifest of flowinone",
            source.place("manifest.json")
        )
    })?;
    let mut files: Vec<Found> = vec![];
    for component in Component::ALL {
        let name = component.file();
        let record = manifest.components.get(&component);
        let record = record
            .with_context(|| format!("{}: it has no {name}", source.place("manifest.json")))?;
        let wanted = source.file(&name).known(record.bytes, &record.sha256);
        files.push(hub.look(&wanted, &mut see)?);
    }
    let provenance = source.provenance(hub, &mut see)?;
    for licence in &provenance.licences {
        let address = licence.address.as_deref().unwrap_or_default();
        tell!("licence: {} {address}", licence.name);
    }
    if provenance.licences.is_empty() {
        tell!("licence: not written down; ask who offers it");
    }
    let fetching = Fetching::as_they_are(hub, &target, files);
    if args.dry_run {
        fetching.plan("");
        return Ok(Outcome::Done);
    }
    let was_there = fetching.run(|paths, made| {
        for (file, path) in fetching.files.iter().zip(paths) {
            place(file, path, &made.join(file.wanted.name()))?;
        }
        for (name, text) in [("config.json", &config), ("manifest.json", &text)] {
            flowinone_files::write_atomically(made.join(name), text)?;
        }
        provenance.write(made)?;
        // What a damaged description would be refused for, is refused before it is there.
        ModelDirectory::open(made)?;
        Ok(())
    })?;
    if was_there {
        return found(args, &target);
    }
    out!("{}", target.display());
    Ok(Outcome::Done)
}

/// What the model is called here, and its repository if it is one of the Hub.
fn name(args: &Args) -> Result<(String, Option<Repository>)> {
    let given = args.name.trim_end_matches('/');
    if given.contains('@') {
        bail!("an address that carries a name or password is not used; HF_TOKEN says who asks");
    }
    let (own, repository) = match given.contains("://") {
        true => {
            let path = given.split(['?', '#']).next().unwrap_or_default();
            if path != given {
                bail!("{given}: the address of a model directory has no ? and no #");
            }
            (path.rsplit('/').next().unwrap_or_default(), None)
        }
        false => {
            let repository = Repository::model(given)?;
            (
                given.rsplit('/').next().unwrap_or_default(),
                Some(repository),
            )
        }
    };
    let plain = |c: char| c.is_ascii_alphanumeric() || "-_.".contains(c);
    if args.output.is_none() && (own.is_empty() || own.starts_with('.') || !own.chars().all(plain))
    {
        bail!("{given}: its last part is no name for a model; --output names a directory");
    }
    Ok((own.into(), repository))
}

impl Source {
    fn file(&self, name: &str) -> Wanted {
        match self {
            Self::Repository {
                repository, commit, ..
            } => Wanted::of(repository, commit, name),
            Self::Address(address) => Wanted::at(format!("{address}/{name}")),
        }
    }

    /// A file of it, for people.
    fn place(&self, name: &str) -> String {
        match self {
            Self::Repository {
                repository, commit, ..
            } => format!("{repository} at {commit}: {name}"),
            Self::Address(address) => format!("{address}/{name}"),
        }
    }

    /// What is known of its origin and its licences.
    fn provenance(
        &self,
        hub: &Hub,
        see: &mut dyn FnMut(flowinone_hub::Event<'_>),
    ) -> Result<Provenance> {
        let mut known = Provenance::default();
        if let Self::Repository {
            licence,
            with_provenance,
            ..
        } = self
        {
            if *with_provenance {
                let (text, _) = hub.read(&self.file("provenance.json"), MAX_JSON, see)?;
                let place = || format!("{}: damaged", self.place("provenance.json"));
                known = serde_json::from_slice(&text).with_context(place)?;
            }
            if known.licences.is_empty() {
                known.licences = licence
                    .iter()
                    .map(|name| LicenceNote {
                        name: name.clone(),
                        address: None,
                    })
                    .collect();
            }
        }
        let own = match self {
            Self::Repository {
                repository, commit, ..
            } => format!("{repository} at {commit}"),
            Self::Address(address) => address.clone(),
        };
        known.files.insert(0, own);
        Ok(known)
    }
}
