//! What a prompt asks for, as data, and what it makes of a scene.

use serde::{Deserialize, Serialize};

use super::dynamics::{Disc, Physics};
use super::{Colour, Error, Icons, Object, Rect, Scene, SceneBackground};
use flowinone_prompts::Task;

/// One request; [`apply`](Self::apply) carries it out. Objects are named by their number in the
/// scene.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "kebab-case", deny_unknown_fields)]
pub enum Operation {
    /// The name of a class, written on a canvas, becomes a picture of it.
    Name {
        /// The picture.
        target: Scene,
    },
    /// A caption on a canvas becomes the scene it describes.
    Depict {
        /// The scene.
        target: Scene,
    },
    /// An instruction written into the scene.
    Instruct {
        /// What is to be done.
        edit: Edit,
    },
    /// A box drawn into the scene, with a word about what it is to hold.
    Fill {
        /// The box.
        frame: Rect,
        /// What it is to hold, fitted into it; nothing means that it is cleared.
        object: Option<Object>,
    },
    /// A mark at an object of the scene.
    Mark {
        /// How it is marked.
        mark: Mark,
        /// What is to be done to it.
        edit: Edit,
    },
    /// The outline of a thing drawn into the scene.
    Doodle {
        /// The thing that appears in its place.
        object: Object,
        /// The drawn lines, in fractions of the side.
        strokes: Vec<Vec<[f32; 2]>>,
    },
    /// Arrows that push objects.
    Push {
        /// The pushes.
        pushes: Vec<Push>,
        /// The constants of the motion.
        physics: Physics,
    },
    /// Paths along which objects move.
    Follow {
        /// The paths.
        paths: Vec<Path>,
    },
}

/// A change of one scene into another.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "edit", rename_all = "kebab-case", deny_unknown_fields)]
pub enum Edit {
    /// A new thing appears.
    Add {
        /// The thing.
        object: Object,
    },
    /// A thing disappears.
    Remove {
        /// Its number.
        object: usize,
    },
    /// A thing becomes another.
    Replace {
        /// Its number.
        object: usize,
        /// What it becomes.
        class: String,
    },
    /// A thing takes the shades of a colour.
    Recolour {
        /// Its number.
        object: usize,
        /// The colour.
        colour: Colour,
    },
    /// A thing moves.
    Move {
        /// Its number.
        object: usize,
        /// Its new centre.
        to: [f32; 2],
    },
    /// A thing grows or shrinks in its place.
    Resize {
        /// Its number.
        object: usize,
        /// By how much.
        factor: f32,
    },
    /// The background changes.
    Ground {
        /// The new background.
        ground: SceneBackground,
    },
}

/// How an object is marked; lengths are fractions of the side.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(tag = "mark", rename_all = "kebab-case", deny_unknown_fields)]
pub enum Mark {
    /// An arrow that ends at the object.
    Arrow {
        /// Where it starts.
        from: [f32; 2],
        /// Its tip.
        to: [f32; 2],
    },
    /// A circle around the object.
    Circle {
        /// Its centre.
        center: [f32; 2],
        /// Its radius.
        radius: f32,
    },
    /// A cross on the object.
    Cross {
        /// Its centre.
        center: [f32; 2],
        /// Length of its arms.
        arm: f32,
    },
    /// A line to and fro over the object.
    Scribble {
        /// The rectangle that it covers.
        frame: Rect,
    },
    /// A translucent rectangle over the object.
    Highlight {
        /// The rectangle.
        frame: Rect,
    },
}

/// An arrow that pushes an object.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Push {
    /// The number of the object.
    pub object: usize,
    /// Where the arrow starts: the middle of what is seen of the object.
    pub from: [f32; 2],
    /// The arrow, in fractions of the side.
    pub arrow: [f32; 2],
}

/// A path of an object.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Path {
    /// The number of the object.
    pub object: usize,
    /// The points of the path, from the middle of what is seen of the object to where that middle
    /// ends.
    pub points: Vec<[f32; 2]>,
}

impl Operation {
    /// The task to which the request belongs.
    pub fn task(&self) -> Task {
        match self {
            Self::Name { .. } => Task::ClassToImage,
            Self::Depict { .. } => Task::TextToImage,
            Self::Instruct { .. } => Task::TextInImage,
            Self::Fill { .. } => Task::TextBox,
            Self::Mark { .. } => Task::VisualMarker,
            Self::Doodle { .. } => Task::Doodle,
            Self::Push { .. } => Task::Force,
            Self::Follow { .. } => Task::Trajectory,
        }
    }

    /// The scene afterwards. Objects keep their numbers, except that removed ones are gone and new
    /// ones come last.
    ///
    /// # Errors
    /// An object's number that the scene lacks, or an icon that was not loaded.
    pub fn apply(&self, scene: &Scene, icons: &Icons) -> Result<Scene, Error> {
        let mut after = scene.clone();
        match self {
            Self::Name { target } | Self::Depict { target } => after = target.clone(),
            Self::Instruct { edit } | Self::Mark { edit, .. } => edit.apply(&mut after)?,
            Self::Fill { frame, object } => match object {
                Some(object) => after.objects.push(object.clone()),
                None => {
                    let mut kept = vec![];
                    for object in after.objects {
                        let [x, y] = middle(&object, icons)?;
                        let inside = (frame.x..frame.x + frame.width).contains(&x)
                            && (frame.y..frame.y + frame.height).contains(&y);
                        if !inside {
                            kept.push(object);
                        }
                    }
                    after.objects = kept;
                }
            },
            Self::Doodle { object, .. } => after.objects.push(object.clone()),
            Self::Push { pushes, physics } => {
                let mut discs = vec![];
                for object in &scene.objects {
                    discs.push(disc(object, icons)?);
                }
                for push in pushes {
                    numbered(&scene.objects, push.object)?;
                    let velocity = physics.velocity(push.arrow.map(f64::from));
                    (0..2).for_each(|axis| discs[push.object].velocity[axis] += velocity[axis]);
                }
                let ends = physics.rest(discs.clone());
                for ((object, start), end) in after.objects.iter_mut().zip(&discs).zip(&ends) {
                    for axis in 0..2 {
                        object.center[axis] += (end.center[axis] - start.center[axis]) as f32;
                    }
                }
            }
            Self::Follow { paths } => {
                for path in paths {
                    let (Some(start), Some(end)) = (path.points.first(), path.points.last()) else {
                        return Err(Error::Scene("a path without points".into()));
                    };
                    let object = numbered_mut(&mut after.objects, path.object)?;
                    (0..2).for_each(|axis| object.center[axis] += end[axis] - start[axis]);
                }
            }
        }
        Ok(after)
    }
}

impl Edit {
    fn apply(&self, scene: &mut Scene) -> Result<(), Error> {
        let objects = &mut scene.objects;
        match self {
            Self::Add { object } => objects.push(object.clone()),
            Self::Remove { object } => {
                numbered(objects, *object)?;
                objects.remove(*object);
            }
            Self::Replace { object, class } => {
                let object = numbered_mut(objects, *object)?;
                object.class.clone_from(class);
                object.tint = None;
            }
            Self::Recolour { object, colour } => {
                numbered_mut(objects, *object)?.tint = Some(*colour);
            }
            Self::Move { object, to } => numbered_mut(objects, *object)?.center = *to,
            Self::Resize { object, factor } => numbered_mut(objects, *object)?.size *= factor,
            Self::Ground { ground } => scene.ground = *ground,
        }
        Ok(())
    }
}

/// What is seen of the object, rotation left aside.
pub(crate) fn seen(object: &Object, icons: &Icons) -> Result<Rect, Error> {
    let art = icons.art(&object.style, &object.class)?;
    Ok(Rect {
        x: object.center[0] + (art.x - 0.5) * object.size,
        y: object.center[1] + (art.y - 0.5) * object.size,
        width: art.width * object.size,
        height: art.height * object.size,
    })
}

/// The middle of what is seen of the object.
pub(crate) fn middle(object: &Object, icons: &Icons) -> Result<[f32; 2], Error> {
    let seen = seen(object, icons)?;
    Ok([seen.x + seen.width / 2.0, seen.y + seen.height / 2.0])
}

/// The disc that stands for the object on the table: as wide as it is on average.
fn disc(object: &Object, icons: &Icons) -> Result<Disc, Error> {
    let seen = seen(object, icons)?;
    Ok(Disc {
        center: middle(object, icons)?.map(f64::from),
        radius: f64::from(seen.width + seen.height) / 4.0,
        velocity: [0.0; 2],
    })
}

fn numbered(objects: &[Object], number: usize) -> Result<&Object, Error> {
    let reason = || Error::Scene(format!("no object {number} among {}", objects.len()));
    objects.get(number).ok_or_else(reason)
}

fn numbered_mut(objects: &mut [Object], number: usize) -> Result<&mut Object, Error> {
    numbered(objects, number)?;
    Ok(&mut objects[number])
}
