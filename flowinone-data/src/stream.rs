//! Endless or counted passes over a source, shuffled, divided among readers, and resumable at the
//! exact sample at which they were left.

use std::path::{Path, PathBuf};

use super::damage::Damage;
use super::folder::FolderStream;
use super::position::foreign;
use super::shard_stream::ShardStream;
use super::shard_writer::key;
use super::{Error, Example, PairSampler, Part, Position, StreamConfig, shards};

/// A source of examples.
pub enum Source {
    /// `WebDataset` shards.
    Shards(Box<ShardStream>),
    /// A folder with `input/` and `output/`.
    Folder(Box<FolderStream>),
    /// Pairs made on the fly.
    Procedural(Box<ProceduralStream>),
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
