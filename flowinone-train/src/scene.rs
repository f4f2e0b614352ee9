//! The scene of a prompt, before anything is done to it: what lies in the square of each visual
//! token, and in whose square the only mark starts and ends; and, the same for all tokens, what is
//! asked. The layout of the target says what is to become of a prompt; what is there, where an
//! arrow points and what is meant has to be known first, and a tower learns it much sooner when
//! each token is asked.
//!
//! ```text
//! (class, tint, box) = layout head;   (s, o) = O rms(token)      for start and end of the mark
//! loss = layout loss + mean over items with a mark of (-log softmax(s)_t + smooth L1(o_t - way))
//!      + mean cross entropy of (change, new class, subject, colour) = R rms(token)
//! ```
//!
//! `t` is the token in whose square the point lies, the way that from the square's middle to it, in
//! squares; the subject is the class that is to go, change or move. It is used in training only.

use burn::module::Module;
use burn::tensor::activation::log_softmax;
use burn::tensor::{DType, Device, Int, Tensor, TensorData};
use flowinone_data::Truth;
use flowinone_kernels::{Dense, rms_normalized};

use crate::Vocabulary;
use crate::labels::{CHANGES, COLOURS, Labels, ends, smooth};
use crate::layout::LayoutHead;
use crate::layout_grid::LayoutGrid;
use crate::owners::way;
use crate::train_task::Losses;

/// The two points of a mark: its end and its start.
const POINTS: usize = 2;
/// Where the smooth L1 of ways goes from quadratic to linear, in squares.
const KNEE: f32 = 0.25;
/// Names of the losses of class, tint and box, and of the share of squares with an object whose
/// class is named.
pub(crate) const SCENE_PARTS: [&str; 4] = ["scene_class", "scene_tint", "scene_box", "right_scene"];
/// The metric of a validation: the share of points whose square is named.
pub(crate) const RIGHT_POINT: &str = "right_point";
/// The metric of a validation: the share of tokens that name the subject, where there is one.
pub(crate) const RIGHT_SUBJECT: &str = "right_subject";
/// A parameter of the head in the checkpoint of a [`TrainableFlow`](crate::TrainableFlow).
pub(crate) const SCENE_REQUEST: &str = "scene.request.weight";

/// What a prompt shows where.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct SceneGrid {
    things: LayoutGrid,
    points: Option<[Point; POINTS]>,
    request: Labels,
}

/// The square in which a point lies, and the way to it from the square's middle.
#[derive(Debug, Clone, Copy, PartialEq)]
struct Point {
    square: usize,
    way: [f32; 2],
}

impl Point {
    /// Of a place in fractions of the side; one beyond the edge lies in the nearest square.
    fn new(place: [f32; 2], side: usize) -> Self {
        let at = place.map(|at| at * side as f32);
        let [column, row] = at.map(|at| (at.max(0.0) as usize).min(side - 1));
        let square = row * side + column;
        Self {
            square,
            way: way(square, side, place),
        }
    }
}

impl SceneGrid {
    /// The scene of a pair's prompt in `side` x `side` squares; `None` for a class that is not in
    /// the vocabulary.
    pub(crate) fn new(truth: &Truth, vocabulary: &Vocabulary, side: usize) -> Option<Self> {
        let stays = (0..truth.objects.len()).filter(|number| !truth.expected.contains(number));
        let seen = stays
            .map(|number| &truth.objects[number])
            .chain(&truth.gone);
        let ground = truth.scene.ground.colour();
        let points = ends(&truth.operation).map(|[x, y, from_x, from_y]| {
            [[x, y], [from_x, from_y]].map(|place| Point::new(place, side))
        });
        Some(Self {
            things: LayoutGrid::of_things(seen, truth.side, ground, vocabulary, side)?,
            points,
            request: vocabulary.labels(truth)?,
        })
    }
}

/// One number of what a prompt asks for.
type Label = fn(&Labels) -> usize;

/// Reads what a prompt shows off its tokens.
#[derive(Module, Debug)]
pub(crate) struct SceneHead {
    things: LayoutHead,
    points: Dense,
    request: Dense,
    classes: usize,
}

impl SceneHead {
    /// For tokens of `width` and a number of `classes`.
    pub(crate) fn new(width: usize, classes: usize, device: &Device) -> Self {
        Self {
            things: LayoutHead::new(width, classes, device),
            points: Dense::new(width, POINTS * 3, device),
            request: Dense::new(width, CHANGES + 2 * (classes + 1) + COLOURS, device),
            classes,
        }
    }

    /// The loss of tokens `[batch, tokens, width]` against what lies there and what is asked, with
    /// the shares of things, points and subjects that are named, `[1]` each.
    ///
    /// # Panics
    /// If there is not one scene for each item, of as many tokens.
    pub(crate) fn loss(&self, tokens: Tensor<3>, scenes: &[SceneGrid]) -> Losses {
        let tokens = rms_normalized(tokens);
        let things: Vec<LayoutGrid> = scenes.iter().map(|scene| scene.things.clone()).collect();
        let mut losses = self.things.loss(tokens.clone(), &things, SCENE_PARTS);
        let points = self.points_loss(self.points.forward(tokens.clone()), scenes);
        let request = self.request_loss(self.request.forward(tokens), scenes);
        for found in [points, request] {
            losses.total = losses.total + found.total;
            losses.parts.extend(found.parts);
        }
        losses
    }

    /// The same of what is asked, from `read` `[batch, tokens, scores]`.
    fn request_loss(&self, read: Tensor<3>, scenes: &[SceneGrid]) -> Losses {
        let device = read.device();
        let [batch, tokens, _] = read.dims();
        let classes = self.classes + 1;
        let asked: [(usize, Label); 4] = [
            (CHANGES, |l| l.change),
            (classes, |l| l.class),
            (COLOURS, |l| l.colour),
            (classes, |l| l.subject), // the last, of which the share is told
        ];
        let mut total = Tensor::zeros([1], &device);
        let mut named = None;
        let mut at = 0;
        for (count, label) in asked {
            let scores = read.clone().narrow(2, at, count); // [batch, tokens, count]
            at += count;
            let wanted: Vec<i32> = scenes.iter().map(|s| label(&s.request) as i32).collect();
            let wanted =
                Tensor::<3, Int>::from_data(TensorData::new(wanted, [batch, 1, 1]), &device);
            let wanted = wanted.repeat_dim(1, tokens);
            named = Some((scores.clone(), wanted.clone()));
            total = total + log_softmax(scores, 2).gather(2, wanted).mean().neg();
        }
        let (scores, subject) = named.expect("the subject is asked last");
        let right: Tensor<3> = scores.argmax(2).equal(subject).float().cast(DType::F32);
        let there = |s: &SceneGrid| f32::from(u8::from(s.request.subject < self.classes));
        let there: Vec<f32> = scenes.iter().map(there).collect();
        let count = there.iter().sum::<f32>().max(1.0) * tokens as f32;
        let there = TensorData::new(there, [batch, 1, 1]);
        let there = Tensor::<3>::from_data(there, (&device, DType::F32));
        let right = (right * there).sum().div_scalar(count);
        Losses {
            parts: vec![("request", total.clone()), (RIGHT_SUBJECT, right)],
            total,
        }
    }

    /// The same of the points alone, from `read` `[batch, tokens, 6]`; nothing without marks.
    fn points_loss(&self, read: Tensor<3>, scenes: &[SceneGrid]) -> Losses {
        let device = read.device();
        let [batch, ..] = read.dims();
        let marked = scenes.iter().filter(|scene| scene.points.is_some()).count();
        if marked == 0 {
            return Losses {
                total: Tensor::zeros([1], &device),
                parts: vec![],
            };
        }
        let none = Point {
            square: 0,
            way: [0.0; 2],
        };
        let points = || {
            scenes
                .iter()
                .flat_map(|s| s.points.unwrap_or([none; POINTS]))
        };
        let squares: Vec<i32> = points().map(|point| point.square as i32).collect();
        let squares = TensorData::new(squares, [batch, 1, POINTS]);
        let squares = Tensor::<3, Int>::from_data(squares, &device);
        let ways: Vec<f32> = points().flat_map(|point| point.way).collect();
        let on = |values: Vec<f32>, shape: [usize; 2]| {
            Tensor::<2>::from_data(TensorData::new(values, shape), (&device, DType::F32))
        };
        let ways = on(ways, [batch, POINTS * 2]);
        let there = scenes
            .iter()
            .map(|s| f32::from(u8::from(s.points.is_some())));
        let there = on(there.collect(), [batch, 1]);
        let count = (marked * POINTS) as f32;

        let scores = read.clone().narrow(2, 0, POINTS);
        let right = scores.clone().argmax(1).equal(squares.clone()).float();
        let right: Tensor<2> = right.cast(DType::F32).squeeze_dim(1);
        let right = (right * there.clone()).sum().div_scalar(count);
        let chosen: Tensor<2> = log_softmax(scores, 1)
            .gather(1, squares.clone())
            .squeeze_dim(1);
        let named = (chosen * there.clone()).sum().neg().div_scalar(count);

        // Each point's square twice, for the two numbers of its way.
        let twice: Vec<Tensor<3, Int>> = (0..POINTS * 2)
            .map(|number| squares.clone().narrow(2, number / 2, 1))
            .collect();
        let read = read.narrow(2, POINTS, POINTS * 2);
        let read: Tensor<2> = read.gather(1, Tensor::cat(twice, 2)).squeeze_dim(1);
        let off = (read - ways).abs() * there;
        let off = smooth(off, KNEE).sum().div_scalar(2.0 * count);
        Losses {
            total: named.clone() + off.clone(),
            parts: vec![("point", named), ("point_off", off), (RIGHT_POINT, right)],
        }
    }
}

#[cfg(all(test, feature = "cpu"))]
mod tests {
    use super::*;
    use flowinone_data::{Icons, Operation, PairConfig, PairSampler};
    use flowinone_weights::{Init, randomize};

    #[test]
    fn a_point_lies_in_a_square_and_beyond_the_edge_in_the_nearest() {
        let point = Point::new([0.5, 0.30], 10);
        assert_eq!(point.square, 3 * 10 + 5);
        assert!((point.way[0] + 0.5).abs() < 1e-5 && (point.way[1] + 0.5).abs() < 1e-5);
        let point = Point::new([1.2, -0.1], 10);
        assert_eq!(point.square, 9);
        assert!((point.way[0] - 2.5).abs() < 1e-5 && (point.way[1] + 1.5).abs() < 1e-5);
    }

    #[test]
    fn the_scene_is_what_is_there_before_and_points_are_found_after_some_steps() {
        let sampler = PairSampler::new(Icons::builtin().into(), PairConfig::new(3)).unwrap();
        let classes: Vec<String> = sampler.classes().map(String::from).collect();
        let vocabulary = Vocabulary::new(classes.clone());
        let side = 8;
        let truths: Vec<Truth> = (0..64).map(|n| sampler.truth(n).unwrap()).collect();
        let grid = |truth| SceneGrid::new(truth, &vocabulary, side).unwrap();
        let mut scenes: Vec<SceneGrid> = vec![];
        for truth in &truths {
            let scene = grid(truth);
            let things = scene.things.seen().sum::<f32>() > 0.0;
            assert_eq!(things, !truth.scene.objects.is_empty(), "{truth:?}");
            if let Operation::Push { pushes, .. } = &truth.operation
                && pushes.len() == 1
            {
                let [_, start] = scene.points.unwrap();
                assert_eq!(start, Point::new(pushes[0].from, side));
            }
            scenes.push(scene);
        }
        let marked = scenes.iter().filter(|scene| scene.points.is_some());
        let marked: Vec<SceneGrid> = marked.take(8).cloned().collect();
        assert_eq!(marked.len(), 8);

        let device = Device::flex().autodiff();
        let width = 96;
        let head = SceneHead::new(width, classes.len(), &device);
        let mut head = randomize(head, 5, Init::by_fan_in).unwrap();
        let normal = burn::tensor::Distribution::Normal(0.0, 1.0);
        let tokens = Tensor::<3>::random([8, side * side, width], normal, &device);
        let first: f32 = head.loss(tokens.clone(), &marked).total.into_scalar();
        let mut adam = burn::optim::AdamConfig::new().init();
        for _ in 0..150 {
            let gradients = head.loss(tokens.clone(), &marked).total.backward();
            let gradients = burn::optim::GradientsParams::from_grads(gradients, &head);
            head = adam.step(0.02, head, gradients);
        }
        let found = head.loss(tokens, &marked);
        let last: f32 = found.total.into_scalar();
        assert!(last < first / 3.0, "{first} to {last}");
        let right = found.parts.iter().find(|(name, _)| *name == RIGHT_POINT);
        let right: f32 = right.unwrap().1.clone().into_scalar();
        assert!(right > 0.8, "{right}");
    }
}
