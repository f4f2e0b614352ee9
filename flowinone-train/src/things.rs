//! The share of each thing that is drawn wrong. A mean of squares over a picture hears little of
//! things that are small, or that differ little from their ground.
//!
//! ```text
//! loss = sum over squares with a thing of  w mean (v - u)^2 / max(F, mean over the thing (x1 - m)^2)
//! ```
//!
//! `w` is what the square [weighs](LayoutGrid::seen_weights), by the sum of all; `m` is the mean of
//! the target's places.

use std::collections::BTreeMap;

use burn::tensor::{DType, Tensor, TensorData};

use crate::layout::{LayoutGrid, SQUARE};

/// `F`: a thing that differs less from its ground, of latents with a variance of 1, counts as if it
/// differed so much.
const FLOOR: f32 = 0.03;

/// The share of things that squared errors of velocities towards a `target` leave wrong, `[1]`:
/// `[batch, channels, side, side]` both, with one of the `layouts` for each item.
pub(crate) fn wrong_share(
    errors: Tensor<4>,
    target: Tensor<4>,
    layouts: &[LayoutGrid],
) -> Tensor<1> {
    let mean = target.clone().mean_dim(2).mean_dim(3);
    let differs = in_squares((target - mean).square().detach()).into_data();
    let differs: Vec<f32> = differs.try_to_vec().expect("latents are in float32");
    let weights: Vec<f32> = layouts.iter().flat_map(LayoutGrid::seen_weights).collect();
    let sum: f32 = weights.iter().sum::<f32>().max(f32::MIN_POSITIVE);
    let usual = layouts.iter().scan(0, |at, layout| {
        let from = *at;
        *at += layout.things().count();
        Some(of_things(layout, &differs[from..*at]))
    });
    let shares = weights
        .iter()
        .zip(usual.flatten())
        .map(|(weight, usual)| weight / sum / usual.max(FLOOR));
    let errors = in_squares(errors);
    let shares = TensorData::new(shares.collect::<Vec<f32>>(), errors.dims());
    let shares = Tensor::<2>::from_data(shares, (&errors.device(), DType::F32));
    (errors * shares).sum()
}

/// Means of values `[batch, channels, side, side]` in squares, `[batch, squares]`.
fn in_squares(values: Tensor<4>) -> Tensor<2> {
    let [batch, _, height, width] = values.dims();
    let [rows, columns] = [height, width].map(|side| side / SQUARE);
    let places = values.mean_dim(1);
    let squares = places.reshape([batch, rows, SQUARE, columns, SQUARE]);
    squares
        .mean_dim(2)
        .mean_dim(4)
        .reshape([batch, rows * columns])
}

/// For each square of a layout the mean of `values` over those that show the same thing; 0 for
/// none.
fn of_things(layout: &LayoutGrid, values: &[f32]) -> Vec<f32> {
    let mut sums = BTreeMap::<usize, [f32; 2]>::new();
    for (thing, value) in layout.things().zip(values) {
        if let Some(thing) = thing {
            let [sum, count] = sums.entry(thing).or_default();
            *sum += value;
            *count += 1.0;
        }
    }
    let mean = |thing| sums[&thing][0] / sums[&thing][1];
    layout
        .things()
        .map(|thing| thing.map_or(0.0, mean))
        .collect()
}

#[cfg(all(test, feature = "cpu"))]
mod tests {
    use super::*;
    use crate::Vocabulary;
    use burn::tensor::Device;
    use flowinone_data::{Icons, PairConfig, PairSampler};

    #[test]
    fn a_thing_that_is_not_drawn_is_all_wrong_whether_large_or_small() {
        let device = Device::flex();
        let sampler = PairSampler::new(Icons::builtin().into(), PairConfig::new(3)).unwrap();
        let vocabulary = Vocabulary::new(sampler.classes().map(String::from).collect());
        let side = 16;
        let mut sizes = vec![];
        for index in 0..30 {
            let truth = sampler.truth(index).unwrap();
            let layout = LayoutGrid::new(&truth, &vocabulary, side / SQUARE).unwrap();
            let there: Vec<bool> = layout.things().map(|thing| thing.is_some()).collect();
            let number = there.iter().filter(|there| **there).count();
            // A target that is 0 on the ground and faint where there is a thing.
            let value = |place: usize| {
                let [row, column] = [place / side, place % side].map(|at| at / SQUARE);
                if there[row * side / SQUARE + column] {
                    0.4f32
                } else {
                    0.0
                }
            };
            let target = TensorData::new(
                (0..side * side).map(value).collect::<Vec<_>>(),
                [1, 1, side, side],
            );
            let target = Tensor::<4>::from_data(target, &device);
            let mean = target.clone().mean_dim(2).mean_dim(3);
            // Nothing is drawn but the mean of all places.
            let errors = (target.clone() - mean).square();
            let share: f32 = wrong_share(errors, target, &[layout]).into_scalar();
            let covers = number as f32 / there.len() as f32;
            let differs = (0.4 * (1.0 - covers)).powi(2);
            let wanted = if number == 0 {
                0.0
            } else {
                (differs / FLOOR).min(1.0)
            };
            assert!(
                (share - wanted).abs() < 1e-4,
                "{share} for {wanted}, {number} squares"
            );
            sizes.push(number);
        }
        sizes.sort_unstable();
        assert!(sizes[29] > 3 * sizes[2], "{sizes:?}");
    }
}
