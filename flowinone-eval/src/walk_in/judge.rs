//! One result before the rules.

use std::sync::Arc;

use image::RgbImage;
use rayon::iter::{IntoParallelRefIterator, ParallelIterator};

use super::areas::{SIDE, areas};
use super::find::{Found, Look, Search, Spot};
use super::ground::{Picture, colour};
use super::known::{Cabinet, Known};
use super::mask::{Mask, count, grown, none};
use super::shade::named;
use super::spots::{Footprint, parts_of, placed, seen};
use super::verdict::{Failure, Left, SeenGround, Thing, Verdict};
use super::{Limits, hue};
use crate::class::Candidates;
use crate::sharpness::sharpness;
use crate::{Error, Tint};
use flowinone_data::{Classes, Edit, Icons, Object, Operation, Truth};
use flowinone_image::{lab, lab_distance};
use flowinone_prompts::Task;

/// Share of an area that a thing covers there.
const COVERED: f32 = 0.5;
/// The same where its colour is read: areas that hold hardly anything else.
const FULL: f32 = 0.95;
/// What lies around a thing belongs to it: means of areas at its edge and a blur reach so far.
const RIM: f32 = 2.0;
/// Fewest areas of an old footprint in which something can be left of it.
const LEAST: usize = 10;
/// Differences in Lab by which parts that touch are told apart, tried in turn after the
/// foreground's.
const STEEPER: [f32; 2] = [30.0, 45.0];
/// Side at which an expected picture is drawn, in pixels.
const DRAWN: u32 = 4 * SIDE as u32;
/// The largest side at which an expected picture is drawn beside a result, in pixels.
const LARGEST_DRAWN: u32 = 4096;
/// Largest icon's square, in sides of the picture.
const LARGEST: f32 = 8.0;

/// Judges results by the rules of the module.
pub struct Judge {
    candidates: Candidates,
    cabinet: Cabinet,
    limits: Limits,
}

/// A thing looked for at a spot.
struct Sight {
    thing: Thing,
    failures: Vec<Failure>,
    /// What it covers where it was found.
    mask: Mask,
}

impl Judge {
    /// A judge to whom the icons `classes` of each style are known.
    ///
    /// # Errors
    /// A class that none of the styles has.
    pub fn new(icons: Arc<Icons>, classes: &Classes) -> Result<Self, Error> {
        Ok(Self {
            candidates: Candidates::new(&icons, classes)?,
            cabinet: Cabinet::new(icons),
            limits: Limits::default(),
        })
    }

    /// Where the lines are drawn.
    pub fn limits(&self) -> &Limits {
        &self.limits
    }

    /// Judges one result, a picture of any size.
    ///
    /// # Errors
    /// An object of the truth without a usable place or size, or an icon that was not loaded.
    pub fn item(&self, key: &str, truth: &Truth, result: &RgbImage) -> Result<Verdict, Error> {
        for object in truth.scene.objects.iter().chain(&truth.target.objects) {
            validate(key, object)?;
        }
        let picture = Picture::new(areas(result), &truth.target.ground);
        let foreground = picture.foreground(self.limits.foreground);
        let ground = ground(&picture, truth);
        let mut failures: Vec<Failure> = ground.failure(&self.limits).into_iter().collect();

        let objects = &truth.target.objects;
        let sights = match truth.task {
            Task::ClassToImage | Task::TextToImage => self.anywhere(&picture, truth)?,
            _ => Some(self.in_place(&picture, truth)?),
        };
        let sights = sights.unwrap_or_else(|| {
            failures.push(Failure::Parts {
                things: objects.len(),
                parts: parts_of(&foreground),
            });
            vec![]
        });
        let mut things = none();
        for sight in &sights {
            failures.extend(sight.failures.iter().cloned());
            things
                .iter_mut()
                .zip(&sight.mask)
                .for_each(|(all, covered)| *all |= covered);
        }

        let mut gone = vec![];
        let near = grown(&things, RIM);
        for object in truth
            .scene
            .objects
            .iter()
            .filter(|object| !objects.contains(object))
        {
            let old = self.footprint(object)?.mask;
            let old: Mask = old
                .iter()
                .zip(&near)
                .map(|(old, near)| *old && !near)
                .collect();
            let left = old
                .iter()
                .zip(&foreground)
                .filter(|(old, seen)| **old && **seen);
            let share = match count(&old) {
                few if few < LEAST => 0.0,
                areas => left.count() as f32 / areas as f32,
            };
            let class = object.class.clone();
            if share > self.limits.gone {
                let class = class.clone();
                failures.push(Failure::Gone { class, left: share });
            }
            gone.push(Left { class, share });
        }
        let away = foreground
            .iter()
            .zip(&near)
            .filter(|(seen, near)| **seen && !**near);
        let elsewhere = away.count() as f32 / foreground.len() as f32;
        // What has no part to lie in is not something else.
        let missing = sights.len() < objects.len();
        if elsewhere > self.limits.elsewhere && !missing {
            failures.push(Failure::Elsewhere { share: elsewhere });
        }
        let (width, height) = result.dimensions();
        let sharpness = match width == height && width <= LARGEST_DRAWN {
            true => sharpness(result, &truth.target.render(self.cabinet.icons(), width)?),
            false => None,
        };
        Ok(Verdict {
            key: key.into(),
            task: truth.task,
            caption: truth.caption.clone(),
            ground,
            things: sights.into_iter().map(|sight| sight.thing).collect(),
            gone,
            elsewhere,
            sharpness,
            failures,
        })
    }

    /// Judges many on all threads of the current `rayon` pool, in their order.
    ///
    /// # Errors
    /// The first error of [`item`](Self::item).
    pub fn items(&self, items: &[(&str, &Truth, &RgbImage)]) -> Result<Vec<Verdict>, Error> {
        let items = items.par_iter();
        items
            .map(|(key, truth, result)| self.item(key, truth, result))
            .collect()
    }

    /// Every thing at its place.
    fn in_place(&self, picture: &Picture, truth: &Truth) -> Result<Vec<Sight>, Error> {
        let objects = &truth.target.objects;
        let footprints = objects.iter().map(|object| self.footprint(object));
        let spots = placed(&footprints.collect::<Result<Vec<_>, _>>()?);
        let both = (0..objects.len()).zip(&spots);
        both.map(|(number, spot)| self.look(picture, truth, number, spot, true))
            .collect()
    }

    /// Every thing wherever it is seen; none if there are fewer parts than things. Where even the
    /// expected picture does not show them so (a yellow moon on yellow), they are looked for at
    /// their places there.
    fn anywhere(&self, picture: &Picture, truth: &Truth) -> Result<Option<Vec<Sight>>, Error> {
        let passes = |sights: &Option<Vec<Sight>>| {
            let broken = |sights: &Vec<Sight>| sights.iter().any(|s| !s.failures.is_empty());
            sights.as_ref().is_some_and(|sights| !broken(sights))
        };
        let found = self.in_parts(picture, truth)?;
        if passes(&found) {
            return Ok(found);
        }
        let expected = areas(&truth.target.render(self.cabinet.icons(), DRAWN)?);
        let expected = Picture::new(expected, &truth.target.ground);
        match passes(&self.in_parts(&expected, truth)?) {
            true => Ok(found),
            false => self.in_place(picture, truth).map(Some),
        }
    }

    /// Every thing in a part of the foreground, as they fit best; none if there are too few parts.
    fn in_parts(&self, picture: &Picture, truth: &Truth) -> Result<Option<Vec<Sight>>, Error> {
        let things = truth.target.objects.len();
        let mut best: Option<Vec<Sight>> = None;
        let broken = |sights: &[Sight]| sights.iter().map(|s| s.failures.len()).sum::<usize>();
        // Parts that touch are told apart where the foreground is steeper.
        let steeper = if things > 1 { &STEEPER[..] } else { &[] };
        let levels = [&[self.limits.foreground], steeper].concat().into_iter();
        let mut ways = levels.map(|least| seen(&picture.foreground(least), things));
        for spots in ways.find(|ways| !ways.is_empty()).unwrap_or_default() {
            for order in orders(things) {
                let pairs = order.iter().zip(&spots);
                let look = pairs.map(|(n, spot)| self.look(picture, truth, *n, spot, false));
                let sights = look.collect::<Result<Vec<_>, _>>()?;
                if broken(&sights) == 0 {
                    return Ok(Some(sights));
                }
                if best
                    .as_ref()
                    .is_none_or(|best| broken(&sights) < broken(best))
                {
                    best = Some(sights);
                }
            }
        }
        Ok(best)
    }

    /// Looks for object `number` of the target.
    fn look(
        &self,
        picture: &Picture,
        truth: &Truth,
        number: usize,
        spot: &Spot,
        placed: bool,
    ) -> Result<Sight, Error> {
        let object = &truth.target.objects[number];
        let look = match object.tint {
            Some(_) => Look::Coloured,
            None => Look::Natural,
        };
        let search = Search::new(picture, spot, look);
        let (nearest, right) = search.nearest(&self.known(object)?);
        let tint = object.tint.map(|asked| Tint {
            asked: asked.name,
            nearest: hue::name(coloured(picture, &right, spot), asked),
        });
        let [x, y] = right.shift;
        let thing = Thing {
            class: object.class.clone(),
            kept: truth.scene.objects.contains(object),
            nearest: nearest.known.class.clone(),
            explained: search.explained(&right),
            off: placed.then(|| x.hypot(y) / SIDE as f32),
            size: right.size,
            grown: grows(truth, number),
            tint,
        };
        Ok(Sight {
            failures: thing.failures(&self.limits),
            thing,
            mask: right.stamp(spot).mask(COVERED),
        })
    }

    /// Everything that an object could be, the right thing first.
    fn known(&self, object: &Object) -> Result<Vec<Arc<Known>>, Error> {
        let others = self.candidates.of_style(&object.style);
        let others = others.filter(|class| *class != object.class);
        let all = std::iter::once(object.class.as_str()).chain(others);
        all.map(|class| Ok(self.cabinet.known(object, class)?))
            .collect()
    }

    fn footprint(&self, object: &Object) -> Result<Footprint, Error> {
        let known = self.cabinet.known(object, &object.class)?;
        let middle = known.middle(object).map(|v| v * SIDE as f32);
        let square = object.size * SIDE as f32;
        Ok(Footprint {
            mask: known.drawn(middle, square).mask(COVERED),
            middle,
            square,
        })
    }
}

/// The ground, and what it should be called if another one is asked for.
fn ground(picture: &Picture, truth: &Truth) -> SeenGround {
    let seen = lab(picture.ground);
    let (before, after) = (&truth.scene.ground, &truth.target.ground);
    let asked = (before != after).then(|| after.colour());
    SeenGround {
        name: named(seen, asked),
        asked: asked.map(|asked| asked.name),
        off: lab_distance(seen, colour(before)),
    }
}

/// The areas of a thing that show its colour.
fn coloured(picture: &Picture, found: &Found, spot: &Spot) -> impl Iterator<Item = [f32; 3]> {
    let stamp = found.stamp(spot);
    let [full, covered] = [FULL, COVERED].map(|share| stamp.mask(share));
    let inside = match count(&full) >= LEAST {
        true => full,
        false => covered,
    };
    let own = inside.into_iter().zip(&spot.own).zip(&picture.areas);
    own.filter(|((inside, own), _)| *inside && **own)
        .map(|(_, area)| *area)
}

/// By what factor object `number` of the target should have grown.
fn grows(truth: &Truth, number: usize) -> Option<f32> {
    match &truth.operation {
        Operation::Instruct { edit } | Operation::Mark { edit, .. } => match edit {
            Edit::Resize { object, factor } if *object == number => Some(*factor),
            _ => None,
        },
        _ => None,
    }
}

/// All orders of the numbers below `count`.
fn orders(count: usize) -> Vec<Vec<usize>> {
    let mut all = vec![vec![]];
    for next in 0..count {
        let longer = |order: &Vec<usize>| -> Vec<Vec<usize>> {
            let at = |place: usize| {
                let mut order = order.clone();
                order.insert(place, next);
                order
            };
            (0..=order.len()).rev().map(at).collect()
        };
        all = all.iter().flat_map(longer).collect();
    }
    all
}

fn validate(key: &str, object: &Object) -> Result<(), Error> {
    let finite = object
        .center
        .iter()
        .chain([&object.rotation])
        .all(|v| v.is_finite());
    if finite && object.size > 0.0 && object.size <= LARGEST {
        return Ok(());
    }
    Err(Error::Truth {
        key: key.into(),
        reason: format!(
            "{:?} has centre {:?}, size {} and rotation {}",
            object.class, object.center, object.size, object.rotation
        ),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_order_is_tried_once_beginning_with_the_given_one() {
        assert_eq!(orders(2), [[0, 1], [1, 0]]);
        assert_eq!((orders(0).len(), orders(3).len()), (1, 6));
        assert_eq!(orders(3)[0], [0, 1, 2]);
    }
}
