//! Examples for validation, which no run is trained on: pairs of streams of their own, or files
//! that the configuration names.

use std::path::Path;

use flowinone_data::{Example, PairSampler, Walk};

use crate::Error;

/// Share of the samples that may be damaged.
const TOLERANCE: f64 = 0.01;

/// Examples for validation.
#[derive(Clone)]
#[allow(clippy::large_enum_variant, reason = "one value a run")]
pub enum ValidationSet {
    /// Made on the fly, as many as are asked for.
    Pairs(PairSampler),
    /// Read from files, in groups.
    Files(Vec<ValidationGroup>),
}

/// Examples of one kind.
#[derive(Debug, Clone, PartialEq)]
pub struct ValidationGroup {
    /// The task, or what the files say instead.
    pub name: String,
    /// Its examples, each with a number that never changes.
    pub examples: Vec<(u64, Example)>,
}

impl ValidationSet {
    /// Reads shards or a folder: the first `count` samples of each kind, in the order of their
    /// names.
    ///
    /// # Errors
    /// Neither shards nor a folder of pairs, no sample, or too many damaged ones.
    pub fn open(path: &Path, count: usize) -> Result<Self, Error> {
        let mut walk = Walk::open(path, TOLERANCE)?;
        let mut groups: Vec<ValidationGroup> = vec![];
        let mut number = 0;
        while let Some(sample) = walk.next_sample()? {
            number += 1;
            let name = sample.kind.as_deref().unwrap_or("pairs");
            let known = groups.iter().position(|group| group.name == name);
            if known.is_some_and(|at| groups[at].examples.len() >= count) {
                continue;
            }
            let Some(example) = walk.decode(&sample)? else {
                continue;
            };
            let at = known.unwrap_or_else(|| {
                groups.push(ValidationGroup {
                    name: name.into(),
                    examples: vec![],
                });
                groups.len() - 1
            });
            groups[at].examples.push((number - 1, example));
        }
        if groups.is_empty() {
            return Err(Error::file(path, "holds no sample to validate on"));
        }
        Ok(Self::Files(groups))
    }

    /// Up to `count` examples of each task or kind, the same at every call.
    ///
    /// # Errors
    /// A pair that cannot be made.
    pub fn groups(&self, count: usize) -> Result<Vec<ValidationGroup>, Error> {
        let sampler = match self {
            Self::Pairs(sampler) => sampler,
            Self::Files(groups) => {
                let first = |group: &ValidationGroup| ValidationGroup {
                    name: group.name.clone(),
                    examples: group.examples.iter().take(count).cloned().collect(),
                };
                return Ok(groups.iter().map(first).collect());
            }
        };
        let tasks = &sampler.config().tasks;
        let mut groups = vec![];
        for (place, task) in tasks.iter().enumerate() {
            if tasks[..place].contains(task) {
                continue; // a task that is listed twice is validated once
            }
            let indices = (0..count).map(|k| (k * tasks.len() + place) as u64);
            let pair = |index| Ok((index, validation_example(sampler, index)?));
            let examples: Result<_, Error> = indices.map(pair).collect();
            groups.push(ValidationGroup {
                name: task.to_string(),
                examples: examples?,
            });
        }
        Ok(groups)
    }

    /// Up to `count` examples over all tasks or kinds in turn, the same at every call.
    ///
    /// # Errors
    /// A pair that cannot be made.
    pub fn examples(&self, count: usize) -> Result<Vec<Example>, Error> {
        match self {
            Self::Pairs(sampler) => (0..count as u64)
                .map(|index| validation_example(sampler, index))
                .collect(),
            Self::Files(groups) => {
                let longest = groups.iter().map(|group| group.examples.len()).max();
                let turns = 0..longest.unwrap_or(0);
                let of_turn = |turn: usize| {
                    let examples = groups.iter().filter_map(move |g| g.examples.get(turn));
                    examples.map(|(_, example)| example)
                };
                Ok(turns.flat_map(of_turn).take(count).cloned().collect())
            }
        }
    }
}

fn validation_example(sampler: &PairSampler, index: u64) -> Result<Example, Error> {
    let pair = sampler.pair(index)?;
    Ok(Example::of_pair("held out", index.to_string(), pair))
}

/// What a person reads under an example: its caption if it was made here, else its name.
pub(crate) fn caption(example: &Example) -> String {
    let truth = example.truth();
    truth.map_or_else(|| example.key.clone(), |truth| truth.caption)
}
