use burn::tensor::Tensor;

use super::linear::layer;
use super::{at_every_level, random, with_gradients};
use crate::dtype::Dtype;
use crate::{attention, cross_attention, in_bfloat16, linear, prefers_bfloat16};

#[test]
fn in_bfloat16_the_factors_are_rounded_and_nothing_else() {
    for [rows, input, output] in [
        [24, 8, 3],
        [65, 33, 40],
        [49, 2100, 40],
        [261, 160, 70],
        [301, 24, 512],
    ] {
        let lengths = [rows * input, input * output, output];
        let device = burn::tensor::Device::flex();
        let matrix = |seed: u64, [rows, columns]: [usize; 2]| {
            let values = random(rows * columns, seed);
            Tensor::<1>::from_floats(values.as_slice(), &device).reshape([rows, columns])
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

#[test]
fn in_bfloat16_attention_comes_near_with_its_gradients() {
    // Batch, heads, queries, keys, width.
    for sizes in [
        [1, 1, 1, 1, 1],
        [2, 3, 65, 64, 32],
        [2, 2, 17, 41, 16],
        [1, 1, 131, 70, 23],
        [1, 2, 30, 257, 40],
    ] {
        let [batch, heads, queries, keys, width] = sizes;
        let (q, kv) = (
            [batch, queries, heads * width],
            [batch, keys, 2 * heads * width],
        );
        let lengths = [q, kv].map(|shape| shape.iter().product());
        let cross = |[x, of]: [Tensor<1>; 2]| {
            let y = cross_attention(x.reshape(q), of.reshape(kv), heads, Dtype::F32);
            y.reshape([lengths[0]])
        };
        let apart = |[x, of]: [Tensor<1>; 2]| {
            let by_heads = |x: Tensor<3>| {
                let [_, tokens, _] = x.dims();
                x.reshape([batch, tokens, heads, width]).swap_dims(1, 2)
            };
            let [k, v] = of.reshape(kv).chunk(2, 2).try_into().unwrap();
            let y = attention(by_heads(x.reshape(q)), by_heads(k), by_heads(v));
            y.swap_dims(1, 2).reshape([lengths[0]])
        };
        at_every_level(|level| {
            let exact = with_gradients(cross, lengths);
            let rounds = prefers_bfloat16();
            for got in [
                with_gradients(|x| in_bfloat16(|| cross(x)), lengths),
                with_gradients(|x| in_bfloat16(|| apart(x)), lengths),
            ] {
                for (index, (got, exact)) in got.iter().zip(&exact).enumerate() {
                    let square = |x: f32, y: f32| f64::from(x - y).powi(2);
                    let off: f64 = got.iter().zip(exact).map(|(x, y)| square(*x, *y)).sum();
                    let all: f64 = exact.iter().map(|x| square(*x, 0.0)).sum();
                    let off = (off / all.max(1e-12)).sqrt();
                    // Each factor is off by up to 2^-9 of itself.
                    assert!(off < 2e-2, "{level:?}, {sizes:?}, {index}: {off}");
                    if !rounds {
                        assert!(off < 1e-5, "{level:?}, {sizes:?}, {index}: {off}");
                    } else if keys > 1 {
                        assert!(off > 1e-5, "{level:?}, {sizes:?}, {index}: {off}");
                    }
                }
            }
        });
    }
}
