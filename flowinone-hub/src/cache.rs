//! The cache of the Hub's own tools, which is read and never written:
//! `models--OWNER--NAME/blobs/ETAG`, `refs/BRANCH`, `snapshots/COMMIT/PATH`.

use std::path::{Path, PathBuf};

use crate::reply::is_commit;
use crate::repository::{Repository, is_sha256};

/// The cache's folder, if there is one.
#[derive(Debug, Clone)]
pub(crate) struct Cache(Option<PathBuf>);

impl Cache {
    pub(crate) fn new(folder: Option<PathBuf>) -> Self {
        Self(folder.filter(|folder| folder.is_dir()))
    }

    fn folder(&self, repository: &Repository) -> Option<PathBuf> {
        Some(self.0.as_ref()?.join(repository.folder()))
    }

    /// A file by its digest.
    pub(crate) fn blob(&self, repository: &Repository, sha256: &str) -> Option<PathBuf> {
        let path = self.folder(repository)?.join("blobs").join(sha256);
        (is_sha256(sha256) && path.is_file()).then_some(path)
    }

    /// The commit that a revision stood for when it was last asked for.
    pub(crate) fn commit(&self, repository: &Repository, revision: &str) -> Option<String> {
        if is_commit(revision) {
            return Some(revision.into());
        }
        if !is_below(Path::new(revision)) {
            return None;
        }
        let file = self.folder(repository)?.join("refs").join(revision);
        let text = std::fs::read_to_string(file).ok()?;
        Some(text.trim().to_string()).filter(|commit| is_commit(commit))
    }

    /// A file of a revision.
    pub(crate) fn file(&self, repo: &Repository, revision: &str, path: &str) -> Option<PathBuf> {
        let commit = self.commit(repo, revision)?;
        let folder = self.folder(repo)?.join("snapshots").join(commit);
        let file = is_below(Path::new(path)).then(|| folder.join(path))?;
        let blob = std::fs::canonicalize(file).ok()?;
        blob.is_file().then_some(blob)
    }

    /// The paths of all files of a revision.
    pub(crate) fn paths(&self, repository: &Repository, revision: &str) -> Option<Vec<String>> {
        let commit = self.commit(repository, revision)?;
        let root = self.folder(repository)?.join("snapshots").join(commit);
        let mut found = vec![];
        let mut folders = vec![root.clone()];
        while let Some(folder) = folders.pop() {
            for entry in std::fs::read_dir(folder).ok()?.flatten() {
                let path = entry.path();
                match entry.file_type().is_ok_and(|kind| kind.is_dir()) {
                    true => folders.push(path),
                    false => {
                        let below = path.strip_prefix(&root).ok()?.to_str()?;
                        found.push(below.replace('\\', "/"));
                    }
                }
            }
        }
        found.sort();
        Some(found)
    }
}

/// The digest of a file of the cache, if its name is one.
pub(crate) fn digest_in_name(path: &Path) -> Option<String> {
    let name = path.file_name()?.to_str()?;
    is_sha256(name).then(|| name.to_string())
}

/// Whether a path stays below the folder that it is joined to.
pub(crate) fn is_below(path: &Path) -> bool {
    let plain = |part| matches!(part, std::path::Component::Normal(_));
    path.components().next().is_some() && path.components().all(plain)
}
