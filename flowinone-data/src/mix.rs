//! Several sources in one stream of batches, in exact proportions.
//!
//! Each batch of `n` gives source `i` a credit of `n w_i / W`; whole credits become examples, and
//! the fractions stay for the next batch. So a source's count never strays from its share by one or
//! more, and where the shares are whole numbers every batch has exactly them.

use serde::{Deserialize, Serialize};

use super::draw::permutation;
use super::{Error, Example, Position, Source};

/// Batches from several sources.
pub struct Mixer {
    sources: Vec<(Source, u32)>,
    batch: usize,
    seed: u64,
    /// Of each source, in `1 / W` examples.
    credits: Vec<i64>,
    batches: u64,
}

/// Where a mixer stands.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct MixPosition {
    /// Batches so far.
    pub batches: u64,
    /// What each source is owed, in examples times the sum of all weights.
    pub credits: Vec<i64>,
    /// Where each source stands.
    pub sources: Vec<Position>,
}

impl Mixer {
    /// Mixes sources by whole-number weights into batches of `batch`; `seed` orders each batch.
    ///
    /// # Errors
    /// No source, a weight of 0, or an empty batch.
    pub fn new(sources: Vec<(Source, u32)>, batch: usize, seed: u64) -> Result<Self, Error> {
        if sources.is_empty() || batch == 0 {
            let reason = format!("{} sources for batches of {batch}", sources.len());
            return Err(Error::Config(reason));
        }
        if let Some((source, _)) = sources.iter().find(|(_, weight)| *weight == 0) {
            let reason = format!("{} has weight 0; leave it out", source.name());
            return Err(Error::Config(reason));
        }
        Ok(Self {
            credits: vec![0; sources.len()],
            sources,
            batch,
            seed,
            batches: 0,
        })
    }

    /// The sources with their weights.
    pub fn sources(&self) -> &[(Source, u32)] {
        &self.sources
    }

    /// The next batch; `None` once a source has ended.
    ///
    /// # Errors
    /// As those of the sources.
    pub fn batch(&mut self) -> Result<Option<Vec<Example>>, Error> {
        let counts = self.counts();
        let mut examples = Vec::with_capacity(self.batch);
        for ((source, _), count) in self.sources.iter_mut().zip(counts) {
            for _ in 0..count {
                match source.next_example()? {
                    Some(example) => examples.push(Some(example)),
                    None => return Ok(None),
                }
            }
        }
        let order = permutation(self.batch, self.seed, self.batches);
        self.batches += 1;
        let ordered = order.into_iter().filter_map(|at| examples[at].take());
        Ok(Some(ordered.collect()))
    }

    /// How many examples each source gives to this batch.
    fn counts(&mut self) -> Vec<i64> {
        let total: i64 = self
            .sources
            .iter()
            .map(|(_, weight)| i64::from(*weight))
            .sum();
        let mut counts = vec![];
        for (credit, (_, weight)) in self.credits.iter_mut().zip(&self.sources) {
            *credit += i64::from(*weight) * self.batch as i64;
            let count = (*credit).div_euclid(total).max(0);
            *credit -= count * total;
            counts.push(count);
        }
        // Those owed most give the rest; the first among equals.
        while counts.iter().sum::<i64>() < self.batch as i64 {
            let most = (0..counts.len()).max_by_key(|&i| (self.credits[i], usize::MAX - i));
            let most = most.expect("there is a source");
            counts[most] += 1;
            self.credits[most] -= total;
        }
        counts
    }

    /// Where the mixer stands, between batches.
    pub fn position(&self) -> MixPosition {
        MixPosition {
            batches: self.batches,
            credits: self.credits.clone(),
            sources: self.sources.iter().map(|(s, _)| s.position()).collect(),
        }
    }

    /// Moves a fresh mixer of the same sources to a saved position.
    ///
    /// # Errors
    /// Another number of sources, or a position that does not belong to them.
    pub fn resume(&mut self, position: MixPosition) -> Result<(), Error> {
        let counts = (position.sources.len(), position.credits.len());
        if counts != (self.sources.len(), self.sources.len()) {
            let reason = format!(
                "{} sources were saved, now there are {}",
                counts.0,
                self.sources.len()
            );
            return Err(Error::Resume(reason));
        }
        for ((source, _), position) in self.sources.iter_mut().zip(position.sources) {
            source.resume(position)?;
        }
        (self.batches, self.credits) = (position.batches, position.credits);
        Ok(())
    }
}
