//! Where the things of a scene stand, and on what ground.

use super::{Drafter, GAP};
use crate::{Colour, ColourName, Object, Scene, SceneBackground};

/// Objects of a prompt stay above this height, where the words begin.
pub(super) const FLOOR: f32 = 0.8;
/// Smallest side of an object that stands freely.
const LEAST: f32 = 0.15;
/// Largest side of an object in a crowd, and how many are tried.
const MOST: f32 = 0.62;
const CROWD: usize = 12;
/// How much of an object that stands freely the edge may cut off, along a side.
const CUT: f32 = 0.2;

impl Drafter<'_> {
    /// A scene of `count` things of different classes, none upon another.
    pub(super) fn scene(&mut self, count: usize) -> Option<Scene> {
        let ground = self.ground();
        let (least, most) = match (self.variety.free, count) {
            (false, 0 | 1) => (0.32, 0.46),
            (false, 2) => (0.26, 0.36),
            (false, _) => (0.22, 0.3),
            (true, 0 | 1) => (LEAST, 0.7),
            (true, 2) => (LEAST, 0.52),
            (true, _) => (LEAST, 0.4),
        };
        let mut objects: Vec<Object> = vec![];
        for _ in 0..count {
            let size = self.draw.between(least, most);
            let center = match self.variety.free {
                true => self.anywhere(size, &objects)?,
                false => self.room(size, &objects, FLOOR)?,
            };
            let mut object = self.other(&objects, center, size);
            if self.variety.free && self.draw.chance(0.12) {
                object.tint = Some(self.tint());
            }
            if self.variety.rotations && self.draw.chance(0.25) {
                object.rotation = (self.draw.below(7) as f32 - 3.0) * 5.0;
            }
            objects.push(object);
        }
        Some(Scene { ground, objects })
    }

    /// Things of different classes, none upon another, until no room is found.
    pub(super) fn crowd(&mut self) -> Vec<Object> {
        let mut objects: Vec<Object> = vec![];
        for _ in 0..CROWD {
            let size = self.draw.between(LEAST, MOST);
            let Some(center) = self.anywhere(size, &objects) else {
                continue;
            };
            let mut object = self.other(&objects, center, size);
            if self.draw.chance(0.3) {
                object.tint = Some(self.tint());
            }
            objects.push(object);
        }
        objects
    }

    /// A free place for a square of `size` above `floor`.
    pub(super) fn room(&mut self, size: f32, others: &[Object], floor: f32) -> Option<[f32; 2]> {
        let half = size / 2.0 + GAP;
        (0..30).find_map(|_| {
            let across = self.draw.between(half, 1.0 - half);
            let down = self.draw.between(half, (floor - half).max(half));
            let center = [across, down];
            fits(center, size, others, floor).then_some(center)
        })
    }

    /// A place for a square of `size` beside the others, now and then cut by the picture's edge.
    fn anywhere(&mut self, size: f32, others: &[Object]) -> Option<[f32; 2]> {
        let out = match self.draw.chance(0.12) {
            true => CUT * size,
            false => -GAP / 2.0,
        };
        let least = size / 2.0 - out;
        (0..30).find_map(|_| {
            let center = [0, 1].map(|_| self.draw.between(least, 1.0 - least));
            apart(center, size, others).then_some(center)
        })
    }

    /// A thing of a class that none of the others has.
    pub(super) fn other(&mut self, others: &[Object], center: [f32; 2], size: f32) -> Object {
        loop {
            let object = self.object(center, size);
            if others.iter().all(|other| other.class != object.class) {
                return object;
            }
        }
    }

    pub(super) fn object(&mut self, center: [f32; 2], size: f32) -> Object {
        Object {
            class: self.draw.pick(self.classes).clone(),
            style: self.style.into(),
            center,
            size,
            rotation: 0.0,
            tint: None,
        }
    }

    pub(super) fn ground(&mut self) -> SceneBackground {
        let name = *self.draw.pick(&ColourName::ALL);
        if self.variety.free {
            let colour = Colour::shade(name, self.draw);
            return match self.variety.patterns {
                true => SceneBackground::of(colour, self.draw),
                false => SceneBackground::Plain { colour },
            };
        }
        match self.variety.patterns {
            true => SceneBackground::draw(name, self.draw),
            false => SceneBackground::plain(name, self.draw),
        }
    }
}

/// Whether a square lies inside the picture, above `floor`, away from the others.
pub(super) fn fits([x, y]: [f32; 2], size: f32, others: &[Object], floor: f32) -> bool {
    let half = size / 2.0;
    x >= half && x <= 1.0 - half && y >= half && y + half <= floor && apart([x, y], size, others)
}

/// Whether a square lies away from the others.
fn apart([x, y]: [f32; 2], size: f32, others: &[Object]) -> bool {
    others.iter().all(|other| {
        let reach = (size + other.size) / 2.0 + GAP;
        (x - other.center[0]).abs() > reach || (y - other.center[1]).abs() > reach
    })
}
