//! The pairs that results are compared with, one after another: from files, or made on the spot.

use std::path::{Path, PathBuf};

use flowinone_data::{PairSampler, Truth, Walk};
use flowinone_image::EXTENSIONS;
use image::RgbImage;

use crate::Error;

/// Share of samples, and of shards, that may be damaged.
const TOLERANCE: f64 = 0.01;

/// A pair with its ground truth.
#[derive(Debug)]
pub struct Known {
    /// Its name.
    pub key: String,
    /// Its ground truth.
    pub truth: Truth,
    /// The prompt picture.
    pub prompt: RgbImage,
    /// The true result.
    pub target: RgbImage,
}

/// A run of pairs.
pub struct Pairs {
    source: Source,
    first: u64,
    next: u64,
    end: u64,
    /// Which of how many pairs in turn.
    share: Option<(u64, u64)>,
    /// Pairs that were looked at.
    seen: u64,
}

enum Source {
    Files(Box<Walk>),
    Made(Box<PairSampler>),
}

impl Pairs {
    /// The pairs of shards or of a folder from number `first` on: `count` of them, or all if
    /// `None`.
    ///
    /// # Errors
    /// Files that cannot be read, or that have fewer pairs.
    pub fn files(path: &Path, first: u64, count: Option<u64>) -> Result<Self, Error> {
        let mut walk = Walk::open(path, TOLERANCE)?;
        for number in 0..first {
            if walk.next_sample()?.is_none() {
                return Err(Error::Benchmark {
                    path: path.to_path_buf(),
                    reason: format!("it has only {number} pairs, none from number {first} on"),
                });
            }
        }
        Ok(Self {
            source: Source::Files(Box::new(walk)),
            first,
            next: first,
            end: count.map_or(u64::MAX, |count| first.saturating_add(count)),
            share: None,
            seen: 0,
        })
    }

    /// `count` procedural pairs from number `first` on.
    pub fn made(sampler: PairSampler, first: u64, count: u64) -> Self {
        Self {
            source: Source::Made(Box::new(sampler)),
            first,
            next: first,
            end: first.saturating_add(count),
            share: None,
            seen: 0,
        }
    }

    /// Of these pairs every `count`-th from number `index` on, from 0 on.
    #[must_use]
    pub fn share(self, index: u64, count: u64) -> Self {
        Self {
            share: Some((index, count.max(1))),
            ..self
        }
    }

    /// Whether these are a share of others.
    pub fn is_share(&self) -> bool {
        self.share.is_some()
    }

    /// How many pairs were looked at so far, damaged ones among them.
    pub fn seen(&self) -> u64 {
        self.seen
    }

    /// The next pair; damaged ones are skipped and counted.
    ///
    /// # Errors
    /// More damage than is tolerated, or a pair without ground truth.
    pub fn next_pair(&mut self) -> Result<Option<Known>, Error> {
        while self.next < self.end {
            let place = self.next - self.first;
            self.next += 1;
            let mine = |(index, count): (u64, u64)| place % count == index;
            if !self.share.is_none_or(mine) {
                if let Source::Files(walk) = &mut self.source
                    && walk.next_sample()?.is_none()
                {
                    return Ok(None);
                }
                continue;
            }
            match &mut self.source {
                Source::Made(sampler) => {
                    self.seen += 1;
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
                    self.seen += 1;
                    let Some(example) = walk.decode(&sample)? else {
                        continue;
                    };
                    let key = example.key;
                    let unread = |reason: String| Error::Truth {
                        key: key.clone(),
                        reason,
                    };
                    let json = example.json.ok_or_else(|| {
                        unread(
                            "it has none; only pairs that this program made can be scored".into(),
                        )
                    })?;
                    let truth = serde_json::from_str(&json).map_err(|e| unread(e.to_string()))?;
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
    pub fn damaged(&self) -> &[String] {
        match &self.source {
            Source::Files(walk) => &walk.damage().names,
            Source::Made(_) => &[],
        }
    }
}

/// The picture in a folder of results that belongs to the pair of a name; `None` if there is none.
pub fn result_of(folder: &Path, key: &str) -> Option<PathBuf> {
    let plain = |part: &str| !matches!(part, "" | "." | "..");
    let safe = key.split('/').all(plain) && !key.contains(['\\', ':']);
    let upper = EXTENSIONS.map(str::to_uppercase);
    let extensions = EXTENSIONS
        .iter()
        .copied()
        .chain(upper.iter().map(String::as_str));
    let mut paths = extensions.map(|extension| folder.join(format!("{key}.{extension}")));
    paths.find(|path| safe && path.is_file())
}
