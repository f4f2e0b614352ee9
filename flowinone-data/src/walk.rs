//! Every sample of shards or of a folder once, in the order of their names, with its bytes as they
//! are: for looking at data and for moving it from one layout to the other.

use std::path::{Path, PathBuf};

use super::damage::Damage;
use super::files::{Files, Listed, listed};
use super::shard::{Shard, shards_and_others};
use super::{Error, Example, Sample};

/// One pass over files in order.
pub struct Walk {
    name: String,
    layout: Layout,
    place: Place,
    /// Where the last sample lies, in words.
    last: String,
    tolerance: f64,
    /// Samples and shards in all, as far as that is known before the end.
    total: Option<u64>,
    shards: u64,
    damage: Damage,
    left_out: Vec<String>,
}

/// How samples lie on the disk.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Layout {
    /// In this number of `WebDataset` shards.
    Shards(usize),
    /// As single files in `input/` and `output/`.
    Folder,
}

enum Place {
    Shards {
        rest: std::vec::IntoIter<PathBuf>,
        open: Option<(PathBuf, Shard)>,
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
        let (layout, place, left_out) = match path.join("input").is_dir() {
            true => {
                let Listed { samples, left_out } = listed(path)?;
                if samples.is_empty() {
                    return Err(Error::layout(path, "its folder input/ holds no pictures"));
                }
                (Layout::Folder, Place::Folder(samples.into_iter()), left_out)
            }
            false => {
                let (found, others) = shards_and_others(path)?;
                if found.is_empty() {
                    let reason = "it holds neither .tar shards nor the folders input/ and output/";
                    return Err(Error::layout(path, reason));
                }
                let layout = Layout::Shards(found.len());
                let place = Place::Shards {
                    open: None,
                    rest: found.into_iter(),
                };
                let other = |path: PathBuf| format!("{}: no shard", path.display());
                (layout, place, others.into_iter().map(other).collect())
            }
        };
        let (total, shards) = match (&place, layout) {
            (Place::Folder(files), _) => (Some(files.len() as u64), 0),
            (_, Layout::Shards(count)) => (None, count as u64),
            (_, Layout::Folder) => (None, 0),
        };
        Ok(Self {
            name: path.display().to_string(),
            layout,
            place,
            last: String::new(),
            tolerance,
            total,
            shards,
            damage: Damage::default(),
            left_out,
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

    /// Files that belong to no sample or are not used, each with the reason.
    pub fn left_out(&self) -> &[String] {
        &self.left_out
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
                    None => return self.end(),
                },
                Place::Shards { rest, open } => {
                    let (path, mut shard) = match open.take() {
                        Some(open) => open,
                        None => {
                            let Some(path) = rest.next() else {
                                return self.end();
                            };
                            match Shard::open(&path, 0) {
                                Ok(shard) => (path, shard),
                                Err(reason) => {
                                    self.bad_shard(&path, &reason)?;
                                    continue;
                                }
                            }
                        }
                    };
                    match shard.next() {
                        Ok(None) => continue,
                        Ok(Some(found)) => {
                            let place = format!("{}, {}", path.display(), found.key);
                            let unused = |end: &String| format!("{place}: {end} is not used");
                            self.left_out.extend(found.left_out.iter().map(unused));
                            *open = Some((path, shard));
                            (place, found.sample)
                        }
                        Err(reason) => {
                            self.bad_shard(&path, &reason)?;
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

    /// Nothing comes any more: now it is known how many samples there were.
    fn end(&mut self) -> Result<Option<Sample>, Error> {
        self.total = Some(self.damage.seen);
        self.check()?;
        Ok(None)
    }

    fn bad(&mut self, reason: &str) -> Result<(), Error> {
        let named = format!("{}: {reason}", self.last);
        self.damage.sample(&self.last, named);
        self.check()
    }

    fn bad_shard(&mut self, path: &Path, reason: &str) -> Result<(), Error> {
        let path = path.display().to_string();
        self.damage.shard(&path, format!("{path}: {reason}"));
        self.check()
    }

    fn check(&self) -> Result<(), Error> {
        let samples = match self.tolerance == 0.0 {
            true => self.damage.seen, // the first is too many
            false => self.total.unwrap_or(u64::MAX),
        };
        self.damage
            .check(&self.name, samples, self.shards, self.tolerance)
    }
}
