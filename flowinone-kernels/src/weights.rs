//! The weights of a linear layer, packed once.

use crate::bfloat::{Pair, Widened};
use crate::level::Level;
use crate::packed::{BREADTH, HEIGHT, Matrix, Packed};
use crate::product::{Plain, product};

/// Weights and biases of a layer.
#[derive(Debug)]
pub(crate) struct Weights {
    numbers: Numbers,
    bias: Option<Vec<f32>>,
    input: usize,
    output: usize,
}

#[derive(Debug)]
enum Numbers {
    Float32(Packed<f32>),
    BFloat16(Packed<Pair>),
}

impl Weights {
    /// From weights `[input, output]` and biases `[output]`, the weights rounded to bfloat16 or not.
    pub(crate) fn new(
        level: Level,
        weight: Matrix<'_>,
        bias: Option<Vec<f32>>,
        rounded: bool,
    ) -> Self {
        let [input, output] = weight.sizes();
        let packed = weight.right(level);
        Self {
            numbers: match rounded {
                true => Numbers::BFloat16(packed.pairs::<BREADTH>()),
                false => Numbers::Float32(packed),
            },
            bias,
            input,
            output,
        }
    }

    pub(crate) fn input(&self) -> usize {
        self.input
    }

    pub(crate) fn output(&self) -> usize {
        self.output
    }

    /// Bytes that the weights take.
    pub(crate) fn bytes(&self) -> usize {
        match &self.numbers {
            Numbers::Float32(packed) => size_of_val(packed.numbers.as_slice()),
            Numbers::BFloat16(packed) => size_of_val(packed.numbers.as_slice()),
        }
    }

    /// `x w + b` of `[rows, input]`.
    pub(crate) fn applied(&self, level: Level, x: Matrix<'_>) -> Vec<f32> {
        let (a, bias) = (&x.left(level), self.bias.as_deref());
        match &self.numbers {
            Numbers::Float32(b) => product(level, Plain { a, b }, bias),
            Numbers::BFloat16(b) => {
                #[cfg(target_arch = "x86_64")]
                if let (Level::Avx512, Some(proof)) =
                    (level, crate::lanes::avx512_bf16::Proof::find())
                {
                    let a = &a.pairs::<HEIGHT>();
                    let factors = crate::bfloat::Paired::new(a, b, proof);
                    return product(level, factors, bias);
                }
                product(level, Widened { a, b }, bias)
            }
        }
    }

    /// The gradient `dy w^T` of `x`, from that of the result; the weights are unpacked for it.
    pub(crate) fn gradient(&self, level: Level, dy: Matrix<'_>) -> Vec<f32> {
        let number = |index: usize| {
            let (depth, line) = (index / self.output, index % self.output);
            match &self.numbers {
                Numbers::Float32(b) => {
                    b.part::<BREADTH>(line / BREADTH, depth..depth + 1)[line % BREADTH]
                }
                Numbers::BFloat16(b) => b.number::<BREADTH>(depth, line),
            }
        };
        let weight: Vec<f32> = (0..self.input * self.output).map(number).collect();
        let weight = Matrix::new(&weight, self.input, self.output);
        let (a, b) = (&dy.left(level), &weight.transposed().right(level));
        product(level, Plain { a, b }, None)
    }
}
