//! What lies on the Hub: repositories of models and data sets, and files in them.

use std::fmt;

use crate::Error;

/// What a repository holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// A model.
    Model,
    /// A data set.
    Dataset,
}

/// A repository of the Hub, `OWNER/NAME`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Repository {
    kind: Kind,
    name: String,
}

impl Repository {
    /// A repository of a model.
    ///
    /// # Errors
    /// A name that is not `OWNER/NAME`.
    pub fn model(name: &str) -> Result<Self, Error> {
        Self::new(Kind::Model, name)
    }

    /// A repository of a data set.
    ///
    /// # Errors
    /// A name that is not `OWNER/NAME`.
    pub fn dataset(name: &str) -> Result<Self, Error> {
        Self::new(Kind::Dataset, name)
    }

    fn new(kind: Kind, name: &str) -> Result<Self, Error> {
        let plain = |part: &str| {
            let known = |c: char| c.is_ascii_alphanumeric() || "-_.".contains(c);
            !part.is_empty() && part.chars().all(known) && !part.starts_with('.')
        };
        match name.split('/').collect::<Vec<_>>()[..] {
            [owner, own] if plain(owner) && plain(own) => Ok(Self {
                kind,
                name: name.into(),
            }),
            _ => Err(Error::Setting(format!(
                "{name:?} is no repository of the Hub, whose names are OWNER/NAME"
            ))),
        }
    }

    /// What it holds.
    pub fn kind(&self) -> Kind {
        self.kind
    }

    /// `OWNER/NAME`.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Its address below an endpoint: where its page is, and its files begin.
    pub fn page(&self, endpoint: &str) -> String {
        match self.kind {
            Kind::Model => format!("{endpoint}/{}", self.name),
            Kind::Dataset => format!("{endpoint}/datasets/{}", self.name),
        }
    }

    /// The folder of the Hub's own cache that it has.
    pub(crate) fn folder(&self) -> String {
        let kind = match self.kind {
            Kind::Model => "models",
            Kind::Dataset => "datasets",
        };
        format!("{kind}--{}", self.name.replace('/', "--"))
    }
}

impl fmt::Display for Repository {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.name)
    }
}

/// A file of a repository or of a web server, and what it must be.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Wanted {
    /// Where it is.
    pub place: Place,
    /// Its size in bytes, if that is known.
    pub bytes: Option<u64>,
    /// Its SHA-256 in lower-case hexadecimal, if that is known.
    pub sha256: Option<String>,
}

/// Where a file is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Place {
    /// In a repository of the Hub.
    Hub {
        /// The repository.
        repository: Repository,
        /// A commit, a branch or a tag.
        revision: String,
        /// Its path there.
        path: String,
    },
    /// At an address of its own.
    Address(String),
}

impl Wanted {
    /// A file of a repository of which nothing else is known.
    pub fn of(repository: &Repository, revision: &str, path: &str) -> Self {
        Self {
            place: Place::Hub {
                repository: repository.clone(),
                revision: revision.into(),
                path: path.into(),
            },
            bytes: None,
            sha256: None,
        }
    }

    /// A file at an address of which nothing else is known.
    pub fn at(address: impl Into<String>) -> Self {
        Self {
            place: Place::Address(address.into()),
            bytes: None,
            sha256: None,
        }
    }

    /// The same of which size and digest are known.
    #[must_use]
    pub fn known(self, bytes: u64, sha256: &str) -> Self {
        Self {
            bytes: Some(bytes),
            sha256: Some(sha256.to_ascii_lowercase()),
            ..self
        }
    }

    /// Its name without folders.
    pub fn name(&self) -> &str {
        let path = match &self.place {
            Place::Hub { path, .. } => path,
            Place::Address(address) => crate::address::shown(address),
        };
        path.rsplit('/').next().unwrap_or_default()
    }
}

/// Whether a text is a SHA-256 in hexadecimal digits.
pub(crate) fn is_sha256(text: &str) -> bool {
    text.len() == 64 && text.bytes().all(|byte| byte.is_ascii_hexdigit())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_of_repositories_are_checked_and_never_paths() {
        let model = Repository::model("CSU-JPG/FlowInOne").unwrap();
        assert_eq!(model.page("https://h"), "https://h/CSU-JPG/FlowInOne");
        assert_eq!(model.folder(), "models--CSU-JPG--FlowInOne");
        let data = Repository::dataset("a/b.c").unwrap();
        assert_eq!(data.page("https://h"), "https://h/datasets/a/b.c");
        assert_eq!(data.folder(), "datasets--a--b.c");
        for bad in [
            "", "a", "a/b/c", "a/", "/b", "../b", "a/..", "a b/c", "a/b?x",
        ] {
            assert!(Repository::model(bad).is_err(), "{bad}");
        }
    }
}
