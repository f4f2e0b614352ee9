//! The types of values that weights are stored in and products computed with, by their usual
//! names.

use std::fmt;
use std::str::FromStr;

use burn::tensor::FloatDType;
use serde::{Deserialize, Serialize};

/// A type of values: of stored weights, of the factors of products, or of packed weights.
///
/// On the CPU, a model that makes pictures keeps packed weights in this type; below 32 bits it is
/// that of the factors of attention and of the autoencoder's inner convolutions too. Norms,
/// softmax, gates, time, the first and last layers and the state of the flow stay float32. On other
/// devices, and with [`F16`](Self::F16), all tensors have this type.
///
/// ```
/// use flowinone_kernels::Dtype;
///
/// let dtype: Dtype = "bf16".parse()?;
/// assert_eq!(dtype, Dtype::Bf16);
/// assert_eq!(dtype.to_string(), "bf16");
/// # Ok::<(), flowinone_kernels::UnknownDtype>(())
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Dtype {
    /// 32 bits: as the reference, the default.
    #[default]
    #[serde(alias = "float32")]
    F32,
    /// 16 bits with 11 of precision and a narrow range. For files, and for GPUs: the kernels of the
    /// CPU have no such products and compute in float32 instead.
    F16,
    /// 16 bits with 8 of precision and the range of float32. Packed weights take half the memory;
    /// sums stay in float32. On processors with AVX512-BF16 the input is rounded as well.
    #[serde(alias = "bfloat16")]
    Bf16,
    /// Weights rounded to 255 steps for each output, a quarter of the memory; the input likewise
    /// for each row. Sums are exact, with and without AVX512-VNNI. Only packed weights have it, in
    /// the velocity network; the parts that run once for a picture then have bfloat16.
    Int8,
}

impl Dtype {
    /// All of them.
    pub const ALL: [Self; 4] = [Self::F32, Self::F16, Self::Bf16, Self::Int8];

    /// Burn's type of the same name; `None` for 8 bits, which tensors of weights do not have.
    pub fn float(self) -> Option<FloatDType> {
        match self {
            Self::F32 => Some(FloatDType::F32),
            Self::F16 => Some(FloatDType::F16),
            Self::Bf16 => Some(FloatDType::BF16),
            Self::Int8 => None,
        }
    }

    /// Whether the kernels of the CPU may round factors.
    #[cfg(all(feature = "cpu", target_arch = "x86_64"))]
    pub(crate) fn rounds(self) -> bool {
        matches!(self, Self::Bf16 | Self::Int8)
    }
}

impl fmt::Display for Dtype {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Self::F32 => "f32",
            Self::F16 => "f16",
            Self::Bf16 => "bf16",
            Self::Int8 => "int8",
        })
    }
}

/// A word that names no [`Dtype`].
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct UnknownDtype(String);

impl fmt::Display for UnknownDtype {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:?} is none of f32, f16, bf16, int8", self.0)
    }
}

impl std::error::Error for UnknownDtype {}

impl FromStr for Dtype {
    type Err = UnknownDtype;

    fn from_str(text: &str) -> Result<Self, UnknownDtype> {
        Self::ALL
            .into_iter()
            .find(|dtype| dtype.to_string() == text)
            .ok_or_else(|| UnknownDtype(text.into()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_read_as_they_are_written() {
        for dtype in Dtype::ALL {
            assert_eq!(dtype.to_string().parse(), Ok(dtype));
        }
        let unknown = "f8".parse::<Dtype>().unwrap_err().to_string();
        assert_eq!(unknown, "\"f8\" is none of f32, f16, bf16, int8");
    }
}
