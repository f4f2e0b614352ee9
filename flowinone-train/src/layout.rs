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
//! What squares weigh and what a box is [`LayoutGrid`] says. It is used in training only.

use burn::module::Module;
use burn::tensor::activation::log_softmax;
use burn::tensor::{DType, Device, Int, Tensor, TensorData};
use flowinone_flow::squares::values_of;
use flowinone_kernels::{Dense, gelu, rms_normalized};

use crate::labels::{COLOURS, smooth};
use crate::layout_grid::{BOX, LayoutGrid, Layouts, SQUARE, Square, balanced};
use crate::train_task::Losses;

/// Width between a square's values and what is read from them.
const HIDDEN: usize = 192;
/// Where the smooth L1 of boxes goes from quadratic to linear, in squares.
const KNEE: f32 = 0.25;
/// Names of the losses of class, tint and box, and of the share of squares with an object whose
/// class is named, which is a metric of validations: read from tokens, and from starts.
pub(crate) const TOKEN_PARTS: [&str; 4] =
    ["layout_class", "layout_tint", "layout_box", "right_layout"];
pub(crate) const START_PARTS: [&str; 4] = ["start_class", "start_tint", "start_box", "right_start"];
/// A parameter of the heads in the checkpoint of a [`TrainableFlow`](crate::TrainableFlow).
pub(crate) const LAYOUT_OUTPUTS: &str = "layout.tokens.output.weight";

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
