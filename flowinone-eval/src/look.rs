//! What is seen of the objects of a target: those that are asked for, one by one and closely, and
//! those that must have stayed.

use super::Error;
use super::class::{Candidates, nearest_colour};
use super::coarse::Levels;
use super::fit::Stage;
use super::item::{Kept, ObjectScore, Place, Tint};
use flowinone_data::{Icons, Object, Truth};

/// How far from its place a moved object is looked for, in pixels of the coarse level.
const REACH: i64 = 12;
/// The same for an object that was not asked to move.
const NEAR: i64 = 2;

/// A result, ready to be looked at.
pub(crate) struct Look<'a> {
    pub(crate) icons: &'a Icons,
    pub(crate) candidates: &'a Candidates,
    /// The share of its contrast above which an object is there.
    pub(crate) seen: f64,
    pub(crate) truth: &'a Truth,
    pub(crate) result: &'a Levels,
    /// The best possible result.
    pub(crate) best: &'a Levels,
}

impl Look<'_> {
    /// The objects that a result must show: the new and changed ones; where the background changes
    /// under them, all.
    pub(crate) fn objects(&self) -> Result<Vec<ObjectScore>, Error> {
        let numbers = looked_for(self.truth).into_iter();
        numbers.map(|number| self.object(number)).collect()
    }

    /// The objects that must stay as they are, where the background does too.
    pub(crate) fn kept(&self) -> Result<Vec<Kept>, Error> {
        let looked_for = looked_for(self.truth);
        let all = 0..self.truth.target.objects.len();
        let rest = all.filter(|number| !looked_for.contains(number));
        let kept = rest.map(|number| {
            let object = &self.truth.target.objects[number];
            let stage = self.stage(self.result, number)?;
            let stamp = stage.exact(object)?;
            let found = stage.search(&stamp, [0, 0], NEAR, 1);
            Ok(Kept {
                class: object.class.clone(),
                seen: stage.seen(&stamp, found),
            })
        });
        kept.collect()
    }

    fn object(&self, number: usize) -> Result<ObjectScore, Error> {
        let object = &self.truth.target.objects[number];
        let stage = self.stage(self.result, number)?;
        let asked = moved(self.truth, number);
        let stamp = stage.exact(object)?;
        // Every pixel: thin things fit at a single one.
        let found = stage.search(&stamp, [0, 0], if asked { REACH } else { NEAR }, 1);
        let seen = stage.seen(&stamp, found);
        let place = match (asked, seen <= self.seen) {
            (false, _) => Place::Unasked,
            (true, true) => Place::Lost,
            (true, false) => {
                let off = stage.locate(object, found.shift)?.map(|way| way as f64);
                let pixels = off[0].hypot(off[1]);
                let share = pixels / f64::from(self.truth.side);
                Place::Off { pixels, share }
            }
        };
        // Classes are compared where the object lies, so that its place does not count twice.
        let center = match place {
            Place::Off { .. } => found.shift,
            Place::Unasked | Place::Lost => [0, 0],
        };
        let choice = self.candidates.choose(&stage, object, center)?;
        let tint = match object.tint {
            Some(asked) => Some(Tint {
                asked: asked.name,
                nearest: nearest_colour(&stage, object, asked, center)?,
            }),
            None => None,
        };
        let best = self.stage(self.best, number)?;
        let ceiling = self.candidates.choose(&best, object, [0, 0])?;
        Ok(ObjectScore {
            class: object.class.clone(),
            nearest: choice.nearest,
            rank: choice.rank,
            ceiling: ceiling.rank,
            candidates: choice.candidates,
            seen,
            tint,
            place,
        })
    }

    fn stage<'a>(&'a self, picture: &'a Levels, number: usize) -> Result<Stage<'a>, Error> {
        Stage::new(picture, &self.truth.target, number, self.icons)
    }
}

fn looked_for(truth: &Truth) -> Vec<usize> {
    match truth.scene.ground == truth.target.ground {
        true => truth.expected.clone(),
        false => (0..truth.target.objects.len()).collect(),
    }
}

/// Whether all that happens to an object of the scene is that it moves.
fn moved(truth: &Truth, number: usize) -> bool {
    let after = &truth.target.objects[number];
    truth.scene.objects.get(number).is_some_and(|before| {
        let there = Object {
            center: after.center,
            ..before.clone()
        };
        before.center != after.center && there == *after
    })
}
