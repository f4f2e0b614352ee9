//! The pairs that results are compared with, one after another: from files, or made on the spot.

use std::path::Path;

use anyhow::{Context, Result, bail};
use flowinone_data::{PairSampler, Truth, Walk};
use image::RgbImage;

/// Share of samples, and of shards, that may be damaged.
const TOLERANCE: f64 = 0.01;

/// A pair with its ground truth.
pub(super) struct Known {
    pub(super) key: String,
    pub(super) truth: Truth,
    pub(super) prompt: RgbImage,
    pub(super) target: RgbImage,
}

/// A run of pairs.
pub(super) struct Pairs {
    source: Source,
    next: u64,
    end: u64,
}

enum Source {
    Files(Box<Walk>),
    Made(Box<PairSampler>),
}

impl Pairs {
    /// The pairs of shards or of a folder, `count` of them from number `first` on; all without.
    pub(super) fn files(path: &Path, first: u64, count: Option<u64>) -> Result<Self> {
        let mut walk = Walk::open(path, TOLERANCE)?;
        for number in 0..first {
            if walk.next_sample()?.is_none() {
                bail!(
                    "{} has only {number} pairs, none from --first {first} on",
                    path.display()
                );
            }
        }
        Ok(Self {
            source: Source::Files(Box::new(walk)),
            next: first,
            end: count.map_or(u64::MAX, |count| first.saturating_add(count)),
        })
    }

    /// Procedural pairs.
    pub(super) fn made(sampler: PairSampler, first: u64, count: u64) -> Result<Self> {
        if count == 0 {
            bail!("--count 0 scores nothing");
        }
        let end = first.checked_add(count);
        Ok(Self {
            source: Source::Made(Box::new(sampler)),
            next: first,
            end: end.context("--first and --count together are too large")?,
        })
    }

    /// The next pair; damaged ones are skipped and counted.
    pub(super) fn next(&mut self) -> Result<Option<Known>> {
        while self.next < self.end {
            self.next += 1;
            match &mut self.source {
                Source::Made(sampler) => {
                    let pair = sampler.pair(self.next - 1)?;
                    return Ok(Some(Known {
                        key: format!("{:09}", pair.truth.index),
                        truth: pair.truth,
                        prompt: pair.prompt,
                        target: pair.target,
                    }));
                }
                Source::Files(walk) => {
                    let Some(sample) = walk.next_sample()? else {
                        return Ok(None);
                    };
                    let Some(example) = walk.decode(&sample)? else {
                        continue;
                    };
                    let key = example.key;
                    let json = example.json.with_context(|| {
                        format!("{key} has no ground truth; only pairs of data make can be scored")
                    })?;
                    let truth = serde_json::from_str(&json)
                        .with_context(|| format!("the ground truth of {key} cannot be read"))?;
                    return Ok(Some(Known {
                        truth,
                        prompt: example.input,
                        target: example.output,
                        key,
                    }));
                }
            }
        }
        Ok(None)
    }

    /// Names and reasons of what was skipped.
    pub(super) fn damaged(&self) -> &[String] {
        match &self.source {
            Source::Files(walk) => &walk.damage().names,
            Source::Made(_) => &[],
        }
    }
}
