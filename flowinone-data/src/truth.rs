//! The ground truth of a pair: what was asked, what is to be seen, and where.

use serde::{Deserialize, Serialize};

use super::{Colour, Error, Icons, Lettering, Object, Operation, PixelBox, Scene, Split};
use flowinone_prompts::Task;

/// Everything about a pair except its pixels; written next to it as JSON.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Truth {
    /// The task.
    pub task: Task,
    /// For what the pair was made.
    pub split: Split,
    /// Seed of the run.
    pub seed: u64,
    /// Number of the pair in its run; with seed, split and configuration it gives the pair again.
    pub index: u64,
    /// Side of both pictures in pixels; all boxes are meant at this side.
    pub side: u32,
    /// The words of the prompt.
    pub caption: String,
    /// The template of the words: its family and number.
    pub template: String,
    /// How the words are written.
    pub lettering: Lettering,
    /// The scene of the prompt, without marks and words.
    pub scene: Scene,
    /// What is asked.
    pub operation: Operation,
    /// The scene of the target.
    pub target: Scene,
    /// The objects of the target, in its order.
    pub objects: Vec<Seen>,
    /// Numbers of those objects that are new or changed.
    pub expected: Vec<usize>,
    /// Objects of the prompt's scene that are no longer there, or no longer so.
    pub gone: Vec<Seen>,
    /// Where scene and target may differ; outside of these boxes every pixel is the same.
    pub edited: Vec<PixelBox>,
}

impl Truth {
    /// Whether the caption tells what the target shows: that of
    /// [many things](crate::CaptionKind::Many) does not.
    pub fn tells(&self) -> bool {
        let family = self.template.split('/').next();
        family != Some(crate::caption::MANY.name)
    }
}

/// An object as it is seen in a picture.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Seen {
    /// What it is.
    pub class: String,
    /// The style of its icon.
    pub style: String,
    /// Its tint, if it is drawn in the shades of one colour.
    pub tint: Option<Colour>,
    /// Centre of its box, in fractions of the side.
    pub center: [f32; 2],
    /// The pixels that it touches.
    pub bounds: PixelBox,
}

impl Seen {
    fn new(object: &Object, icons: &Icons, side: u32) -> Result<Option<Self>, Error> {
        let Some(bounds) = object.bounds(icons, side)? else {
            return Ok(None);
        };
        let middle = |from: u32, size: u32| (from as f32 + size as f32 / 2.0) / side as f32;
        Ok(Some(Self {
            class: object.class.clone(),
            style: object.style.clone(),
            tint: object.tint,
            center: [
                middle(bounds.x, bounds.width),
                middle(bounds.y, bounds.height),
            ],
            bounds,
        }))
    }
}

/// What changes from one scene to another.
pub(crate) struct Change {
    pub(crate) objects: Vec<Seen>,
    pub(crate) expected: Vec<usize>,
    pub(crate) gone: Vec<Seen>,
    pub(crate) edited: Vec<PixelBox>,
}

/// Compares the scenes; `None` if an object of the target lies outside of the picture.
pub(crate) fn change(
    before: &Scene,
    after: &Scene,
    icons: &Icons,
    side: u32,
) -> Result<Option<Change>, Error> {
    let (mut objects, mut expected, mut gone) = (vec![], vec![], vec![]);
    for (number, object) in after.objects.iter().enumerate() {
        let Some(seen) = Seen::new(object, icons, side)? else {
            return Ok(None);
        };
        if !before.objects.contains(object) {
            expected.push(number);
        }
        objects.push(seen);
    }
    for object in &before.objects {
        if !after.objects.contains(object) {
            gone.extend(Seen::new(object, icons, side)?);
        }
    }
    let edited = match before.ground == after.ground {
        true => {
            let changed = expected.iter().map(|&number| &objects[number]);
            changed.chain(&gone).map(|seen| seen.bounds).collect()
        }
        false => vec![PixelBox {
            x: 0,
            y: 0,
            width: side,
            height: side,
        }],
    };
    Ok(Some(Change {
        objects,
        expected,
        gone,
        edited,
    }))
}
