//! What an object of a picture looks like: the class, and among the colours the one, whose render
//! in the true style, size and place on the true background is nearest by mean square after small
//! shifts.

use std::cmp::Reverse;
use std::collections::{BTreeMap, BTreeSet};

use super::Error;
use super::fit::{Fit, Placed, Stage};
use flowinone_data::{self as data, Classes, Colour, ColourName, EVERYDAY, Icons, Object};

/// How far each render may be shifted, in pixels of the coarse level; one more for those that are
/// compared closely.
const REACH: i64 = 2;
/// Classes that are compared closely.
const SHORTLIST: usize = 10;

/// The classes between which the choice is, by style.
pub(crate) struct Candidates(BTreeMap<String, BTreeSet<String>>);

/// What an object looks like.
pub(crate) struct Choice {
    /// The nearest class; the right one if others are no nearer.
    pub(crate) nearest: String,
    /// How many classes are nearer than the right one.
    pub(crate) rank: usize,
    /// Between how many the choice was.
    pub(crate) candidates: usize,
}

impl Candidates {
    /// The classes of every loaded style.
    pub(crate) fn new(icons: &Icons, classes: &Classes) -> Result<Self, Error> {
        let wanted = |name: &str| match classes {
            Classes::All => true,
            Classes::Everyday => EVERYDAY.contains(&name),
            Classes::Named(names) => names.iter().any(|wanted| wanted == name),
        };
        let mut styles = BTreeMap::new();
        for style in icons.styles() {
            let names = icons.classes(style).filter(|name| wanted(name));
            styles.insert(style.into(), names.map(String::from).collect());
        }
        let candidates = Self(styles);
        if let Classes::Named(names) = classes {
            let unknown = |name: &&String| !candidates.0.values().any(|all| all.contains(*name));
            if let Some(name) = names.iter().find(unknown) {
                let reason = format!("no loaded style has an icon {name:?}");
                return Err(data::Error::Config(reason).into());
            }
        }
        Ok(candidates)
    }

    /// The classes of one style.
    pub(crate) fn of_style(&self, style: &str) -> impl Iterator<Item = &str> {
        let names = self.0.get(style).into_iter().flatten();
        names.map(String::as_str)
    }

    /// Compares all classes near `center`, a shift from the object's true place in pixels of the
    /// coarse level.
    pub(crate) fn choose(
        &self,
        stage: &Stage<'_>,
        object: &Object,
        center: [i64; 2],
    ) -> Result<Choice, Error> {
        let right = &object.class;
        let others = self.of_style(&object.style);
        let others = others.filter(|class| class != right);
        // The right class comes first and so wins a tie: sorting keeps the order of equals.
        let mut all: Vec<(Object, Placed)> = vec![];
        for class in std::iter::once(right.as_str()).chain(others) {
            let candidate = Object {
                class: class.into(),
                ..object.clone()
            };
            let placed = stage.search(&stage.draft(&candidate)?, center, REACH, REACH);
            all.push((candidate, placed));
        }
        let candidates = all.len();
        let order = |all: &mut [(Object, Placed)]| all.sort_by_key(|(_, p)| Reverse(p.fit.gain));
        let place = |all: &[(Object, Placed)]| all.iter().position(|(o, _)| o.class == *right);
        order(&mut all);
        let rough = place(&all).unwrap_or(candidates);
        all.truncate(SHORTLIST);
        all.sort_by_key(|(candidate, _)| candidate.class != *right);
        for (candidate, placed) in &mut all {
            *placed = stage.search(&stage.exact(candidate)?, placed.shift, 1, 1);
        }
        order(&mut all);
        Ok(Choice {
            nearest: all[0].0.class.clone(),
            rank: place(&all).unwrap_or(rough),
            candidates,
        })
    }
}

/// The colour in whose shades the object is nearest, among the strong ones and its own.
pub(crate) fn nearest_colour(
    stage: &Stage<'_>,
    object: &Object,
    tint: Colour,
    center: [i64; 2],
) -> Result<ColourName, Error> {
    let others = ColourName::STRONG.into_iter().map(Colour::from);
    let others = others.filter(|other| other.name != tint.name);
    let mut best: Option<(Fit, ColourName)> = None;
    for colour in std::iter::once(tint).chain(others) {
        let candidate = Object {
            tint: Some(colour),
            ..object.clone()
        };
        let fit = stage
            .search(&stage.exact(&candidate)?, center, REACH, 1)
            .fit;
        if best.is_none_or(|(best, _)| fit.gain > best.gain) {
            best = Some((fit, colour.name));
        }
    }
    Ok(best.expect("there is at least one colour").1)
}
