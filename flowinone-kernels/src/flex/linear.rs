//! Linear layers of Flex tensors.

use std::sync::Arc;

use burn::backend::flex::FlexTensor;
use burn::tensor::Tensor;

use super::{Operation, in_order, numbers, shape, tensor};
use crate::level::Level;
use crate::packed::Matrix;
use crate::product::{Plain, column_sums, product};
use crate::weights::Weights;

/// `x w` of `[rows, input]` and `[input, output]`.
#[derive(Debug, Clone)]
pub(crate) struct Linear;

/// `x w + b`, with biases `[output]`.
#[derive(Debug, Clone)]
pub(crate) struct LinearWithBias;

fn matrix(x: &FlexTensor) -> Matrix<'_> {
    let [rows, columns] = x.layout().shape().dims();
    Matrix::new(numbers(x), rows, columns)
}

fn forward(x: &FlexTensor, w: &FlexTensor, bias: Option<&FlexTensor>) -> FlexTensor {
    let level = Level::current();
    let ([rows, _], [_, output]) = (x.layout().shape().dims(), w.layout().shape().dims());
    let (a, b) = (&matrix(x).left(level), &matrix(w).right(level));
    let y = product(level, Plain { a, b }, bias.map(numbers));
    tensor(y, vec![rows, output])
}

/// `dx = dy w^T` and `dw = x^T dy`, as wanted.
fn gradients(
    [x, w]: [FlexTensor; 2],
    dy: &FlexTensor,
    wanted: [bool; 2],
) -> [Option<FlexTensor>; 2] {
    let level = Level::current();
    let dx = wanted[0].then(|| {
        let (a, b) = (
            &matrix(dy).left(level),
            &matrix(&w).transposed().right(level),
        );
        tensor(product(level, Plain { a, b }, None), shape(&x))
    });
    let dw = wanted[1].then(|| {
        let (a, b) = (
            &matrix(&x).transposed().left(level),
            &matrix(dy).right(level),
        );
        tensor(product(level, Plain { a, b }, None), shape(&w))
    });
    [dx, dw]
}

impl Operation<2> for Linear {
    type Saved = [FlexTensor; 2];

    fn forward(&self, inputs: [FlexTensor; 2]) -> (FlexTensor, Self::Saved) {
        let inputs = inputs.map(in_order);
        let [x, w] = &inputs;
        (forward(x, w, None), inputs)
    }

    fn backward(
        &self,
        saved: Self::Saved,
        gradient: FlexTensor,
        wanted: [bool; 2],
    ) -> [Option<FlexTensor>; 2] {
        gradients(saved, &in_order(gradient), wanted)
    }
}

impl Operation<3> for LinearWithBias {
    type Saved = [FlexTensor; 2];

    fn forward(&self, inputs: [FlexTensor; 3]) -> (FlexTensor, Self::Saved) {
        let [x, w, bias] = inputs.map(in_order);
        (forward(&x, &w, Some(&bias)), [x, w])
    }

    fn backward(
        &self,
        saved: Self::Saved,
        gradient: FlexTensor,
        [of_x, of_w, of_bias]: [bool; 3],
    ) -> [Option<FlexTensor>; 3] {
        let dy = in_order(gradient);
        let [_, output] = saved[1].layout().shape().dims();
        let db = of_bias.then(|| tensor(column_sums(numbers(&dy), output), vec![output]));
        let [dx, dw] = gradients(saved, &dy, [of_x, of_w]);
        [dx, dw, db]
    }
}

/// `x w + b` with packed weights and biases.
#[derive(Debug, Clone)]
pub(crate) struct PackedLinear(pub(crate) Arc<Weights>);

/// The weights of a layer, packed, rounded to bfloat16 or not; its tensors must be those that the
/// kernels take.
pub(crate) fn pack(weight: Tensor<2>, bias: Option<Tensor<1>>, rounded: bool) -> Weights {
    let [input, output] = weight.dims();
    let bias = bias.map(host);
    let weight = host(weight);
    Weights::new(
        Level::current(),
        Matrix::new(&weight, input, output),
        bias,
        rounded,
    )
}

fn host<const D: usize>(x: Tensor<D>) -> Vec<f32> {
    let data = x.into_data();
    data.try_to_vec().expect("float32, as the kernels take it")
}

impl Operation<1> for PackedLinear {
    type Saved = ();

    fn forward(&self, [x]: [FlexTensor; 1]) -> (FlexTensor, ()) {
        let x = in_order(x);
        let [rows, _] = x.layout().shape().dims();
        let y = self.0.applied(Level::current(), matrix(&x));
        (tensor(y, vec![rows, self.0.output()]), ())
    }

    fn backward(&self, (): (), gradient: FlexTensor, _: [bool; 1]) -> [Option<FlexTensor>; 1] {
        let dy = in_order(gradient);
        let [rows, _] = dy.layout().shape().dims();
        let dx = self.0.gradient(Level::current(), matrix(&dy));
        [Some(tensor(dx, vec![rows, self.0.input()]))]
    }
}
