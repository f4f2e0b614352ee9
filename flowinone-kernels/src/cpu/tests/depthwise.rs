use burn::tensor::Tensor;

use super::assert_same;
use crate::{depthwise_convolution, fallback};

#[test]
fn the_convolution_is_that_of_burn_with_its_gradients() {
    for ([batch, height, width, channels], kernel) in [
        ([1, 1, 1, 1], 7),
        ([2, 3, 5, 7], 3),
        ([1, 16, 16, 80], 7),
        ([2, 9, 17, 20], 5),
        ([3, 4, 4, 33], 1),
        ([1, 8, 8, 48], 7),
    ] {
        let (x_shape, w_shape) = (
            [batch, height * width, channels],
            [channels, 1, kernel, kernel],
        );
        let length = x_shape.iter().product();
        type Convolution = fn(Tensor<3>, usize, Tensor<4>, Tensor<1>) -> Tensor<3>;
        let run = |convolution: Convolution| {
            move |[x, w, b]: [Tensor<1>; 3]| {
                let (x, w) = (x.reshape(x_shape), w.reshape(w_shape));
                convolution(x, width, w, b).reshape([length])
            }
        };
        let name = format!("convolution of {x_shape:?} with {kernel}");
        let lengths = [length, channels * kernel * kernel, channels];
        let (fast, reference) = (
            run(depthwise_convolution),
            run(fallback::depthwise_convolution),
        );
        assert_same(&name, lengths, 1e-5, fast, reference);
    }
}
