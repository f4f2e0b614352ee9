//! What was found out about one result, and which rules it breaks.

use std::fmt;

use serde::{Deserialize, Serialize};

use super::Limits;
use crate::Tint;
use flowinone_data::ColourName;
use flowinone_prompts::Task;

/// The verdict on one result.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Verdict {
    /// Name of the item.
    pub key: String,
    /// Its task.
    pub task: Task,
    /// The words of its prompt.
    pub caption: String,
    /// What lies behind.
    pub ground: SeenGround,
    /// The things that should be there.
    pub things: Vec<Thing>,
    /// The things that should no longer be there.
    pub gone: Vec<Left>,
    /// Share of the picture that is foreground away from the things.
    pub elsewhere: f32,
    /// How sharp its outlines are beside those of the expected picture, 1 for as sharp; none where
    /// that has no outlines, and for results that are not square. No rule asks for it.
    #[serde(default)]
    pub sharpness: Option<f64>,
    /// The rules that it breaks; it passes if there are none.
    pub failures: Vec<Failure>,
}

/// The ground of a result.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SeenGround {
    /// The name of the nearest shade.
    pub name: ColourName,
    /// What it should be called, if another ground than before is asked for.
    pub asked: Option<ColourName>,
    /// Its difference in Lab from the ground before.
    pub off: f32,
}

/// A thing that should be there.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Thing {
    /// What it should be.
    pub class: String,
    /// Whether it was there before, just as it should be.
    pub kept: bool,
    /// The known thing that is nearest.
    pub nearest: String,
    /// The share of what is seen at its place that the right thing explains.
    pub explained: f32,
    /// Its way from the place, in fractions of the side; none where the prompt names no place.
    pub off: Option<f32>,
    /// Its size, in units of the expected one.
    pub size: f32,
    /// By what factor it should have grown, if it should.
    pub grown: Option<f32>,
    /// Its colour, if it should be in the shades of one.
    pub tint: Option<Tint>,
}

/// What is left of a thing that should be gone.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Left {
    /// What it was.
    pub class: String,
    /// The share of its footprint, less what lies there now, that is foreground.
    pub share: f32,
}

/// A rule that a result breaks.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "rule", rename_all = "kebab-case")]
pub enum Failure {
    /// The ground is not what it should be.
    Ground {
        /// What it is.
        #[serde(flatten)]
        seen: SeenGround,
    },
    /// Things without a place are not as many connected parts.
    Parts {
        /// How many there should be.
        things: usize,
        /// How many there are.
        parts: usize,
    },
    /// A thing looks like another.
    Class {
        /// What it should be.
        class: String,
        /// What it looks like.
        nearest: String,
    },
    /// Too little of what is seen at its place is the thing.
    Unlike {
        /// What it should be.
        class: String,
        /// The share of what is seen that it explains.
        explained: f32,
    },
    /// A thing lies too far from its place.
    Place {
        /// What it is.
        class: String,
        /// The way, in fractions of the side.
        off: f32,
    },
    /// A thing that should grow or shrink is nearer to its old size.
    Size {
        /// What it is.
        class: String,
        /// By what factor it should have grown.
        asked: f32,
        /// By what factor it has.
        grown: f32,
    },
    /// A thing has another colour.
    Colour {
        /// What it is.
        class: String,
        /// Its colours.
        #[serde(flatten)]
        tint: Tint,
    },
    /// A thing that should have stayed is not found as it was.
    Kept {
        /// What it was.
        class: String,
        /// What is nearest there now.
        nearest: String,
        /// The share of what is seen that it explains.
        explained: f32,
    },
    /// A thing is still there.
    Gone {
        /// What it is.
        class: String,
        /// The share of its footprint that is foreground.
        left: f32,
    },
    /// Something else is there.
    Elsewhere {
        /// The share of the picture that is foreground away from the things.
        share: f32,
    },
}

impl SeenGround {
    pub(super) fn failure(&self, limits: &Limits) -> Option<Failure> {
        let right = match self.asked {
            Some(asked) => self.name == asked,
            None => self.off <= limits.ground,
        };
        (!right).then_some(Failure::Ground { seen: *self })
    }
}

impl Thing {
    pub(super) fn failures(&self, limits: &Limits) -> Vec<Failure> {
        let class = || self.class.clone();
        let mut failures = vec![];
        if self.nearest != self.class {
            let nearest = self.nearest.clone();
            failures.push(Failure::Class {
                class: class(),
                nearest,
            });
        } else if self.explained < limits.explained {
            failures.push(Failure::Unlike {
                class: class(),
                explained: self.explained,
            });
        }
        if let Some(off) = self.off.filter(|off| *off > limits.place) {
            failures.push(Failure::Place {
                class: class(),
                off,
            });
        }
        if let Some(asked) = self.grown {
            let grown = self.size * asked;
            // Nearer to no growth than to the asked one, by factors.
            if grown.ln().abs() < self.size.ln().abs() {
                failures.push(Failure::Size {
                    class: class(),
                    asked,
                    grown,
                });
            }
        }
        if let Some(tint) = self.tint.filter(|tint| tint.asked != tint.nearest) {
            failures.push(Failure::Colour {
                class: class(),
                tint,
            });
        }
        match self.kept && !failures.is_empty() {
            true => vec![Failure::Kept {
                class: class(),
                nearest: self.nearest.clone(),
                explained: self.explained,
            }],
            false => failures,
        }
    }
}

impl Verdict {
    /// Why it does not pass, in words; empty if it does.
    pub fn reasons(&self) -> String {
        let reasons: Vec<String> = self.failures.iter().map(ToString::to_string).collect();
        reasons.join("; ")
    }

    /// Whether no rule is broken.
    pub fn passes(&self) -> bool {
        self.failures.is_empty()
    }
}

impl Failure {
    /// Every rule, in the order in which they are listed.
    pub const RULES: [&str; 10] = [
        "ground",
        "parts",
        "class",
        "unlike",
        "place",
        "size",
        "colour",
        "kept",
        "gone",
        "elsewhere",
    ];

    /// The rule that is broken, in one word.
    pub fn rule(&self) -> &'static str {
        let number = match self {
            Self::Ground { .. } => 0,
            Self::Parts { .. } => 1,
            Self::Class { .. } => 2,
            Self::Unlike { .. } => 3,
            Self::Place { .. } => 4,
            Self::Size { .. } => 5,
            Self::Colour { .. } => 6,
            Self::Kept { .. } => 7,
            Self::Gone { .. } => 8,
            Self::Elsewhere { .. } => 9,
        };
        Self::RULES[number]
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let percent = |share: &f32| 100.0 * share;
        match self {
            Self::Ground { seen } => match seen.asked {
                Some(asked) => {
                    write!(
                        f,
                        "the ground is {}, not {}",
                        seen.name.word(),
                        asked.word()
                    )
                }
                None => write!(f, "the ground is {:.0} of Lab off", seen.off),
            },
            Self::Parts { things, parts } => {
                write!(f, "{parts} connected parts for {things} things")
            }
            Self::Class { class, nearest } => write!(f, "the {class} looks like {nearest}"),
            Self::Unlike { class, explained } => {
                write!(
                    f,
                    "a {class} explains {:.0} % of what is seen",
                    percent(explained)
                )
            }
            Self::Place { class, off } => {
                write!(f, "the {class} is {:.0} % of the side off", percent(off))
            }
            Self::Size {
                class,
                asked,
                grown,
            } => write!(
                f,
                "the {class} is {grown:.2} times as large, not {asked:.2}"
            ),
            Self::Colour { class, tint } => {
                let nearest = tint.nearest.word();
                write!(f, "the {class} is {nearest}, not {}", tint.asked.word())
            }
            Self::Kept {
                class,
                nearest,
                explained,
            } if class == nearest => {
                write!(
                    f,
                    "the {class} has changed ({:.0} % explained)",
                    percent(explained)
                )
            }
            Self::Kept { class, nearest, .. } => {
                write!(f, "the {class} has not stayed; {nearest} is nearest")
            }
            Self::Gone { class, left } => {
                write!(f, "{:.0} % of the {class} is still there", percent(left))
            }
            Self::Elsewhere { share } => {
                write!(
                    f,
                    "{:.0} % of the picture is something else",
                    percent(share)
                )
            }
        }
    }
}
