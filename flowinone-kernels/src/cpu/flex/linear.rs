//! Linear layers of Flex tensors.

use std::sync::Arc;

use burn::backend::flex::FlexTensor;
use burn::tensor::Tensor;

use super::operation::{Operation, in_order, shape, tensor, values};
use crate::cpu::gemm::blocked::column_sums;
use crate::cpu::gemm::blocked::gemm;
use crate::cpu::gemm::f32::F32;
use crate::cpu::gemm::f32_transposed::gemm_transposed;
use crate::cpu::gemm::pack::Matrix;
use crate::cpu::gemm::weights::Weights;
use crate::cpu::simd::level::SimdLevel;
use crate::dtype::Dtype;

/// `x w` of `[rows, input]` and `[input, output]`.
#[derive(Debug, Clone)]
pub(crate) struct Linear {
    /// Whether factors are rounded, see [`times`].
    pub(crate) rounded: bool,
}

/// `x w + b`, with biases `[output]`.
#[derive(Debug, Clone)]
pub(crate) struct LinearWithBias {
    /// Whether factors are rounded, see [`times`].
    pub(crate) rounded: bool,
}

fn matrix(x: &FlexTensor) -> Matrix<'_> {
    let [rows, columns] = x.layout().shape().dims();
    Matrix::new(values(x), rows, columns)
}

/// `a b + bias`; `rounded` to bfloat16 first where the processor multiplies that.
fn times(a: Matrix<'_>, b: Matrix<'_>, bias: Option<&[f32]>, rounded: bool) -> Vec<f32> {
    let level = SimdLevel::current();
    match in_bf16(level, a, b, bias, rounded) {
        Some(product) => product,
        None => gemm(level, F32::new(a, &b.halves(level)), bias),
    }
}

/// `a^T b`, likewise.
fn transposed_times(a: Matrix<'_>, b: Matrix<'_>, rounded: bool) -> Vec<f32> {
    let level = SimdLevel::current();
    match in_bf16(level, a.transposed(), b, None, rounded) {
        Some(product) => product,
        None => gemm_transposed(level, a, b),
    }
}

/// `a b + bias` of rounded factors, if they are to be rounded and the processor multiplies such.
fn in_bf16(
    level: SimdLevel,
    a: Matrix<'_>,
    b: Matrix<'_>,
    bias: Option<&[f32]>,
    rounded: bool,
) -> Option<Vec<f32>> {
    #[cfg(target_arch = "x86_64")]
    if rounded && let Some(proof) = crate::cpu::gemm::microkernel::find_bf16(level) {
        return Some(crate::cpu::gemm::bf16::gemm_bf16(level, proof, a, b, bias));
    }
    #[cfg(not(target_arch = "x86_64"))]
    let _ = (level, a, b, bias, rounded);
    None
}

fn forward(x: &FlexTensor, w: &FlexTensor, bias: Option<&FlexTensor>, rounded: bool) -> FlexTensor {
    let ([rows, _], [_, output]) = (x.layout().shape().dims(), w.layout().shape().dims());
    let y = times(matrix(x), matrix(w), bias.map(values), rounded);
    tensor(y, vec![rows, output])
}

/// `dx = dy w^T` and `dw = x^T dy`, as wanted.
fn gradients(
    [x, w]: [FlexTensor; 2],
    dy: &FlexTensor,
    wanted: [bool; 2],
    rounded: bool,
) -> [Option<FlexTensor>; 2] {
    let dx = wanted[0].then(|| {
        let dx = times(matrix(dy), matrix(&w).transposed(), None, rounded);
        tensor(dx, shape(&x))
    });
    let dw = wanted[1].then(|| {
        let dw = transposed_times(matrix(&x), matrix(dy), rounded);
        tensor(dw, shape(&w))
    });
    [dx, dw]
}

impl Operation<2> for Linear {
    type Saved = [FlexTensor; 2];

    fn forward(&self, inputs: [FlexTensor; 2]) -> (FlexTensor, Self::Saved) {
        let inputs = inputs.map(in_order);
        let [x, w] = &inputs;
        (forward(x, w, None, self.rounded), inputs)
    }

    fn backward(
        &self,
        saved: Self::Saved,
        gradient: FlexTensor,
        wanted: [bool; 2],
    ) -> [Option<FlexTensor>; 2] {
        gradients(saved, &in_order(gradient), wanted, self.rounded)
    }
}

impl Operation<3> for LinearWithBias {
    type Saved = [FlexTensor; 2];

    fn forward(&self, inputs: [FlexTensor; 3]) -> (FlexTensor, Self::Saved) {
        let [x, w, bias] = inputs.map(in_order);
        (forward(&x, &w, Some(&bias), self.rounded), [x, w])
    }

    fn backward(
        &self,
        saved: Self::Saved,
        gradient: FlexTensor,
        [of_x, of_w, of_bias]: [bool; 3],
    ) -> [Option<FlexTensor>; 3] {
        let dy = in_order(gradient);
        let [_, output] = saved[1].layout().shape().dims();
        let db = of_bias.then(|| tensor(column_sums(values(&dy), output), vec![output]));
        let [dx, dw] = gradients(saved, &dy, [of_x, of_w], self.rounded);
        [dx, dw, db]
    }
}

/// `x w + b` with packed weights and biases, for one part of the input.
#[derive(Debug, Clone)]
pub(crate) struct PackedLinear {
    pub(crate) weights: Arc<Weights>,
    pub(crate) part: usize,
}

/// `y + x w` with packed weights, for one part `x` of the input.
#[derive(Debug, Clone)]
pub(crate) struct AddPackedLinear {
    pub(crate) weights: Arc<Weights>,
    pub(crate) part: usize,
}

/// The weights of a layer, packed, for an input in equal parts; its tensors must be those that the
/// kernels take.
pub(crate) fn pack(
    weight: Tensor<2>,
    bias: Option<Tensor<1>>,
    precision: Dtype,
    parts: usize,
) -> Weights {
    let sizes = weight.dims();
    let float32 = "float32, as the kernels take it";
    let bias = bias.map(|bias| bias.into_data().try_into_vec().expect(float32));
    let weight = weight.into_data();
    let weight = weight.as_slice::<f32>().expect(float32);
    Weights::new(
        SimdLevel::current(),
        (weight, sizes),
        bias,
        precision,
        parts,
    )
}

fn gradient(weights: &Weights, part: usize, dy: &FlexTensor) -> FlexTensor {
    let [rows, _] = dy.layout().shape().dims();
    let dx = weights.gradient(SimdLevel::current(), part, matrix(dy));
    tensor(dx, vec![rows, weights.input() / weights.parts()])
}

impl Operation<1> for PackedLinear {
    type Saved = ();

    fn forward(&self, [x]: [FlexTensor; 1]) -> (FlexTensor, ()) {
        let x = in_order(x);
        let [rows, _] = x.layout().shape().dims();
        let y = self
            .weights
            .applied(SimdLevel::current(), self.part, matrix(&x));
        (tensor(y, vec![rows, self.weights.output()]), ())
    }

    fn backward(&self, (): (), dy: FlexTensor, _: [bool; 1]) -> [Option<FlexTensor>; 1] {
        [Some(gradient(&self.weights, self.part, &in_order(dy)))]
    }
}

impl Operation<2> for AddPackedLinear {
    type Saved = ();

    fn forward(&self, inputs: [FlexTensor; 2]) -> (FlexTensor, ()) {
        let [x, mut y] = inputs.map(in_order);
        let sum = y.storage_mut(); // a copy only if someone else holds it
        self.weights
            .add(SimdLevel::current(), self.part, matrix(&x), sum);
        (y, ())
    }

    fn backward(&self, (): (), dy: FlexTensor, [of_x, of_y]: [bool; 2]) -> [Option<FlexTensor>; 2] {
        let dx = of_x.then(|| gradient(&self.weights, self.part, &in_order(dy.clone())));
        [dx, of_y.then_some(dy)]
    }
}
