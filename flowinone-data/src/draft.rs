//! One random request for a task: a scene, what is asked of it, and the words.
//!
//! A draft that does not work out (no free place, an arrow that leads nowhere) is `None`; the
//! sampler then draws again from the same stream.

use super::caption::{self, Family, Words, caption};
use super::draw::Draw;
use super::operation::seen;
use super::scene::words as words_of;
use super::{
    CaptionKind, Colour, ColourName, Edit, EditKind, Error, Icons, Object, Operation, Place, Rect,
    Scene, SceneBackground, Variety,
};
use flowinone_prompts::Task;

/// Objects of a prompt stay above this height, where the words begin.
const FLOOR: f32 = 0.8;
/// Least distance between the squares of two objects.
const GAP: f32 = 0.02;

/// A request, not yet checked against a split.
pub(crate) struct Draft {
    pub(crate) scene: Scene,
    pub(crate) operation: Operation,
    pub(crate) caption: String,
    pub(crate) family: Family,
    pub(crate) template: usize,
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

mod shown;

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

    fn finish(&mut self, scene: Scene, op: Operation, family: Family, words: &Words) -> Draft {
        let all = family.templates.len();
        let template = self
            .draw
            .below(self.variety.templates.map_or(all, |most| most.min(all)));
        Draft {
            scene,
            operation: op,
            caption: caption(family.templates[template], words),
            family,
            template,
        }
    }

    fn name(&mut self) -> Draft {
        let ground = self.ground();
        let object = self.object([0.5; 2], 0.64);
        let words = Words {
            x: object.words(),
            ..Words::default()
        };
        let canvas = Scene {
            ground,
            objects: vec![],
        };
        let target = Scene {
            ground,
            objects: vec![object],
        };
        self.finish(canvas, Operation::Name { target }, caption::CLASS, &words)
    }

    fn depict(&mut self) -> Draft {
        let canvas = Scene {
            ground: self.ground(),
            objects: vec![],
        };
        let place = *self.draw.pick(&Place::ALL);
        let kind = *self.draw.pick(&self.variety.captions);
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
        };
        let tinted = kind == CaptionKind::Tinted;
        let ground = match tinted {
            true => canvas.ground,
            false => self.ground(),
        };
        // A colour before a name costs a word: with several things or places only now and then.
        let share = if tinted { 1.0 } else { self.tinted_share() };
        let mut objects: Vec<Object> = vec![];
        for (center, size) in places {
            let mut object = self.other(&objects, center, size);
            if self.draw.chance(share) {
                object.tint = Some(self.tint());
            }
            objects.push(object);
        }
        let described = |number: usize| {
            objects.get(number).map_or(String::new(), |object| {
                let tint = object.tint.map(|tint| format!("{} ", tint.name.word()));
                tint.unwrap_or_default() + &object.words()
            })
        };
        let words = Words {
            x: described(0),
            y: described(1),
            colour: ground.colour().name.word(),
            place: place.words(),
        };
        let target = Scene { ground, objects };
        self.finish(canvas, Operation::Depict { target }, family, &words)
    }

    fn instruct(&mut self) -> Maybe<Draft> {
        let count = self.count(1);
        let scene = some!(self.scene(count));
        let number = self.draw.below(count);
        let chosen = scene.objects[number].clone();
        let place = *self.draw.pick(&Place::ALL);
        let mut words = Words {
            x: chosen.words(),
            place: place.words(),
            ..Words::default()
        };
        let rest = without(&scene.objects, number);
        let (edit, family) = match *self.draw.pick(&self.variety.edits) {
            EditKind::Add => {
                let object = self.other(&scene.objects, place.point(), chosen.size.min(0.38));
                if !fits(object.center, object.size, &scene.objects, 1.0) {
                    return Ok(None);
                }
                words.x = object.words();
                (Edit::Add { object }, caption::ADD)
            }
            EditKind::Remove => (Edit::Remove { object: number }, caption::REMOVE),
            EditKind::Replace => {
                let class = self.other(&scene.objects, [0.5; 2], 0.1).class;
                words.y = words_of(&class);
                let object = number;
                (Edit::Replace { object, class }, caption::REPLACE)
            }
            EditKind::Recolour => {
                let colour = self.tint();
                words.colour = colour.name.word();
                let object = number;
                (Edit::Recolour { object, colour }, caption::RECOLOUR)
            }
            EditKind::Move => {
                let to = place.point();
                if Place::of(chosen.center) == place || !fits(to, chosen.size, &rest, 1.0) {
                    return Ok(None);
                }
                let object = number;
                (Edit::Move { object, to }, caption::MOVE)
            }
            EditKind::Enlarge => {
                let factor = 1.5;
                if !fits(chosen.center, chosen.size * factor, &rest, 1.0) {
                    return Ok(None);
                }
                let object = number;
                (Edit::Resize { object, factor }, caption::ENLARGE)
            }
            EditKind::Shrink => {
                let (object, factor) = (number, 0.6);
                (Edit::Resize { object, factor }, caption::SHRINK)
            }
            EditKind::Ground => {
                let ground = self.ground();
                if ground.colour().name == scene.ground.colour().name {
                    return Ok(None);
                }
                words.colour = ground.colour().name.word();
                (Edit::Ground { ground }, caption::GROUND)
            }
        };
        let operation = Operation::Instruct { edit };
        Ok(Some(self.finish(scene, operation, family, &words)))
    }

    fn fill(&mut self) -> Maybe<Draft> {
        let clear = self.draw.chance(0.25);
        let count = self.count(usize::from(clear));
        let scene = some!(self.scene(count));
        if clear {
            let number = self.draw.below(count);
            let chosen = &scene.objects[number];
            let part = seen(chosen, self.icons)?;
            let margin = self.draw.between(0.02, 0.05);
            let frame = Rect {
                x: part.x - margin,
                y: part.y - margin,
                width: part.width + 2.0 * margin,
                height: part.height + 2.0 * margin,
            };
            if frame.y < 0.1 || frame.x < 0.01 || frame.x + frame.width > 0.99 {
                return Ok(None);
            }
            let object = None;
            let operation = Operation::Fill { frame, object };
            let words = Words::default();
            return Ok(Some(self.finish(scene, operation, caption::CLEAR, &words)));
        }
        let (width, height) = (self.draw.between(0.24, 0.5), self.draw.between(0.24, 0.5));
        let longest = width.max(height);
        let [x, y] = some!(self.room(longest, &scene.objects, 0.97));
        let frame = Rect {
            x: x - width / 2.0,
            y: y - height / 2.0,
            width,
            height,
        };
        if frame.y < 0.13 {
            return Ok(None); // the words stand above the box
        }
        let mut object = self.other(&scene.objects, [x, y], 1.0);
        let art = self.icons.art(&object.style, &object.class)?;
        object.size = 0.94 * (width / art.width).min(height / art.height);
        object.center[0] -= (art.x + art.width / 2.0 - 0.5) * object.size;
        object.center[1] -= (art.y + art.height / 2.0 - 0.5) * object.size;
        let words = Words {
            x: object.words(),
            ..Words::default()
        };
        let object = Some(object);
        let operation = Operation::Fill { frame, object };
        Ok(Some(self.finish(scene, operation, caption::FILL, &words)))
    }

    /// A scene of `count` things of different classes, none upon another.
    fn scene(&mut self, count: usize) -> Option<Scene> {
        let ground = self.ground();
        let (least, most) = match count {
            0 | 1 => (0.32, 0.46),
            2 => (0.26, 0.36),
            _ => (0.22, 0.3),
        };
        let mut objects: Vec<Object> = vec![];
        for _ in 0..count {
            let size = self.draw.between(least, most);
            let center = self.room(size, &objects, FLOOR)?;
            let mut object = self.other(&objects, center, size);
            if self.variety.rotations && self.draw.chance(0.25) {
                object.rotation = (self.draw.below(7) as f32 - 3.0) * 5.0;
            }
            objects.push(object);
        }
        Some(Scene { ground, objects })
    }

    /// A free place for a square of `size` above `floor`.
    fn room(&mut self, size: f32, others: &[Object], floor: f32) -> Option<[f32; 2]> {
        let half = size / 2.0 + GAP;
        (0..30).find_map(|_| {
            let across = self.draw.between(half, 1.0 - half);
            let down = self.draw.between(half, (floor - half).max(half));
            let center = [across, down];
            fits(center, size, others, floor).then_some(center)
        })
    }

    /// A thing of a class that no other thing has.
    fn other(&mut self, others: &[Object], center: [f32; 2], size: f32) -> Object {
        loop {
            let object = self.object(center, size);
            if others.iter().all(|other| other.class != object.class) {
                return object;
            }
        }
    }

    fn object(&mut self, center: [f32; 2], size: f32) -> Object {
        Object {
            class: self.draw.pick(self.classes).clone(),
            style: self.style.into(),
            center,
            size,
            rotation: 0.0,
            tint: None,
        }
    }

    fn ground(&mut self) -> SceneBackground {
        let name = *self.draw.pick(&ColourName::ALL);
        match self.variety.patterns {
            true => SceneBackground::draw(name, self.draw),
            false => SceneBackground::plain(name, self.draw),
        }
    }

    /// How many objects a scene has, `least` at the least.
    fn count(&mut self, least: usize) -> usize {
        let most = self.variety.objects.max(least);
        least + self.draw.below(most - least + 1)
    }

    /// How often a described thing has a colour of its own.
    fn tinted_share(&self) -> f32 {
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

/// Whether a square lies inside the picture, above `floor`, away from the others.
fn fits([x, y]: [f32; 2], size: f32, others: &[Object], floor: f32) -> bool {
    let half = size / 2.0;
    let free = |other: &Object| {
        let reach = half + other.size / 2.0 + GAP;
        (x - other.center[0]).abs() > reach || (y - other.center[1]).abs() > reach
    };
    x >= half && x <= 1.0 - half && y >= half && y + half <= floor && others.iter().all(free)
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
