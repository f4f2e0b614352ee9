use burn::tensor::Tensor;

use super::linear::layer;
use super::{at_every_level, random, with_gradients};
use crate::{in_bfloat16, linear, prefers_bfloat16};

#[test]
fn in_bfloat16_the_factors_are_rounded_and_nothing_else() {
    for [rows, input, output] in [[24, 8, 3], [65, 33, 40], [261, 160, 70], [301, 24, 512]] {
        let lengths = [rows * input, input * output, output];
        let device = burn::tensor::Device::flex();
        let matrix = |seed: u64, [rows, columns]: [usize; 2]| {
            let numbers = random(rows * columns, seed);
            Tensor::<1>::from_floats(numbers.as_slice(), &device).reshape([rows, columns])
        };
        // As `with_gradients` draws them.
        let (x, w) = (matrix(1, [rows, input]), matrix(2, [input, output]));
        let (b, dy) = (matrix(3, [1, output]), matrix(17, [rows, output]));
        at_every_level(|level| {
            let round = |x: &Tensor<2>| match prefers_bfloat16() {
                true => {
                    let half = x.clone().cast(burn::tensor::DType::BF16);
                    half.cast(burn::tensor::DType::F32)
                }
                false => x.clone(),
            };
            let (x, w, rounded) = (round(&x), round(&w), round(&dy));
            let expected = [
                x.clone().matmul(w.clone()) + b.clone(),
                rounded.clone().matmul(w.transpose()),
                x.transpose().matmul(rounded),
                dy.clone().sum_dim(0),
            ];
            let layer = |[x, w, b]: [Tensor<1>; 3]| {
                let (x, w) = (x.reshape([rows, input]), w.reshape([input, output]));
                in_bfloat16(|| linear(x, w, Some(b))).reshape([rows * output])
            };
            let got = with_gradients(layer, lengths);
            for (index, (got, expected)) in got.iter().zip(expected).enumerate() {
                let expected: Vec<f32> = expected.into_data().try_to_vec().unwrap();
                assert_eq!(got.len(), expected.len());
                let largest = expected.iter().fold(0.1f32, |m, x| m.max(x.abs()));
                for (got, expected) in got.iter().zip(expected) {
                    let difference = (got - expected).abs();
                    // Sums in float32 of some hundred products, in another order.
                    assert!(
                        difference <= 1e-5 * largest,
                        "{level:?}, {rows} x {input} x {output}, {index}: {got} for {expected}"
                    );
                }
            }
        });
    }
}

#[test]
fn bfloat16_ends_with_its_work() {
    let [x, w, _] = layer([32, 64, 8]);
    let product = || {
        let y = linear(
            x.clone().reshape([32, 64]),
            w.clone().reshape([64, 8]),
            None,
        );
        y.into_data().try_to_vec::<f32>().unwrap()
    };
    let before = product();
    let rounded = in_bfloat16(product);
    let inner = in_bfloat16(|| {
        in_bfloat16(product);
        product()
    });
    assert_eq!(rounded, inner, "until the outer work ends");
    assert_eq!(rounded != before, prefers_bfloat16());
    let unwound = std::panic::catch_unwind(|| in_bfloat16(|| panic!("inside")));
    assert!(unwound.is_err());
    assert_eq!(product(), before);
}
