//! What a sample of a file is counted and shown under: its task, as far as that can be told.

use flowinone_data::{Sample, Truth};
use flowinone_prompts::Task;

/// A kind of samples.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Group {
    /// By its truth, or by a type that only one task has.
    Task(Task),
    /// A type that says less.
    Type(String),
    /// Neither truth nor type.
    Unknown,
}

impl Group {
    /// The group of a sample with this truth.
    pub(super) fn of(sample: &Sample, truth: Option<&Truth>) -> Self {
        let kind = sample.kind.as_deref();
        match (truth, kind.map(str::parse::<Task>), kind) {
            (Some(truth), _, _) => Self::Task(truth.task),
            (None, Some(Ok(task)), _) => Self::Task(task),
            (None, _, Some(kind)) => Self::Type(kind.into()),
            (None, _, None) => Self::Unknown,
        }
    }

    /// Its name.
    pub(super) fn name(&self) -> &str {
        match self {
            Self::Task(task) => task.name(),
            Self::Type(kind) => kind,
            Self::Unknown => "of unknown type",
        }
    }

    /// Tasks in the order of their documentation, then the others.
    pub(super) fn rank(&self) -> usize {
        match self {
            Self::Task(task) => Task::ALL.iter().position(|t| t == task).unwrap_or(0),
            Self::Type(_) => Task::ALL.len(),
            Self::Unknown => Task::ALL.len() + 1,
        }
    }
}

/// The ground truth of a sample that was made here.
pub(super) fn truth(sample: &Sample) -> Option<Truth> {
    serde_json::from_str(sample.json.as_deref()?).ok()
}

#[cfg(test)]
mod tests {
    use flowinone_data::Encoded;

    use super::*;

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
            Group::of(&sample, truth(&sample).as_ref())
        };
        assert_eq!(group(Some("doodles")), Group::Task(Task::Doodle));
        assert_eq!(group(Some("t2i")), Group::Type("t2i".into()));
        assert_eq!(group(None), Group::Unknown);
        assert!(group(Some("t2i")).rank() > group(Some("trajectory")).rank());
    }
}
