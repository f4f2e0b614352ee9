use burn::tensor::Tensor;

use super::{assert_same, at_every_level, random};
use crate::packed::Matrix;
use crate::product::{Plain, product};
use crate::{PackedLinear, Precision, linear, stock};

#[test]
fn products_are_exact_over_odd_shapes() {
    for [rows, depth, columns] in [
        [1, 1, 1],
        [12, 4, 32],
        [13, 5, 33],
        [5, 7, 100],
        [100, 33, 31],
        [37, 1030, 40],
        [130, 64, 65],
    ] {
        let (a, b) = (random(rows * depth, 1), random(depth * columns, 2));
        let bias = random(columns, 3);
        let turn = |x: &[f32], rows: usize, columns: usize| -> Vec<f32> {
            let place = |index: usize| x[index % rows * columns + index / rows];
            (0..rows * columns).map(place).collect()
        };
        let (a_turned, b_turned) = (turn(&a, rows, depth), turn(&b, depth, columns));
        at_every_level(|level| {
            let lefts = [
                Matrix::new(&a, rows, depth).left(level),
                Matrix::new(&a_turned, depth, rows).transposed().left(level),
            ];
            let rights = [
                Matrix::new(&b, depth, columns).right(level),
                Matrix::new(&b_turned, columns, depth)
                    .transposed()
                    .right(level),
            ];
            for (a_packed, b_packed) in lefts.iter().zip(&rights) {
                let factors = Plain {
                    a: a_packed,
                    b: b_packed,
                };
                let c = product(level, factors, Some(&bias));
                let plain = product(level, factors, None);
                for (index, (c, plain)) in c.iter().zip(plain).enumerate() {
                    let (row, column) = (index / columns, index % columns);
                    let terms = (0..depth).map(|k| {
                        f64::from(a[row * depth + k]) * f64::from(b[k * columns + column])
                    });
                    let exact: f64 = terms.sum();
                    let tolerance = 2e-7 * depth as f64 + 1e-6;
                    assert!(
                        (f64::from(plain) - exact).abs() < tolerance,
                        "{plain} {exact}"
                    );
                    let exact = exact + f64::from(bias[column]);
                    assert!((f64::from(*c) - exact).abs() < tolerance, "{c} {exact}");
                }
            }
        });
    }
}

#[test]
fn linear_layers_are_those_of_burn_with_their_gradients() {
    for [rows, input, output] in [[24, 8, 3], [65, 33, 40], [260, 160, 640], [1040, 80, 20]] {
        let lengths = [rows * input, input * output, output];
        type Layer = fn(Tensor<2>, Tensor<2>, Option<Tensor<1>>) -> Tensor<2>;
        let run = |layer: Layer| {
            move |[x, w, b]: [Tensor<1>; 3]| {
                let (x, w) = (x.reshape([rows, input]), w.reshape([input, output]));
                layer(x, w, Some(b)).reshape([rows * output])
            }
        };
        let name = format!("linear layer of {rows} x {input} x {output}");
        assert_same(&name, lengths, 1e-5, run(linear), run(stock::linear));
        let run = |layer: Layer| {
            move |[x, w]: [Tensor<1>; 2]| {
                let (x, w) = (x.reshape([rows, input]), w.reshape([input, output]));
                layer(x, w, None).reshape([rows * output])
            }
        };
        let lengths = [rows * input, input * output];
        assert_same(&name, lengths, 1e-5, run(linear), run(stock::linear));
    }
}

/// A layer of random weights: `x`, the weights and the biases.
fn layer([rows, input, output]: [usize; 3]) -> [Tensor<1>; 3] {
    let device = burn::tensor::Device::flex();
    let mut seed = 0;
    [rows * input, input * output, output].map(|length| {
        seed += 1;
        Tensor::from_floats(random(length, seed).as_slice(), &device)
    })
}

#[test]
fn packed_weights_give_the_same_as_loose_ones() {
    for sizes in [[1, 1, 1], [5, 33, 40], [130, 1030, 70]] {
        let [rows, input, output] = sizes;
        let [x, w, b] = layer(sizes);
        let (x, w) = (x.reshape([rows, input]), w.reshape([input, output]));
        let expected = stock::linear(x.clone(), w.clone(), Some(b.clone()));
        at_every_level(|level| {
            let packed = PackedLinear::new(w.clone(), Some(b.clone()), Precision::Float32);
            let y = packed.forward(x.clone());
            let difference: f32 = (y - expected.clone()).abs().max().into_scalar();
            let tolerance = 2e-7 * input as f32 + 1e-6;
            assert!(difference < tolerance, "{sizes:?}, {level:?}: {difference}");
        });
    }
}

#[test]
fn bfloat16_weights_differ_by_their_rounding_and_take_half_the_memory() {
    for sizes in [[1, 1, 1], [5, 33, 40], [130, 1030, 70]] {
        let [rows, input, output] = sizes;
        let [x, w, b] = layer(sizes);
        let (x, w) = (x.reshape([rows, input]), w.reshape([input, output]));
        let rounded = |x: Tensor<2>| {
            let half = x.cast(burn::tensor::DType::BF16);
            half.cast(burn::tensor::DType::F32)
        };
        let exact = stock::linear(x.clone(), rounded(w.clone()), Some(b.clone()));
        let both = stock::linear(rounded(x.clone()), rounded(w.clone()), Some(b.clone()));
        at_every_level(|level| {
            let whole = PackedLinear::new(w.clone(), None, Precision::Float32);
            let packed = PackedLinear::new(w.clone(), Some(b.clone()), Precision::BFloat16);
            assert!(packed.bytes() <= whole.bytes() / 2 + 128 * output.div_ceil(32));
            let y = packed.forward(x.clone());
            // With the input rounded as well, or not.
            let differences = [&exact, &both].map(|expected| -> f32 {
                (y.clone() - expected.clone()).abs().max().into_scalar()
            });
            let tolerance = 4e-7 * input as f32 + 2e-6;
            assert!(
                differences.iter().any(|difference| *difference < tolerance),
                "{sizes:?}, {level:?}: {differences:?}"
            );
        });
    }
}

#[test]
fn gradients_pass_through_packed_weights() {
    let [rows, input, output] = [30, 33, 40];
    let [_, w, b] = layer([rows, input, output]);
    let w = w.reshape([input, output]);
    for (precision, tolerance) in [(Precision::Float32, 1e-5), (Precision::BFloat16, 1e-2)] {
        let packed = PackedLinear::new(w.clone(), Some(b.clone()), precision);
        let run = |layer: &dyn Fn(Tensor<2>) -> Tensor<2>, x: Tensor<1>| {
            layer(x.reshape([rows, input])).reshape([rows * output])
        };
        let fast = |[x]: [Tensor<1>; 1]| run(&|x| packed.forward(x), x);
        let stock = |[x]: [Tensor<1>; 1]| {
            let constant = Tensor::from_inner(w.clone());
            let bias = Tensor::from_inner(b.clone());
            run(
                &|x| stock::linear(x, constant.clone(), Some(bias.clone())),
                x,
            )
        };
        assert_same("packed layer", [rows * input], tolerance, fast, stock);
    }
}
