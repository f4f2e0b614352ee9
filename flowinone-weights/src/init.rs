//! Random weights of realistic scale, for benchmarks and tests that must not wait for a download.
//! The values of a parameter depend on the seed and on its path alone, not on threads or order.

use burn::module::Module;
use burn::tensor::{FloatDType, TensorData};
use rand::SeedableRng;
use rand_chacha::ChaCha8Rng;
use rand_distr::{Distribution, StandardNormal};
use rayon::prelude::*;
use sha2::{Digest, Sha256};

use crate::arrange::arrange;
use crate::{Error, Layout, ParamSpec, fill};

/// The distribution of a parameter's random values.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Init {
    /// Normal about zero.
    Normal {
        /// Standard deviation.
        std: f32,
    },
    /// Normal about a mean.
    Around {
        /// Mean.
        mean: f32,
        /// Standard deviation.
        std: f32,
    },
}

const PIECE: usize = 1 << 18;

impl Init {
    /// The usual scale of the parameter at a module path, by its shape there: linear and kernel
    /// weights have variance 1 / fan-in, gains (`gamma`) lie around one, all else is small.
    pub fn by_fan_in(path: &str, shape: &[usize]) -> Self {
        let fan_in = match *shape {
            [input, _output] => input,
            [_output, input, height, width] => input * height * width,
            _ if path.ends_with("gamma") => {
                return Self::Around {
                    mean: 1.0,
                    std: 0.02,
                };
            }
            _ => return Self::Normal { std: 0.02 },
        };
        Self::Normal {
            std: (fan_in as f32).powf(-0.5),
        }
    }

    /// Draws the values of `param` for `seed`, as `dtype`.
    pub fn draw(self, param: &ParamSpec, seed: u64, dtype: FloatDType) -> TensorData {
        let (mean, std) = match self {
            Self::Normal { std } => (0.0, std),
            Self::Around { mean, std } => (mean, std),
        };
        let mut hash = Sha256::new();
        hash.update(seed.to_le_bytes());
        hash.update(param.path.as_bytes());
        let key: [u8; 32] = hash.finalize().into();

        let mut values = vec![0.0f32; param.len()];
        values
            .par_chunks_mut(PIECE)
            .enumerate()
            .for_each(|(piece, values)| {
                let mut random = ChaCha8Rng::from_seed(key);
                random.set_stream(piece as u64);
                for value in values {
                    let normal: f32 = StandardNormal.sample(&mut random);
                    *value = mean + std * normal;
                }
            });
        let data = TensorData::new(values, param.shape.clone());
        match dtype {
            FloatDType::F32 => data,
            other => arrange(data, &param.shape, Layout::Same, other)
                .expect("normal values of moderate scale are finite in every element type"),
        }
    }
}

/// Fills `module` with random values; `scale` gives the distribution for a path and a shape.
///
/// # Errors
/// None of its own; the signature is that of the other ways to fill a module.
pub fn randomize<M: Module>(
    module: M,
    seed: u64,
    scale: impl Fn(&str, &[usize]) -> Init,
) -> Result<M, Error> {
    fill(module, |param| {
        Ok(scale(&param.path, &param.shape).draw(param, seed, FloatDType::F32))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn draw(path: &str, seed: u64) -> Vec<f32> {
        let param = ParamSpec {
            path: path.into(),
            shape: vec![PIECE + 1000],
            layout: Layout::Same,
        };
        let random = Init::Around {
            mean: 1.0,
            std: 0.5,
        };
        random
            .draw(&param, seed, FloatDType::F32)
            .try_to_vec()
            .unwrap()
    }

    #[test]
    fn values_follow_seed_and_path_with_the_stated_moments() {
        let values = draw("a", 1);
        assert_eq!(values, draw("a", 1));
        assert_ne!(values, draw("a", 2));
        assert_ne!(values, draw("b", 1));
        assert_ne!(values[..1000], values[PIECE..]);
        let n = values.len() as f32;
        let mean = values.iter().sum::<f32>() / n;
        let variance = values.iter().map(|v| (v - mean).powi(2)).sum::<f32>() / n;
        assert!((mean - 1.0).abs() < 0.005 && (variance.sqrt() - 0.5).abs() < 0.005);
    }

    #[test]
    fn weights_follow_their_fan_in_and_gains_stay_near_one() {
        let normal = |std| Init::Normal { std };
        let gain = Init::Around {
            mean: 1.0,
            std: 0.02,
        };
        for (path, shape, expected) in [
            ("patch_embed.proj.weight", &[8, 4, 2, 2][..], normal(0.25)),
            ("attn.qkv.weight", &[16, 48], normal(0.25)),
            ("attn.qkv.bias", &[48], normal(0.02)),
            ("pos_embed", &[1, 4, 16], normal(0.02)),
            ("norm.gamma", &[16], gain),
            ("norm.beta", &[16], normal(0.02)),
        ] {
            assert_eq!(Init::by_fan_in(path, shape), expected, "{path}");
        }
    }
}
