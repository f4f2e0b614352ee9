//! Endless or counted passes over a source, shuffled, divided among readers, and resumable at the
//! exact sample at which they were left.

use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use super::damage::Damage;
use super::folder::FolderStream;
use super::shard_stream::ShardStream;
use super::shard_writer::key;
use super::{Error, Example, PairSampler, shards};

/// How a source is read.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct StreamConfig {
    /// Seed of the order.
    pub seed: u64,
    /// Samples in the shuffle buffer of shards; 1 keeps the order within shards.
    pub buffer: usize,
    /// The reader's part of the source.
    pub part: Part,
    /// Share of samples, and of shards, that may be damaged (rounded down); 0 allows none.
    pub tolerance: f64,
    /// Epochs over the source. If `None`, without end.
    pub epochs: Option<u64>,
}

impl StreamConfig {
    /// One reader, endless, a buffer of 1,000 samples, a hundredth damaged at most.
    pub fn new(seed: u64) -> Self {
        Self {
            seed,
            buffer: 1000,
            part: Part::WHOLE,
            tolerance: 0.01,
            epochs: None,
        }
    }
}

/// Part `index` of `of` equal ones: of the shards of a pass, those whose turn is `index` modulo
/// `of`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Part {
    /// Which one, from 0.
    pub index: u64,
    /// How many there are.
    pub of: u64,
}

impl Part {
    /// Everything.
    pub const WHOLE: Self = Self { index: 0, of: 1 };

    /// Part `index` of `of`.
    ///
    /// # Errors
    /// `index` is not below `of`.
    pub fn new(index: u64, of: u64) -> Result<Self, Error> {
        if index >= of || of > 1 << 20 {
            let reason =
                format!("part {index} of {of}; parts are counted from 0, a million at most");
            return Err(Error::Config(reason));
        }
        Ok(Self { index, of })
    }

    /// This part divided again: that of one worker of several.
    ///
    /// # Errors
    /// `worker` is not below `of`.
    pub fn worker(self, worker: u64, of: u64) -> Result<Self, Error> {
        Self::new(worker, of)?;
        Self::new(self.index + self.of * worker, self.of * of)
    }

    pub(crate) fn holds(self, number: usize) -> bool {
        number as u64 % self.of == self.index
    }
}

/// A source of examples.
pub enum Source {
    /// `WebDataset` shards.
    Shards(Box<ShardStream>),
    /// A folder with `input/` and `output/`.
    Folder(Box<FolderStream>),
    /// Pairs made on the fly.
    Procedural(Box<ProceduralStream>),
}

/// An exact position in a source.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "source", rename_all = "kebab-case", deny_unknown_fields)]
pub enum Position {
    /// In shards.
    Shards {
        /// Hash of the shards' names and of the settings.
        fingerprint: u64,
        /// The pass.
        epoch: u64,
        /// Shards of the pass that lie behind.
        turn: usize,
        /// Where in the current shard the next sample begins.
        offset: u64,
        /// Draws from the shuffle buffer so far.
        draws: u64,
        /// Examples given in this pass.
        given: u64,
        /// Shard and offset of each sample in the shuffle buffer.
        buffer: Vec<(usize, u64)>,
        /// What was skipped so far.
        damage: Damage,
    },
    /// In a folder.
    Folder {
        /// Hash of the files' names and of the settings.
        fingerprint: u64,
        /// The pass.
        epoch: u64,
        /// Samples of the pass that lie behind.
        turn: usize,
        /// Examples given in this pass.
        given: u64,
        /// What was skipped so far.
        damage: Damage,
    },
    /// In procedural pairs.
    Procedural {
        /// The sampler's fingerprint, with the settings.
        fingerprint: u64,
        /// Number of the next pair.
        next: u64,
    },
}

impl Source {
    /// Opens shards (a `.tar` file, or a folder of them) or a folder with `input/` and `output/`,
    /// whichever `path` is.
    ///
    /// # Errors
    /// It is neither, or it has fewer shards or samples than parts.
    pub fn open(path: impl AsRef<Path>, config: StreamConfig) -> Result<Self, Error> {
        let path = path.as_ref();
        if path.join("input").is_dir() {
            return Ok(Self::Folder(Box::new(FolderStream::open(path, config)?)));
        }
        let found: Vec<PathBuf> = shards(path)?;
        if found.is_empty() {
            let reason = "it holds neither .tar shards nor the folders input/ and output/";
            return Err(Error::layout(path, reason));
        }
        let name = path.display().to_string();
        let stream = ShardStream::open(name, found, config)?;
        Ok(Self::Shards(Box::new(stream)))
    }

    /// Pairs made on the fly; the part's numbers only, endless (`epochs`, `buffer` and `seed` are
    /// not used).
    pub fn procedural(sampler: PairSampler, config: StreamConfig) -> Self {
        Self::Procedural(Box::new(ProceduralStream {
            next: config.part.index,
            part: config.part,
            sampler,
        }))
    }

    /// Its name: the path, or `procedural`.
    pub fn name(&self) -> &str {
        match self {
            Self::Shards(stream) => stream.name(),
            Self::Folder(stream) => stream.name(),
            Self::Procedural(_) => ProceduralStream::NAME,
        }
    }

    /// The next example; `None` after the last pass.
    ///
    /// # Errors
    /// More is damaged than was allowed, a pass has no usable sample at all, or a pair cannot be
    /// made.
    pub fn next_example(&mut self) -> Result<Option<Example>, Error> {
        match self {
            Self::Shards(stream) => stream.next_example(),
            Self::Folder(stream) => stream.next_example(),
            Self::Procedural(stream) => stream.next_example().map(Some),
        }
    }

    /// Where the stream stands, for [`resume`](Self::resume).
    pub fn position(&self) -> Position {
        match self {
            Self::Shards(stream) => stream.position(),
            Self::Folder(stream) => stream.position(),
            Self::Procedural(stream) => Position::Procedural {
                fingerprint: stream.fingerprint(),
                next: stream.next,
            },
        }
    }

    /// Moves a freshly opened stream to a saved position: it goes on as if it had never stopped.
    ///
    /// # Errors
    /// The position is of other files or settings, or the files have changed.
    pub fn resume(&mut self, position: Position) -> Result<(), Error> {
        match self {
            Self::Shards(stream) => stream.resume(position),
            Self::Folder(stream) => stream.resume(position),
            Self::Procedural(stream) => match position {
                Position::Procedural { fingerprint, next }
                    if fingerprint == stream.fingerprint() =>
                {
                    stream.next = next;
                    Ok(())
                }
                _ => Err(foreign(ProceduralStream::NAME)),
            },
        }
    }

    /// What was skipped so far; nothing ever for procedural pairs.
    pub fn damage(&self) -> Damage {
        match self {
            Self::Shards(stream) => stream.damage().clone(),
            Self::Folder(stream) => stream.damage().clone(),
            Self::Procedural(_) => Damage::default(),
        }
    }
}

pub(crate) fn foreign(name: &str) -> Error {
    Error::Resume(format!(
        "the saved position belongs to other files or settings than {name} has now"
    ))
}

/// Pairs made on the fly.
pub struct ProceduralStream {
    sampler: PairSampler,
    part: Part,
    next: u64,
}

impl ProceduralStream {
    const NAME: &str = "procedural";

    fn fingerprint(&self) -> u64 {
        let part = self.part.index << 32 | self.part.of;
        super::draw::scramble(self.sampler.fingerprint(), part)
    }

    fn next_example(&mut self) -> Result<Example, Error> {
        let pair = self.sampler.pair(self.next)?;
        let example = Example::of_pair(Self::NAME, key(self.next), pair);
        self.next += self.part.of;
        Ok(example)
    }
}
