use burn::module::Param;
use burn::tensor::{Device, Tensor};

use super::{assert_same, at_every_level, random};
use crate::dtype::Dtype;
use crate::{Dense, LowRank, PackedLinear, fallback};

const SCALE: f32 = 0.75;

#[test]
fn gradients_beside_a_layer_are_those_of_a_dense_layer_with_the_product_in_it() {
    for [rows, input, output, rank] in [[30, 17, 40, 3], [65, 48, 33, 16], [257, 64, 128, 8]] {
        let name = format!("adapter of rank {rank} on {rows} x {input} x {output}");
        let lengths = [rows * input, input * rank, rank * output];
        let (w, b) = (random(input * output, 7), random(output, 8));
        let constant = |values: &[f32], device: &Device| Tensor::<1>::from_floats(values, device);
        let reference = |[x, down, up]: [Tensor<1>; 3]| {
            let device = x.device();
            let w = constant(&w, &device).reshape([input, output]);
            let product = down
                .reshape([input, rank])
                .matmul(up.reshape([rank, output]));
            let b = constant(&b, &device);
            let y = fallback::linear(
                x.reshape([rows, input]),
                w + product.mul_scalar(SCALE),
                Some(b),
            );
            y.reshape([rows * output])
        };
        let adapter = |down: Tensor<1>, up: Tensor<1>| LowRank {
            down: down.reshape([input, rank]),
            up: up.reshape([rank, output]),
            scale: SCALE,
        };
        let beside_parameters = |[x, down, up]: [Tensor<1>; 3]| {
            let device = x.device();
            let mut layer = Dense::new(input, output, &device);
            let parameters = layer.parameters_mut().unwrap();
            let w = constant(&w, &device).reshape([input, output]);
            parameters.weight = Param::from_tensor(w).set_require_grad(false);
            parameters.bias = Some(Param::from_tensor(constant(&b, &device)));
            layer.beside(adapter(down, up));
            layer
                .forward(x.reshape([1, rows, input]))
                .reshape([rows * output])
        };
        assert_same(&name, lengths, 2e-5, beside_parameters, reference);
        // A packed layer lies on a device without gradients and takes tensors with them.
        let beside_packed = |[x, down, up]: [Tensor<1>; 3]| {
            let device = x.device().inner();
            let mut layer = Dense::new(input, output, &device);
            let parameters = layer.parameters_mut().unwrap();
            let w = constant(&w, &device).reshape([input, output]);
            parameters.weight = Param::from_tensor(w);
            parameters.bias = Some(Param::from_tensor(constant(&b, &device)));
            layer.pack(Dtype::F32);
            assert!(layer.is_packed());
            layer.beside(adapter(down, up));
            layer
                .forward(x.reshape([1, rows, input]))
                .reshape([rows * output])
        };
        assert_same(&name, lengths, 2e-5, beside_packed, reference);
    }
}

#[test]
fn gradients_of_the_factors_are_finite_differences() {
    let [rows, input, output, rank] = [40, 24, 36, 3];
    let device = Device::flex();
    let tensor = |values: &[f32], shape: [usize; 2]| {
        Tensor::<1>::from_floats(values, &device).reshape(shape)
    };
    let x: Tensor<2> = tensor(&random(rows * input, 1), [rows, input]);
    let weight: Tensor<2> = tensor(&random(rows * output, 2), [rows, output]);
    let factors = [random(input * rank, 3), random(rank * output, 4)];
    let mut layer = Dense::new(input, output, &device);
    let parameters = layer.parameters_mut().unwrap();
    let w = random(input * output, 5);
    parameters.weight = Param::from_tensor(tensor(&w, [input, output]));
    parameters.bias = Some(Param::from_tensor(Tensor::zeros([output], &device)));
    for dtype in [Dtype::F32, Dtype::Bf16, Dtype::Int8] {
        let mut layer = layer.clone();
        layer.pack(dtype);
        let loss = |down: Tensor<2>, up: Tensor<2>, x: Tensor<2>, weight: Tensor<2>| {
            let mut layer = layer.clone();
            layer.beside(LowRank {
                down,
                up,
                scale: SCALE,
            });
            (layer.forward(x) * weight).sum()
        };
        let shapes = [[input, rank], [rank, output]];
        at_every_level(|level| {
            let leaf = |k: usize| Tensor::from_inner(tensor(&factors[k], shapes[k])).require_grad();
            let (down, up) = (leaf(0), leaf(1));
            let constant = |x: &Tensor<2>| Tensor::from_inner(x.clone());
            let found = loss(down.clone(), up.clone(), constant(&x), constant(&weight));
            let gradients = found.backward();
            for (k, leaf) in [down, up].iter().enumerate() {
                let gradient: Vec<f32> = leaf
                    .grad(&gradients)
                    .unwrap()
                    .into_data()
                    .try_to_vec()
                    .unwrap();
                for at in [0, gradient.len() / 2, gradient.len() - 1] {
                    // The loss is linear in each single value: a long step costs no exactness.
                    let moved = |by: f32| -> f32 {
                        let mut factors = factors.clone();
                        factors[k][at] += by;
                        let [down, up] = [0, 1].map(|k| tensor(&factors[k], shapes[k]));
                        loss(down, up, x.clone(), weight.clone()).into_scalar()
                    };
                    let difference = (moved(8.0) - moved(-8.0)) / 16.0;
                    let off = (difference - gradient[at]).abs();
                    assert!(
                        off < 1e-3 * difference.abs().max(1.0),
                        "{dtype}, {}, factor {k}, value {at}: {} for {difference}",
                        level.name(),
                        gradient[at]
                    );
                }
            }
        });
    }
}

#[test]
fn an_adapter_adds_the_same_to_weights_of_every_type_whole_and_in_parts() {
    let [rows, width, parts, output, rank] = [30, 16, 3, 40, 4];
    let device = Device::flex();
    let matrix = |seed, rows: usize, columns: usize| {
        let values = random(rows * columns, seed);
        Tensor::<1>::from_floats(values.as_slice(), &device).reshape([rows, columns])
    };
    let x: Tensor<2> = matrix(1, rows, parts * width);
    let w: Tensor<2> = matrix(2, parts * width, output);
    let adapter = LowRank {
        down: matrix(3, parts * width, rank),
        up: matrix(4, rank, output),
        scale: SCALE,
    };
    let product = x.clone().matmul(adapter.down.clone());
    let product = product.matmul(adapter.up.clone()).mul_scalar(SCALE);
    at_every_level(|level| {
        for dtype in [Dtype::F32, Dtype::Bf16, Dtype::Int8] {
            let mut layer = Dense::without_bias(parts * width, output, &device).in_parts(parts);
            layer.parameters_mut().unwrap().weight = Param::from_tensor(w.clone());
            layer.pack(dtype);
            let alone = PackedLinear::in_parts(w.clone(), None, dtype, parts);
            let split = || (0..parts).map(|part| x.clone().narrow(1, part * width, width));
            let alone = alone.forward_parts(split());
            layer.beside(adapter.clone());
            for y in [layer.forward(x.clone()), layer.forward_parts(split())] {
                let off = (y - alone.clone() - product.clone()).abs().max();
                let off: f32 = off.into_scalar();
                assert!(off < 2e-4, "{dtype}, {}: {off}", level.name());
            }
        }
    });
}

#[test]
#[should_panic(expected = "an adapter for a layer of [4, 3]")]
fn an_adapter_of_another_layer_is_refused() {
    let device = Device::flex();
    let [down, up] = [[4, 1], [1, 4]].map(|shape| Tensor::zeros(shape, &device));
    Dense::new(4, 3, &device).beside(LowRank {
        down,
        up,
        scale: 1.0,
    });
}
