//! A start for a velocity network with random weights, in which a token can find the same place in
//! the structure latent from the first step on. With small random positions it takes many
//! thousands of samples before anything of the prompt picture arrives.
//!
//! ```text
//! position[row, column] = [sin(w row), cos(w row), sin(w column), cos(w column)],
//! w = 2 pi / l,  l from 4 sides down to 2 places;      key = query in the structure path
//! ```

use burn::module::Param;
use burn::tensor::{Tensor, TensorData};

use crate::VelocityNetwork;
use crate::cross::StructureAttention;
use crate::input::InputLayer;

impl VelocityNetwork {
    /// The same network with positions as waves, equal for the latent and the structure latent,
    /// and keys like queries in the structure path: for training from nothing.
    #[must_use]
    pub fn placed(mut self) -> Self {
        let stage = &mut self.transformer;
        for layer in [&mut stage.input, &mut self.convnext.input]
            .into_iter()
            .chain(&mut stage.structure_input)
        {
            place(layer);
        }
        for path in stage.blocks.iter_mut().filter_map(|b| b.structure.as_mut()) {
            look_at_the_same_place(path);
        }
        self
    }
}

fn place(layer: &mut InputLayer) {
    let [places, width] = layer.positions.dims();
    let waves = TensorData::new(waves(places.isqrt(), width), [places, width]);
    set(&mut layer.positions, waves);
}

/// Gives a parameter other values; whether it asks for a gradient stays.
fn set(param: &mut Param<Tensor<2>>, values: TensorData) {
    let values = Tensor::from_data(values, (&param.device(), param.dtype()));
    let id = param.id;
    *param = param.clone().transform_for_load(values, id);
}

/// The positions of a square grid, row by row; channels beyond the last multiple of four are zero.
fn waves(side: usize, width: usize) -> Vec<f32> {
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

fn look_at_the_same_place(path: &mut StructureAttention) {
    let query = path.query.parameters().expect(TRAINED).weight.val(); // [width, width]
    let [width, _] = query.dims();
    let layer = path.key_value.parameters_mut().expect(TRAINED);
    let values = layer.weight.val().narrow(1, width, width);
    let both = Tensor::cat(vec![query, values], 1);
    // As data, so that no gradient leads back to what they were.
    set(&mut layer.weight, both.into_data());
}

/// Why a layer has its parameters.
const TRAINED: &str = "a network that is to be trained is not packed";

#[cfg(all(test, feature = "cpu"))]
mod tests {
    use super::*;
    use crate::FlowConfig;
    use burn::tensor::Device;

    #[test]
    fn places_are_waves_that_tell_every_place_from_every_other() {
        let [side, width] = [8, 24];
        let values = waves(side, width);
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
    fn a_fresh_network_looks_at_the_same_place_of_the_structure() {
        let device = Device::flex();
        let config = FlowConfig::mini();
        let network = flowinone_weights::randomize(config.init(&device), 3, crate::random);
        let velocity = network.unwrap().velocity.placed();
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
