//! The scores of all shards of a run as one, as the whole run would have written them.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::{Error, Rules, Scored, Scorer, walk_in};

/// What the scores of a shard say of it: `shard` in their JSON.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ShardOfScores {
    /// Number of the shard, from 1 on.
    pub shard: u64,
    /// Number of shards.
    pub of: u64,
    /// Pairs that were looked at.
    pub seen: u64,
    /// What all shards of a run have in common: results, pairs and where they begin.
    pub run: Value,
}

/// The scores of a shard, as [`Report::json`](crate::Report::json) writes them.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Scores {
    rules: String,
    thresholds: Value,
    #[serde(rename = "summary")]
    _summary: Value,
    missing: Vec<String>,
    skipped: Vec<String>,
    items: Vec<Value>,
    shard: ShardOfScores,
}

/// Merges the scores of the shards of one run: all items, and the summary of them.
///
/// # Errors
/// Names the files that overlap, are of different runs, or are no scores of shards, and the shards
/// that are missing.
pub fn merge_scores(files: &[PathBuf]) -> Result<Value, Error> {
    let mut shards: BTreeMap<u64, (&Path, Scores)> = BTreeMap::new();
    for path in files {
        let bytes = std::fs::read(path).map_err(|source| Error::Io {
            action: "read",
            path: path.clone(),
            source,
        })?;
        let scores: Scores = serde_json::from_slice(&bytes).map_err(|error| {
            let reason = format!("it is none of the scores of a shard ({error})");
            refused(path, reason)
        })?;
        if let Some((other, first)) = shards.values().next() {
            let pairs = [
                (
                    "rules",
                    Value::from(&*first.rules),
                    Value::from(&*scores.rules),
                ),
                (
                    "thresholds",
                    first.thresholds.clone(),
                    scores.thresholds.clone(),
                ),
                ("of", first.shard.of.into(), scores.shard.of.into()),
                ("run", first.shard.run.clone(), scores.shard.run.clone()),
            ];
            if let Some((name, a, b)) = pairs.into_iter().find(|(_, a, b)| a != b) {
                return Err(refused(
                    path,
                    format!(
                        "it is of another run than {}: {name} is {a} in one and {b} in the other",
                        other.display()
                    ),
                ));
            }
        }
        let (shard, of) = (scores.shard.shard, scores.shard.of);
        if let Some((other, _)) = shards.insert(shard, (path, scores)) {
            return Err(refused(
                path,
                format!("it is shard {shard} of {of}, as is {}", other.display()),
            ));
        }
    }
    let Some((_, first)) = shards.values().next() else {
        return Err(Error::Nothing("there are no scores to merge".into()));
    };
    let of = first.shard.of;
    if let Some(missing) = (1..=of).find(|shard| !shards.contains_key(shard)) {
        return Err(Error::Nothing(format!(
            "{} of {of} shards are here; the first that is missing is {missing}",
            shards.len()
        )));
    }
    // Pairs go to the shards in turn: no shard has looked at more than the one before it.
    let seen: Vec<u64> = shards
        .values()
        .map(|(_, scores)| scores.shard.seen)
        .collect();
    let even = |pair: &[u64]| pair[1] <= pair[0];
    if !seen.windows(2).all(even)
        || seen.first().copied().unwrap_or(0) > seen.last().unwrap_or(&0) + 1
    {
        return Err(Error::Nothing(format!(
            "the shards looked at {seen:?} pairs, which are no shares of one run; score all with the same files"
        )));
    }
    let rules = first.rules.clone();
    match &*rules {
        Scorer::NAME => merged::<Scorer>(shards),
        walk_in::Judge::NAME => merged::<walk_in::Judge>(shards),
        other => Err(Error::Nothing(format!(
            "rules {other:?} are none of this version"
        ))),
    }
}

fn merged<R: Rules>(shards: BTreeMap<u64, (&Path, Scores)>) -> Result<Value, Error>
where
    R::Verdict: DeserializeOwned,
{
    let (mut items, mut missing, mut skipped) = (vec![], vec![], vec![]);
    let mut thresholds = Value::Null;
    for (path, scores) in shards.into_values() {
        for item in scores.items {
            let item: R::Verdict = serde_json::from_value(item)
                .map_err(|error| refused(path, format!("an item of it is none: {error}")))?;
            items.push(item);
        }
        missing.extend(scores.missing);
        skipped.extend(scores.skipped);
        thresholds = scores.thresholds;
    }
    items.sort_by(|a, b| a.key().cmp(b.key()));
    if let Some(pair) = items.windows(2).find(|pair| pair[0].key() == pair[1].key()) {
        return Err(Error::Nothing(format!(
            "two shards have pair {}",
            pair[0].key()
        )));
    }
    missing.sort();
    skipped.sort();
    skipped.dedup(); // a damaged file is met by every shard
    Ok(serde_json::json!({
        "rules": R::NAME,
        "thresholds": thresholds,
        "summary": R::table(&items),
        "missing": missing,
        "skipped": skipped,
        "items": items,
    }))
}

fn refused(path: &Path, reason: String) -> Error {
    Error::Benchmark {
        path: path.into(),
        reason,
    }
}
