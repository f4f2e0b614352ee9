//! The kernels at every level of this machine, against references in double precision and against
//! Burn's own operations with their gradients.

mod attention;
mod convolution;
mod depthwise;
mod linear;
mod low_rank;
mod norms;
mod pointwise;
mod rounded;

use burn::tensor::{Device, Tensor, TensorData};
use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;

pub(crate) use crate::cpu::simd::level::tests::at_every_level;

/// Random values between -2 and 2, the same at every call.
pub(crate) fn random(count: usize, seed: u64) -> Vec<f32> {
    let mut random = ChaCha8Rng::seed_from_u64(seed);
    (0..count).map(|_| random.random_range(-2.0..2.0)).collect()
}

fn leaf(values: Vec<f32>, device: &Device) -> Tensor<1> {
    let length = values.len();
    Tensor::from_data(TensorData::new(values, [length]), device).require_grad()
}

fn values(x: Tensor<1>) -> Vec<f32> {
    x.into_data().try_to_vec().unwrap()
}

/// The result, and the gradients of all inputs under a random gradient of the result.
fn with_gradients<const N: usize>(
    function: impl Fn([Tensor<1>; N]) -> Tensor<1>,
    lengths: [usize; N],
) -> Vec<Vec<f32>> {
    let device = Device::flex().autodiff();
    let mut seed = 0;
    let inputs = lengths.map(|length| {
        seed += 1;
        leaf(random(length, seed), &device)
    });
    let y = function(inputs.clone());
    let weight = leaf(random(y.dims()[0], 17), &device).detach();
    let gradients = (y.clone() * weight).sum().backward();
    let of_inputs = inputs.map(|input| values(input.grad(&gradients).unwrap()));
    std::iter::once(values(y)).chain(of_inputs).collect()
}

/// Asserts that two functions of vectors have the same result and the same gradients at every
/// level, up to `tolerance` of the largest number of each.
#[track_caller]
pub(crate) fn assert_same<const N: usize>(
    name: &str,
    lengths: [usize; N],
    tolerance: f32,
    fast: impl Fn([Tensor<1>; N]) -> Tensor<1>,
    reference: impl Fn([Tensor<1>; N]) -> Tensor<1>,
) {
    let expected = with_gradients(reference, lengths);
    at_every_level(|level| {
        let got = with_gradients(&fast, lengths);
        for (index, (got, expected)) in got.iter().zip(&expected).enumerate() {
            let level = level.name();
            let what = match index {
                0 => format!("{name}, {level}: result"),
                _ => format!("{name}, {level}: gradient {index}"),
            };
            assert_eq!(got.len(), expected.len(), "{what}");
            // Never below what terms of size one round to: they may cancel.
            let largest = expected.iter().fold(0.1f32, |m, x| m.max(x.abs()));
            for (got, expected) in got.iter().zip(expected) {
                let difference = (got - expected).abs();
                assert!(
                    difference <= tolerance * largest,
                    "{what}: {got} for {expected}, largest {largest}"
                );
            }
        }
    });
}
