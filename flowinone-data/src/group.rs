//! What a sample of a file is counted and shown under: its task, as far as that can be told.

use flowinone_prompts::Task;

use crate::{Error, Example, PairSampler, Sample, Truth, Walk};

/// A kind of samples.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Group {
    /// By its truth, or by a type that only one task has.
    Task(Task),
    /// A type that says less.
    Type(String),
    /// Neither truth nor type.
    Unknown,
}

impl Group {
    /// The group of a sample with this truth.
    pub fn of(sample: &Sample, truth: Option<&Truth>) -> Self {
        let kind = sample.kind.as_deref();
        match (truth, kind.map(str::parse::<Task>), kind) {
            (Some(truth), _, _) => Self::Task(truth.task),
            (None, Some(Ok(task)), _) => Self::Task(task),
            (None, _, Some(kind)) => Self::Type(kind.into()),
            (None, _, None) => Self::Unknown,
        }
    }

    /// Its name.
    pub fn name(&self) -> &str {
        match self {
            Self::Task(task) => task.name(),
            Self::Type(kind) => kind,
            Self::Unknown => "of unknown type",
        }
    }

    /// Tasks in the order of their documentation, then the others.
    pub fn rank(&self) -> usize {
        match self {
            Self::Task(task) => Task::ALL.iter().position(|t| t == task).unwrap_or(0),
            Self::Type(_) => Task::ALL.len(),
            Self::Unknown => Task::ALL.len() + 1,
        }
    }
}

/// The first pairs of one group, each with its caption.
#[derive(Debug)]
pub struct Grouped {
    /// What they have in common.
    pub group: Group,
    /// The pairs.
    pub pairs: Vec<(String, Example)>,
}

impl Grouped {
    /// The first `each` pairs of every task of a sampler.
    ///
    /// # Errors
    /// A pair that cannot be drawn.
    pub fn made(sampler: &PairSampler, each: usize) -> Result<Vec<Self>, Error> {
        let tasks = &sampler.config().tasks;
        let mut groups = vec![];
        for (turn, task) in tasks.iter().enumerate() {
            let mut pairs = vec![];
            for round in 0..each {
                let pair = sampler.pair((round * tasks.len() + turn) as u64)?;
                let caption = pair.truth.caption.clone();
                let example = Example::of_pair("procedural", String::new(), pair);
                pairs.push((caption, example));
            }
            let group = Group::Task(*task);
            groups.push(Self { group, pairs });
        }
        Ok(groups)
    }

    /// The first `each` samples of every group, in the order of the files: of some tasks, or of all
    /// groups if none is named.
    ///
    /// # Errors
    /// Files that cannot be read.
    pub fn of_files(walk: &mut Walk, tasks: &[Task], each: usize) -> Result<Vec<Self>, Error> {
        let wanted = |group: &Group| match group {
            _ if tasks.is_empty() => true,
            Group::Task(task) => tasks.contains(task),
            Group::Type(_) | Group::Unknown => false,
        };
        let all = match tasks.len() {
            0 => Task::ALL.len(),
            asked => asked,
        };
        let mut groups: Vec<Self> = vec![];
        while let Some(sample) = walk.next_sample()? {
            let truth = Truth::of(&sample);
            let group = Group::of(&sample, truth.as_ref());
            if !wanted(&group) {
                continue;
            }
            let at = groups.iter().position(|shown| shown.group == group);
            if at.is_some_and(|at| groups[at].pairs.len() == each) {
                continue;
            }
            let Some(example) = walk.decode(&sample)? else {
                continue;
            };
            let pair = (truth.map_or(sample.key, |truth| truth.caption), example);
            match at {
                Some(at) => groups[at].pairs.push(pair),
                None => groups.push(Self {
                    group,
                    pairs: vec![pair],
                }),
            }
            let full = groups.iter().filter(|shown| shown.pairs.len() == each);
            if full.count() == all {
                break;
            }
        }
        groups.sort_by(|a, b| {
            (a.group.rank(), a.group.name()).cmp(&(b.group.rank(), b.group.name()))
        });
        Ok(groups)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Encoded;

    #[test]
    fn a_type_of_the_reference_names_its_task_unless_several_share_it() {
        let empty = Encoded {
            extension: "png".into(),
            bytes: vec![],
        };
        let group = |kind: Option<&str>| {
            let sample = Sample {
                key: "a".into(),
                input: empty.clone(),
                output: empty.clone(),
                kind: kind.map(String::from),
                json: None,
            };
            Group::of(&sample, Truth::of(&sample).as_ref())
        };
        assert_eq!(group(Some("doodles")), Group::Task(Task::Doodle));
        assert_eq!(group(Some("t2i")), Group::Type("t2i".into()));
        assert_eq!(group(None), Group::Unknown);
        assert!(group(Some("t2i")).rank() > group(Some("trajectory")).rank());
    }
}
