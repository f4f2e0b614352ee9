//! A start that says all of a target's layout, for a velocity network that is to learn to draw
//! before anything reads prompts for it, and for a source encoder that is then to say the same.
//!
//! ```text
//! m = A [class, way to the middle, size, way / size, tint, ground]      for each square of 2 x 2
//! ```
//!
//! It is linear, so that every part of it can be told from the rest, and the drawing is left to the
//! velocity network. Without a prompt picture to look at, a step costs less than half. Once it has
//! been learned, `A` is fixed, and the squared distance of the source's mean to `m` is a loss. It
//! is used in training only.

use burn::module::Module;
use burn::tensor::{DType, Device, Tensor, TensorData};
use flowinone_flow::Source;
use flowinone_flow::squares::{maps_of, values_of};
use flowinone_kernels::Dense;
use flowinone_weights::{Init, randomize};

use crate::Error;
use crate::layout_grid::{LayoutGrid, SQUARE, balanced};

/// Numbers of a square besides its class.
const NUMBERS: usize = 13;
/// Standard deviation of the first weights: well above that of a start.
const FIRST: f32 = 0.7;
/// A parameter of it in the checkpoint of a [`TrainableFlow`](crate::TrainableFlow).
pub(crate) const LAYOUT_START: &str = "layout_start.code.weight";

/// Layouts to starts.
#[derive(Module, Debug)]
pub(crate) struct LayoutStart {
    pub(crate) code: Dense,
    classes: usize,
}

impl LayoutStart {
    /// For starts of `channels` and a number of `classes`, with random weights.
    ///
    /// # Errors
    /// None is expected; see [`randomize`].
    pub(crate) fn new(
        channels: usize,
        classes: usize,
        seed: u64,
        device: &Device,
    ) -> Result<Self, Error> {
        let code = Dense::new(classes + 1 + NUMBERS, channels * SQUARE * SQUARE, device);
        let start = Self { code, classes };
        Ok(randomize(start, seed, |_, _| Init::Normal { std: FIRST })?)
    }

    /// The starts that say these layouts of `side` x `side` squares, with a `deviation`:
    /// `[batch, channels, 2 side, 2 side]`.
    pub(crate) fn source(
        &self,
        layouts: &[LayoutGrid],
        side: usize,
        deviation: f64,
        device: &Device,
    ) -> Source {
        let mean = self.mean(layouts, side, device);
        let log_var = mean.full_like(2.0 * deviation.ln());
        Source { mean, log_var }
    }

    fn mean(&self, layouts: &[LayoutGrid], side: usize, device: &Device) -> Tensor<4> {
        let [inputs, _] = self.code.dims();
        let mut told = Vec::with_capacity(layouts.len() * side * side * inputs);
        for layout in layouts {
            layout.tell(self.classes, &mut told);
        }
        let told = TensorData::new(told, [layouts.len(), side * side, inputs]);
        let told = Tensor::<3>::from_data(told, (device, DType::F32));
        maps_of(self.code.forward(told), SQUARE)
    }

    /// How far the source's `mean` is from what it is to say, `[1]`: half of the mean
    /// squares over squares with an object or that one has left, and over the others, [balanced].
    pub(crate) fn distance(&self, mean: Tensor<4>, layouts: &[LayoutGrid]) -> Tensor<1> {
        let [.., width] = mean.dims();
        let wanted = self.mean(layouts, width / SQUARE, &mean.device()).detach();
        let errors = values_of((mean - wanted).square(), SQUARE).mean_dim(2);
        let weights = TensorData::new(balanced(layouts), errors.dims());
        let weights = Tensor::<3>::from_data(weights, (&errors.device(), DType::F32));
        (errors * weights).sum().div_scalar(2.0)
    }
}

#[cfg(all(test, feature = "cpu"))]
mod tests {
    use super::*;
    use crate::Vocabulary;
    use flowinone_data::{Icons, PairConfig, PairSampler};

    #[test]
    fn what_a_start_says_is_what_the_source_is_drawn_to() {
        let sampler = PairSampler::new(Icons::builtin().into(), PairConfig::new(3)).unwrap();
        let classes: Vec<String> = sampler.classes().map(String::from).collect();
        let count = classes.len();
        let vocabulary = Vocabulary::new(classes);
        let layouts: Vec<LayoutGrid> = (0..6)
            .map(|index| sampler.truth(index).unwrap())
            .map(|truth| LayoutGrid::new(&truth, &vocabulary, 4).unwrap())
            .collect();
        let device = Device::flex();
        let start = LayoutStart::new(2, count, 1, &device).unwrap();
        let source = start.source(&layouts, 4, 0.1, &device);
        assert_eq!(source.mean.dims(), [6, 2, 8, 8]);
        let distance = |mean: Tensor<4>| -> f32 { start.distance(mean, &layouts).into_scalar() };
        assert!(distance(source.mean.clone()) < 1e-9);
        // Every value one off is one, whatever the squares show.
        let off = distance(source.mean.clone() + 1.0);
        assert!((off - 1.0).abs() < 1e-4, "{off}");
        // Another item's layout is not this one's.
        let turned = Tensor::cat(source.mean.split(3, 0).into_iter().rev().collect(), 0);
        assert!(distance(turned) > 0.05);
    }
}
