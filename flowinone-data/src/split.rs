//! What training never sees, and the test splits that show only that.
//!
//! A pair for training uses nothing that is held out. A pair of the test split of one axis uses
//! what is held out on that axis and, on all others, only what training may use: so each split
//! measures one kind of generalisation.

use serde::{Deserialize, Serialize};

use super::draw::hash;
use super::grammar::Wording;
use super::{Error, Language, Lettering, Scene};
use flowinone_prompts::Task;

/// Cells along a side into which positions fall.
const CELLS: f32 = 6.0;

/// What is held out; nothing by default.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Holdout {
    /// The last caption template of every family, and the sentence forms kept for tests.
    pub templates: bool,
    /// Sentences whose words come in another order than those of training.
    #[serde(skip_serializing_if = "super::variety::is_off")]
    pub word_order: bool,
    /// One way of lettering.
    pub lettering: Option<Lettering>,
    /// One style of icons.
    pub style: Option<String>,
    /// Positions: a fifth of the cells of a 6 x 6 grid holds no object's centre.
    pub positions: bool,
    /// Share of pairs of classes that never meet in a picture.
    pub pairs: f64,
    /// Share of combinations of class and task.
    pub combinations: f64,
}

/// What a test split can be about.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Axis {
    /// Caption templates and forms of sentences.
    Templates,
    /// Ways of lettering.
    Lettering,
    /// Styles of icons.
    Style,
    /// Positions of objects.
    Positions,
    /// Pairs of classes in one picture.
    Pairs,
    /// Classes in a task.
    Combinations,
    /// Order of the words of a sentence.
    WordOrder,
}

impl Axis {
    /// All of them.
    pub const ALL: [Self; 7] = [
        Self::Templates,
        Self::Lettering,
        Self::Style,
        Self::Positions,
        Self::Pairs,
        Self::Combinations,
        Self::WordOrder,
    ];
}

/// For what pairs are made.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Split {
    /// For training: nothing held out is used.
    Train,
    /// More of the same kind as for training, from streams of their own.
    Validation,
    /// For a test of one axis: what is held out on it, and only there.
    HeldOut(Axis),
}

impl Split {
    /// Number of the split's own streams of random numbers.
    pub(crate) fn realm(self) -> u64 {
        match self {
            Self::Train => 0,
            Self::Validation => 1,
            Self::HeldOut(axis) => {
                2 + Axis::ALL.iter().position(|a| *a == axis).unwrap_or(0) as u64
            }
        }
    }
}

/// What of a pair can be held out.
pub(crate) struct Traits<'a> {
    pub(crate) task: Task,
    /// When sentences of the form are used.
    pub(crate) wording: Wording,
    pub(crate) lettering: Lettering,
    pub(crate) before: &'a Scene,
    pub(crate) after: &'a Scene,
}

impl Holdout {
    /// Whether a pair of these traits belongs to `split`.
    pub(crate) fn admits(&self, split: Split, traits: &Traits<'_>) -> bool {
        Axis::ALL.into_iter().all(|axis| {
            let wanted = split == Split::HeldOut(axis);
            self.holds(axis, traits) == wanted
        })
    }

    /// Whether the pair uses what is held out on `axis`.
    fn holds(&self, axis: Axis, traits: &Traits<'_>) -> bool {
        let objects = || traits.before.objects.iter().chain(&traits.after.objects);
        match axis {
            Axis::Templates => self.templates && traits.wording == Wording::HeldOut,
            Axis::WordOrder => self.word_order && traits.wording == Wording::OtherOrder,
            Axis::Lettering => self.lettering == Some(traits.lettering),
            Axis::Style => objects().any(|o| self.style.as_ref() == Some(&o.style)),
            Axis::Positions => {
                // The one place of the class task is no choice.
                self.positions
                    && traits.task != Task::ClassToImage
                    && objects().any(|o| held_cell(o.center))
            }
            Axis::Pairs => [traits.before, traits.after].into_iter().any(|scene| {
                let classes: Vec<&str> = scene.objects.iter().map(|o| &*o.class).collect();
                let pairs = (0..classes.len()).flat_map(|b| (0..b).map(move |a| (a, b)));
                pairs
                    .into_iter()
                    .any(|(a, b)| self.holds_pair(classes[a], classes[b]))
            }),
            Axis::Combinations => {
                let changed = |o: &&super::Object| {
                    !(traits.before.objects.contains(o) && traits.after.objects.contains(o))
                };
                objects()
                    .filter(changed)
                    .any(|o| within(self.combinations, &[&o.class, traits.task.name()]))
            }
        }
    }

    /// Whether these two classes never meet in training.
    pub fn holds_pair(&self, first: &str, second: &str) -> bool {
        within(self.pairs, &[first.min(second), first.max(second)])
    }

    /// Whether anything is held out on `axis`.
    pub fn covers(&self, axis: Axis) -> bool {
        match axis {
            Axis::Templates => self.templates,
            Axis::WordOrder => self.word_order,
            Axis::Lettering => self.lettering.is_some(),
            Axis::Style => self.style.is_some(),
            Axis::Positions => self.positions,
            Axis::Pairs => self.pairs > 0.0,
            Axis::Combinations => self.combinations > 0.0,
        }
    }

    /// Whether a pair of `task` can differ on `axis`.
    pub(crate) fn applies(axis: Axis, task: Task, language: Language) -> bool {
        let natural = language == Language::Natural;
        match axis {
            Axis::Templates => natural || task != Task::ClassToImage,
            Axis::WordOrder => natural,
            Axis::Positions | Axis::Pairs => task != Task::ClassToImage,
            Axis::Lettering | Axis::Style | Axis::Combinations => true,
        }
    }

    pub(crate) fn validate(&self) -> Result<(), Error> {
        for (name, share) in [("pairs", self.pairs), ("combinations", self.combinations)] {
            if !(0.0..=0.5).contains(&share) {
                let reason = format!("{share} of the {name} held out, expected 0 to 0.5");
                return Err(Error::Config(reason));
            }
        }
        Ok(())
    }
}

/// Whether the words fall into the first `share` of all hashes.
fn within(share: f64, words: &[&str]) -> bool {
    ((hash(words) >> 11) as f64 / (1u64 << 53) as f64) < share
}

/// A fifth of the cells, spread so that no row or column is without one (a knight's move apart).
fn held_cell(center: [f32; 2]) -> bool {
    let [column, row] = center.map(|v| (v * CELLS).floor() as i32);
    (column + 2 * row).rem_euclid(5) == 0
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn about_the_share_asked_for_is_held_out() {
        let holdout = Holdout {
            pairs: 0.1,
            ..Holdout::default()
        };
        let name = |n: usize| format!("thing {n}");
        let pairs = (0..100).flat_map(|b| (0..b).map(move |a| (a, b)));
        let held = pairs.filter(|&(a, b)| holdout.holds_pair(&name(a), &name(b)));
        let held = held.count();
        assert!((400..600).contains(&held), "{held} of 4950");
        assert!(holdout.holds_pair("a", "b") == holdout.holds_pair("b", "a"));
    }

    #[test]
    fn every_row_and_column_has_held_cells_and_free_ones() {
        for a in 0..6 {
            for turned in [false, true] {
                let held = (0..6).filter(|&b| {
                    let at = [a, b].map(|v| (v as f32 + 0.5) / CELLS);
                    held_cell(if turned { [at[1], at[0]] } else { at })
                });
                assert!((1..=2).contains(&held.count()));
            }
        }
    }

    #[test]
    fn shares_that_leave_nothing_are_refused() {
        let holdout = Holdout {
            combinations: 0.9,
            ..Holdout::default()
        };
        let text = holdout.validate().unwrap_err().to_string();
        assert!(
            text.contains("0.9") && text.contains("combinations"),
            "{text}"
        );
    }
}
