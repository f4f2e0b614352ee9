use burn::tensor::Tensor;

use super::{assert_same, random};
use crate::dtype::Dtype;
use crate::{convolution, fallback, fused_convolution, halving_convolution, prelu};

/// Maps, output channels, side of the kernel.
const SHAPES: [([usize; 4], usize, usize); 6] = [
    ([1, 1, 1, 1], 1, 3),
    ([1, 3, 17, 33], 14, 3),
    ([2, 5, 8, 7], 13, 5),
    ([2, 16, 9, 16], 3, 3),
    ([1, 40, 32, 40], 25, 3),
    ([3, 4, 6, 50], 12, 1),
];

/// The same where Winograd's forms are faster: tiles of two by two, and of four by four that end in
/// the middle.
const IN_TILES: [([usize; 4], usize, usize); 2] =
    [([2, 33, 17, 30], 34, 3), ([2, 35, 29, 50], 37, 3)];

/// The same for convolutions that halve the maps.
const HALVING: [([usize; 4], usize, usize); 5] = [
    ([1, 1, 2, 2], 1, 3),
    ([1, 3, 18, 66], 14, 3),
    ([2, 5, 8, 6], 13, 5),
    ([3, 16, 10, 32], 3, 2),
    ([1, 40, 64, 80], 25, 3),
];

type Convolve = fn(Tensor<4>, Tensor<4>, Tensor<1>) -> Tensor<4>;

#[test]
fn convolutions_are_those_of_burn_with_their_gradients() {
    let around = SHAPES.into_iter().chain(IN_TILES).map(|shapes| {
        let reference = fallback::convolution as Convolve;
        (shapes, 1, exact as Convolve, reference)
    });
    let halving = HALVING.map(|shapes| {
        let reference = fallback::halving_convolution;
        (shapes, 2, exact_halving as Convolve, reference as Convolve)
    });
    for (shapes, stride, fast, reference) in around.chain(halving) {
        let ([batch, input, height, width], output, kernel) = shapes;
        let x_shape = [batch, input, height, width];
        let w_shape = [output, input, kernel, kernel];
        let [x_length, w_length] = [x_shape, w_shape].map(|shape| shape.iter().product());
        let y_length = batch * output * (height / stride) * (width / stride);
        let run = |convolution: Convolve| {
            move |[x, w, b]: [Tensor<1>; 3]| {
                let y = convolution(x.reshape(x_shape), w.reshape(w_shape), b);
                y.reshape([y_length])
            }
        };
        let name = format!("convolution of {x_shape:?} with {w_shape:?}, stride {stride}");
        let lengths = [x_length, w_length, output];
        assert_same(&name, lengths, 1e-5, run(fast), run(reference));
    }
}

fn exact(x: Tensor<4>, w: Tensor<4>, b: Tensor<1>) -> Tensor<4> {
    convolution(x, w, b, Dtype::F32)
}

fn exact_halving(x: Tensor<4>, w: Tensor<4>, b: Tensor<1>) -> Tensor<4> {
    halving_convolution(x, w, b, Dtype::F32)
}

#[test]
fn in_bfloat16_they_are_those_of_rounded_factors() {
    type Near = fn(Tensor<4>, Tensor<4>, Tensor<1>, Dtype) -> Tensor<4>;
    let around = SHAPES.map(|shapes| (shapes, convolution as Near));
    let halving = HALVING.map(|shapes| (shapes, halving_convolution as Near));
    let device = burn::tensor::Device::flex();
    let normal = burn::tensor::Distribution::Normal(0.0, 1.0);
    for (shapes, convolution) in around.into_iter().chain(halving) {
        let ([batch, input, height, width], output, kernel) = shapes;
        let x = Tensor::<4>::random([batch, input, height, width], normal, &device);
        let w = Tensor::<4>::random([output, input, kernel, kernel], normal, &device);
        let b = Tensor::<1>::random([output], normal, &device);
        let near = convolution(x.clone(), w.clone(), b.clone(), Dtype::Bf16);
        #[cfg(target_arch = "x86_64")]
        let rounds =
            crate::cpu::gemm::microkernel::find_bf16(crate::SimdLevel::current()).is_some();
        #[cfg(not(target_arch = "x86_64"))]
        let rounds = false;
        let rounded = |x: Tensor<4>| match rounds {
            true => x
                .cast(burn::tensor::DType::BF16)
                .cast(burn::tensor::DType::F32),
            false => x,
        };
        let expected = convolution(rounded(x), rounded(w), b, Dtype::F32);
        let off: f32 = (near - expected.clone()).abs().max().into_scalar();
        let largest: f32 = expected.abs().max().into_scalar();
        assert!(
            off < 1e-5 * largest,
            "{output} channels: {off} of {largest}"
        );
    }
}

#[test]
fn prelu_is_that_of_burn_with_its_gradients() {
    let shape = [2, 5, 7, 9];
    let run = |function: fn(Tensor<4>, Tensor<1>) -> Tensor<4>| {
        move |[x, slopes]: [Tensor<1>; 2]| {
            let y = function(x.reshape(shape), slopes);
            y.reshape([2 * 5 * 7 * 9])
        }
    };
    let lengths = [2 * 5 * 7 * 9, 5];
    assert_same("prelu", lengths, 1e-6, run(prelu), run(fallback::prelu));
}

/// Channels of parts, output channels, height, width.
const FUSED: [(&[usize], usize, usize, usize); 5] = [
    (&[3], 16, 5, 7),
    (&[16, 8, 8], 8, 9, 11),
    (&[1], 1, 1, 1),
    (&[33, 16], 34, 21, 18), // by tiles of four
    (&[64], 64, 16, 3),
];

/// Numbers of a shape, the same at every call.
fn numbers<const D: usize>(shape: [usize; D], seed: u64) -> Tensor<D> {
    let values = random(shape.iter().product(), seed);
    let device = burn::tensor::Device::flex();
    Tensor::from_data(burn::tensor::TensorData::new(values, shape), &device)
}

#[test]
fn a_fused_convolution_is_that_of_its_steps() {
    for (channels, output, height, width) in FUSED {
        let parts: Vec<_> = channels
            .iter()
            .enumerate()
            .map(|(at, count)| numbers([1, *count, height, width], 10 + at as u64))
            .collect();
        let input = channels.iter().sum();
        let w = numbers([output, input, 3, 3], 2);
        let b = numbers([output], 3);
        let slopes = numbers([output], 4);
        for repeat in [1, 2] {
            let x = fallback::repeated(Tensor::cat(parts.clone(), 1), repeat);
            let y = fallback::convolution(x, w.clone(), b.clone());
            let expected = fallback::prelu(y, slopes.clone());
            let fused = |precision| {
                let (w, b, slopes) = (w.clone(), b.clone(), slopes.clone());
                fused_convolution(&parts, w, b, slopes, repeat, precision)
            };
            let off = |y: Tensor<4>| -> f32 {
                assert_eq!(y.dims(), [1, output, repeat * height, repeat * width]);
                let off: f32 = (y - expected.clone()).abs().max().into_scalar();
                off / expected.clone().abs().max().into_scalar::<f32>()
            };
            let exact = off(fused(Dtype::F32));
            assert!(exact < 1e-5, "{channels:?}, {repeat}: {exact:e}");
            let near = off(fused(Dtype::Bf16));
            assert!(near < 2e-2, "{channels:?}, {repeat}: {near:e}");
        }
    }
}

#[test]
fn a_part_of_a_map_has_the_bits_of_the_whole() {
    let device = burn::tensor::Device::flex();
    let normal = burn::tensor::Distribution::Normal(0.0, 1.0);
    // By tiles of four, and directly; the part begins at row 8 and column 4 of the map.
    for (input, output) in [(36, 40), (3, 12)] {
        let x = Tensor::<4>::random([1, input, 40, 36], normal, &device);
        let w = Tensor::<4>::random([output, input, 3, 3], normal, &device);
        let b = Tensor::<1>::random([output], normal, &device);
        for precision in [Dtype::F32, Dtype::Bf16] {
            for repeat in [1, 2] {
                let run = |x: Tensor<4>| {
                    let ones = Tensor::<1>::ones([output], &device);
                    fused_convolution(&[x], w.clone(), b.clone(), ones, repeat, precision)
                };
                let part = x.clone().narrow(2, 8, 17).narrow(3, 4, 13);
                let inner = |y: Tensor<4>, row, column| {
                    let y = y.narrow(2, repeat * row, repeat * 15);
                    y.narrow(3, repeat * column, repeat * 11).into_data()
                };
                assert_eq!(inner(run(part), 1, 1), inner(run(x.clone()), 9, 5));
            }
        }
    }
}
