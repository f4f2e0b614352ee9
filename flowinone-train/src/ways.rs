//! Where things go: each visual token in whose square a thing lies tells the way from there to
//! where the thing's middle will be, in prompts that move one by an arrow or a path. The layout of
//! the target asks the tokens of the place where it arrives, which have to find the thing; its own
//! tokens see it and what is drawn on it.
//!
//! ```text
//! loss = weighted mean of smooth L1 (W rms(token) - way)   over squares of things where one is moved
//! ```
//!
//! Ways are in squares; a square [weighs](rooted) more in a small thing. It is used in training
//! only.

use burn::module::Module;
use burn::tensor::{DType, Device, Tensor, TensorData};
use flowinone_data::{Operation, Seen, Truth};
use flowinone_kernels::{Dense, rms_normalized};

use crate::labels::smooth;
use crate::owners::{owners, rooted, way};
use crate::train_task::Losses;

/// Where the smooth L1 goes from quadratic to linear, in squares.
const KNEE: f32 = 0.25;
/// The metric of a validation: the mean distance between told and true place of a thing that stays
/// or moves, in squares.
pub(crate) const WAY_OFF: &str = "way_off";
/// A parameter of the head in the checkpoint of a [`TrainableFlow`](crate::TrainableFlow).
pub(crate) const WAY_OUTPUT: &str = "ways.output.weight";

/// For each square of a prompt in which a thing lies, the way to where the thing will be; none in
/// prompts that move nothing. `[squares]`, row by row.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct WayGrid(Vec<Option<Way>>);

/// The way of a square, and what it weighs.
#[derive(Debug, Clone, Copy, PartialEq)]
struct Way {
    to: [f32; 2],
    weight: f32,
}

impl WayGrid {
    /// The ways of a pair in `side` x `side` squares.
    pub(crate) fn new(truth: &Truth, side: usize) -> Self {
        let none = || Self(vec![None; side * side]);
        let (Operation::Push { .. } | Operation::Follow { .. }) = truth.operation else {
            return none();
        };
        // A thing that moves is among those that are gone and those that are new, in equal order.
        let mut gone = truth.gone.iter();
        let mut before = |number: usize| match truth.expected.contains(&number) {
            true => gone.next(),
            false => truth.objects.get(number),
        };
        let before: Option<Vec<&Seen>> = (0..truth.objects.len()).map(&mut before).collect();
        let Some(before) = before else {
            return none();
        };
        let owners = owners(&before, truth.side, side);
        let weights = rooted(&owners);
        let ways = owners.iter().enumerate().zip(weights);
        let ways = ways.map(|((number, owner), weight)| {
            owner.map(|owner| Way {
                to: way(number, side, truth.objects[owner].center),
                weight,
            })
        });
        Self(ways.collect())
    }
}

/// Reads ways off visual tokens.
#[derive(Module, Debug)]
pub(crate) struct WayHead {
    output: Dense,
}

impl WayHead {
    /// For tokens of `width`.
    pub(crate) fn new(width: usize, device: &Device) -> Self {
        Self {
            output: Dense::new(width, 2, device),
        }
    }

    /// The loss of tokens `[batch, tokens, width]` against their ways, `[1]`, and how far off the
    /// places are that they tell, if any are asked for.
    ///
    /// # Panics
    /// If there is not one grid for each item, of as many squares.
    pub(crate) fn loss(&self, tokens: Tensor<3>, grids: &[WayGrid]) -> Losses {
        let device = tokens.device();
        let tokens: Tensor<2> = rms_normalized(tokens).flatten(0, 1); // [squares of all items, width]
        let squares = || grids.iter().flat_map(|grid| &grid.0);
        let (found, count) = (tokens.dims()[0], squares().count());
        assert_eq!(found, count, "{count} squares of ways for {found} tokens");
        let asked = squares().flatten().count();
        let on = |values: Vec<f32>, width: usize| {
            let values = TensorData::new(values, [count, width]);
            Tensor::<2>::from_data(values, (&device, DType::F32))
        };
        let to = squares().flat_map(|way| way.map_or([0.0; 2], |way| way.to));
        let weights: Vec<f32> = squares()
            .map(|way| way.map_or(0.0, |way| way.weight))
            .collect();
        let sum = weights.iter().sum::<f32>().max(f32::MIN_POSITIVE);
        let there = weights
            .iter()
            .map(|weight| f32::from(u8::from(*weight > 0.0)));
        let [to, there] = [(to.collect(), 2), (there.collect(), 1)].map(|(v, n)| on(v, n));
        let off = (self.output.forward(tokens) - to).abs() * there;
        let distance = off.clone().detach().square().sum_dim(1).sqrt().sum();
        let total = (smooth(off, KNEE) * on(weights, 1)).sum();
        let total = total.div_scalar(2.0 * sum);
        let mut parts = vec![("way", total.clone())];
        if asked > 0 {
            parts.push((WAY_OFF, distance.div_scalar(asked as f32)));
        }
        Losses { total, parts }
    }
}

#[cfg(all(test, feature = "cpu"))]
mod tests {
    use super::*;
    use flowinone_data::{Icons, PairConfig, PairSampler};
    use flowinone_prompts::Task;
    use flowinone_weights::{Init, randomize};

    #[test]
    fn a_moved_thing_s_squares_tell_where_it_arrives() {
        let sampler = PairSampler::new(Icons::builtin().into(), PairConfig::new(3)).unwrap();
        let (side, mut moved) = (16, 0);
        for index in 0..80 {
            let truth = sampler.truth(index).unwrap();
            let WayGrid(ways) = WayGrid::new(&truth, side);
            let moves = matches!(truth.task, Task::Force | Task::Trajectory);
            assert_eq!(ways.iter().any(Option::is_some), moves, "{truth:?}");
            if !moves {
                continue;
            }
            // The first thing that is gone, where nothing lies over it, is the first that is new.
            let (gone, new) = (&truth.gone[0], &truth.objects[truth.expected[0]]);
            let at = gone.center.map(|at| (at * side as f32) as usize);
            let number = at[1].min(side - 1) * side + at[0].min(side - 1);
            let told = ways[number].unwrap().to;
            let from = at.map(|at| at as f32 + 0.5);
            let reached = [0, 1].map(|axis| (from[axis] + told[axis]) / side as f32);
            moved += usize::from(
                [0, 1]
                    .iter()
                    .all(|&a| (reached[a] - new.center[a]).abs() < 1e-5),
            );
        }
        assert!(moved > 10, "{moved}");
    }

    #[test]
    fn ways_are_told_after_some_steps() {
        let device = Device::flex().autodiff();
        let mut head = randomize(WayHead::new(8, &device), 5, Init::by_fan_in).unwrap();
        let way = |to| Some(Way { to, weight: 0.5 });
        let grids = [
            WayGrid(vec![way([2.0, -1.0]), None]),
            WayGrid(vec![None, way([-3.0, 0.5])]),
        ];
        let normal = burn::tensor::Distribution::Normal(0.0, 1.0);
        let tokens = Tensor::<3>::random([2, 2, 8], normal, &device);
        let first: f32 = head.loss(tokens.clone(), &grids).total.into_scalar();
        let mut adam = burn::optim::AdamConfig::new().init();
        for _ in 0..200 {
            let gradients = head.loss(tokens.clone(), &grids).total.backward();
            let gradients = burn::optim::GradientsParams::from_grads(gradients, &head);
            head = adam.step(0.05, head, gradients);
        }
        let found = head.loss(tokens.clone(), &grids);
        let last: f32 = found.total.into_scalar();
        let off: f32 = found.parts[1].1.clone().into_scalar();
        assert!(last < first / 10.0 && off < 0.3, "{first} to {last}, {off}");
        let none = head.loss(tokens, &[WayGrid(vec![None; 2]), WayGrid(vec![None; 2])]);
        assert_eq!(none.total.into_scalar::<f32>(), 0.0);
        assert_eq!(none.parts.len(), 1, "no distance where nothing is asked");
    }
}
