//! Requests that are drawn into the scene: a marker, a doodle, an arrow that pushes, a path.

use super::{Draft, Drafter, FLOOR, Maybe, Said, fits, moved, without};
use crate::caption;
use crate::dynamics::Physics;
use crate::grammar::Intent;
use crate::operation::middle;
use crate::outline::warped;
use crate::{Edit, EditKind, Mark, Operation, Path, Push};

impl Drafter<'_> {
    pub(super) fn mark(&mut self) -> Maybe<Draft> {
        let count = self.count(2.min(self.variety.objects));
        let scene = some!(self.scene(count));
        let number = self.draw.below(count);
        let chosen = &scene.objects[number];
        let center = middle(chosen, self.icons)?;
        let mark = match self.draw.below(5) {
            _ if self.variety.by_hand => self.mark_by_hand(chosen, center)?,
            0 => Mark::Circle {
                center,
                radius: chosen.size * 0.58,
            },
            1 => Mark::Cross {
                center,
                arm: chosen.size * 0.3,
            },
            _ => {
                let [dx, dy] = self.direction();
                let near = self.draw.between(0.0, 0.15) * chosen.size;
                let long = chosen.size * 0.5 + self.draw.between(0.12, 0.22);
                let at = |way: f32| [center[0] + dx * way, center[1] + dy * way];
                Mark::Arrow {
                    from: at(long),
                    to: at(near),
                }
            }
        };
        if let Mark::Arrow { from, .. } = mark {
            let inside = |v: f32| (0.03..0.97).contains(&v);
            let elsewhere = without(&scene.objects, number);
            if !from.into_iter().all(inside) || !fits(from, 0.02, &elsewhere, 1.0) {
                return Ok(None);
            }
        }
        let mut said = self.said(&scene.objects[number]);
        let object = number;
        let (edit, family, intent) = match *self.draw.pick(&self.variety.marked) {
            EditKind::Remove => (
                Edit::Remove { object },
                caption::MARK_REMOVE,
                Intent::MarkRemove,
            ),
            EditKind::Replace => {
                let class = self.other(&scene.objects, [0.5; 2], 0.1).class;
                said.y = Said::plain(&class);
                let edit = Edit::Replace { object, class };
                (edit, caption::MARK_REPLACE, Intent::MarkReplace)
            }
            _ => {
                let colour = self.tint();
                said.colour = colour.name.word();
                let edit = Edit::Recolour { object, colour };
                (edit, caption::MARK_RECOLOUR, Intent::MarkRecolour)
            }
        };
        let operation = Operation::Mark { mark, edit };
        Ok(Some(self.finish(
            scene,
            operation,
            family,
            Some(intent),
            &said,
        )))
    }

    pub(super) fn doodle(&mut self) -> Maybe<Draft> {
        let count = self.draw.below(2.min(self.variety.objects));
        let scene = some!(self.scene(count));
        let size = match self.variety.free {
            true => self.draw.between(0.2, 0.62),
            false => self.draw.between(0.34, 0.48),
        };
        let floor = if self.variety.free { 1.0 } else { FLOOR };
        let center = some!(self.room(size, &scene.objects, floor));
        let object = self.other(&scene.objects, center, size);
        let lines = self.icons.strokes(&object.style, &object.class)?;
        if lines.is_empty() {
            return Ok(None); // nothing in it is large enough to trace
        }
        let shaky = self.variety.by_hand;
        let bend = self.draw.between(0.01, if shaky { 0.055 } else { 0.035 });
        let place = |[x, y]: [f32; 2]| {
            let at = |v: f32, c: f32| (c + (v - 0.5) * size).clamp(0.005, 0.995);
            [at(x, center[0]), at(y, center[1])]
        };
        let strokes = warped(lines, bend, self.draw).into_iter();
        let strokes = strokes.map(|line| line.into_iter().map(place).collect());
        let mut strokes = strokes.collect();
        if shaky {
            self.simplify(&mut strokes);
        }
        let said = Said::of(&object);
        let operation = Operation::Doodle { object, strokes };
        let (family, intent) = (caption::DOODLE, Some(Intent::Doodle));
        Ok(Some(self.finish(scene, operation, family, intent, &said)))
    }

    pub(super) fn push(&mut self) -> Maybe<Draft> {
        let count = self.count(1);
        let scene = some!(self.scene(count));
        let pushed = 1 + usize::from(count > 1 && self.draw.chance(0.2));
        let mut pushes = vec![];
        for object in 0..pushed {
            let [dx, dy] = self.direction();
            let long = match self.variety.free {
                true => self.draw.between(0.08, 0.42),
                false => self.draw.between(0.12, 0.32),
            };
            let from = middle(&scene.objects[object], self.icons)?;
            let arrow = [dx * long, dy * long];
            let tip = [from[0] + arrow[0], from[1] + arrow[1]];
            if !tip.iter().all(|v| (0.02..0.98).contains(v)) {
                return Ok(None);
            }
            pushes.push(Push {
                object,
                from,
                arrow,
            });
        }
        let physics = Physics::default();
        let operation = Operation::Push { pushes, physics };
        let after = operation.apply(&scene, self.icons)?;
        if !self.apart(&after)? || !moved(&scene, &after, pushed) {
            return Ok(None);
        }
        let said = Said::of(&scene.objects[0]);
        let (family, intent) = (caption::FORCE, Some(Intent::Push));
        Ok(Some(self.finish(scene, operation, family, intent, &said)))
    }

    pub(super) fn follow(&mut self) -> Maybe<Draft> {
        let count = self.count(1);
        let scene = some!(self.scene(count));
        let moving = 1 + usize::from(count > 1 && self.draw.chance(0.25));
        let mut paths = vec![];
        for object in 0..moving {
            let start = middle(&scene.objects[object], self.icons)?;
            let [dx, dy] = self.direction();
            let least = if self.variety.free { 0.15 } else { 0.25 };
            let long = self.draw.between(least, 0.6);
            let end = [start[0] + dx * long, start[1] + dy * long];
            let bend = self.draw.between(-0.5, 0.5) * long;
            let control = [
                (start[0] + end[0]) / 2.0 - dy * bend,
                (start[1] + end[1]) / 2.0 + dx * bend,
            ];
            let points: Vec<[f32; 2]> = (0..=12)
                .map(|step| {
                    let t = step as f32 / 12.0;
                    let at = |axis: usize| {
                        (1.0 - t) * (1.0 - t) * start[axis]
                            + 2.0 * t * (1.0 - t) * control[axis]
                            + t * t * end[axis]
                    };
                    [at(0), at(1)]
                })
                .collect();
            if !points.iter().flatten().all(|v| (0.02..0.98).contains(v)) {
                return Ok(None);
            }
            paths.push(Path { object, points });
        }
        let operation = Operation::Follow { paths };
        let after = operation.apply(&scene, self.icons)?;
        if !self.apart(&after)? || !moved(&scene, &after, moving) {
            return Ok(None);
        }
        let said = Said::of(&scene.objects[0]);
        let (family, intent) = (caption::TRAJECTORY, Some(Intent::Follow));
        Ok(Some(self.finish(scene, operation, family, intent, &said)))
    }
}
