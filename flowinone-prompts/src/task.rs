//! The eight task families, and the one answer to "does this task keep the input's structure?".
//!
//! Tasks that edit a picture keep its structure latent in view (the second path of the velocity
//! network); tasks that make a picture from a word have nothing to keep.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

/// What a prompt picture asks for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Task {
    /// A class name becomes a picture of it.
    #[serde(alias = "class2image")]
    ClassToImage,
    /// A caption becomes a picture of it.
    #[serde(alias = "text2image")]
    TextToImage,
    /// An instruction written into a photo is carried out.
    #[serde(alias = "text_in_image")]
    TextInImage,
    /// A described thing appears inside a drawn box.
    #[serde(alias = "text_box_control")]
    TextBox,
    /// What an arrow, circle or cross points at is changed.
    #[serde(alias = "vismarker")]
    VisualMarker,
    /// A sketch becomes the real thing.
    #[serde(alias = "doodles")]
    Doodle,
    /// An arrow pushes an object.
    Force,
    /// An object moves along a drawn path.
    Trajectory,
}

impl Task {
    /// All tasks, in the order of their documentation.
    pub const ALL: [Self; 8] = [
        Self::ClassToImage,
        Self::TextToImage,
        Self::TextInImage,
        Self::TextBox,
        Self::VisualMarker,
        Self::Doodle,
        Self::Force,
        Self::Trajectory,
    ];

    /// Whether the structure path is on: for every task that edits a given picture.
    pub fn keeps_structure(self) -> bool {
        !matches!(self, Self::ClassToImage | Self::TextToImage)
    }

    /// Name on the command line and in files.
    pub fn name(self) -> &'static str {
        match self {
            Self::ClassToImage => "class-to-image",
            Self::TextToImage => "text-to-image",
            Self::TextInImage => "text-in-image",
            Self::TextBox => "text-box",
            Self::VisualMarker => "visual-marker",
            Self::Doodle => "doodle",
            Self::Force => "force",
            Self::Trajectory => "trajectory",
        }
    }

    /// Name of the matching subset of VP-Bench.
    pub fn benchmark_name(self) -> &'static str {
        match self {
            Self::ClassToImage => "class2image",
            Self::TextToImage => "text2image",
            Self::TextInImage => "text_in_image",
            Self::TextBox => "text_box_control",
            Self::VisualMarker => "vismarker",
            Self::Doodle => "doodles",
            Self::Force => "force",
            Self::Trajectory => "trajectory",
        }
    }
}

/// A name that is no task.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0:?} is no task; the tasks are {names}", names = Task::ALL.map(Task::name).join(", "))]
pub struct UnknownTask(String);

impl fmt::Display for Task {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

impl FromStr for Task {
    type Err = UnknownTask;

    fn from_str(text: &str) -> Result<Self, UnknownTask> {
        let same = |name: &str| text.eq_ignore_ascii_case(name);
        let matches = |task: &Self| same(task.name()) || same(task.benchmark_name());
        Self::ALL
            .into_iter()
            .find(matches)
            .ok_or_else(|| UnknownTask(text.to_string()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_task_is_found_by_both_of_its_names() {
        for task in Task::ALL {
            assert_eq!(task.name().parse::<Task>().unwrap(), task);
            assert_eq!(task.benchmark_name().parse::<Task>().unwrap(), task);
            assert_eq!(task.name().to_uppercase().parse::<Task>().unwrap(), task);
            assert_eq!(serde_json::to_value(task).unwrap(), task.name());
            for name in [task.name(), task.benchmark_name()] {
                assert_eq!(serde_json::from_value::<Task>(name.into()).unwrap(), task);
            }
        }
        let text = "paint".parse::<Task>().unwrap_err().to_string();
        assert!(
            text.contains("paint") && text.contains("visual-marker"),
            "{text}"
        );
    }

    #[test]
    fn only_the_two_generating_tasks_have_no_structure() {
        let without: Vec<Task> = Task::ALL
            .into_iter()
            .filter(|t| !t.keeps_structure())
            .collect();
        assert_eq!(without, [Task::ClassToImage, Task::TextToImage]);
    }
}
