//! Initialisation of networks with random weights so that each token finds its place from the first
//! step on: sine-cosine position embeddings and a source encoder that keeps places. With random
//! positions it takes many thousands of samples until anything of the prompt picture arrives where
//! it belongs.
//!
//! ```text
//! position[row, column] = [sin(w row), cos(w row), sin(w column), cos(w column)],
//! w = 2 pi / l,  l from 4 sides down to 2 places;      key = query in the structure path
//!
//! compressed token = token at the same place;          mean at a place = W[its part of the token's square] token
//! ```

use burn::module::Param;
use burn::tensor::{Tensor, TensorData};

use crate::cross::StructureAttention;
use crate::input::InputLayer;
use crate::{SourceEncoder, VelocityNetwork};

impl VelocityNetwork {
    /// The same network with sine-cosine position embeddings, equal for the latent and the
    /// structure latent, and keys equal to queries in the structure path: for training from
    /// scratch.
    #[must_use]
    pub fn sincos_position_init(mut self) -> Self {
        let stage = &mut self.transformer;
        for layer in [&mut stage.input, &mut self.convnext.input]
            .into_iter()
            .chain(&mut stage.structure_input)
        {
            set_positions(layer);
        }
        for path in stage.blocks.iter_mut().filter_map(|b| b.structure.as_mut()) {
            attend_to_the_same_place(path);
        }
        self
    }
}

impl SourceEncoder {
    /// The same network with each compressed token the mean of the visual tokens in its square of
    /// the picture, each as far as it lies there, and each value of the start's mean a product with
    /// the token in whose square it lies; the log-variance is a constant. For training from
    /// scratch.
    ///
    /// A network whose tokens are no squares, that has fewer visual than compressed tokens, or
    /// whose latent's side is no multiple of the compressed tokens' side, stays as it is.
    #[must_use]
    pub fn spatial_identity_init(mut self) -> Self {
        let compressor = self.token_compressor.parameters_mut().expect(TRAINED);
        let [tokens, compressed] = compressor.weight.dims();
        let [fine, across] = [tokens, compressed].map(usize::isqrt);
        let side = self.latent_side;
        let square = [tokens, compressed] == [fine * fine, across * across];
        if !square || fine < across || !side.is_multiple_of(across) {
            return self;
        }
        set(
            &mut compressor.weight,
            TensorData::new(overlaps(fine, across), [tokens, compressed]),
        );

        if self.context_encoder.says.is_some() {
            return self; // a codebook keeps places by itself
        }
        let layer = self.context_encoder.linear.parameters_mut().expect(TRAINED);
        let [flat, moments] = layer.weight.dims();
        let width = flat / compressed;
        let square = side / across;
        let means = self.latent_channels * side * side;
        // Random weights of a matrix with `flat` inputs, for one with `width`.
        let gain = (compressed as f32).sqrt();
        let random = layer.weight.val().into_data().convert::<f32>();
        let mut weights: Vec<f32> = random.try_to_vec().expect("a matrix of float32 is one");
        for (at, weight) in weights.iter_mut().enumerate() {
            let (token, moment) = (at / moments / width, at % moments);
            let [row, column] = [moment % (side * side) / side, moment % side];
            let here = [row / square, column / square] == [token / across, token % across];
            let mean = moment < means;
            *weight *= if here && mean { gain } else { 0.0 };
        }
        set(&mut layer.weight, TensorData::new(weights, [flat, moments]));
        self
    }
}

/// Shares of the cells of a grid of `fine` x `fine` in those of `across` x `across`, as a matrix
/// `[fine^2, across^2]` whose columns sum to one: the identity for equal grids.
fn overlaps(fine: usize, across: usize) -> Vec<f32> {
    // In units of 1 / (fine * across) of the side, so that everything is whole.
    let along = |a: usize, b: usize| {
        let [from, to] = [
            (a * across).max(b * fine),
            ((a + 1) * across).min((b + 1) * fine),
        ];
        to.saturating_sub(from) as f32 / fine as f32
    };
    let places = (0..fine * fine).flat_map(|a| (0..across * across).map(move |b| (a, b)));
    places
        .map(|(a, b)| along(a / fine, b / across) * along(a % fine, b % across))
        .collect()
}

fn set_positions(layer: &mut InputLayer) {
    let [places, width] = layer.positions.dims();
    let waves = TensorData::new(sincos_positions(places.isqrt(), width), [places, width]);
    set(&mut layer.positions, waves);
}

/// Gives a parameter other values; whether it asks for a gradient stays.
pub(super) fn set<const D: usize>(param: &mut Param<Tensor<D>>, values: TensorData) {
    let values = Tensor::from_data(values, (&param.device(), param.dtype()));
    let id = param.id;
    *param = param.clone().transform_for_load(values, id);
}

/// Sine-cosine positions of a grid of `side` x `side`, row by row, `width` values each; those
/// beyond the last multiple of four are zero.
pub fn sincos_positions(side: usize, width: usize) -> Vec<f32> {
    let count = width / 4;
    let [longest, shortest] = [4.0 * side as f64, 2.0];
    let frequency = |k: usize| {
        let share = k as f64 / (count.max(2) - 1) as f64;
        std::f64::consts::TAU / (longest * (shortest / longest).powf(share))
    };
    let mut values = vec![0.0; side * side * width];
    for (place, channels) in values.chunks_exact_mut(width.max(1)).enumerate() {
        for k in 0..count {
            let [row, column] = [place / side, place % side].map(|at| at as f64 * frequency(k));
            let of = [row.sin(), row.cos(), column.sin(), column.cos()];
            for (quarter, value) in of.into_iter().enumerate() {
                channels[quarter * count + k] = value as f32;
            }
        }
    }
    values
}

fn attend_to_the_same_place(path: &mut StructureAttention) {
    let query = path.query.parameters().expect(TRAINED).weight.val(); // [width, width]
    let [width, _] = query.dims();
    let layer = path.key_value.parameters_mut().expect(TRAINED);
    let values = layer.weight.val().narrow(1, width, width);
    let both = Tensor::cat(vec![query, values], 1);
    // As data, so that no gradient leads back to what they were.
    set(&mut layer.weight, both.into_data());
}

/// Why a layer has its parameters.
pub(super) const TRAINED: &str = "a network that is to be trained is not packed";

#[cfg(all(test, feature = "cpu"))]
mod tests {
    use super::*;
    use crate::FlowConfig;
    use burn::tensor::Device;

    #[test]
    fn places_are_waves_that_tell_every_place_from_every_other() {
        let [side, width] = [8, 24];
        let values = sincos_positions(side, width);
        let place = |at: usize| &values[at * width..][..width];
        let product =
            |a: usize, b: usize| -> f32 { place(a).iter().zip(place(b)).map(|(x, y)| x * y).sum() };
        for a in 0..side * side {
            assert!((product(a, a) - width as f32 / 2.0).abs() < 1e-4);
            for b in 0..a {
                assert!(product(a, b) < width as f32 / 2.0 - 0.5, "{a} and {b}");
            }
        }
    }

    #[test]
    fn a_fresh_source_keeps_the_places_of_its_tokens() {
        let device = Device::flex();
        let mut config = FlowConfig::mini();
        config.latent_channels = 4;
        config.source.tokens = config.source.compressed_tokens;
        (config.source.deviation, config.source.codebook) = (None, None);
        let network = flowinone_weights::randomize(config.init(&device), 3, crate::default_init);
        let mut source = network.unwrap().source.spatial_identity_init();
        // Without the layers that mix, to see the two ends alone.
        source.context_encoder.layers.clear();
        let [tokens, width] = [config.source.tokens, config.source.token_width];
        let quiet = Tensor::<3>::zeros([1, tokens, width], &device);
        let at = 3 * 8 + 5; // row 3, column 5 of 8 x 8
        let loud = quiet.clone().slice_fill([0..1, at..at + 1, 0..width], 1.0);
        let compressed = source.compressed(loud) - source.compressed(quiet);
        let per_token: Vec<f32> = compressed
            .abs()
            .sum_dim(2)
            .into_data()
            .try_to_vec()
            .unwrap();
        for (token, difference) in per_token.into_iter().enumerate() {
            assert_eq!(
                difference > 1e-3,
                token == at,
                "token {token}: {difference}"
            );
        }
        let layer = source.context_encoder.linear.parameters().unwrap();
        let [flat, moments] = layer.weight.dims();
        let width = flat / tokens;
        let of_token = layer
            .weight
            .val()
            .slice([at * width..(at + 1) * width, 0..moments]);
        let reached: Vec<f32> = of_token.abs().sum_dim(0).into_data().try_to_vec().unwrap();
        for (moment, weight) in reached.into_iter().enumerate() {
            let [row, column] = [moment % 256 / 16, moment % 16];
            let here = (6..8).contains(&row) && (10..12).contains(&column) && moment < 1024;
            assert_eq!(weight > 0.0, here, "moment {moment}");
        }
    }

    #[test]
    fn a_finer_grid_is_averaged_within_its_squares() {
        assert_eq!(
            overlaps(2, 2),
            [
                [1., 0., 0., 0.],
                [0., 1., 0., 0.],
                [0., 0., 1., 0.],
                [0., 0., 0., 1.]
            ]
            .concat()
        );
        let weights = overlaps(12, 8);
        for column in 0..64 {
            let sum: f32 = (0..144).map(|row| weights[row * 64 + column]).sum();
            assert!((sum - 1.0).abs() < 1e-5, "column {column} sums to {sum}");
        }
        // The first square of 8 x 8 holds the first cell of 12 x 12 and half of the second.
        assert!((weights[64] * 2.0 - weights[0]).abs() < 1e-6 && weights[2 * 64] == 0.0);
    }

    #[test]
    fn a_fresh_network_looks_at_the_same_place_of_the_structure() {
        let device = Device::flex();
        let config = FlowConfig::mini();
        let network = flowinone_weights::randomize(config.init(&device), 3, crate::default_init);
        let velocity = network.unwrap().velocity.sincos_position_init();
        let places = velocity.transformer.input.positions.val();
        let path = velocity.transformer.blocks[0].structure.as_ref().unwrap();
        let [side, width] = places.dims();
        let weight = |layer: &flowinone_kernels::Dense| layer.parameters().unwrap().weight.val();
        let q = places.clone().matmul(weight(&path.query));
        let kv = places.matmul(weight(&path.key_value));
        let scores = q.matmul(kv.slice([0..side, 0..width]).transpose()); // [queries, keys]
        let strongest = scores.argmax(1).into_data().convert::<i64>();
        let strongest: Vec<i64> = strongest.try_to_vec().unwrap();
        let right = strongest
            .iter()
            .enumerate()
            .filter(|(q, k)| *q as i64 == **k);
        assert!(right.count() > 56, "{strongest:?}");
    }
}
