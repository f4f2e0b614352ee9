//! The weights of a linear layer, packed once.

use crate::cpu::gemm::bf16_widened::Widened;
use crate::cpu::gemm::blocked::{Scheme, product, product_onto};
use crate::cpu::gemm::f32::{self, Plain, multiplied};
use crate::cpu::gemm::int8::{Columns, Rows, Whole};
use crate::cpu::gemm::layout::{BREADTH, Pair};
#[cfg(target_arch = "x86_64")]
use crate::cpu::gemm::pack::RowWise;
use crate::cpu::gemm::pack::{Matrix, Packed};
use crate::cpu::simd::level::Level;
use crate::precision::Precision;

/// Weights and biases of a layer. Its input may come in several equal parts, each with the weights
/// for itself.
#[derive(Debug)]
pub(crate) struct Weights {
    parts: Vec<Numbers>,
    bias: Option<Vec<f32>>,
    input: usize,
    output: usize,
}

#[derive(Debug)]
enum Numbers {
    Float32(Packed<f32>),
    BFloat16(Packed<Pair>),
    Int8(Columns),
}

impl Numbers {
    fn new(level: Level, weight: Matrix<'_>, precision: Precision) -> Self {
        let packed = weight.right(level);
        match precision {
            Precision::Float32 => Self::Float32(packed),
            Precision::BFloat16 => Self::BFloat16(packed.pairs::<BREADTH>(level)),
            Precision::Int8 => Self::Int8(Columns::new(&packed)),
        }
    }

    fn number(&self, depth: usize, line: usize) -> f32 {
        match self {
            Self::Float32(b) => b.part::<BREADTH>(line / BREADTH, depth..depth + 1)[line % BREADTH],
            Self::BFloat16(b) => b.number::<BREADTH>(depth, line),
            Self::Int8(b) => b.number(depth, line),
        }
    }
}

impl Weights {
    /// From weights `[input, output]` and biases `[output]`, the input in `parts` equal parts.
    ///
    /// # Panics
    /// If the parts do not divide the input.
    pub(crate) fn new(
        level: Level,
        (weight, [input, output]): (&[f32], [usize; 2]),
        bias: Option<Vec<f32>>,
        precision: Precision,
        parts: usize,
    ) -> Self {
        assert_eq!(input % parts, 0, "{input} inputs in {parts} equal parts");
        let width = input / parts;
        let part = |part: usize| {
            let numbers = &weight[part * width * output..][..width * output];
            Numbers::new(level, Matrix::new(numbers, width, output), precision)
        };
        Self {
            parts: (0..parts).map(part).collect(),
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

    pub(crate) fn parts(&self) -> usize {
        self.parts.len()
    }

    /// How they are kept.
    pub(crate) fn precision(&self) -> Precision {
        match self.parts.first() {
            Some(Numbers::BFloat16(_)) => Precision::BFloat16,
            Some(Numbers::Int8(_)) => Precision::Int8,
            Some(Numbers::Float32(_)) | None => Precision::Float32,
        }
    }

    /// Bytes that the weights take.
    pub(crate) fn bytes(&self) -> usize {
        let of_part = |part: &Numbers| match part {
            Numbers::Float32(packed) => size_of_val(packed.numbers.as_slice()),
            Numbers::BFloat16(packed) => size_of_val(packed.numbers.as_slice()),
            Numbers::Int8(columns) => columns.bytes(),
        };
        self.parts.iter().map(of_part).sum()
    }

    /// `x w + b` of `[rows, input / parts]`, for one part of the input.
    pub(crate) fn applied(&self, level: Level, part: usize, x: Matrix<'_>) -> Vec<f32> {
        let mut y = vec![];
        self.compute(level, part, x, Into::Fresh(&mut y, self.bias.as_deref()));
        y
    }

    /// Adds `x w` of one part of the input to `y`.
    pub(crate) fn add(&self, level: Level, part: usize, x: Matrix<'_>, y: &mut [f32]) {
        self.compute(level, part, x, Into::There(y));
    }

    fn compute(&self, level: Level, part: usize, x: Matrix<'_>, into: Into<'_>) {
        match &self.parts[part] {
            Numbers::Float32(b) => match into {
                Into::Fresh(y, bias) => *y = multiplied(level, x, b, bias),
                Into::There(y) => {
                    let a = f32::Rows::Packed(&x.left(level));
                    product_onto(level, Plain { a, b }, y);
                }
            },
            Numbers::BFloat16(b) => {
                #[cfg(target_arch = "x86_64")]
                if let Some(proof) = crate::cpu::gemm::microkernel::multiplies(level) {
                    let a = &RowWise::<Pair>::new(proof, x);
                    return into.product(
                        level,
                        crate::cpu::gemm::bf16::Paired::new(level, proof, a, b),
                    );
                }
                let a = &x.left(level);
                into.product(level, Widened { a, b });
            }
            Numbers::Int8(b) => {
                let a = &Rows::new(level, x);
                into.product(level, Whole::new(level, a, b));
            }
        }
    }

    /// The gradient `dy w^T` of one part of `x`, from that of the result; the weights are unpacked
    /// for it.
    pub(crate) fn gradient(&self, level: Level, part: usize, dy: Matrix<'_>) -> Vec<f32> {
        let (width, numbers) = (self.input / self.parts.len(), &self.parts[part]);
        let number = |index| numbers.number(index / self.output, index % self.output);
        let weight: Vec<f32> = (0..width * self.output).map(number).collect();
        let weight = Matrix::new(&weight, width, self.output);
        multiplied(level, dy, &weight.transposed().right(level), None)
    }
}

/// Where a product goes.
enum Into<'a> {
    /// A new matrix, with these biases.
    Fresh(&'a mut Vec<f32>, Option<&'a [f32]>),
    /// It is added to one.
    There(&'a mut [f32]),
}

impl Into<'_> {
    fn product(self, level: Level, scheme: impl Scheme) {
        match self {
            Self::Fresh(y, bias) => *y = product(level, scheme, bias),
            Self::There(y) => product_onto(level, scheme, y),
        }
    }
}
