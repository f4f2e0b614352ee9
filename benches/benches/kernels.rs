//! Every CPU kernel against Burn's own operations, forward alone and with its gradients, at the
//! shapes of a small model in training and of the full one.

use burn::tensor::ops::ConvOptions;
use burn::tensor::{Device, Distribution, Tensor, activation, module};
use criterion::{Criterion, criterion_group, criterion_main};
use flowinone_benches::Block;
use flowinone_kernels as kernels;

type Function<'a> = &'a dyn Fn(&[Tensor<3>]) -> Tensor<3>;

/// Times `fast` and `stock` on random inputs of these shapes.
fn compare(
    criterion: &mut Criterion,
    name: &str,
    shapes: &[[usize; 3]],
    fast: Function<'_>,
    stock: Function<'_>,
) {
    let mut group = criterion.benchmark_group(name);
    group.sample_size(10);
    group.warm_up_time(std::time::Duration::from_millis(200));
    group.measurement_time(std::time::Duration::from_millis(600));
    for (label, function) in [("kernels", fast), ("burn", stock)] {
        let inputs = random(shapes, &Device::flex());
        group.bench_function(format!("forward/{label}"), |b| b.iter(|| function(&inputs)));
        let inputs = random(shapes, &Device::flex().autodiff());
        group.bench_function(format!("training/{label}"), |b| {
            b.iter(|| function(&inputs).sum().backward());
        });
    }
    group.finish();
}

fn random(shapes: &[[usize; 3]], device: &Device) -> Vec<Tensor<3>> {
    let normal = Distribution::Normal(0.0, 1.0);
    let tensors = shapes
        .iter()
        .map(|shape| Tensor::random(*shape, normal, device));
    match device.is_autodiff() {
        true => tensors.map(Tensor::require_grad).collect(),
        false => tensors.collect(),
    }
}

/// `[batch, tokens, N * heads * d]` to `N` tensors `[batch, heads, tokens, d]`.
fn parts<const N: usize>(fused: &Tensor<3>, heads: usize) -> [Tensor<4>; N] {
    let [batch, tokens, channels] = fused.dims();
    let all = fused
        .clone()
        .reshape([batch, tokens, N * heads, channels / (N * heads)]);
    let all = all.swap_dims(1, 2);
    std::array::from_fn(|part| all.clone().narrow(1, part * heads, heads))
}

/// What a transformer block calls.
fn blocks(criterion: &mut Criterion) {
    for (model, tokens, hidden, heads) in [
        ("small", [64, 65, 160], 640, 5),
        ("full", [2, 257, 1024], 2048, 16),
    ] {
        let [batch, count, width] = tokens;
        let hidden = [batch, count, hidden];
        let shapes = &[hidden, hidden];
        let fast = |x: &[Tensor<3>]| kernels::geglu(x[0].clone(), x[1].clone());
        let stock = |x: &[Tensor<3>]| activation::gelu(x[0].clone()) * x[1].clone();
        compare(criterion, &format!("{model}/geglu"), shapes, &fast, &stock);

        let shapes = &[tokens, [batch, 1, width]];
        let fast = |x: &[Tensor<3>]| kernels::rms_norm(x[0].clone(), x[1].clone());
        let stock = |x: &[Tensor<3>]| {
            let rms = x[0].clone().square().mean_dim(2).sqrt();
            x[0].clone() / rms.add_scalar(1e-8) * x[1].clone()
        };
        compare(
            criterion,
            &format!("{model}/rms_norm"),
            shapes,
            &fast,
            &stock,
        );

        let shapes = &[tokens, [1, 1, width], [1, 1, width]];
        let fast =
            |x: &[Tensor<3>]| kernels::layer_norm(x[0].clone(), x[1].clone(), x[2].clone(), 1e-5);
        let stock = |x: &[Tensor<3>]| {
            let [weight, bias] = [1, 2].map(|index: usize| x[index].clone().reshape([width]));
            module::layer_norm(x[0].clone(), weight, Some(bias), 1e-5)
        };
        compare(
            criterion,
            &format!("{model}/layer_norm"),
            shapes,
            &fast,
            &stock,
        );

        let inner = hidden[2];
        let shapes = &[tokens, [1, width, inner], [1, 1, inner]];
        let layer = move |x: &[Tensor<3>]| {
            let rows = x[0].clone().reshape([batch * count, width]);
            let weight = x[1].clone().reshape([width, inner]);
            (rows, weight, x[2].clone().reshape([inner]))
        };
        let fast = |x: &[Tensor<3>]| {
            let (rows, weight, bias) = layer(x);
            kernels::linear(rows, weight, Some(bias)).reshape(hidden)
        };
        let stock = |x: &[Tensor<3>]| {
            let (rows, weight, bias) = layer(x);
            (rows.matmul(weight) + bias.unsqueeze()).reshape(hidden)
        };
        compare(criterion, &format!("{model}/linear"), shapes, &fast, &stock);

        let shapes = &[[batch * heads, count, count]];
        let fast = |x: &[Tensor<3>]| kernels::softmax(x[0].clone());
        let stock = |x: &[Tensor<3>]| activation::softmax(x[0].clone(), 2);
        compare(
            criterion,
            &format!("{model}/softmax"),
            shapes,
            &fast,
            &stock,
        );

        let shapes = &[[batch, count, 3 * width]];
        let fast =
            |x: &[Tensor<3>]| kernels::self_attention(x[0].clone(), heads, kernels::Dtype::F32);
        let stock = |x: &[Tensor<3>]| {
            let [q, k, v] = parts(&x[0], heads);
            let y = module::attention(q, k, v, None, None, Default::default());
            y.swap_dims(1, 2).reshape(tokens)
        };
        compare(
            criterion,
            &format!("{model}/attention"),
            shapes,
            &fast,
            &stock,
        );
    }
}

/// What convolutional stages call.
fn maps(criterion: &mut Criterion) {
    for (model, batch, side, channels) in [("small", 64, 16, 80), ("full", 2, 32, 512)] {
        let shapes = &[
            [batch, side * side, channels],
            [channels, 7, 7],
            [1, 1, channels],
        ];
        let parameters = move |x: &[Tensor<3>]| {
            let weight = x[1].clone().reshape([channels, 1, 7, 7]);
            (weight, x[2].clone().reshape([channels]))
        };
        let fast = move |x: &[Tensor<3>]| {
            let (weight, bias) = parameters(x);
            kernels::depthwise_convolution(x[0].clone(), side, weight, bias)
        };
        let stock = move |x: &[Tensor<3>]| {
            let (weight, bias) = parameters(x);
            let map = x[0].clone().swap_dims(1, 2);
            let map = map.reshape([batch, channels, side, side]);
            let options = ConvOptions::new([1, 1], [3, 3], [1, 1], channels);
            let map = module::conv2d(map, weight, Some(bias), options);
            map.flatten::<3>(2, 3).swap_dims(1, 2)
        };
        compare(
            criterion,
            &format!("{model}/depthwise"),
            shapes,
            &fast,
            &stock,
        );
    }
    for (side, channels) in [(32, 512), (128, 128)] {
        let map = [1, channels, side, side];
        let shapes = &[
            [1, channels, side * side],
            [channels, channels, 9],
            [1, 1, channels],
        ];
        let inputs = move |x: &[Tensor<3>]| {
            let weight = x[1].clone().reshape([channels, channels, 3, 3]);
            (
                x[0].clone().reshape(map),
                weight,
                x[2].clone().reshape([channels]),
            )
        };
        let fast = move |x: &[Tensor<3>]| {
            let (x, weight, bias) = inputs(x);
            kernels::convolution(x, weight, bias, kernels::Dtype::F32).flatten(2, 3)
        };
        let stock = move |x: &[Tensor<3>]| {
            let (x, weight, bias) = inputs(x);
            let options = ConvOptions::new([1, 1], [1, 1], [1, 1], 1);
            module::conv2d(x, weight, Some(bias), options).flatten(2, 3)
        };
        let name = format!("autoencoder/conv_{channels}_at_{side}");
        compare(criterion, &name, shapes, &fast, &stock);
    }
    let shapes = &[[1, 128, 128 * 128], [1, 1, 128], [1, 1, 128]];
    let gains = |x: &[Tensor<3>]| [1, 2].map(|index: usize| x[index].clone().reshape([128]));
    let fast = move |x: &[Tensor<3>]| {
        let [weight, bias] = gains(x);
        let map = x[0].clone().reshape([1, 128, 128, 128]);
        kernels::group_norm_silu(map, weight, bias, 32, 1e-6).flatten(2, 3)
    };
    let stock = move |x: &[Tensor<3>]| {
        let [weight, bias] = gains(x).map(|gain| gain.reshape([1, 128, 1]));
        let groups = x[0].clone().reshape([1, 32, 4 * 128 * 128]);
        let centred = groups.clone() - groups.mean_dim(2);
        let variance = centred.clone().square().mean_dim(2);
        let n = centred / variance.add_scalar(1e-6).sqrt();
        activation::silu(n.reshape([1, 128, 128 * 128]) * weight + bias)
    };
    compare(
        criterion,
        "autoencoder/group_norm_silu",
        shapes,
        &fast,
        &stock,
    );
}

/// Packed weights, in every precision.
fn packed(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("full/packed_linear");
    group.sample_size(10);
    group.warm_up_time(std::time::Duration::from_millis(200));
    group.measurement_time(std::time::Duration::from_millis(600));
    let device = Device::flex();
    let [x, weight] = [[1, 514, 1024], [1, 1024, 3072]].map(|shape| {
        let x = random(&[shape], &device).remove(0);
        x.squeeze_dim::<2>(0)
    });
    for (label, precision) in [
        ("float32", kernels::Dtype::F32),
        ("bfloat16", kernels::Dtype::Bf16),
        ("int8", kernels::Dtype::Int8),
    ] {
        let layer = kernels::PackedLinear::new(weight.clone(), None, precision);
        group.bench_function(label, |b| b.iter(|| layer.forward(x.clone())));
    }
    group.bench_function("burn", |b| b.iter(|| x.clone().matmul(weight.clone())));
    group.finish();
}

/// One block of the full model, both branches of guidance.
fn full_block(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("full/block");
    group.sample_size(10);
    let device = Device::flex();
    for (label, precision) in [
        ("unpacked", None),
        ("float32", Some(kernels::Dtype::F32)),
        ("bfloat16", Some(kernels::Dtype::Bf16)),
        ("int8", Some(kernels::Dtype::Int8)),
    ] {
        let mut block = Block::full(&device);
        if let Some(precision) = precision {
            block = block.packed(precision);
        }
        let [x, structure] = block.inputs(&device);
        group.bench_function(label, |b| {
            b.iter(|| block.forward(x.clone(), structure.clone()));
        });
    }
    group.finish();
}

criterion_group!(benches, blocks, maps, packed, full_block);
criterion_main!(benches);
