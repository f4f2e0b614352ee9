//! Labels, which say what a prompt asks for, and heads that read them from the visual tokens: with
//! them a vision tower that is trained from scratch learns to read words and marks long before the
//! flow loss would teach it.
//!
//! ```text
//! loss = sum of cross entropies (task, edit, class, colour)
//!      + 10 smooth L1 (place and size; ends of marks)
//! ```

use burn::module::Module;
use burn::nn::{Linear, LinearConfig};
use burn::tensor::activation::{gelu, log_softmax};
use burn::tensor::{DType, Device, Int, Tensor, TensorData};
use flowinone_data::{ColourName, Edit, Mark, Operation, Rect, Truth};
use flowinone_prompts::Task;
use flowinone_weights::{Init, randomize};

use crate::Error;
use crate::train_task::Losses;

/// Width to which each token is brought before all of them are joined.
const TOKEN_WIDTH: usize = 24;
/// Width of the joined features.
const HIDDEN: usize = 256;
/// Kinds of change that an operation can be.
pub(crate) const CHANGES: usize = 8;
/// Colours by name, and none.
pub(crate) const COLOURS: usize = ColourName::ALL.len() + 1;
/// Place and size of the object that is to be seen; the two ends of what is drawn to say so.
const NUMBERS: usize = 4;
/// Weight of places relative to classes.
const PLACES: f64 = 10.0;
/// The metrics that say how well labels are read.
pub(crate) const VALIDATION_METRICS: [&str; 5] = [
    "right_class",
    "right_change",
    "right_colour",
    "off",
    "mark_off",
];

/// The words that labels stand for.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Vocabulary {
    classes: Vec<String>,
}

/// The labels of one prompt.
#[derive(Debug, Clone, PartialEq)]
pub struct Labels {
    /// The task.
    task: usize,
    /// The kind of change.
    pub(crate) change: usize,
    /// The class of the object that is new or changed, or one past the last for none.
    pub(crate) class: usize,
    /// The class of the object that is to go, change or move, or one past the last for none.
    pub(crate) subject: usize,
    /// The colour that is asked for.
    pub(crate) colour: usize,
    /// Centre and size of that object in fractions of the side, if there is one.
    numbers: Option<[f32; NUMBERS]>,
    /// Where the only mark ends and where it starts: arrow, path, or opposite corners of a box.
    ends: Option<[f32; NUMBERS]>,
}

impl Vocabulary {
    /// The classes in a fixed order.
    pub fn new(classes: Vec<String>) -> Self {
        Self { classes }
    }

    /// How many classes there are.
    pub(crate) fn count(&self) -> usize {
        self.classes.len()
    }

    /// The number of a class, `None` for one that is not in the vocabulary.
    pub(crate) fn number(&self, class: &str) -> Option<usize> {
        self.classes.iter().position(|known| known == class)
    }

    /// The labels of a pair; `None` for a class that is not in the vocabulary.
    pub fn labels(&self, truth: &Truth) -> Option<Labels> {
        let expected = truth.expected.first().map(|&number| &truth.objects[number]);
        let class = match expected {
            None => self.classes.len(),
            Some(seen) => self.number(&seen.class)?,
        };
        let subject = match subject(&truth.operation) {
            None => self.classes.len(),
            Some(object) => self.number(&truth.scene.objects.get(object)?.class)?,
        };
        let side = truth.side as f32;
        let numbers = expected.map(|seen| {
            let [x, y] = seen.center;
            let bounds = seen.bounds;
            [
                x,
                y,
                bounds.width as f32 / side,
                bounds.height as f32 / side,
            ]
        });
        let task = Task::ALL.iter().position(|task| *task == truth.task)?;
        let (change, colour) = change(&truth.operation, expected.and_then(|seen| seen.tint));
        Some(Labels {
            task,
            change,
            class,
            subject,
            colour,
            numbers,
            ends: ends(&truth.operation),
        })
    }
}

/// The number of a colour by its name, the last one for none.
pub(crate) fn colour_number(name: Option<ColourName>) -> usize {
    let at = ColourName::ALL
        .iter()
        .position(|known| Some(*known) == name);
    at.unwrap_or(COLOURS - 1)
}

/// The kind of change, and the colour it asks for.
fn change(operation: &Operation, tint: Option<flowinone_data::Colour>) -> (usize, usize) {
    let colour = |name| colour_number(Some(name));
    let none = COLOURS - 1;
    let edit = match operation {
        Operation::Name { .. } => return (0, none),
        Operation::Depict { target } => {
            let named = tint.map_or(target.ground.colour().name, |tint| tint.name);
            return (0, colour(named));
        }
        Operation::Fill { object, .. } => {
            return (if object.is_some() { 1 } else { 2 }, none);
        }
        Operation::Doodle { .. } => return (1, none),
        Operation::Push { .. } | Operation::Follow { .. } => return (3, none),
        Operation::Instruct { edit } | Operation::Mark { edit, .. } => edit,
    };
    match edit {
        Edit::Add { .. } => (1, none),
        Edit::Remove { .. } => (2, none),
        Edit::Move { .. } => (3, none),
        Edit::Replace { .. } => (4, none),
        Edit::Recolour { colour: to, .. } => (5, colour(to.name)),
        Edit::Resize { .. } => (6, none),
        Edit::Ground { ground } => (7, colour(ground.colour().name)),
    }
}

/// The number of the object that is to go, change or move.
fn subject(operation: &Operation) -> Option<usize> {
    match operation {
        Operation::Instruct { edit } | Operation::Mark { edit, .. } => match edit {
            Edit::Remove { object }
            | Edit::Replace { object, .. }
            | Edit::Recolour { object, .. }
            | Edit::Move { object, .. }
            | Edit::Resize { object, .. } => Some(*object),
            Edit::Add { .. } | Edit::Ground { .. } => None,
        },
        Operation::Push { pushes, .. } => pushes.first().map(|push| push.object),
        Operation::Follow { paths } => paths.first().map(|path| path.object),
        Operation::Name { .. }
        | Operation::Depict { .. }
        | Operation::Fill { .. }
        | Operation::Doodle { .. } => None,
    }
}

/// Where the mark of a request ends and where it starts; nothing for several, none of which is
/// the first in a picture.
pub(crate) fn ends(operation: &Operation) -> Option<[f32; NUMBERS]> {
    let [[x, y], [from_x, from_y]] = match operation {
        Operation::Fill { frame, .. } => {
            let Rect { x, y, .. } = *frame;
            [[x + frame.width, y + frame.height], [x, y]]
        }
        Operation::Mark { mark, .. } => match *mark {
            Mark::Arrow { from, to } => [to, from],
            Mark::Scribble { frame } | Mark::Highlight { frame } => {
                let middle = [frame.x + frame.width / 2.0, frame.y + frame.height / 2.0];
                [middle; 2]
            }
            Mark::Circle { center, .. } | Mark::Cross { center, .. } => [center; 2],
        },
        Operation::Push { pushes, .. } => {
            let [push] = pushes.as_slice() else {
                return None;
            };
            let [x, y] = push.from;
            [[x + push.arrow[0], y + push.arrow[1]], push.from]
        }
        Operation::Follow { paths } => {
            let [path] = paths.as_slice() else {
                return None;
            };
            [*path.points.last()?, *path.points.first()?]
        }
        Operation::Name { .. }
        | Operation::Depict { .. }
        | Operation::Instruct { .. }
        | Operation::Doodle { .. } => return None,
    };
    Some([x, y, from_x, from_y])
}

/// The biases of [`LabelHeads::class`] in the checkpoint of a
/// [`TrainableFlow`](crate::TrainableFlow): one for each class and one for none.
pub(crate) const CLASS_BIASES: &str = "heads.class.bias";

/// Reads labels off visual tokens; used in training only.
#[derive(Module, Debug)]
pub struct LabelHeads {
    token: Linear,
    joined: Linear,
    task: Linear,
    change: Linear,
    class: Linear,
    colour: Linear,
    numbers: Linear,
    ends: Linear,
}

impl LabelHeads {
    /// Heads for `tokens` tokens of width `width` and `classes` classes.
    pub fn new(tokens: usize, width: usize, classes: usize, device: &Device) -> Self {
        let linear = |from, to| LinearConfig::new(from, to).init(device);
        Self {
            token: linear(width, TOKEN_WIDTH),
            joined: linear(tokens * TOKEN_WIDTH, HIDDEN),
            task: linear(HIDDEN, Task::ALL.len()),
            change: linear(HIDDEN, CHANGES),
            class: linear(HIDDEN, classes + 1),
            colour: linear(HIDDEN, COLOURS),
            numbers: linear(HIDDEN, NUMBERS),
            ends: linear(HIDDEN, NUMBERS),
        }
    }

    /// The heads for `classes` classes. The class layer is reinitialised if their number changed.
    ///
    /// # Errors
    /// None is expected; see [`randomize`].
    pub(crate) fn with_classes(self, classes: usize, seed: u64) -> Result<Self, Error> {
        let [hidden, known] = self.class.weight.dims();
        if known == classes + 1 {
            return Ok(self);
        }
        let class = LinearConfig::new(hidden, classes + 1).init(&self.class.weight.device());
        let class = randomize(class, seed, Init::by_fan_in)?;
        Ok(Self { class, ..self })
    }

    /// The loss of tokens `[batch, tokens, width]` against their labels, with accuracies and
    /// distances to the wanted places as metrics.
    ///
    /// # Panics
    /// If there is not one label for each item.
    pub fn loss(&self, tokens: Tensor<3>, labels: &[Labels]) -> Losses {
        let [batch, ..] = tokens.dims();
        assert_eq!(
            batch,
            labels.len(),
            "{} labels for {batch} items",
            labels.len()
        );
        let device = tokens.device();
        let each = self.token.forward(tokens); // [batch, tokens, 24]
        let hidden = gelu(self.joined.forward(each.flatten::<2>(1, 2))); // [batch, 256]
        let of = |head: &Linear, label: fn(&Labels) -> usize| {
            let wanted: Vec<i32> = labels.iter().map(|l| label(l) as i32).collect();
            let wanted = Tensor::<1, Int>::from_ints(wanted.as_slice(), &device);
            cross_entropy(head.forward(hidden.clone()), wanted)
        };
        let (task, _) = of(&self.task, |l| l.task);
        let (change, change_right) = of(&self.change, |l| l.change);
        let (class, class_right) = of(&self.class, |l| l.class);
        let (colour, colour_right) = of(&self.colour, |l| l.colour);
        let (numbers, off) = smooth_l1(self.numbers.forward(hidden.clone()), labels, |l| l.numbers);
        let (ends, mark_off) = smooth_l1(self.ends.forward(hidden), labels, |l| l.ends);
        let places = (numbers.clone() + ends.clone()).mul_scalar(PLACES);
        let total = task + change + class.clone() + colour + places;
        let mut parts = vec![
            ("label_class", class),
            ("label_numbers", numbers),
            ("label_ends", ends),
            ("right_class", class_right),
            ("right_change", change_right),
            ("right_colour", colour_right),
        ];
        // There is no distance where no place is asked for.
        parts.extend(off.map(|off| ("off", off)));
        parts.extend(mark_off.map(|off| ("mark_off", off)));
        Losses { total, parts }
    }
}

/// Smooth L1 of the numbers that are `wanted`, in fractions of the side, and the mean distance of
/// the first two of them, a point, if any are wanted: `[1]` each.
fn smooth_l1(
    read: Tensor<2>,
    labels: &[Labels],
    wanted: fn(&Labels) -> Option<[f32; NUMBERS]>,
) -> (Tensor<1>, Option<Tensor<1>>) {
    let device = read.device();
    let wanted = || labels.iter().map(wanted);
    let values: Vec<f32> = wanted().flat_map(Option::unwrap_or_default).collect();
    let there: Vec<f32> = wanted()
        .flat_map(|numbers| [f32::from(u8::from(numbers.is_some())); NUMBERS])
        .collect();
    let items = wanted().flatten().count();
    let shape = [labels.len(), NUMBERS];
    let on = |values| Tensor::<2>::from_data(TensorData::new(values, shape), (&device, DType::F32));
    let off = (read - on(values)).abs() * on(there);
    let point = off.clone().detach().narrow(1, 0, 2);
    let distance = point.square().sum_dim(1).sqrt().sum();
    // Quadratic below a twentieth of the side, linear above.
    let mean = smooth(off, 0.05)
        .sum()
        .div_scalar((items.max(1) * NUMBERS) as f32);
    (mean, (items > 0).then(|| distance.div_scalar(items as f32)))
}

/// Smooth L1 of distances `off`: quadratic below `knee`, linear above.
pub(crate) fn smooth(off: Tensor<2>, knee: f32) -> Tensor<2> {
    let near = off.clone().clamp_max(knee);
    near.clone().square().mul_scalar(0.5 / knee) + off - near
}

/// Mean cross entropy and accuracy, `[1]` each.
fn cross_entropy(logits: Tensor<2>, wanted: Tensor<1, Int>) -> (Tensor<1>, Tensor<1>) {
    let [batch, _] = logits.dims();
    let right = logits
        .clone()
        .argmax(1)
        .reshape([batch])
        .equal(wanted.clone());
    let chosen = log_softmax(logits, 1).gather(1, wanted.reshape([batch, 1]));
    (chosen.mean().neg(), right.float().mean())
}
