//! Shares of a run: shard `i` of `n` has every `n`-th item, so that `n` runs on `n` machines make
//! what one would. Noise goes by item and not by place, so each picture has the same bytes.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::jobs::{BatchJob, Jobs};
use crate::{Dtype, Error, Session, Settings, Source, UpscaleRecord, Upscaling};

/// Most shards of a run.
const MOST: u64 = 1_000_000;

/// One of several shards, written `2/8`: the second of eight.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Shard {
    index: u64,
    count: u64,
}

impl Shard {
    /// Shard `index` of `count`, from 0 on.
    ///
    /// # Errors
    /// An index that is not below the count, or a count outside 1 to 1,000,000.
    pub fn new(index: u64, count: u64) -> Result<Self, String> {
        if !(1..=MOST).contains(&count) || index >= count {
            return Err(format!(
                "shard {} of {count} is none of 1 of N to N of N, for N up to {MOST}",
                index.saturating_add(1)
            ));
        }
        Ok(Self { index, count })
    }

    /// Its number, from 0 on.
    pub fn index(&self) -> u64 {
        self.index
    }

    /// How many there are.
    pub fn count(&self) -> u64 {
        self.count
    }

    /// Whether the item at a place, from 0 on, is one of its.
    pub fn has(&self, place: u64) -> bool {
        place % self.count == self.index
    }

    /// The name of the shard's report.
    pub fn report(&self) -> String {
        format!("report-{}-of-{}.jsonl", self.index + 1, self.count)
    }
}

impl fmt::Display for Shard {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} of {}", self.index + 1, self.count)
    }
}

impl FromStr for Shard {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let wrong = || format!("{text:?} is no shard; write I/N, such as 2/8 for the second of 8");
        let (index, count) = text.split_once('/').ok_or_else(wrong)?;
        let number = |text: &str| text.trim().parse::<u64>().map_err(|_| wrong());
        let index = number(index)?.checked_sub(1).ok_or_else(wrong)?;
        Self::new(index, number(count)?)
    }
}

/// The first line of a shard's report: what all shards of a run have in common, and which it is.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ShardHeader {
    /// Number of the shard, from 1 on.
    pub shard: u64,
    /// Number of shards.
    pub of: u64,
    /// Items of this shard: the lines that follow.
    pub items: usize,
    /// Items of all shards.
    pub total: usize,
    /// SHA-256 over all items of the run: their prompts or files, names and numbers.
    pub items_sha256: String,
    /// Digest over the model's networks and weights.
    pub model_digest: String,
    /// What the model multiplies with.
    pub precision: Dtype,
    /// Seed of the noise.
    pub seed: u64,
    /// How the flow is solved.
    pub settings: Settings,
    /// How pictures are enlarged, if they are.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub upscale: Option<UpscaleRecord>,
}

impl ShardHeader {
    /// What distinguishes it from another header of the same run, in words: nothing but the number
    /// of the shard may.
    pub fn differs(&self, other: &Self) -> Option<String> {
        let fields = |header: &Self| match serde_json::to_value(header) {
            Ok(Value::Object(fields)) => fields,
            _ => Default::default(),
        };
        let (own, others) = (fields(self), fields(other));
        let names = own.keys().chain(others.keys());
        let mut names = names.filter(|name| !matches!(name.as_str(), "shard" | "items"));
        names
            .find(|name| own.get(*name) != others.get(*name))
            .map(|name| {
                let said = |value: Option<&Value>| value.map_or("none".into(), Value::to_string);
                format!(
                    "{name} is {} in one and {} in the other",
                    said(own.get(name)),
                    said(others.get(name))
                )
            })
    }
}

impl Jobs {
    /// Keeps the jobs of a shard, and tells what its report begins with.
    ///
    /// # Errors
    /// A single picture, which cannot be divided.
    pub fn shard(
        &mut self,
        shard: Shard,
        session: &Session,
        settings: &Settings,
    ) -> Result<ShardHeader, Error> {
        let Some(directory) = self.directory.clone() else {
            return Err(Error::Jobs(
                "a single picture has no shards; give several inputs or a directory".into(),
            ));
        };
        let total = self.len();
        let mut all = String::new();
        for BatchJob { job, output, .. } in &self.list {
            let source = match &job.source {
                Source::Prompt { prompt, side } => serde_json::json!([prompt, side]),
                Source::Picture { file, routing } => {
                    serde_json::json!([file.to_string_lossy(), routing.structure])
                }
            };
            let name = output.strip_prefix(&directory).unwrap_or(output);
            all += &format!("{source} {} {}\n", name.display(), job.number);
        }
        for refused in &self.refused {
            all += &format!("{}\n", refused.place);
        }
        let seed = self.list.first().map_or(0, |job| job.job.seed);
        // What cannot become a job comes first, as in the report.
        let refused = self.refused.len() as u64;
        let mut place = 0;
        self.refused.retain(|_| {
            place += 1;
            shard.has(place - 1)
        });
        let mut place = refused;
        self.list.retain(|_| {
            place += 1;
            shard.has(place - 1)
        });
        Ok(ShardHeader {
            shard: shard.index + 1,
            of: shard.count,
            items: self.len(),
            total,
            items_sha256: flowinone_files::sha256_of(all.as_bytes()),
            model_digest: session.digest().into(),
            precision: session.dtype(),
            seed,
            settings: *settings,
            upscale: session.upscaling().map(Upscaling::record),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn shards_are_written_from_one_on_and_share_all_places() {
        let shards: Vec<Shard> = (1..=3).map(|i| format!("{i}/3").parse().unwrap()).collect();
        for place in 0..100 {
            assert_eq!(shards.iter().filter(|shard| shard.has(place)).count(), 1);
        }
        assert_eq!(shards[1].to_string(), "2 of 3");
        for bad in [
            "0/3",
            "4/3",
            "3",
            "a/b",
            "1/0",
            "-1/3",
            "1/2/3",
            "1/1000001",
        ] {
            let reason = bad.parse::<Shard>().unwrap_err();
            assert!(reason.contains("shard"), "{bad}: {reason}");
        }
    }
}
