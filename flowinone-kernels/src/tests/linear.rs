use burn::tensor::Tensor;

use super::{assert_same, at_every_level, random};
use crate::matrix::{Matrix, product};
use crate::{linear, stock};

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
            for (left, right) in lefts.iter().zip(&rights) {
                let c = product(level, left, right, Some(&bias));
                let plain = product(level, left, right, None);
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
