//! How a loaded model computes, as people name it.

use std::fmt;
use std::str::FromStr;

use burn::tensor::Device;
use flowinone_kernels::{self as kernels, packs, relative_time};
use serde::{Deserialize, Serialize};

use crate::{Error, WeightDtype};

/// What a model that makes pictures multiplies with.
///
/// On the CPU this is the form of the packed weights of vision tower, source encoder and velocity
/// network, and below 32 bits that of the factors of attention and of the autoencoder's inner
/// convolutions. Norms, softmax, gates, time, the first and last layers and the state of the flow
/// stay float32. On other devices, and with [`F16`](Self::F16), all tensors have that type.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Dtype {
    /// 32 bits: as the reference, the default.
    #[default]
    F32,
    /// 16 bits with 11 of precision. For GPUs: on the CPU slower than 32 bits.
    F16,
    /// Products of bfloat16, sums of 32 bits.
    Bf16,
    /// Products of 8-bit integers in the velocity network, of bfloat16 in the parts that run once
    /// for a picture. For the CPU.
    Int8,
}

impl Dtype {
    /// All of them.
    pub const ALL: [Self; 4] = [Self::F32, Self::F16, Self::Bf16, Self::Int8];

    /// The fastest one on that device whose pictures hardly differ: bfloat16 on a CPU for which it
    /// was measured to be faster than 32 bits, else these.
    pub fn fastest_on(device: &Device) -> Self {
        let share = relative_time(kernels::Precision::BFloat16);
        match packs(device) && share.is_some_and(|share| share < 1.0) {
            true => Self::Bf16,
            false => Self::F32,
        }
    }

    /// Whether that device can compute so.
    ///
    /// # Errors
    /// [`Error::Settings`] for 8 bits on anything but the CPU.
    pub fn check(self, device: &Device) -> Result<(), Error> {
        match self == Self::Int8 && !packs(device) {
            true => Err(Error::Settings(
                "int8 is for the CPU; choose f16 or bf16 on this device, or the CPU".into(),
            )),
            false => Ok(()),
        }
    }

    /// How weights are packed on that device, if they are.
    pub(crate) fn packing(self, device: &Device) -> Option<kernels::Precision> {
        let packing = match self {
            Self::F32 => kernels::Precision::Float32,
            Self::F16 => return None,
            Self::Bf16 => kernels::Precision::BFloat16,
            Self::Int8 => kernels::Precision::Int8,
        };
        packs(device).then_some(packing)
    }

    /// The type of whole tensors where they are not packed.
    pub(crate) fn unpacked(self) -> WeightDtype {
        match self {
            Self::F16 => WeightDtype::F16,
            Self::Bf16 => WeightDtype::Bf16,
            Self::F32 | Self::Int8 => WeightDtype::F32,
        }
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

impl FromStr for Dtype {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self, Error> {
        Self::ALL
            .into_iter()
            .find(|arithmetic| arithmetic.to_string() == text)
            .ok_or_else(|| Error::Settings(format!("{text:?} is none of f32, f16, bf16, int8")))
    }
}
