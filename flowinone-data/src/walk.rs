//! Every sample of shards or of a folder once, in the order of their names, with its bytes as they
//! are: for looking at data and for moving it from one layout to the other.

use std::path::{Path, PathBuf};

use super::damage::Damage;
use super::folder::{Files, listed};
use super::shard::Shard;
use super::{Error, Example, Sample, shards};

/// One pass over files in order.
pub struct Walk {
    name: String,
    layout: Layout,
    place: Place,
    /// Where the last sample lies, in words.
    last: String,
    tolerance: f64,
    damage: Damage,
}

/// How samples lie on the disk.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Layout {
    /// In so many `WebDataset` shards.
    Shards(usize),
    /// As single files in `input/` and `output/`.
    Folder,
}

enum Place {
    Shards {
        rest: std::vec::IntoIter<PathBuf>,
        open: Option<(PathBuf, Shard)>,
        opened: u64,
    },
    Folder(std::vec::IntoIter<Files>),
}

impl Walk {
    /// Opens shards (a `.tar` file, or a folder of them) or a folder with `input/` and `output/`,
    /// whichever `path` is; of samples, and of shards, the share `tolerance` may be damaged.
    ///
    /// # Errors
    /// It is neither, it holds no sample, or `tolerance` is not between 0 and 1.
    pub fn open(path: impl AsRef<Path>, tolerance: f64) -> Result<Self, Error> {
        let path = path.as_ref();
        if !(0.0..=1.0).contains(&tolerance) {
            let reason = format!("a tolerance of {tolerance}; expected a share from 0 to 1");
            return Err(Error::Config(reason));
        }
        let (layout, place) = match path.join("input").is_dir() {
            true => {
                let files = listed(path)?;
                if files.is_empty() {
                    return Err(Error::layout(path, "its folder input/ holds no pictures"));
                }
                (Layout::Folder, Place::Folder(files.into_iter()))
            }
            false => {
                let found = shards(path)?;
                if found.is_empty() {
                    let reason = "it holds neither .tar shards nor the folders input/ and output/";
                    return Err(Error::layout(path, reason));
                }
                let place = Place::Shards {
                    open: None,
                    opened: 0,
                    rest: found.clone().into_iter(),
                };
                (Layout::Shards(found.len()), place)
            }
        };
        Ok(Self {
            name: path.display().to_string(),
            layout,
            place,
            last: String::new(),
            tolerance,
            damage: Damage::default(),
        })
    }

    /// How the samples lie.
    pub fn layout(&self) -> Layout {
        self.layout
    }

    /// What was skipped so far.
    pub fn damage(&self) -> &Damage {
        &self.damage
    }

    /// The next sample whose files are all there; its pictures were not looked at.
    ///
    /// # Errors
    /// More is damaged than was allowed.
    pub fn next_sample(&mut self) -> Result<Option<Sample>, Error> {
        loop {
            let (place, sample) = match &mut self.place {
                Place::Folder(files) => match files.next() {
                    Some(files) => (format!("{}, {}", self.name, files.key), files.read()),
                    None => return Ok(None),
                },
                Place::Shards { rest, open, opened } => {
                    let (path, mut shard) = match open.take() {
                        Some(open) => open,
                        None => {
                            let Some(path) = rest.next() else {
                                return Ok(None);
                            };
                            *opened += 1;
                            match Shard::open(&path, 0) {
                                Ok(shard) => (path, shard),
                                Err(reason) => {
                                    let opened = *opened;
                                    self.bad_shard(&path, &reason, opened)?;
                                    continue;
                                }
                            }
                        }
                    };
                    match shard.next() {
                        Ok(None) => continue,
                        Ok(Some(found)) => {
                            let place = format!("{}, {}", path.display(), found.key);
                            *open = Some((path, shard));
                            (place, found.sample)
                        }
                        Err(reason) => {
                            let opened = *opened;
                            self.bad_shard(&path, &reason, opened)?;
                            continue;
                        }
                    }
                }
            };
            self.damage.seen += 1;
            self.last = place;
            match sample {
                Ok(sample) => return Ok(Some(sample)),
                Err(reason) => self.bad(&reason)?,
            }
        }
    }

    /// The sample given last with its pictures decoded; `None`, and counted, if one cannot be used.
    ///
    /// # Errors
    /// More is damaged than was allowed.
    pub fn decode(&mut self, sample: &Sample) -> Result<Option<Example>, Error> {
        match sample.decode(&self.name) {
            Ok(example) => Ok(Some(example)),
            Err(reason) => {
                self.bad(&reason)?;
                Ok(None)
            }
        }
    }

    fn bad(&mut self, reason: &str) -> Result<(), Error> {
        let named = format!("{}: {reason}", self.last);
        self.damage.sample(&self.name, named, self.tolerance)
    }

    fn bad_shard(&mut self, path: &Path, reason: &str, opened: u64) -> Result<(), Error> {
        let named = format!("{}: {reason}", path.display());
        let Self { name, damage, .. } = self;
        damage.shard(name, named, opened, self.tolerance)
    }
}
