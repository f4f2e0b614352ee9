//! The share of each thing that is drawn wrong. A mean of squares over a picture hears little of
//! things that are small, or that differ little from their ground.
//!
//! ```text
//! loss = sum over squares with a thing of  w mean (v - u)^2 / max(F, mean over the thing (x1 - m)^2)
//! ```
//!
//! `w` is what the square [weighs](LayoutGrid::seen_weights), by the sum of all; `m` is the mean of
//! the target's places.

use std::iter::zip;

use burn::tensor::{DType, Tensor, TensorData};
use flowinone_flow::squares::values_of;

use crate::layout_grid::{LayoutGrid, SQUARE};
use crate::owners::sums_of_things;

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
    // Means over the values of each square: [batch, squares, 1].
    let in_squares = |maps: Tensor<4>| values_of(maps, SQUARE).mean_dim(2);
    let mean = target.clone().mean_dim(2).mean_dim(3);
    let differs = in_squares((target - mean).square().detach()).into_data();
    let differs: Vec<f32> = differs.try_to_vec().expect("latents are in float32");
    let weights: Vec<f32> = layouts.iter().flat_map(LayoutGrid::seen_weights).collect();
    let sum: f32 = weights.iter().sum::<f32>().max(f32::MIN_POSITIVE);
    let mut rest = differs.as_slice();
    let mut usual = Vec::with_capacity(differs.len());
    for layout in layouts {
        let things = layout.things();
        let (own, others) = rest.split_at(things.len());
        rest = others;
        let counts = sums_of_things(&things, &vec![1.0; own.len()]);
        let means = zip(sums_of_things(&things, own), counts);
        usual.extend(means.map(|(sum, count)| sum / count.max(1.0)));
    }
    let shares = zip(weights, usual).map(|(weight, usual)| weight / sum / usual.max(FLOOR));
    let errors = in_squares(errors);
    let shares = TensorData::new(shares.collect::<Vec<f32>>(), errors.dims());
    let shares = Tensor::<3>::from_data(shares, (&errors.device(), DType::F32));
    (errors * shares).sum()
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
            let there: Vec<bool> = layout.things().iter().map(Option::is_some).collect();
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
