//! How a source is read, by whom, and where a reader stands in it.

use serde::{Deserialize, Serialize};

use super::Error;
use super::damage::Damage;

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

/// The error of a position that belongs to something else.
pub(crate) fn foreign(name: &str) -> Error {
    Error::Resume(format!(
        "the saved position belongs to other files or settings than {name} has now"
    ))
}
