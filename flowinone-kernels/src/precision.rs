//! The numbers that products are computed with.

/// How the weights of a [`PackedLinear`](crate::PackedLinear) are kept.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum Precision {
    /// In float32.
    Float32,
    /// Rounded to bfloat16, half the memory. Sums stay in float32; on processors with AVX512-BF16
    /// the input is rounded as well.
    BFloat16,
    /// Rounded to 255 steps for each output, a quarter of the memory; the input likewise for each
    /// row. Sums are exact, with and without AVX512-VNNI.
    Int8,
}
