//! One random request for a task: a scene, what is asked of it, and the words.
//!
//! A draft that does not work out (no free place, an arrow that leads nowhere) is `None`; the
//! sampler then draws again from the same stream.

use super::caption;
use super::draw::Draw;
use super::grammar::{Intent, Wording};
use super::operation::seen;
use super::{
    CaptionKind, Colour, ColourName, Edit, EditKind, Error, Icons, Object, Operation, Place, Rect,
    Scene, Variety,
};
use flowinone_prompts::Task;
use said::Said;
use stage::{FLOOR, fits};

/// Least distance between the squares of two objects.
const GAP: f32 = 0.02;

/// A request, not yet checked against a split.
pub(crate) struct Draft {
    pub(crate) scene: Scene,
    pub(crate) operation: Operation,
    pub(crate) caption: String,
    /// The family of templates or forms, and the number of the one that was used.
    pub(crate) template: String,
    /// When sentences of this form are used.
    pub(crate) wording: Wording,
}

/// What drafts are made from.
pub(crate) struct Drafter<'a> {
    pub(crate) icons: &'a Icons,
    pub(crate) style: &'a str,
    pub(crate) classes: &'a [String],
    pub(crate) variety: &'a Variety,
    pub(crate) draw: &'a mut Draw,
}

type Maybe<T> = Result<Option<T>, Error>;

/// The value of a `Maybe`, or an early `Ok(None)`.
macro_rules! some {
    ($value:expr) => {
        match $value {
            Some(value) => value,
            None => return Ok(None),
        }
    };
}

mod hand;
mod said;
mod shown;
mod stage;

impl Drafter<'_> {
    /// A draft for `task`.
    pub(crate) fn draft(&mut self, task: Task) -> Maybe<Draft> {
        match task {
            Task::ClassToImage => Ok(Some(self.name())),
            Task::TextToImage => Ok(Some(self.depict())),
            Task::TextInImage => self.instruct(),
            Task::TextBox => self.fill(),
            Task::VisualMarker => self.mark(),
            Task::Doodle => self.doodle(),
            Task::Force => self.push(),
            Task::Trajectory => self.follow(),
        }
    }

    fn name(&mut self) -> Draft {
        let ground = self.ground();
        let object = self.object([0.5; 2], 0.64);
        let said = Said::of(&object);
        let canvas = Scene {
            ground,
            objects: vec![],
        };
        let target = Scene {
            ground,
            objects: vec![object],
        };
        let operation = Operation::Name { target };
        self.finish(
            canvas,
            operation,
            caption::CLASS,
            Some(Intent::Class),
            &said,
        )
    }

    fn depict(&mut self) -> Draft {
        let canvas = Scene {
            ground: self.ground(),
            objects: vec![],
        };
        let place = *self.draw.pick(&Place::ALL);
        let kind = *self.draw.pick(&self.variety.captions);
        if kind == CaptionKind::Many {
            return self.many(canvas);
        }
        let (family, places) = match kind {
            CaptionKind::Tinted => (caption::TINTED, vec![([0.5; 2], 0.58)]),
            CaptionKind::One => (caption::ONE, vec![([0.5; 2], 0.58)]),
            CaptionKind::Placed => (caption::PLACED, vec![(place.point(), 0.38)]),
            CaptionKind::Beside => (
                caption::BESIDE,
                vec![([0.27, 0.5], 0.42), ([0.73, 0.5], 0.42)],
            ),
            CaptionKind::Above => (
                caption::ABOVE,
                vec![([0.5, 0.27], 0.42), ([0.5, 0.73], 0.42)],
            ),
            CaptionKind::Many => unreachable!("drafted by many"),
        };
        let tinted = kind == CaptionKind::Tinted;
        let side_by_side = matches!(kind, CaptionKind::Beside | CaptionKind::Above);
        // People often say nothing of the ground when they name two things.
        let untold =
            self.natural() && side_by_side && (kind == CaptionKind::Above || self.draw.chance(0.5));
        let intent = match kind {
            CaptionKind::Tinted => Some(Intent::One),
            CaptionKind::One => Some(Intent::OnGround),
            CaptionKind::Placed | CaptionKind::Many => None,
            CaptionKind::Beside if untold => Some(Intent::Beside),
            CaptionKind::Beside => Some(Intent::BesideOnGround),
            CaptionKind::Above => Some(Intent::Above),
        };
        let ground = match tinted || untold {
            true => canvas.ground,
            false => self.ground(),
        };
        // A colour before a name costs a word: with several things or places only now and then.
        let share = match tinted && !self.natural() {
            true => 1.0,
            false => self.tinted_share(),
        };
        let mut objects: Vec<Object> = vec![];
        for (center, size) in places {
            let mut object = self.other(&objects, center, size);
            if self.draw.chance(share) {
                object.tint = Some(self.tint());
            }
            objects.push(object);
        }
        let said = Said {
            x: Said::coloured(&objects[0]),
            y: objects.get(1).map(Said::coloured).unwrap_or_default(),
            colour: ground.colour().name.word(),
            place: place.words(),
        };
        let target = Scene { ground, objects };
        self.finish(canvas, Operation::Depict { target }, family, intent, &said)
    }

    fn many(&mut self, canvas: Scene) -> Draft {
        let ground = self.ground();
        let target = Scene {
            ground,
            objects: self.crowd(),
        };
        let operation = Operation::Depict { target };
        self.finish(canvas, operation, caption::MANY, None, &Said::default())
    }

    fn instruct(&mut self) -> Maybe<Draft> {
        let count = self.count(1);
        let scene = some!(self.scene(count));
        let number = self.draw.below(count);
        let chosen = scene.objects[number].clone();
        let place = *self.draw.pick(&Place::ALL);
        let mut said = Said {
            place: place.words(),
            ..self.said(&chosen)
        };
        // With one thing there is no need to name it.
        let it = self.natural() && count == 1 && self.draw.chance(0.25);
        let rest = without(&scene.objects, number);
        let (edit, family, intent) = match *self.draw.pick(&self.variety.edits) {
            EditKind::Add => {
                let object = self.other(&scene.objects, place.point(), chosen.size.min(0.38));
                if !fits(object.center, object.size, &scene.objects, 1.0) {
                    return Ok(None);
                }
                said.x = Said::coloured(&object);
                (Edit::Add { object }, caption::ADD, None)
            }
            EditKind::Remove => (
                Edit::Remove { object: number },
                caption::REMOVE,
                Some(Intent::Remove),
            ),
            EditKind::Replace => {
                let class = self.other(&scene.objects, [0.5; 2], 0.1).class;
                said.y = Said::plain(&class);
                let object = number;
                let intent = if it {
                    Intent::ReplaceIt
                } else {
                    Intent::Replace
                };
                (
                    Edit::Replace { object, class },
                    caption::REPLACE,
                    Some(intent),
                )
            }
            EditKind::Recolour => {
                let colour = self.tint();
                said.colour = colour.name.word();
                let object = number;
                let intent = if it {
                    Intent::RecolourIt
                } else {
                    Intent::Recolour
                };
                (
                    Edit::Recolour { object, colour },
                    caption::RECOLOUR,
                    Some(intent),
                )
            }
            EditKind::Move => {
                let to = place.point();
                if Place::of(chosen.center) == place || !fits(to, chosen.size, &rest, 1.0) {
                    return Ok(None);
                }
                let object = number;
                (Edit::Move { object, to }, caption::MOVE, None)
            }
            EditKind::Enlarge => {
                let factor = 1.5;
                if !fits(chosen.center, chosen.size * factor, &rest, 1.0) {
                    return Ok(None);
                }
                let object = number;
                (Edit::Resize { object, factor }, caption::ENLARGE, None)
            }
            EditKind::Shrink => {
                let (object, factor) = (number, 0.6);
                (Edit::Resize { object, factor }, caption::SHRINK, None)
            }
            EditKind::Ground => {
                let ground = self.ground();
                if ground.colour().name == scene.ground.colour().name {
                    return Ok(None);
                }
                said.colour = ground.colour().name.word();
                (
                    Edit::Ground { ground },
                    caption::GROUND,
                    Some(Intent::Ground),
                )
            }
        };
        let operation = Operation::Instruct { edit };
        Ok(Some(self.finish(scene, operation, family, intent, &said)))
    }

    fn fill(&mut self) -> Maybe<Draft> {
        let clear = self.draw.chance(0.25);
        let count = self.count(usize::from(clear));
        let scene = some!(self.scene(count));
        if clear {
            let number = self.draw.below(count);
            let chosen = &scene.objects[number];
            let part = seen(chosen, self.icons)?;
            let margin = match self.variety.free {
                true => self.draw.between(-0.01, 0.08),
                false => self.draw.between(0.02, 0.05),
            };
            let frame = Rect {
                x: part.x - margin,
                y: part.y - margin,
                width: part.width + 2.0 * margin,
                height: part.height + 2.0 * margin,
            };
            let least = if self.variety.free { 0.01 } else { 0.1 };
            let right = frame.x + frame.width;
            if frame.y < least || frame.x < 0.01 || right > 0.99 || frame.y + frame.height > 0.99 {
                return Ok(None);
            }
            let object = None;
            let operation = Operation::Fill { frame, object };
            let said = self.said(chosen);
            let (family, intent) = (caption::CLEAR, Some(Intent::Clear));
            return Ok(Some(self.finish(scene, operation, family, intent, &said)));
        }
        let (least, most) = if self.variety.free {
            (0.18, 0.62)
        } else {
            (0.24, 0.5)
        };
        let [width, height] = [0, 1].map(|_| self.draw.between(least, most));
        let longest = width.max(height);
        let [x, y] = some!(self.room(longest, &scene.objects, 0.97));
        let frame = Rect {
            x: x - width / 2.0,
            y: y - height / 2.0,
            width,
            height,
        };
        if frame.y < 0.13 && !self.variety.free {
            return Ok(None); // the words stand above the box
        }
        let mut object = self.other(&scene.objects, [x, y], 1.0);
        let art = self.icons.art(&object.style, &object.class)?;
        object.size = 0.94 * (width / art.width).min(height / art.height);
        object.center[0] -= (art.x + art.width / 2.0 - 0.5) * object.size;
        object.center[1] -= (art.y + art.height / 2.0 - 0.5) * object.size;
        if self.natural() && self.draw.chance(0.2) {
            object.tint = Some(self.tint());
        }
        let said = Said {
            x: Said::coloured(&object),
            ..Said::default()
        };
        let object = Some(object);
        let operation = Operation::Fill { frame, object };
        let (family, intent) = (caption::FILL, Some(Intent::Fill));
        Ok(Some(self.finish(scene, operation, family, intent, &said)))
    }

    /// How many objects a scene has, `least` at the least.
    fn count(&mut self, least: usize) -> usize {
        let most = self.variety.objects.max(least);
        least + self.draw.below(most - least + 1)
    }

    /// How often a described thing has a colour of its own.
    fn tinted_share(&self) -> f32 {
        if self.natural() {
            return 0.4;
        }
        match self.variety.captions.contains(&CaptionKind::Tinted) && self.variety.objects == 1 {
            true => 0.0,
            false => 0.25,
        }
    }

    fn tint(&mut self) -> Colour {
        (*self.draw.pick(&ColourName::STRONG)).into()
    }

    /// A unit vector.
    fn direction(&mut self) -> [f32; 2] {
        let angle = self.draw.between(0.0, std::f32::consts::TAU);
        [angle.cos(), angle.sin()]
    }

    /// Whether all objects lie inside the picture, none upon another.
    fn apart(&self, scene: &Scene) -> Result<bool, Error> {
        let mut parts: Vec<Rect> = vec![];
        for object in &scene.objects {
            let part = seen(object, self.icons)?;
            let inside = part.x > 0.0
                && part.y > 0.0
                && part.x + part.width < 1.0
                && part.y + part.height < 1.0;
            let upon = |other: &Rect| {
                part.x < other.x + other.width + GAP / 2.0
                    && other.x < part.x + part.width + GAP / 2.0
                    && part.y < other.y + other.height + GAP / 2.0
                    && other.y < part.y + part.height + GAP / 2.0
            };
            if !inside || parts.iter().any(upon) {
                return Ok(false);
            }
            parts.push(part);
        }
        Ok(true)
    }
}

/// Whether the first `count` objects have moved far enough to be seen.
fn moved(before: &Scene, after: &Scene, count: usize) -> bool {
    let far = |(a, b): (&Object, &Object)| {
        let way = [0, 1].map(|axis| a.center[axis] - b.center[axis]);
        way[0].hypot(way[1]) > 0.1
    };
    before
        .objects
        .iter()
        .zip(&after.objects)
        .take(count)
        .all(far)
}

fn without(objects: &[Object], number: usize) -> Vec<Object> {
    let mut rest = objects.to_vec();
    rest.remove(number);
    rest
}
