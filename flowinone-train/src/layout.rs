//! The layout of a target: what is to be seen in each square of it, read from the visual tokens,
//! each of which stands for a square, and from the start of the flow. A squared error says little
//! about shapes until they are nearly right; which class lies in a square, in what tint and where
//! from its middle, is learned long before, and the velocity network then finds it in the very
//! values that it draws the square from.
//!
//! ```text
//! s = rms(token), or the start's values in a square of 2 x 2;   (class, tint, box) = O gelu(W s)
//! loss = mean cross entropy of squares with an object or that one has left
//!      + mean cross entropy of the others
//!      + mean cross entropy of tints + mean smooth L1 of boxes      over squares with an object
//! ```
//!
//! That a thing is to go is told by few squares, which would count little among all that are empty;
//! and so would a small thing among large ones: all squares of a thing together weigh the root of
//! their number.
//!
//! A box is the way from the square's middle to the object's, then width and height, in squares; to
//! which object a square [belongs](crate::owners). It is used in training only.

use burn::module::Module;
use burn::tensor::activation::log_softmax;
use burn::tensor::{DType, Device, Int, Tensor, TensorData};
use flowinone_data::{Colour, Seen, Truth};
use flowinone_flow::squares::values_of;
use flowinone_kernels::{Dense, gelu, rms_normalized};

use crate::Vocabulary;
use crate::labels::{COLOURS, colour_number, smooth};
use crate::owners::{owners, rooted, way};
use crate::train_task::Losses;

/// Side of a start's square in values.
pub(crate) const SQUARE: usize = 2;
/// Width between a square's values and what is read from them.
const HIDDEN: usize = 192;
/// Numbers of a box.
const BOX: usize = 4;
/// Where the smooth L1 of boxes goes from quadratic to linear, in squares.
const KNEE: f32 = 0.25;
/// Names of the losses of class, tint and box, and of the share of squares with an object whose
/// class is named, which is a metric of validations: read from tokens, and from starts.
pub(crate) const TOKEN_PARTS: [&str; 4] =
    ["layout_class", "layout_tint", "layout_box", "right_layout"];
pub(crate) const START_PARTS: [&str; 4] = ["start_class", "start_tint", "start_box", "right_start"];
/// A parameter of the heads in the checkpoint of a [`TrainableFlow`](crate::TrainableFlow).
pub(crate) const LAYOUT_OUTPUTS: &str = "layout.tokens.output.weight";

/// What is to be seen in each square of a target.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct LayoutGrid {
    /// `[squares]`, row by row.
    squares: Vec<Option<Square>>,
    /// The object that an empty square showed before, likewise.
    left: Vec<Option<usize>>,
    /// The colour of the ground, each part from -1 to 1.
    ground: [f32; 3],
}

/// What is to be seen in one square.
#[derive(Debug, Clone, Copy, PartialEq)]
struct Square {
    /// The number of the object among those of the picture.
    thing: usize,
    class: i32,
    tint: i32,
    /// The tint's colour, each part from -1 to 1; zeros for none.
    shade: [f32; 3],
    bounds: [f32; BOX],
}

/// A colour with each part from -1 to 1.
fn shade(colour: Colour) -> [f32; 3] {
    colour.rgb.map(|part| f32::from(part) / 127.5 - 1.0)
}

impl LayoutGrid {
    /// The layout of a pair's target in `side` x `side` squares; `None` for a class that is not in
    /// the vocabulary.
    pub(crate) fn new(truth: &Truth, vocabulary: &Vocabulary, side: usize) -> Option<Self> {
        let ground = truth.target.ground.colour();
        let of = |seen: &[Seen]| Self::of_things(seen, truth.side, ground, vocabulary, side);
        let (after, before) = (of(&truth.objects)?, of(&truth.gone)?);
        let both = before.squares.iter().zip(&after.squares);
        let left = both.map(|(before, after)| match after {
            Some(_) => None,
            None => before.map(|before| before.thing),
        });
        Some(Self {
            left: left.collect(),
            ..after
        })
    }

    /// The layout of things on a ground, which are `seen` in a picture of `pixels` a side, in
    /// `side` x `side` squares; `None` for a class that is not in the vocabulary.
    pub(crate) fn of_things<'a>(
        seen: impl IntoIterator<Item = &'a Seen>,
        pixels: u32,
        ground: Colour,
        vocabulary: &Vocabulary,
        side: usize,
    ) -> Option<Self> {
        let seen: Vec<&Seen> = seen.into_iter().collect();
        let owners = owners(&seen, pixels, side);
        let square = |(number, owner): (usize, &Option<usize>)| -> Option<Option<Square>> {
            let Some(thing) = *owner else {
                return Some(None);
            };
            let seen = seen[thing];
            let scale = side as f32 / pixels as f32;
            let [width, height] = [seen.bounds.width, seen.bounds.height].map(|n| n as f32 * scale);
            let [x, y] = way(number, side, seen.center);
            Some(Some(Square {
                thing,
                class: vocabulary.number(&seen.class)? as i32,
                tint: colour_number(seen.tint.map(|tint| tint.name)) as i32,
                shade: seen.tint.map(shade).unwrap_or_default(),
                bounds: [x, y, width, height],
            }))
        };
        let squares: Option<Vec<_>> = owners.iter().enumerate().map(square).collect();
        let squares = squares?;
        Some(Self {
            left: vec![None; squares.len()],
            squares,
            ground: shade(ground),
        })
    }

    /// For each square, what it weighs: of a thing that is seen there or has left it, one by the
    /// root of the number of such squares; 0 where nothing is and was.
    pub(crate) fn weights(&self) -> impl Iterator<Item = f32> {
        let left = rooted(self.left.iter().copied());
        self.seen_weights()
            .zip(left)
            .map(|(seen, left)| seen + left)
    }

    /// The same of what is seen alone.
    pub(crate) fn seen_weights(&self) -> impl Iterator<Item = f32> {
        rooted(self.things())
    }

    /// The object that each square shows.
    pub(crate) fn things(&self) -> impl Iterator<Item = Option<usize>> {
        self.squares.iter().map(|square| square.map(|s| s.thing))
    }

    /// For each square, 1 if an object is seen there, else 0.
    pub(crate) fn seen(&self) -> impl Iterator<Item = f32> {
        self.squares
            .iter()
            .map(|s| f32::from(u8::from(s.is_some())))
    }

    /// Appends what each square shows: its class of `classes`, or none, as numbers of which one is
    /// 1; way to the middle and size of the object in units of four squares, the way in sizes,
    /// whether it is tinted, the tint's colour, and the ground's.
    pub(crate) fn tell(&self, classes: usize, told: &mut Vec<f32>) {
        for square in &self.squares {
            let class = square.map_or(classes, |s| s.class as usize);
            told.extend((0..=classes).map(|number| f32::from(u8::from(number == class))));
            let [x, y, width, height] = square.map_or([0.0; BOX], |s| s.bounds);
            told.extend([x, y, width, height].map(|n| n / 4.0));
            told.extend([x / width.max(0.5), y / height.max(0.5)]);
            let tinted = square.is_some_and(|s| (s.tint as usize) < COLOURS - 1);
            told.push(f32::from(u8::from(tinted)));
            told.extend(square.map_or([0.0; 3], |s| s.shade));
            told.extend(self.ground);
        }
    }
}

/// The layouts of a batch, in the squares of tokens and in those of starts.
#[derive(Debug, Clone, Default)]
pub(crate) struct Layouts {
    pub(crate) tokens: Vec<LayoutGrid>,
    pub(crate) starts: Vec<LayoutGrid>,
}

/// Reads layouts off tokens and starts.
#[derive(Module, Debug)]
pub(crate) struct LayoutHeads {
    tokens: LayoutHead,
    starts: LayoutHead,
}

impl LayoutHeads {
    /// For tokens of `width` and starts of `channels`.
    pub(crate) fn new(width: usize, channels: usize, classes: usize, device: &Device) -> Self {
        Self {
            tokens: LayoutHead::new(width, classes, device),
            starts: LayoutHead::new(channels * SQUARE * SQUARE, classes, device),
        }
    }

    /// The loss of tokens `[batch, tokens, width]` and starts `[batch, channels, side, side]`.
    pub(crate) fn loss(&self, tokens: Tensor<3>, start: Tensor<4>, layouts: &Layouts) -> Losses {
        let tokens = rms_normalized(tokens);
        let mut losses = self.tokens.loss(tokens, &layouts.tokens, TOKEN_PARTS);
        let values = values_of(start, SQUARE);
        let starts = self.starts.loss(values, &layouts.starts, START_PARTS);
        losses.total = losses.total + starts.total;
        losses.parts.extend(starts.parts);
        losses
    }
}

/// Reads the layout of a target off what stands for its squares.
#[derive(Module, Debug)]
pub(crate) struct LayoutHead {
    hidden: Dense,
    output: Dense,
    classes: usize,
}

impl LayoutHead {
    /// For squares of `width` values and a number of `classes`.
    pub(crate) fn new(width: usize, classes: usize, device: &Device) -> Self {
        Self {
            hidden: Dense::new(width, HIDDEN, device),
            output: Dense::new(HIDDEN, classes + 1 + COLOURS + BOX, device),
            classes,
        }
    }

    /// The loss of `values` `[batch, squares, width]` against what is to be seen, and the share of
    /// squares with an object whose class is named, `[1]` each, by these names.
    ///
    /// # Panics
    /// If there is not one layout for each item, of as many squares.
    pub(crate) fn loss(
        &self,
        values: Tensor<3>,
        layouts: &[LayoutGrid],
        names: [&'static str; 4],
    ) -> Losses {
        let device = values.device();
        let squares: Vec<Option<Square>> = layouts
            .iter()
            .flat_map(|layout| layout.squares.iter().copied())
            .collect();
        let values: Tensor<2> = values.flatten(0, 1); // [squares of all items, width]
        let (found, count) = (values.dims()[0], squares.len());
        assert_eq!(
            found, count,
            "{count} squares of layouts for {found} squares"
        );
        let read = self.output.forward(gelu(self.hidden.forward(values)));

        let (weights, sum) = column(layouts.iter().flat_map(LayoutGrid::seen_weights), &device);
        let scores = read.clone().narrow(1, 0, self.classes + 1);
        let [class, right] = class_loss(scores, layouts, self.classes);

        let tints = read.clone().narrow(1, self.classes + 1, COLOURS);
        let tint = numbers_of(&squares, |s| s.tint, COLOURS - 1, &device);
        let tint = log_softmax(tints, 1).gather(1, tint);
        let tint = (tint * weights.clone()).sum().neg().div_scalar(sum);

        let boxes = squares
            .iter()
            .flat_map(|s| s.map_or([0.0; BOX], |s| s.bounds));
        let boxes = TensorData::new(boxes.collect::<Vec<f32>>(), [count, BOX]);
        let boxes = Tensor::<2>::from_data(boxes, (&device, DType::F32));
        let off = (read.narrow(1, self.classes + 1 + COLOURS, BOX) - boxes).abs();
        let place = (smooth(off, KNEE) * weights).sum();
        let place = place.div_scalar(sum * BOX as f32);

        Losses {
            total: class.clone() + tint.clone() + place.clone(),
            parts: names.into_iter().zip([class, tint, place, right]).collect(),
        }
    }
}

/// A number of each square of all layouts, `[squares, 1]`, and their sum; 1 if that is 0.
fn column(squares: impl Iterator<Item = f32>, device: &Device) -> (Tensor<2>, f32) {
    let squares: Vec<f32> = squares.collect();
    let (all, sum) = (squares.len(), squares.iter().sum::<f32>());
    let squares = Tensor::<2>::from_data(TensorData::new(squares, [all, 1]), (device, DType::F32));
    (squares, if sum > 0.0 { sum } else { 1.0 })
}

/// A whole number of each square, `[squares, 1]`, `none` where there is no object.
fn numbers_of(
    squares: &[Option<Square>],
    of: fn(&Square) -> i32,
    none: usize,
    device: &Device,
) -> Tensor<2, Int> {
    let values = squares.iter().map(|s| s.as_ref().map_or(none as i32, of));
    let values: Vec<i32> = values.collect();
    Tensor::<1, Int>::from_ints(values.as_slice(), device).reshape([values.len(), 1])
}

/// Weights of all squares: of those with an object or that one has left they sum up to 1, and so do
/// those of the others.
pub(crate) fn balanced(layouts: &[LayoutGrid]) -> Vec<f32> {
    let weights: Vec<f32> = layouts.iter().flat_map(LayoutGrid::weights).collect();
    let sum = weights.iter().sum::<f32>();
    let others = weights.iter().filter(|weight| **weight == 0.0).count();
    let share = |weight| match weight > 0.0 {
        true => weight / sum,
        false => 1.0 / others as f32,
    };
    weights.into_iter().map(share).collect()
}

/// The loss of `scores` `[squares of all items, classes + 1 or more]` for the class that is seen in
/// each square or none, [balanced], and the share of squares with an object whose class is named,
/// `[1]` each.
fn class_loss(scores: Tensor<2>, layouts: &[LayoutGrid], classes: usize) -> [Tensor<1>; 2] {
    let device = scores.device();
    let squares: Vec<Option<Square>> = layouts
        .iter()
        .flat_map(|layout| layout.squares.iter().copied())
        .collect();
    let (there, among) = column(layouts.iter().flat_map(LayoutGrid::seen), &device);
    let weights = TensorData::new(balanced(layouts), [squares.len(), 1]);
    let weights = Tensor::<2>::from_data(weights, (&device, DType::F32));
    let wanted = numbers_of(&squares, |s| s.class, classes, &device);
    let right = scores.clone().argmax(1).equal(wanted.clone()).float();
    let right = (right * there).sum().div_scalar(among);
    let class = log_softmax(scores, 1).gather(1, wanted) * weights;
    [class.sum().neg(), right]
}

/// The loss of the first `codes` of what tokens say, `[batch, squares, values]`, for the class in
/// each square, of `classes`.
///
/// # Panics
/// If there is not one layout for each item, of as many squares.
pub(crate) fn codes_loss(
    said: Tensor<3>,
    codes: usize,
    layouts: &[LayoutGrid],
    classes: usize,
) -> Losses {
    let scores = said.narrow(2, 0, codes).flatten(0, 1);
    let [class, right] = class_loss(scores, layouts, classes);
    Losses {
        total: class.clone(),
        parts: vec![("code_class", class), ("right_code", right)],
    }
}

#[cfg(all(test, feature = "cpu"))]
mod tests {
    use std::iter::zip;

    use super::*;
    use flowinone_weights::{Init, randomize};

    /// A grid of 2 x 2 with an object in its last square.
    fn grid(class: i32) -> LayoutGrid {
        let square = Square {
            thing: 0,
            class,
            tint: 3,
            shade: [0.5, 0.0, -1.0],
            bounds: [0.25, -0.25, 1.0, 0.5],
        };
        LayoutGrid {
            squares: vec![None, None, None, Some(square)],
            left: vec![None; 4],
            ground: [1.0; 3],
        }
    }

    #[test]
    fn the_square_of_an_object_in_front_says_which_and_where() {
        use flowinone_data::{Icons, PairConfig, PairSampler};
        let icons = std::sync::Arc::new(Icons::builtin());
        let sampler = PairSampler::new(icons, PairConfig::new(3)).unwrap();
        let classes: Vec<String> = sampler.classes().map(String::from).collect();
        let vocabulary = Vocabulary::new(classes.clone());
        let (side, mut shown, mut left) = (12, 0, 0);
        for index in 0..40 {
            let truth = sampler.truth(index).unwrap();
            let layout = LayoutGrid::new(&truth, &vocabulary, side).unwrap();
            let weights: Vec<f32> = layout.weights().collect();
            for gone in &truth.gone {
                let [column, row] = gone.center.map(|at| (at * side as f32) as usize);
                let square = row.min(side - 1) * side + column.min(side - 1);
                assert!(weights[square] > 0.0, "what is gone matters where it was");
                left += usize::from(layout.squares[square].is_none());
            }
            let Some(front) = truth.objects.last() else {
                assert!(layout.squares.iter().all(Option::is_none));
                continue;
            };
            shown += 1;
            let of_front =
                |s: &Option<Square>| s.is_some_and(|s| s.thing + 1 == truth.objects.len());
            let weight: f32 = zip(&layout.squares, &weights)
                .filter_map(|(square, weight)| of_front(square).then_some(weight))
                .sum();
            let number = layout.squares.iter().filter(|s| of_front(s)).count();
            assert!((weight - (number as f32).sqrt()).abs() < 1e-3);
            let at = front.center.map(|at| at * side as f32);
            let [column, row] = at.map(|at| at as usize);
            let square = layout.squares[row * side + column].unwrap();
            assert_eq!(classes[square.class as usize], front.class);
            assert_eq!(square.tint as usize == COLOURS - 1, front.tint.is_none());
            let middle = [column, row].map(|at| at as f32 + 0.5);
            for axis in 0..2 {
                assert!((square.bounds[axis] - (at[axis] - middle[axis])).abs() < 1e-4);
            }
            let pixels = front.bounds.width as f32 / truth.side as f32;
            assert!((square.bounds[2] - pixels * side as f32).abs() < 1e-4);
            // Far from every box there is nothing.
            let corner = layout.squares[0];
            let near = truth.side / 12;
            let covers = |b: flowinone_data::PixelBox| b.x < near && b.y < near;
            assert!(corner.is_none() || truth.objects.iter().any(|seen| covers(seen.bounds)));
            let mut told = vec![];
            layout.tell(classes.len(), &mut told);
            assert_eq!(told.len(), side * side * (classes.len() + 14));
        }
        assert!(shown > 20 && left > 3, "{shown}, {left}");
        assert!(
            LayoutGrid::new(&sampler.truth(0).unwrap(), &Vocabulary::default(), side).is_none()
        );
    }

    #[test]
    fn a_start_that_differs_by_class_is_read_after_some_steps() {
        let device = Device::flex().autodiff();
        let head = LayoutHead::new(2 * 4, 3, &device);
        let mut head = randomize(head, 5, Init::by_fan_in).unwrap();
        let value = |class: i32| if class == 0 { 1.0f32 } else { -1.0 };
        let starts = [0, 2].map(|class| {
            let mut start = vec![0.0; 2 * 16];
            start[10] = value(class); // the first channel's last square
            Tensor::<1>::from_floats(start.as_slice(), &device).reshape([1, 2, 4, 4])
        });
        let starts = values_of(Tensor::cat(starts.to_vec(), 0), SQUARE);
        let layouts = [grid(0), grid(2)];
        let first: f32 = head
            .loss(starts.clone(), &layouts, START_PARTS)
            .total
            .into_scalar();
        let mut adam = burn::optim::AdamConfig::new().init();
        for _ in 0..60 {
            let found = head.loss(starts.clone(), &layouts, START_PARTS);
            let gradients = found.total.backward();
            let gradients = burn::optim::GradientsParams::from_grads(gradients, &head);
            head = adam.step(0.02, head, gradients);
        }
        let found = head.loss(starts, &layouts, START_PARTS);
        let [last, right] = [found.total, found.parts[3].1.clone()].map(|n| n.into_scalar::<f32>());
        assert!(last < first / 4.0, "{first} to {last}");
        assert!((right - 1.0).abs() < 1e-6, "{right}");
    }
}
