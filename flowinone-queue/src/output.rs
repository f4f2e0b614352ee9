//! Where pictures go: a folder, or with the feature `cloud` a store of objects. A picture appears
//! there under its name whole or not at all.

use std::path::PathBuf;

use flowinone_files::{make_parent, tidy, writable, write_atomically};

use crate::Error;
#[cfg(feature = "cloud")]
use crate::store::Store;

/// Where pictures go.
#[derive(Debug)]
pub enum Output {
    /// A folder.
    Folder(PathBuf),
    /// Objects in a bucket or container.
    #[cfg(feature = "cloud")]
    Store(Store),
}

impl Output {
    /// A folder by its path, or `s3://BUCKET/PREFIX`, `gs://BUCKET/PREFIX`, `az://CONTAINER/PREFIX`
    /// with the credentials that the environment holds. That it can be written to is tried.
    ///
    /// # Errors
    /// A place that cannot be written to, or one of a kind that is not built in.
    pub fn open(place: &str) -> Result<Self, Error> {
        if ["s3:", "gs:", "az:"].iter().any(|scheme| {
            place
                .strip_prefix(scheme)
                .is_some_and(|rest| !rest.starts_with("//"))
        }) {
            return Err(Error::Output {
                place: place.into(),
                reason: "it is neither a folder nor an address; write s3://BUCKET/PREFIX".into(),
            });
        }
        match place.split_once("://") {
            None | Some(("file", _)) => {
                let folder = PathBuf::from(place.strip_prefix("file://").unwrap_or(place));
                if folder.is_file() {
                    return Err(Error::Output {
                        place: place.into(),
                        reason: "it is a file, not a directory".into(),
                    });
                }
                writable(folder.join(".work"))?;
                tidy(&folder);
                Ok(Self::Folder(folder))
            }
            #[cfg(feature = "cloud")]
            Some(_) => Ok(Self::Store(Store::open(place)?)),
            #[cfg(not(feature = "cloud"))]
            Some(_) => Err(Error::Output {
                place: place.into(),
                reason: "this program writes into folders only; build it with --features queue-cloud for s3://, gs:// and az://".into(),
            }),
        }
    }

    /// How the place of a picture is written.
    pub fn place(&self, name: &str) -> String {
        match self {
            Self::Folder(folder) => folder.join(name).display().to_string(),
            #[cfg(feature = "cloud")]
            Self::Store(store) => store.place(name),
        }
    }

    /// Whether something is there under a name.
    ///
    /// # Errors
    /// Names the place that cannot be looked at.
    pub fn has(&self, name: &str) -> Result<bool, Error> {
        match self {
            Self::Folder(folder) => {
                let path = folder.join(name);
                Ok(path
                    .try_exists()
                    .map_err(flowinone_files::Error::of("look for", path))?)
            }
            #[cfg(feature = "cloud")]
            Self::Store(store) => store.has(name),
        }
    }

    /// The bytes of a picture that is there.
    ///
    /// # Errors
    /// Names the picture that cannot be read.
    pub fn read(&self, name: &str) -> Result<Vec<u8>, Error> {
        match self {
            Self::Folder(folder) => {
                let path = folder.join(name);
                Ok(std::fs::read(&path).map_err(flowinone_files::Error::of("read", path))?)
            }
            #[cfg(feature = "cloud")]
            Self::Store(store) => store.read(name),
        }
    }

    /// Writes a picture, over one that may be there.
    ///
    /// # Errors
    /// Names the picture that cannot be written.
    pub fn write(&self, name: &str, bytes: &[u8]) -> Result<(), Error> {
        match self {
            Self::Folder(folder) => {
                let path = folder.join(name);
                make_parent(&path)?;
                Ok(write_atomically(path, bytes)?)
            }
            #[cfg(feature = "cloud")]
            Self::Store(store) => store.write(name, bytes),
        }
    }
}
