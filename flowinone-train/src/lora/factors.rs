//! The factors of an adapter in training.

use std::collections::BTreeMap;

use burn::module::{Module, Param};
use burn::tensor::{Device, Tensor};
use flowinone_flow::FlowNetwork;
use flowinone_kernels::{DenseLayers, LowRank};
use flowinone_lora::Factors;
use flowinone_weights::{Init, randomize};

use crate::Error;

/// The factors of an adapter, layer by layer; which layers these are, its task knows.
#[derive(Module, Debug)]
pub struct AdapterFactors {
    /// One for each layer.
    pub layers: Vec<LayerFactors>,
}

/// The factors of one layer.
#[derive(Module, Debug)]
pub struct LayerFactors {
    /// `[input, rank]`.
    pub down: Param<Tensor<2>>,
    /// `[rank, output]`.
    pub up: Param<Tensor<2>>,
}

impl AdapterFactors {
    /// Those of layers with these inputs and outputs: `down` at random by `seed`, with variance
    /// 1 / inputs, `up` zero.
    ///
    /// # Errors
    /// None of its own: memory that cannot be had.
    pub fn new(
        sizes: &[[usize; 2]],
        rank: usize,
        seed: u64,
        device: &Device,
    ) -> Result<Self, Error> {
        let zeros = |shape: [usize; 2]| Param::from_tensor(Tensor::zeros(shape, device));
        let layer = |&[input, output]: &[usize; 2]| LayerFactors {
            down: zeros([input, rank]),
            up: zeros([rank, output]),
        };
        let factors = Self {
            layers: sizes.iter().map(layer).collect(),
        };
        let scale = |path: &str, shape: &[usize]| match path.ends_with("up") {
            true => Init::Normal { std: 0.0 },
            false => Init::by_fan_in(path, shape),
        };
        Ok(randomize(factors, seed, scale)?)
    }

    /// Puts the factors beside the layers of `network` at `paths`, the product multiplied with
    /// `scale`.
    ///
    /// # Panics
    /// If a layer has other inputs or outputs than its factors.
    pub fn beside(&self, network: &mut FlowNetwork, paths: &[String], scale: f32) {
        let by_path: BTreeMap<&str, _> =
            paths.iter().map(String::as_str).zip(&self.layers).collect();
        network.each_dense("", &mut |path, layer| {
            if let Some(factors) = by_path.get(path) {
                layer.beside(LowRank {
                    down: factors.down.val(),
                    up: factors.up.val(),
                    scale,
                });
            }
        });
    }

    /// The adapter of the layers at `paths`, as files hold it.
    pub fn adapter(&self, paths: &[String], scale: f32) -> BTreeMap<String, Factors> {
        let values = |factor: Tensor<2>| -> Vec<f32> {
            // Files have the outputs of each factor first.
            let turned = factor.without_autodiff().transpose().into_data();
            turned.try_to_vec().expect("float32, as it was made")
        };
        let layers = paths.iter().zip(&self.layers).map(|(path, layer)| {
            let ([input, rank], [_, output]) = (layer.down.dims(), layer.up.dims());
            let factors = Factors {
                down: values(layer.down.val()),
                up: values(layer.up.val()),
                sizes: [input, output],
                rank,
                scale,
            };
            (path.clone(), factors)
        });
        layers.collect()
    }
}
