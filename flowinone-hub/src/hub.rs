//! The Hub: small files and lists into memory, large files into a folder.

use std::io::Read;
use std::path::{Path, PathBuf};
use std::thread::sleep;

use flowinone_files::sha256;
use serde::Deserialize;

use crate::address::encoded;
use crate::cache::{Cache, digest_in_name, is_below};
use crate::client::Client;
use crate::part::part;
use crate::refusal::Fault;
use crate::reply::Facts;
use crate::repository::{Kind, Place, is_sha256};
use crate::transfer::{Transfer, is_there, pause};
use crate::{Environment, Error, Event, Patience, Repository, Wanted};

/// Largest list of a repository's files that is read, in bytes.
const MAX_LIST: u64 = 64 << 20;

/// A Hub, and who asks it.
pub struct Hub {
    environment: Environment,
    patience: Patience,
    client: Client,
    cache: Cache,
}

/// A file whose size and digest are known.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Found {
    /// What was wanted.
    pub wanted: Wanted,
    /// Its size in bytes.
    pub bytes: u64,
    /// Its SHA-256, lower-case hexadecimal.
    pub sha256: String,
    /// Where the cache of the Hub's own tools has it.
    pub cached: Option<PathBuf>,
}

/// The files of a repository at one commit.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Listing {
    /// The commit.
    pub commit: String,
    /// The licence that its card names, as the Hub abbreviates it.
    pub licence: Option<String>,
    /// Its files.
    pub files: Vec<Listed>,
}

/// A file of a list.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Listed {
    /// Its path in the repository.
    pub path: String,
    /// Its size in bytes, if the list says it.
    pub bytes: Option<u64>,
    /// Its SHA-256, which is known of large files.
    pub sha256: Option<String>,
}

impl Hub {
    /// A Hub that is asked as the environment says.
    pub fn new(environment: Environment, patience: Patience) -> Self {
        Self {
            client: Client::new(&environment, &patience),
            cache: environment.cache(),
            environment,
            patience,
        }
    }

    /// What people have set.
    pub fn environment(&self) -> &Environment {
        &self.environment
    }

    /// The address of a file.
    pub fn address(&self, wanted: &Wanted) -> String {
        match &wanted.place {
            Place::Address(address) => address.clone(),
            Place::Hub {
                repository,
                revision,
                path,
            } => {
                let page = repository.page(&self.environment.endpoint);
                let revision = encoded(revision).replace('/', "%2F");
                format!("{page}/resolve/{revision}/{}", encoded(path))
            }
        }
    }

    /// Reads a file of at most `most` bytes into memory, and what the Hub says of it.
    ///
    /// # Errors
    /// What the server says, and what to do; a longer file; offline, any file of which the cache
    /// has none.
    pub fn read(
        &self,
        wanted: &Wanted,
        most: u64,
        see: &mut dyn FnMut(Event<'_>),
    ) -> Result<(Vec<u8>, Facts), Error> {
        let address = self.address(wanted);
        if self.environment.offline {
            return self.cached_text(wanted, most);
        }
        self.persist(&address, see, || {
            let mut reply = self.client.get(&address, 0)?;
            let mut bytes = vec![];
            let read = reply
                .body
                .as_reader()
                .take(most + 1)
                .read_to_end(&mut bytes);
            read.map_err(|e| Fault::passing(format!("it broke off: {e}")))?;
            match bytes.len() as u64 > most {
                true => Err(Fault::last(
                    &address,
                    format!("it has more than {most} bytes"),
                )),
                false => Ok((bytes, reply.facts)),
            }
        })
    }

    /// Lists the files of a repository.
    ///
    /// # Errors
    /// What the server says, and what to do; offline, a repository of which the cache has none.
    pub fn list(
        &self,
        repository: &Repository,
        revision: &str,
        see: &mut dyn FnMut(Event<'_>),
    ) -> Result<Listing, Error> {
        if self.environment.offline {
            return self.cached_list(repository, revision);
        }
        let endpoint = &self.environment.endpoint;
        let kind = match repository.kind() {
            Kind::Model => "models",
            Kind::Dataset => "datasets",
        };
        let revision = encoded(revision).replace('/', "%2F");
        let address = format!("{endpoint}/api/{kind}/{repository}/revision/{revision}?blobs=true");
        let (text, _) = self.read(&Wanted::at(&address), MAX_LIST, see)?;
        let answer: Answer = serde_json::from_slice(&text).map_err(|e| {
            Error::server(
                &address,
                format!("it is no list of a repository's files: {e}"),
            )
        })?;
        let files = answer
            .siblings
            .into_iter()
            .filter(|file| is_below(Path::new(&file.path)));
        let listed = |file: Sibling| Listed {
            sha256: file.lfs.as_ref().map(|lfs| lfs.sha256.to_ascii_lowercase()),
            bytes: file.lfs.map_or(file.size, |lfs| Some(lfs.size)),
            path: file.path,
        };
        Ok(Listing {
            commit: answer.sha,
            licence: answer.card.and_then(|card| match card.licence {
                Some(serde_json::Value::String(name)) => Some(name),
                _ => None,
            }),
            files: files.map(listed).collect(),
        })
    }

    /// What a file is: as it is known, as the Hub says, or offline as the cache has it.
    ///
    /// # Errors
    /// What the server says, and what to do; a file that the Hub knows no SHA-256 of.
    pub fn look(&self, wanted: &Wanted, see: &mut dyn FnMut(Event<'_>)) -> Result<Found, Error> {
        let (bytes, digest) = match (wanted.bytes, &wanted.sha256) {
            (Some(bytes), Some(digest)) => (bytes, digest.clone()),
            _ if self.environment.offline => return self.cached_file(wanted),
            (bytes, digest) => {
                let address = self.address(wanted);
                let facts = self.persist(&address, see, || self.client.head(&address))?;
                let digest = digest.clone().or(facts.sha256);
                let (Some(bytes), Some(digest)) = (bytes.or(facts.bytes), digest) else {
                    let reason = "the server says neither size nor SHA-256 of it (X-Linked-Size, X-Linked-Etag), by which a download is checked";
                    return Err(Error::server(&address, reason));
                };
                (bytes, digest)
            }
        };
        if !is_sha256(&digest) {
            return Err(Error::Setting(format!("{digest:?} is no SHA-256")));
        }
        let cached = match &wanted.place {
            Place::Hub { repository, .. } => self.cache.blob(repository, &digest),
            Place::Address(_) => None,
        };
        let whole = |path: &PathBuf| path.metadata().is_ok_and(|there| there.len() == bytes);
        Ok(Found {
            wanted: wanted.clone(),
            bytes,
            sha256: digest,
            cached: cached.filter(whole),
        })
    }

    /// How many bytes of a file are still to come into a folder.
    pub fn missing(&self, found: &Found, folder: &Path) -> u64 {
        let whole =
            found.cached.is_some() || size(&folder.join(found.wanted.name())) == found.bytes;
        match whole {
            true => 0,
            false => found
                .bytes
                .saturating_sub(size(&part(folder, &found.sha256))),
        }
    }

    /// Brings a file into a folder, or finds it in the cache of the Hub's own tools, and says where
    /// it is. Its SHA-256 is right.
    ///
    /// # Errors
    /// What the server says, and what to do; what came is kept for the next run. Other bytes than
    /// those of the file are not.
    pub fn fetch(
        &self,
        found: &Found,
        folder: &Path,
        see: &mut dyn FnMut(Event<'_>),
    ) -> Result<PathBuf, Error> {
        let name = found.wanted.name();
        if name.is_empty() || !is_below(Path::new(name)) {
            return Err(Error::Setting(format!("{name:?} is no name for a file")));
        }
        let own = folder.join(name);
        for path in found.cached.iter().chain([&own]) {
            if is_there(path, found.bytes, &found.sha256, see)? {
                see(Event::Kept { name, path });
                return Ok(path.clone());
            }
        }
        let address = self.address(&found.wanted);
        if self.environment.offline && size(&part(folder, &found.sha256)) < found.bytes {
            return Err(Error::Offline(format!(
                "{address} is neither in {} nor in the Hub's cache",
                folder.display()
            )));
        }
        let transfer = Transfer {
            client: &self.client,
            patience: &self.patience,
            address: &address,
            name,
            bytes: found.bytes,
            sha256: &found.sha256,
        };
        transfer.run(folder, see)
    }

    /// Asks until there is an answer, patience ends, or it will not help.
    fn persist<T>(
        &self,
        address: &str,
        see: &mut dyn FnMut(Event<'_>),
        mut ask: impl FnMut() -> Result<T, Fault>,
    ) -> Result<T, Error> {
        let name = crate::address::shown(address);
        let mut failures = 0;
        loop {
            let fault = match ask() {
                Ok(answer) => return Ok(answer),
                Err(fault) => fault,
            };
            let tell = |reason: &str, wait| see(Event::Waiting { name, reason, wait });
            sleep(pause(&self.patience, address, failures, fault, tell)?);
            failures += 1;
        }
    }

    fn in_cache(&self, wanted: &Wanted) -> Result<PathBuf, Error> {
        let path = match &wanted.place {
            Place::Hub {
                repository,
                revision,
                path,
            } => self.cache.file(repository, revision, path),
            Place::Address(_) => None,
        };
        let address = self.address(wanted);
        path.ok_or_else(|| Error::Offline(format!("{address} is not in the Hub's cache")))
    }

    fn cached_text(&self, wanted: &Wanted, most: u64) -> Result<(Vec<u8>, Facts), Error> {
        let path = self.in_cache(wanted)?;
        let size = path
            .metadata()
            .map_err(flowinone_files::Error::of("read", &path))?
            .len();
        if size > most {
            let reason = format!("it has {size} bytes, more than {most}");
            return Err(Error::Content { path, reason });
        }
        let commit = match &wanted.place {
            Place::Hub {
                repository,
                revision,
                ..
            } => self.cache.commit(repository, revision),
            Place::Address(_) => None,
        };
        let bytes = std::fs::read(&path).map_err(flowinone_files::Error::of("read", &path))?;
        let facts = Facts {
            commit,
            ..Facts::default()
        };
        Ok((bytes, facts))
    }

    fn cached_file(&self, wanted: &Wanted) -> Result<Found, Error> {
        let path = self.in_cache(wanted)?;
        let bytes = path
            .metadata()
            .map_err(flowinone_files::Error::of("read", &path))?
            .len();
        let digest = wanted.sha256.clone().or_else(|| digest_in_name(&path));
        let digest = match digest {
            Some(digest) => digest,
            None => sha256(&path)?,
        };
        Ok(Found {
            wanted: wanted.clone(),
            bytes,
            sha256: digest,
            cached: Some(path),
        })
    }

    fn cached_list(&self, repository: &Repository, revision: &str) -> Result<Listing, Error> {
        let commit = self.cache.commit(repository, revision);
        let paths = self.cache.paths(repository, revision);
        let (Some(commit), Some(paths)) = (commit, paths) else {
            return Err(Error::Offline(format!(
                "{repository} at {revision} is not in the Hub's cache"
            )));
        };
        let listed = |path| Listed {
            path,
            bytes: None,
            sha256: None,
        };
        Ok(Listing {
            commit,
            licence: None,
            files: paths.into_iter().map(listed).collect(),
        })
    }
}

/// Bytes of a file; 0 if it is not there.
fn size(path: &Path) -> u64 {
    path.metadata().map_or(0, |there| there.len())
}

#[derive(Deserialize)]
struct Answer {
    sha: String,
    #[serde(rename = "cardData")]
    card: Option<Card>,
    siblings: Vec<Sibling>,
}

#[derive(Deserialize)]
struct Card {
    #[serde(rename = "license")]
    licence: Option<serde_json::Value>,
}

#[derive(Deserialize)]
struct Sibling {
    #[serde(rename = "rfilename")]
    path: String,
    size: Option<u64>,
    lfs: Option<Lfs>,
}

#[derive(Deserialize)]
struct Lfs {
    sha256: String,
    size: u64,
}
