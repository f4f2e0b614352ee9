//! The weights of a linear layer, packed once.

use crate::cpu::gemm::bf16_widened::Bf16Widened;
use crate::cpu::gemm::blocked::{Scheme, gemm, gemm_add};
use crate::cpu::gemm::f32::F32;
use crate::cpu::gemm::int8::{Int8, Int8Columns, Int8Rows};
use crate::cpu::gemm::layout::{NR, Pair};
#[cfg(any(target_arch = "x86_64", target_arch = "aarch64"))]
use crate::cpu::gemm::pack::RowWise;
use crate::cpu::gemm::pack::{Matrix, Packed};
use crate::cpu::gemm::transposed::transposed;
use crate::cpu::simd::level::SimdLevel;
use crate::dtype::Dtype;

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
    Int8(Int8Columns),
}

impl Numbers {
    fn new(level: SimdLevel, weight: Matrix<'_>, precision: Dtype) -> Self {
        match precision {
            Dtype::F32 | Dtype::F16 => Self::Float32(weight.halves(level)),
            Dtype::Bf16 => Self::BFloat16(weight.right(level).pairs::<NR>(level)),
            Dtype::Int8 => Self::Int8(Int8Columns::new(&weight.right(level))),
        }
    }

    /// The right factor `w^T` of weights with `width` inputs.
    fn transposed(&self, level: SimdLevel, width: usize) -> Packed<f32> {
        match self {
            Self::Float32(b) => transposed(level, b, width),
            Self::BFloat16(b) => transposed(level, b, width),
            Self::Int8(b) => transposed(level, b, width),
        }
    }
}

impl Weights {
    /// From weights `[input, output]` and biases `[output]`, the input in `parts` equal parts.
    ///
    /// # Panics
    /// If the parts do not divide the input.
    pub(crate) fn new(
        level: SimdLevel,
        (weight, [input, output]): (&[f32], [usize; 2]),
        bias: Option<Vec<f32>>,
        precision: Dtype,
        parts: usize,
    ) -> Self {
        assert_eq!(input % parts, 0, "{input} inputs in {parts} equal parts");
        let width = input / parts;
        let part = |part: usize| {
            let values = &weight[part * width * output..][..width * output];
            Numbers::new(level, Matrix::new(values, width, output), precision)
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
    pub(crate) fn precision(&self) -> Dtype {
        match self.parts.first() {
            Some(Numbers::BFloat16(_)) => Dtype::Bf16,
            Some(Numbers::Int8(_)) => Dtype::Int8,
            Some(Numbers::Float32(_)) | None => Dtype::F32,
        }
    }

    /// Bytes that the weights take.
    pub(crate) fn bytes(&self) -> usize {
        let of_part = |part: &Numbers| match part {
            Numbers::Float32(packed) => size_of_val(packed.values.as_slice()),
            Numbers::BFloat16(packed) => size_of_val(packed.values.as_slice()),
            Numbers::Int8(columns) => columns.bytes(),
        };
        self.parts.iter().map(of_part).sum()
    }

    /// `x w + b` of `[rows, input / parts]`, for one part of the input.
    pub(crate) fn applied(&self, level: SimdLevel, part: usize, x: Matrix<'_>) -> Vec<f32> {
        let mut y = vec![];
        self.compute(level, part, x, Into::Fresh(&mut y, self.bias.as_deref()));
        y
    }

    /// Adds `x w` of one part of the input to `y`.
    pub(crate) fn add(&self, level: SimdLevel, part: usize, x: Matrix<'_>, y: &mut [f32]) {
        self.compute(level, part, x, Into::There(y));
    }

    fn compute(&self, level: SimdLevel, part: usize, x: Matrix<'_>, into: Into<'_>) {
        match &self.parts[part] {
            Numbers::Float32(b) => into.gemm(level, F32::new(x, b)),
            Numbers::BFloat16(b) => {
                #[cfg(target_arch = "x86_64")]
                if let Some(proof) = crate::cpu::gemm::microkernel::find_bf16(level) {
                    let a = &RowWise::<Pair>::new(proof, x);
                    return into.gemm(level, crate::cpu::gemm::bf16::Bf16::new(level, proof, a, b));
                }
                #[cfg(target_arch = "aarch64")]
                if level == SimdLevel::Neon
                    && let Some(proof) = crate::cpu::gemm::microkernel::neon_mmla::NeonBf16::find()
                {
                    let a = &RowWise::<Pair>::rounded(level, x);
                    return into.gemm(level, crate::cpu::gemm::bf16_mmla::Bf16Mmla { a, b, proof });
                }
                let a = &x.left(level);
                into.gemm(level, Bf16Widened { a, b });
            }
            Numbers::Int8(b) => {
                let a = &Int8Rows::new(level, x);
                into.gemm(level, Int8::new(a, b));
            }
        }
    }

    /// The gradient `dy w^T` of one part of `x`, from that of the result.
    pub(crate) fn gradient(&self, level: SimdLevel, part: usize, dy: Matrix<'_>) -> Vec<f32> {
        let width = self.input / self.parts.len();
        let w = self.parts[part].transposed(level, width);
        gemm(level, F32::new(dy, &w), None)
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
    fn gemm(self, level: SimdLevel, scheme: impl Scheme) {
        match self {
            Self::Fresh(y, bias) => *y = gemm(level, scheme, bias),
            Self::There(y) => gemm_add(level, scheme, y),
        }
    }
}
