//! Files into the workplace beside a target, and from there into the target at once.

use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail};
use flowinone_hub::{Event, Found, Hub, Place, Workplace, available};

use super::is_there;
use super::watch::Watch;
use crate::bytes::bytes;

/// The directory that becomes the target.
const MADE: &str = "made";

/// What is fetched for one target.
pub(crate) struct Fetching<'a> {
    pub(crate) hub: &'a Hub,
    pub(crate) target: &'a Path,
    pub(crate) files: Vec<Found>,
    /// Bytes that are written besides what is fetched.
    pub(crate) written: u64,
}

impl<'a> Fetching<'a> {
    /// Of files that make the target as they are: what lies in the Hub's cache is copied.
    pub(crate) fn as_they_are(hub: &'a Hub, target: &'a Path, files: Vec<Found>) -> Self {
        let copied = files.iter().filter(|file| file.cached.is_some());
        Self {
            hub,
            target,
            written: copied.map(|file| file.bytes).sum(),
            files,
        }
    }
}

impl Fetching<'_> {
    /// Tells files and bytes, and what else is written.
    pub(crate) fn plan(&self, written: &str) {
        let place = self.place();
        let mut missing = 0;
        for file in &self.files {
            let left = self.hub.missing(file, &folder_of(&place, file));
            missing += left;
            let state = match (&file.cached, left) {
                (Some(path), _) => format!("in the Hub's cache ({})", path.display()),
                (None, 0) => "here already".into(),
                (None, left) if left < file.bytes => format!("{left} bytes to fetch"),
                (None, _) => "to fetch".into(),
            };
            let source = match &file.wanted.place {
                Place::Hub {
                    repository,
                    revision,
                    path,
                } => format!("{repository} at {revision}: {path}"),
                Place::Address(address) => address.clone(),
            };
            out!(
                "{}\t{} bytes\t{state}\t{source}",
                file.wanted.name(),
                file.bytes
            );
        }
        let free = match available(self.target) {
            Some(free) => format!("; free there: {}", bytes(free)),
            None => String::new(),
        };
        let written = match self.written {
            0 => String::new(),
            count => format!("; to write{written}: {}", bytes(count)),
        };
        out!(
            "to fetch: {missing} bytes ({}){written}; to {}{free}",
            bytes(missing),
            self.target.display()
        );
    }

    /// Fetches, makes the target of the files by `make`, and puts it in its place; `make` gets
    /// where each file is, and the directory to write, which is not there yet. Whether it was
    /// there already.
    pub(crate) fn run(&self, make: impl FnOnce(&[PathBuf], &Path) -> Result<()>) -> Result<bool> {
        let mut watch = Watch::default();
        let workplace = Workplace::of(self.target, &mut |event| watch.see(event))?;
        // Another process may have brought it meanwhile.
        if is_there(self.target) {
            workplace.leave();
            return Ok(true);
        }
        let result = self.fill(&workplace, &mut |event| watch.see(event), make);
        watch.finish();
        match result {
            Ok(()) => {
                workplace.clear()?;
                Ok(false)
            }
            Err(error) => {
                workplace.leave();
                Err(error)
            }
        }
    }

    fn fill(
        &self,
        workplace: &Workplace,
        see: &mut dyn FnMut(Event<'_>),
        make: impl FnOnce(&[PathBuf], &Path) -> Result<()>,
    ) -> Result<()> {
        let made = workplace.path().join(MADE);
        // Of a run that was killed while it wrote.
        if made.exists() {
            std::fs::remove_dir_all(&made)
                .with_context(|| format!("cannot remove {}", made.display()))?;
        }
        flowinone_files::tidy(workplace.path());
        self.check_space(workplace.path())?;
        let mut paths = vec![];
        for file in &self.files {
            let folder = folder_of(workplace.path(), file);
            std::fs::create_dir_all(&folder)
                .with_context(|| format!("cannot create {}", folder.display()))?;
            paths.push(self.hub.fetch(file, &folder, see)?);
        }
        make(&paths, &made)?;
        // An empty directory may be in the way.
        let _ = std::fs::remove_dir(self.target);
        std::fs::rename(&made, self.target)
            .with_context(|| format!("cannot write {}", self.target.display()))
    }

    /// Refuses what will not fit, before it begins.
    fn check_space(&self, place: &Path) -> Result<()> {
        let missing: u64 = self
            .files
            .iter()
            .map(|file| self.hub.missing(file, &folder_of(place, file)))
            .sum();
        let needed = missing + self.written;
        match available(place) {
            Some(free) if free < needed => bail!(
                "{} are needed ({} to fetch, {} to write), and {} are free where {} lies; make room, or name another disk by --output",
                bytes(needed),
                bytes(missing),
                bytes(self.written),
                bytes(free),
                self.target.display()
            ),
            _ => Ok(()),
        }
    }

    fn place(&self) -> PathBuf {
        let name = self
            .target
            .file_name()
            .unwrap_or_default()
            .to_string_lossy();
        self.target.with_file_name(format!(".{name}.pull"))
    }
}

/// The folder of a file in the workplace: names of files may be the same, digests are not.
fn folder_of(workplace: &Path, file: &Found) -> PathBuf {
    workplace.join(&file.sha256)
}

/// Brings a fetched file into the directory that is made: linked, so that two places may have it,
/// or copied where there are no links. A file of the Hub's cache is always copied.
pub(crate) fn place(file: &Found, path: &Path, to: &Path) -> Result<()> {
    let context = || format!("cannot write {}", to.display());
    if let Some(folder) = to.parent() {
        std::fs::create_dir_all(folder).with_context(context)?;
    }
    let linked = file.cached.as_deref() != Some(path) && std::fs::hard_link(path, to).is_ok();
    match linked {
        true => Ok(()),
        false => std::fs::copy(path, to).map(|_| ()).with_context(context),
    }
}
