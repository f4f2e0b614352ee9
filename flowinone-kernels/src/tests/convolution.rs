use burn::tensor::Tensor;

use super::assert_same;
use crate::{convolution, stock};

#[test]
fn the_convolution_is_that_of_burn_with_its_gradients() {
    for ([batch, input, height, width], output, kernel) in [
        ([1, 1, 1, 1], 1, 3),
        ([1, 3, 17, 33], 14, 3),
        ([2, 5, 8, 7], 13, 5),
        ([2, 16, 9, 16], 3, 3),
        ([1, 40, 32, 40], 25, 3),
        ([3, 4, 6, 50], 12, 1),
    ] {
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
        let (fast, stock) = (run(convolution), run(stock::convolution));
        assert_same(&name, [x_length, w_length, output], 1e-5, fast, stock);
    }
}
