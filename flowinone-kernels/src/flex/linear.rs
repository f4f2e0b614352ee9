//! Linear layers of Flex tensors.

use burn::backend::flex::FlexTensor;

use super::{Operation, in_order, numbers, shape, tensor};
use crate::level::Level;
use crate::matrix::{Matrix, column_sums, product};

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
    let (left, right) = (matrix(x).left(level), matrix(w).right(level));
    let y = product(level, &left, &right, bias.map(numbers));
    tensor(y, vec![rows, output])
}

/// `dx = dy w^T` and `dw = x^T dy`.
fn backward(x: &FlexTensor, w: &FlexTensor, dy: &FlexTensor) -> [FlexTensor; 2] {
    let level = Level::current();
    let (left, right) = (matrix(dy).left(level), matrix(w).transposed().right(level));
    let dx = product(level, &left, &right, None);
    let (left, right) = (matrix(x).transposed().left(level), matrix(dy).right(level));
    let dw = product(level, &left, &right, None);
    [tensor(dx, shape(x)), tensor(dw, shape(w))]
}

impl Operation<2> for Linear {
    type Saved = [FlexTensor; 2];

    fn forward(&self, inputs: [FlexTensor; 2]) -> (FlexTensor, Self::Saved) {
        let inputs = inputs.map(in_order);
        let [x, w] = &inputs;
        (forward(x, w, None), inputs)
    }

    fn backward(&self, [x, w]: Self::Saved, gradient: FlexTensor) -> [FlexTensor; 2] {
        backward(&x, &w, &in_order(gradient))
    }
}

impl Operation<3> for LinearWithBias {
    type Saved = [FlexTensor; 2];

    fn forward(&self, inputs: [FlexTensor; 3]) -> (FlexTensor, Self::Saved) {
        let [x, w, bias] = inputs.map(in_order);
        (forward(&x, &w, Some(&bias)), [x, w])
    }

    fn backward(&self, [x, w]: Self::Saved, gradient: FlexTensor) -> [FlexTensor; 3] {
        let dy = in_order(gradient);
        let [_, output] = w.layout().shape().dims();
        let db = column_sums(numbers(&dy), output);
        let [dx, dw] = backward(&x, &w, &dy);
        [dx, dw, tensor(db, vec![output])]
    }
}
