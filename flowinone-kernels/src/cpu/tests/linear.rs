use burn::tensor::Tensor;

use super::{assert_same, at_every_level, random};
use crate::cpu::gemm::blocked::{gemm, gemm_add};
use crate::cpu::gemm::f32::F32;
use crate::cpu::gemm::f32_transposed::gemm_transposed;
use crate::cpu::gemm::int8::{Int8, Int8Columns, Int8Rows};
use crate::cpu::gemm::pack::Matrix;
use crate::dtype::Dtype;
use crate::{Dense, PackedLinear, fallback, layer_norm, layer_norm_of_parts, linear};

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
                Matrix::new(&a, rows, depth),
                Matrix::new(&a_turned, depth, rows).transposed(),
            ];
            let rights = [
                Matrix::new(&b, depth, columns).halves(level),
                Matrix::new(&b_turned, columns, depth)
                    .transposed()
                    .halves(level),
            ];
            let columns_in_order = gemm_transposed(
                level,
                Matrix::new(&a_turned, depth, rows),
                Matrix::new(&b, depth, columns),
            );
            for b_packed in &rights {
                let factors = F32::with_rows(lefts[0], b_packed, true);
                let c = gemm(level, factors, Some(&bias));
                let plain = gemm(level, factors, None);
                if depth <= 256 {
                    assert_eq!(
                        columns_in_order, plain,
                        "the same sums in any order of packing, where K is taken at once"
                    );
                }
                for a in lefts {
                    for packed_rows in [true, false] {
                        let same = F32::with_rows(a, b_packed, packed_rows);
                        let same = gemm(level, same, Some(&bias));
                        assert_eq!(same, c, "the same sums, wherever the values lie");
                    }
                }
                let results = c.iter().zip(plain).zip(&columns_in_order);
                for (index, ((c, plain), in_order)) in results.enumerate() {
                    let (row, column) = (index / columns, index % columns);
                    let terms = (0..depth).map(|k| {
                        f64::from(a[row * depth + k]) * f64::from(b[k * columns + column])
                    });
                    let exact: f64 = terms.sum();
                    let tolerance = 2e-7 * depth as f64 + 1e-6;
                    for sum in [plain, *in_order] {
                        assert!((f64::from(sum) - exact).abs() < tolerance, "{sum} {exact}");
                    }
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
        assert_same(&name, lengths, 1e-5, run(linear), run(fallback::linear));
        let run = |layer: Layer| {
            move |[x, w]: [Tensor<1>; 2]| {
                let (x, w) = (x.reshape([rows, input]), w.reshape([input, output]));
                layer(x, w, None).reshape([rows * output])
            }
        };
        let lengths = [rows * input, input * output];
        assert_same(&name, lengths, 1e-5, run(linear), run(fallback::linear));
    }
}

/// A layer of random weights: `x`, the weights and the biases.
pub(super) fn layer([rows, input, output]: [usize; 3]) -> [Tensor<1>; 3] {
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
        let expected = fallback::linear(x.clone(), w.clone(), Some(b.clone()));
        at_every_level(|level| {
            let packed = PackedLinear::new(w.clone(), Some(b.clone()), Dtype::F32);
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
        let exact = fallback::linear(x.clone(), rounded(w.clone()), Some(b.clone()));
        let both = fallback::linear(rounded(x.clone()), rounded(w.clone()), Some(b.clone()));
        at_every_level(|level| {
            let whole = PackedLinear::new(w.clone(), None, Dtype::F32);
            let packed = PackedLinear::new(w.clone(), Some(b.clone()), Dtype::Bf16);
            // In whole panels, of 32 columns and of 16; the biases likewise.
            let (pairs, halves) = (output.next_multiple_of(32), output.next_multiple_of(16));
            assert!(packed.bytes() <= 2 * input.next_multiple_of(2) * pairs + 4 * pairs);
            assert_eq!(whole.bytes(), 4 * input * halves);
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
    for (precision, tolerance) in [(Dtype::F32, 1e-5), (Dtype::Bf16, 1e-2), (Dtype::Int8, 3e-2)] {
        let packed = PackedLinear::new(w.clone(), Some(b.clone()), precision);
        let run = |layer: &dyn Fn(Tensor<2>) -> Tensor<2>, x: Tensor<1>| {
            layer(x.reshape([rows, input])).reshape([rows * output])
        };
        let fast = |[x]: [Tensor<1>; 1]| run(&|x| packed.forward(x), x);
        let reference = |[x]: [Tensor<1>; 1]| {
            let constant = Tensor::from_inner(w.clone());
            let bias = Tensor::from_inner(b.clone());
            run(
                &|x| fallback::linear(x, constant.clone(), Some(bias.clone())),
                x,
            )
        };
        assert_same("packed layer", [rows * input], tolerance, fast, reference);
        // Of both parts at once.
        let packed = PackedLinear::in_parts(w.clone(), Some(b.clone()), precision, 3);
        let fast = |[x]: [Tensor<1>; 1]| {
            let x = x.reshape([rows, input]);
            let width = input / 3;
            let parts = (0..3).map(|part| x.clone().narrow(1, part * width, width));
            packed.forward_parts(parts).reshape([rows * output])
        };
        assert_same("layer in parts", [rows * input], tolerance, fast, reference);
    }
}

/// The integers of a row and its scale, by the definition.
fn whole_numbers<'a>(row: impl Iterator<Item = &'a f32> + Clone) -> (Vec<i64>, f32) {
    let largest = row.clone().fold(0.0f32, |m, x| m.max(x.abs()));
    let inverse = if largest > 0.0 { 127.0 / largest } else { 0.0 };
    let round = |x: &f32| (x * inverse).round_ties_even() as i64;
    (row.map(round).collect(), largest / 127.0)
}

#[test]
fn whole_numbers_are_multiplied_exactly_at_every_level() {
    for [rows, depth, columns] in [
        [1, 1, 1],
        [12, 4, 32],
        [13, 5, 33],
        [5, 7, 100],
        [26, 64, 31],
        [37, 1031, 40],
        [3, 7000, 2],
    ] {
        let mut a = random(rows * depth, 1);
        let mut b = random(depth * columns, 2);
        // All the way to both ends, and a row and a column of nothing.
        a[..depth].fill(if depth > 64 { 1.5 } else { 0.0 });
        for row in 0..depth {
            b[row * columns] = if depth > 64 { -0.3 } else { 0.0 };
        }
        let bias = random(columns, 3);
        let mut expected = vec![];
        for row in 0..rows {
            let (q, scale) = whole_numbers(a[row * depth..][..depth].iter());
            for column in 0..columns {
                let (w, of_column) = whole_numbers(b[column..].iter().step_by(columns));
                let sum: i64 = q.iter().zip(&w).map(|(q, w)| q * w).sum();
                // The sum fits float32's rounding to the nearest, as does the kernel's.
                expected.push(sum as i32 as f32 * (scale * of_column));
            }
        }
        at_every_level(|level| {
            let b = Matrix::new(&b, depth, columns).right(level);
            let (a, b) = (
                Int8Rows::new(level, Matrix::new(&a, rows, depth)),
                Int8Columns::new(&b),
            );
            let factors = Int8::new(&a, &b);
            let name = format!("{rows} x {depth} x {columns}, {level:?}");
            assert_eq!(gemm(level, factors, None), expected, "{name}");
            let with_bias = |at: usize| expected[at] + bias[at % columns];
            let sums: Vec<f32> = (0..rows * columns).map(with_bias).collect();
            assert_eq!(gemm(level, factors, Some(&bias)), sums, "{name}: bias");
            let mut onto = vec![0.5; rows * columns];
            gemm_add(level, factors, &mut onto);
            let sums: Vec<f32> = expected.iter().map(|y| y + 0.5).collect();
            assert_eq!(onto, sums, "{name}: onto");
        });
    }
}

#[test]
fn integers_stay_within_their_steps_of_float32() {
    for sizes in [[1, 1, 1], [5, 33, 40], [130, 1030, 70]] {
        let [rows, input, output] = sizes;
        let [x, w, b] = layer(sizes);
        let (x, w) = (x.reshape([rows, input]), w.reshape([input, output]));
        let exact = fallback::linear(x.clone(), w.clone(), Some(b.clone()));
        at_every_level(|level| {
            let packed = PackedLinear::new(w.clone(), Some(b.clone()), Dtype::Int8);
            let size = input.div_ceil(4) * 4 * output.div_ceil(32) * 32;
            assert!(packed.bytes() <= size + 8 * output.div_ceil(32) * 32);
            let y = packed.forward(x.clone());
            // Half a step of 2 / 127 in each factor of up to 2: the worst that a sum can do.
            let difference: f32 = (y - exact.clone()).abs().max().into_scalar();
            let step = 2.0 / 127.0;
            let worst = input as f32 * (2.0 * step + step * step / 4.0) + 1e-5;
            // Rounding is as good as random: the root of the number of terms.
            let usual = 6.0 * (input as f32).sqrt() * step * 1.2 + 1e-5;
            assert!(
                difference < worst.min(usual),
                "{sizes:?}, {level:?}: {difference}"
            );
        });
    }
}

#[test]
fn what_is_no_number_stays_none_in_integers() {
    let [rows, input, output] = [3, 70, 5];
    let [_, w, b] = layer([rows, input, output]);
    let w = w.reshape([input, output]);
    for bad in [f32::NAN, f32::INFINITY, f32::NEG_INFINITY] {
        let mut x = random(rows * input, 9);
        x[input + 68] = bad;
        let x = Tensor::<1>::from_floats(x.as_slice(), &w.device()).reshape([rows, input]);
        at_every_level(|level| {
            let packed = PackedLinear::new(w.clone(), Some(b.clone()), Dtype::Int8);
            let y: Vec<f32> = packed.forward(x.clone()).into_data().try_to_vec().unwrap();
            for (index, y) in y.into_iter().enumerate() {
                assert_eq!(y.is_finite(), index / output != 1, "{level:?}: {y}");
            }
        });
    }
}

#[test]
fn parts_give_the_sum_of_the_whole() {
    let [rows, width, parts, output] = [30, 17, 3, 40];
    let [x, w, b] = layer([rows, width * parts, output]);
    let x = x.reshape([2, rows / 2, width * parts]);
    let w = w.reshape([width * parts, output]);
    let gains = Tensor::<1>::from_floats(random(2 * width * parts, 5).as_slice(), &x.device());
    let gains = gains.reshape([2, 1, width * parts]);
    let [weight, bias] = [0, 1].map(|k| gains.clone().narrow(0, k, 1));
    let split = |x: &Tensor<3>| -> Vec<Tensor<3>> {
        let part = |part| x.clone().narrow(2, part * width, width);
        (0..parts).map(part).collect()
    };
    let normed = layer_norm(x.clone() + 3.0, weight.clone(), bias.clone(), 1e-5);
    let expected = fallback::linear(
        normed.reshape([rows, width * parts]),
        w.clone(),
        Some(b.clone()),
    );
    at_every_level(|level| {
        let mut layer = Dense::new(width * parts, output, &x.device()).in_parts(parts);
        let parameters = layer.parameters_mut().unwrap();
        parameters.weight = burn::module::Param::from_tensor(w.clone());
        parameters.bias = Some(burn::module::Param::from_tensor(b.clone()));
        for packed in [false, true] {
            if packed {
                layer.pack(Dtype::F32);
                assert!(layer.is_packed());
            }
            let normed = layer_norm_of_parts(
                split(&(x.clone() + 3.0)),
                weight.clone(),
                bias.clone(),
                1e-5,
            );
            let y = layer.forward_parts(normed).reshape([rows, output]);
            let difference: f32 = (y - expected.clone()).abs().max().into_scalar();
            assert!(difference < 5e-5, "{level:?}, {packed}: {difference}");
        }
    });
}

#[test]
fn a_marked_layer_packs_itself_when_it_is_filled() {
    use burn::module::{Module, ModuleMapper, Param};

    struct Fill;
    impl ModuleMapper for Fill {
        fn map_float<const D: usize>(&mut self, param: Param<Tensor<D>>) -> Param<Tensor<D>> {
            let ones = Tensor::ones(param.lazy_shape(), &param.lazy_device());
            let id = param.id;
            param.transform_for_load(ones, id)
        }
    }
    let device = burn::tensor::Device::flex();
    let mut layer = Dense::new(4, 3, &device);
    layer.pack(Dtype::Bf16);
    assert!(!layer.is_packed() && layer.num_params() == 15);
    let layer = layer.map(&mut Fill);
    assert!(layer.is_packed() && layer.num_params() == 0);
    assert_eq!(layer.dims(), [4, 3]);
    let y: Vec<f32> = layer
        .forward(Tensor::<3>::ones([1, 2, 4], &device))
        .into_data()
        .try_to_vec()
        .unwrap();
    assert_eq!(y, [5.0; 6]);
    // Where gradients are asked for, it stays as it is.
    let mut layer = Dense::new(4, 3, &device.autodiff());
    layer.pack(Dtype::Bf16);
    assert!(!layer.map(&mut Fill).is_packed());
}
