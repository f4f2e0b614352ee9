//! What was found out about one result, and why it does not pass.

use std::fmt;

use serde::{Deserialize, Serialize};

use super::Thresholds;
use flowinone_data::ColourName;
use flowinone_prompts::Task;

/// The scores of one result.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ItemScore {
    /// Name of the pair in its source.
    pub key: String,
    /// Its task.
    pub task: Task,
    /// The objects that are new or changed; all of them where the background changes.
    pub objects: Vec<ObjectScore>,
    /// The objects that are to stay as they are.
    pub kept: Vec<Kept>,
    /// For each object that is to go: how far its place has come from the scene to the target, 0 to
    /// 1; `None` where the two do not visibly differ.
    pub gone: Vec<Gone>,
    /// How far the edited region has come from the scene to the target; 1 is the target.
    pub progress: Option<f64>,
    /// Share of the pixels of marks and words that can still be seen; `None` if the prompt has
    /// neither.
    pub marks_left: Option<f64>,
    /// PSNR in the edited region, in dB, 100 at most.
    pub psnr_inside: Option<f64>,
    /// PSNR outside of the edited region, in dB; `None` where everything changes.
    pub psnr_outside: Option<f64>,
    /// Structural similarity in the edited region.
    pub ssim_inside: Option<f64>,
    /// Structural similarity outside of the edited region.
    pub ssim_outside: Option<f64>,
    /// PSNR outside of the changed objects' boxes, in dB: as `psnr_outside`, but of a changed
    /// background too.
    pub psnr_surroundings: Option<f64>,
    /// Why the item does not pass; it passes if there is no reason.
    pub failures: Vec<Failure>,
}

/// One object of the target, looked for in the result.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ObjectScore {
    /// What it should be.
    pub class: String,
    /// What it looks like most.
    pub nearest: String,
    /// How many classes are nearer than the right one.
    pub rank: usize,
    /// The same for the best possible result, the target itself.
    pub ceiling: usize,
    /// Between how many classes the choice was.
    pub candidates: usize,
    /// Share of its contrast that is seen at the best place near the true one: 1 for the object
    /// itself, 0 halfway to what lies behind it, negative below.
    pub seen: f64,
    /// In whose shades it is, if it should be in the shades of one colour.
    pub tint: Option<Tint>,
    /// Where it is.
    pub place: Place,
}

/// The colour of an object.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Tint {
    /// What it should be.
    pub asked: ColourName,
    /// What it looks like most.
    pub nearest: ColourName,
}

/// Where an object is, against where it should be.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Place {
    /// It was not asked to move.
    Unasked,
    /// It was found.
    Off {
        /// Distance from the true place, in pixels of the truth's side.
        pixels: f64,
        /// The same in fractions of the side.
        share: f64,
    },
    /// It was not found anywhere near.
    Lost,
}

/// An object that is to stay as it is.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Kept {
    /// What it is.
    pub class: String,
    /// Share of its contrast that is seen, as of the others.
    pub seen: f64,
}

/// The place of an object that is to go.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Gone {
    /// What was there.
    pub class: String,
    /// How far its place has come from the scene to the target.
    pub progress: Option<f64>,
}

/// Why an item does not pass.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "check", rename_all = "kebab-case")]
pub enum Failure {
    /// An object looks like another class.
    Class {
        /// What it should be.
        class: String,
        /// What it looks like.
        nearest: String,
    },
    /// An object is not there.
    Unseen {
        /// What it should be.
        class: String,
        /// Share of its contrast that is seen.
        seen: f64,
    },
    /// An object is in the shades of another colour.
    Colour {
        /// What it is.
        class: String,
        /// Its colours.
        #[serde(flatten)]
        tint: Tint,
    },
    /// An object is too far from its place.
    Place {
        /// What it is.
        class: String,
        /// Distance in fractions of the side; `None` if it was not found.
        off: Option<f64>,
    },
    /// An object that should have stayed is not there.
    Vanished {
        /// What it is.
        class: String,
        /// Share of its contrast that is seen.
        seen: f64,
    },
    /// An object is still there.
    Gone {
        /// What it is.
        class: String,
        /// How far its place has come.
        progress: f64,
    },
    /// The edited region has hardly changed.
    Unchanged {
        /// How far it has come.
        progress: f64,
    },
    /// Marks or words are still there.
    Marks {
        /// Share of their pixels.
        left: f64,
    },
    /// What should have stayed, or the background, is not as it should be.
    Surroundings {
        /// PSNR in dB.
        psnr: f64,
    },
}

impl ItemScore {
    /// Why it does not pass, in words; empty if it does.
    pub fn reasons(&self) -> String {
        let reasons: Vec<String> = self.failures.iter().map(ToString::to_string).collect();
        reasons.join("; ")
    }

    /// Whether every check passes.
    pub fn passes(&self) -> bool {
        self.failures.is_empty()
    }

    /// All reasons why it does not pass.
    pub(crate) fn judged(mut self, least: &Thresholds) -> Self {
        let mut failures = vec![];
        for object in &self.objects {
            let class = object.class.clone();
            if object.rank > 0 {
                let nearest = object.nearest.clone();
                failures.push(Failure::Class { class, nearest });
            } else if object.seen <= least.seen {
                let seen = object.seen;
                failures.push(Failure::Unseen { class, seen });
            }
            if let Some(tint) = object.tint.filter(|tint| tint.asked != tint.nearest) {
                let class = object.class.clone();
                failures.push(Failure::Colour { class, tint });
            }
            let class = object.class.clone();
            match object.place {
                Place::Lost => failures.push(Failure::Place { class, off: None }),
                Place::Off { share, .. } if share > least.place => {
                    let off = Some(share);
                    failures.push(Failure::Place { class, off });
                }
                Place::Off { .. } | Place::Unasked => {}
            }
        }
        for kept in self.kept.iter().filter(|kept| kept.seen <= least.seen) {
            let (class, seen) = (kept.class.clone(), kept.seen);
            failures.push(Failure::Vanished { class, seen });
        }
        for gone in &self.gone {
            if let Some(progress) = gone.progress.filter(|p| *p <= least.gone) {
                let class = gone.class.clone();
                failures.push(Failure::Gone { class, progress });
            }
        }
        if let Some(progress) = self.progress.filter(|p| *p <= least.changed) {
            failures.push(Failure::Unchanged { progress });
        }
        if let Some(left) = self.marks_left.filter(|left| *left > least.marks) {
            failures.push(Failure::Marks { left });
        }
        if let Some(psnr) = self.psnr_surroundings.filter(|p| *p < least.surroundings) {
            failures.push(Failure::Surroundings { psnr });
        }
        self.failures = failures;
        self
    }
}

impl Failure {
    /// The check that failed, in one word.
    pub fn check(&self) -> &'static str {
        match self {
            Self::Class { .. } => "class",
            Self::Unseen { .. } => "unseen",
            Self::Colour { .. } => "colour",
            Self::Place { .. } => "place",
            Self::Vanished { .. } => "vanished",
            Self::Gone { .. } => "gone",
            Self::Unchanged { .. } => "unchanged",
            Self::Marks { .. } => "marks",
            Self::Surroundings { .. } => "surroundings",
        }
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Class { class, nearest } => write!(f, "the {class} looks like {nearest}"),
            Self::Unseen { class, seen } => {
                write!(f, "the {class} is not seen ({seen:.2} of its contrast)")
            }
            Self::Colour { class, tint } => {
                let nearest = tint.nearest.word();
                write!(f, "the {class} is {nearest}, not {}", tint.asked.word())
            }
            Self::Place { class, off: None } => write!(f, "the {class} is not near its place"),
            Self::Place {
                class,
                off: Some(off),
            } => write!(f, "the {class} is {off:.3} of the side off"),
            Self::Vanished { class, seen } => {
                write!(f, "the {class} has vanished ({seen:.2} of its contrast)")
            }
            Self::Gone { class, progress } => {
                write!(
                    f,
                    "the {class} is still there ({progress:.2} of the way to gone)"
                )
            }
            Self::Unchanged { progress } => {
                write!(f, "hardly changed ({progress:.2} of the way to the target)")
            }
            Self::Marks { left } => write!(f, "{:.0} % of the marks are left", 100.0 * left),
            Self::Surroundings { psnr } => write!(f, "the surroundings have {psnr:.1} dB"),
        }
    }
}
