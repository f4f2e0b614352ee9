//! What was skipped: counted, named, and too much at some point.

use serde::{Deserialize, Serialize};

use super::Error;

/// Names that are kept; the counts go on.
const NAMES: usize = 100;

/// The damaged samples and shards that a stream has met.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Damage {
    /// Samples looked at, good or bad.
    pub seen: u64,
    /// Damaged samples.
    pub samples: u64,
    /// Shards that could not be read to their end.
    pub shards: u64,
    /// The first hundred of both, by file, name and reason.
    pub names: Vec<String>,
}

impl Damage {
    /// Counts a damaged sample; an error if they exceed `share` of those seen, rounded up.
    pub(crate) fn sample(&mut self, source: &str, named: String, share: f64) -> Result<(), Error> {
        self.samples += 1;
        let (bad, seen) = (self.samples, self.seen);
        self.note(source, named, "samples", bad, seen, share)
    }

    /// Counts a damaged shard; an error if they exceed `share` of the shards opened, rounded up.
    pub(crate) fn shard(
        &mut self,
        source: &str,
        named: String,
        opened: u64,
        share: f64,
    ) -> Result<(), Error> {
        self.shards += 1;
        let bad = self.shards;
        self.note(source, named, "shards", bad, opened, share)
    }

    fn note(
        &mut self,
        source: &str,
        last: String,
        what: &'static str,
        bad: u64,
        seen: u64,
        share: f64,
    ) -> Result<(), Error> {
        if self.names.len() < NAMES {
            self.names.push(last.clone());
        }
        if bad as f64 <= (share * seen as f64).ceil() {
            return Ok(());
        }
        Err(Error::Damaged {
            name: source.into(),
            bad,
            seen,
            what,
            share,
            last,
        })
    }
}
