use burn::tensor::Tensor;

use super::assert_same;
use crate::{Precision, convolution, stock};

/// Maps, output channels, side of the kernel.
const SHAPES: [([usize; 4], usize, usize); 6] = [
    ([1, 1, 1, 1], 1, 3),
    ([1, 3, 17, 33], 14, 3),
    ([2, 5, 8, 7], 13, 5),
    ([2, 16, 9, 16], 3, 3),
    ([1, 40, 32, 40], 25, 3),
    ([3, 4, 6, 50], 12, 1),
];

#[test]
fn the_convolution_is_that_of_burn_with_its_gradients() {
    for ([batch, input, height, width], output, kernel) in SHAPES {
        let x_shape = [batch, input, height, width];
        let w_shape = [output, input, kernel, kernel];
        let [x_length, w_length] = [x_shape, w_shape].map(|shape| shape.iter().product());
        let y_length = batch * output * height * width;
        let run = |convolution: fn(Tensor<4>, Tensor<4>, Tensor<1>) -> Tensor<4>| {
            move |[x, w, b]: [Tensor<1>; 3]| {
                let y = convolution(x.reshape(x_shape), w.reshape(w_shape), b);
                y.reshape([y_length])
            }
        };
        let name = format!("convolution of {x_shape:?} with {w_shape:?}");
        let (fast, stock) = (run(exact), run(stock::convolution));
        assert_same(&name, [x_length, w_length, output], 1e-5, fast, stock);
    }
}

fn exact(x: Tensor<4>, w: Tensor<4>, b: Tensor<1>) -> Tensor<4> {
    convolution(x, w, b, Precision::Float32)
}

#[test]
fn in_bfloat16_it_is_that_of_rounded_factors() {
    let device = burn::tensor::Device::flex();
    let normal = burn::tensor::Distribution::Normal(0.0, 1.0);
    for ([batch, input, height, width], output, kernel) in SHAPES {
        let x = Tensor::<4>::random([batch, input, height, width], normal, &device);
        let w = Tensor::<4>::random([output, input, kernel, kernel], normal, &device);
        let b = Tensor::<1>::random([output], normal, &device);
        let near = convolution(x.clone(), w.clone(), b.clone(), Precision::BFloat16);
        #[cfg(target_arch = "x86_64")]
        let rounds = crate::bfloat::multiplies(crate::Level::current()).is_some();
        #[cfg(not(target_arch = "x86_64"))]
        let rounds = false;
        let rounded = |x: Tensor<4>| match rounds {
            true => x
                .cast(burn::tensor::DType::BF16)
                .cast(burn::tensor::DType::F32),
            false => x,
        };
        let expected = exact(rounded(x), rounded(w), b);
        let off: f32 = (near - expected.clone()).abs().max().into_scalar();
        let largest: f32 = expected.abs().max().into_scalar();
        assert!(
            off < 1e-5 * largest,
            "{output} channels: {off} of {largest}"
        );
    }
}
