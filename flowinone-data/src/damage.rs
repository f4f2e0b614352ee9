//! What was skipped: counted, named, and too much at some point.
//!
//! The rule is the same everywhere: of `n` samples, at most `share n` may be damaged, rounded down.
//! Each counts once, however many passes meet it.

use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};

use super::Error;
use super::draw::hash;

/// Names that are kept; the counts go on.
const NAMES: usize = 100;

/// The damaged samples and shards that a stream has met.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Damage {
    /// Samples looked at in the first pass, good or bad.
    pub seen: u64,
    /// Damaged samples.
    pub samples: u64,
    /// Shards that could not be read to their end.
    pub shards: u64,
    /// The first hundred of both, by file, name and reason.
    pub names: Vec<String>,
    /// Hashes of what was counted.
    #[serde(default, skip_serializing_if = "BTreeSet::is_empty")]
    known: BTreeSet<u64>,
}

/// Whether `bad` of `all` are more than `share` of them.
pub(crate) fn too_many(bad: u64, all: u64, share: f64) -> bool {
    // A share such as 0.07 of 100 is a little more than 7 in binary, or a little less.
    bad as f64 > share * all as f64 * (1.0 + f64::EPSILON) + 1e-9
}

impl Damage {
    /// Notes a damaged sample; `false` if it is known.
    pub(crate) fn sample(&mut self, place: &str, named: String) -> bool {
        let new = self.known.insert(hash(&["sample", place]));
        self.samples += u64::from(new);
        self.note(new, named)
    }

    /// Notes a damaged shard; `false` if it is known.
    pub(crate) fn shard(&mut self, path: &str, named: String) -> bool {
        let new = self.known.insert(hash(&["shard", path]));
        self.shards += u64::from(new);
        self.note(new, named)
    }

    fn note(&mut self, new: bool, named: String) -> bool {
        if new && self.names.len() < NAMES {
            self.names.push(named);
        }
        new
    }

    /// Whether more than `share` of all samples and shards are damaged.
    ///
    /// # Errors
    /// They are, with the last that was found.
    pub fn check(&self, source: &str, samples: u64, shards: u64, share: f64) -> Result<(), Error> {
        for (what, bad, all) in [
            ("samples", self.samples, samples),
            ("shards", self.shards, shards),
        ] {
            if too_many(bad, all, share) {
                return Err(Error::Damaged {
                    name: source.into(),
                    bad,
                    seen: all,
                    what,
                    share,
                    last: self.names.last().cloned().unwrap_or_default(),
                });
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_share_is_exact() {
        for (bad, all, share, more) in [
            (0, 0, 0.0, false),
            (1, 3, 0.01, true),
            (1, 99, 0.01, true),
            (1, 100, 0.01, false),
            (2, 199, 0.01, true),
            (7, 100, 0.07, false),
            (8, 100, 0.07, true),
            (29, 100, 0.29, false),
            (57, 100, 0.57, false),
            (100, 100, 1.0, false),
            (1, 1, 0.0, true),
        ] {
            assert_eq!(too_many(bad, all, share), more, "{bad} of {all} at {share}");
        }
    }

    #[test]
    fn a_damaged_sample_counts_once() {
        let mut damage = Damage::default();
        for pass in 0..3 {
            assert_eq!(damage.sample("a, 1", "a, 1: cut".into()), pass == 0);
        }
        assert_eq!((damage.samples, damage.names.len()), (1, 1));
        let json = serde_json::to_string(&damage).unwrap();
        let mut again: Damage = serde_json::from_str(&json).unwrap();
        assert!(
            !again.sample("a, 1", "a, 1: cut".into()),
            "after a resumption"
        );
        assert!(again.sample("a, 2", "a, 2: cut".into()));
        assert!(again.check("a", 200, 0, 0.01).is_ok());
        let text = again.check("a", 199, 0, 0.01).unwrap_err().to_string();
        assert!(
            text.contains("2 of 199") && text.contains("a, 2: cut"),
            "{text}"
        );
    }
}
