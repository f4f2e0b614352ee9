//! Linear layers whose weights are arranged for the kernels once.

#[cfg(feature = "cpu")]
use std::sync::Arc;

use burn::tensor::{Device, Tensor};

#[cfg(feature = "cpu")]
use crate::cpu::flex;
use crate::dtype::Dtype;
use crate::fallback;

/// Whether layers on that device can be packed: it is Flex, and no gradients are asked for.
pub fn packs(device: &Device) -> bool {
    #[cfg(feature = "cpu")]
    return flex::only_computes(device);
    #[cfg(not(feature = "cpu"))]
    {
        let _ = device;
        false
    }
}

impl Dtype {
    /// Whether a model to compute with keeps its weights packed in this type on that device.
    pub fn is_packed_on(self, device: &Device) -> bool {
        self != Self::F16 && packs(device)
    }
}

/// Whether this processor multiplies bfloat16 faster than float32: it has AMX, or AVX512-BF16 and
/// is none of Intel's, and [`LEVEL_VARIABLE`](crate::LEVEL_VARIABLE) does not rule it out.
pub fn prefers_bfloat16() -> bool {
    #[cfg(all(feature = "cpu", target_arch = "x86_64"))]
    return crate::cpu::gemm::microkernel::find_bf16(crate::SimdLevel::current()).is_some();
    #[cfg(not(all(feature = "cpu", target_arch = "x86_64")))]
    false
}

/// A linear layer `x w + b` with constant weights, kept in the order in which the kernels read
/// them.
///
/// Only float32 weights on Flex are packed; with others, the layer keeps its tensors and computes
/// as [`linear`](crate::linear) does, whatever the precision asked for.
#[derive(Debug, Clone)]
pub struct PackedLinear(Kept);

#[derive(Debug, Clone)]
#[allow(
    clippy::large_enum_variant,
    reason = "one value a layer; the large variant is that of other backends"
)]
enum Kept {
    #[cfg(feature = "cpu")]
    Packed(Arc<crate::cpu::gemm::weights::Weights>),
    Tensors(Box<Tensors>),
}

#[derive(Debug, Clone)]
struct Tensors {
    weight: Tensor<2>,
    bias: Option<Tensor<1>>,
    parts: usize,
}

impl PackedLinear {
    /// From weights `[input, output]` and biases `[output]`; the tensors are given up.
    ///
    /// # Panics
    /// If there is not one bias for each output.
    pub fn new(weight: Tensor<2>, bias: Option<Tensor<1>>, precision: Dtype) -> Self {
        Self::in_parts(weight, bias, precision, 1)
    }

    /// The same for rows that come in `parts` equal parts, for
    /// [`forward_parts`](Self::forward_parts). In 8 bits each part has steps of its own.
    ///
    /// # Panics
    /// If there is not one bias for each output, or the parts do not divide the input.
    pub fn in_parts(
        weight: Tensor<2>,
        bias: Option<Tensor<1>>,
        precision: Dtype,
        parts: usize,
    ) -> Self {
        let [input, output] = weight.dims();
        assert_eq!(input % parts, 0, "{input} inputs in {parts} equal parts");
        if let Some(bias) = &bias {
            assert_eq!(bias.dims(), [output], "one bias for each output");
        }
        #[cfg(feature = "cpu")]
        if flex::takes(&weight) && bias.as_ref().is_none_or(flex::takes) {
            let weights = flex::pack(weight, bias, precision, parts);
            return Self(Kept::Packed(Arc::new(weights)));
        }
        let _ = precision;
        Self(Kept::Tensors(Box::new(Tensors {
            weight,
            bias,
            parts,
        })))
    }

    /// `x w + b` of rows `[rows, input]`, `[rows, output]`.
    ///
    /// # Panics
    /// If the rows have another width or should come in parts, or `x` is on another device or of
    /// another element type than the weights were.
    pub fn forward(&self, x: Tensor<2>) -> Tensor<2> {
        self.forward_parts([x])
    }

    /// `sum_i x_i w_i + b` of the parts `[rows, input / parts]` of rows, with the matching rows of
    /// the weights; `[rows, output]`. Never more than one part is needed at a time.
    ///
    /// # Panics
    /// As [`forward`](Self::forward), or if there are more or fewer parts.
    pub fn forward_parts(&self, parts: impl IntoIterator<Item = Tensor<2>>) -> Tensor<2> {
        let ([input, _], expected) = (self.dims(), self.parts());
        let (mut sum, mut count) = (None, 0);
        for x in parts {
            let [_, width] = x.dims();
            assert!(
                count < expected && width * expected == input,
                "part {count}, of {width} numbers a row, for weights of {input} in {expected} parts"
            );
            sum = Some(self.added(count, x, sum));
            count += 1;
        }
        assert_eq!(count, expected, "{count} parts for weights in {expected}");
        sum.expect("at least one part")
    }

    fn added(&self, part: usize, x: Tensor<2>, sum: Option<Tensor<2>>) -> Tensor<2> {
        match &self.0 {
            #[cfg(feature = "cpu")]
            Kept::Packed(weights) => {
                assert!(flex::takes(&x), "packed weights take float32 on Flex");
                let weights = weights.clone();
                match sum {
                    None => flex::of_one(flex::PackedLinear { weights, part }, x),
                    Some(sum) => flex::of_two(flex::AddPackedLinear { weights, part }, x, sum),
                }
            }
            Kept::Tensors(kept) => {
                let [_, width] = x.dims();
                let weight = kept.weight.clone().narrow(0, part * width, width);
                match sum {
                    None => fallback::linear(x, weight, kept.bias.clone()),
                    Some(sum) => sum + x.matmul(weight),
                }
            }
        }
    }

    /// Inputs and outputs.
    pub fn dims(&self) -> [usize; 2] {
        match &self.0 {
            #[cfg(feature = "cpu")]
            Kept::Packed(weights) => [weights.input(), weights.output()],
            Kept::Tensors(kept) => kept.weight.dims(),
        }
    }

    /// In how many parts the input comes.
    pub fn parts(&self) -> usize {
        match &self.0 {
            #[cfg(feature = "cpu")]
            Kept::Packed(weights) => weights.parts(),
            Kept::Tensors(kept) => kept.parts,
        }
    }

    /// How the weights are kept; [`F32`](Dtype::F32) where they are tensors.
    pub fn precision(&self) -> Dtype {
        match &self.0 {
            #[cfg(feature = "cpu")]
            Kept::Packed(weights) => weights.precision(),
            Kept::Tensors(_) => Dtype::F32,
        }
    }

    /// Bytes that the weights take, without the biases.
    pub fn bytes(&self) -> usize {
        match &self.0 {
            #[cfg(feature = "cpu")]
            Kept::Packed(weights) => weights.bytes(),
            Kept::Tensors(kept) => kept.weight.shape().num_elements() * kept.weight.dtype().size(),
        }
    }
}
