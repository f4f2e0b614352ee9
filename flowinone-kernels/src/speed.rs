//! How fast each type is beside float32, by what the processor has: measured, not guessed.

use burn::tensor::Device;

use crate::dtype::Dtype;
use crate::packs;

/// Seconds of the products, the attention and the activation of one transformer block of the
/// published size with weights in bfloat16 and in 8 bits, as shares of those in float32 at the same
/// level: one thread of an AMD Zen 5, capped by `FLOWINONE_CPU`, lower quartiles of processor time;
/// without fast bfloat16 two threads of an Intel Emerald Rapids, medians of the whole block
/// (`docs/src/performance.md`).
#[cfg(feature = "cpu")]
const MEASURED: [(&str, [f32; 2]); 4] = [
    ("avx2", [1.04, 0.60]),
    ("avxvnni", [1.05, 0.35]),
    ("avx512", [0.56, 0.38]),
    ("avx512 without fast bfloat16", [1.19, 0.38]),
];

impl Dtype {
    /// The fastest one on that device whose pictures hardly differ: bfloat16 on a CPU for which it
    /// was measured to be faster than 32 bits, else these.
    pub fn fastest_on(device: &Device) -> Self {
        let share = relative_time(Self::Bf16);
        match packs(device) && share.is_some_and(|share| share < 1.0) {
            true => Self::Bf16,
            false => Self::F32,
        }
    }
}

/// The time that a model with weights packed in this type takes on this processor, as a share
/// of that in float32. `None` where nobody has measured it: without the feature `cpu`, with plain
/// arrays, on ARM, with an AVX-512 that lacks the instructions for 8 bits, and for f16.
///
/// With AMX it is at most the share said here, that of AVX-512.
pub fn relative_time(dtype: Dtype) -> Option<f32> {
    match dtype {
        Dtype::F32 => Some(1.0),
        Dtype::F16 => None,
        Dtype::Bf16 => Some(measured()?[0]),
        Dtype::Int8 => Some(measured()?[1]),
    }
}

/// What was measured at the level of this processor.
#[cfg(feature = "cpu")]
fn measured() -> Option<[f32; 2]> {
    let level = crate::SimdLevel::current();
    #[cfg(target_arch = "x86_64")]
    let name = match (level, crate::prefers_bfloat16()) {
        (level, _) if level < crate::SimdLevel::Avx512 => level.name(),
        _ if !crate::cpu::gemm::microkernel::multiplies_bytes(level) => return None,
        (_, true) => "avx512",
        (_, false) => "avx512 without fast bfloat16",
    };
    #[cfg(not(target_arch = "x86_64"))]
    let name = level.name();
    let (_, shares) = MEASURED.iter().find(|(measured, _)| *measured == name)?;
    Some(*shares)
}

#[cfg(not(feature = "cpu"))]
fn measured() -> Option<[f32; 2]> {
    None
}

#[cfg(all(test, feature = "cpu"))]
mod tests {
    use super::*;
    use crate::cpu::simd::level::tests::at_every_level;

    #[test]
    fn what_is_slower_than_float32_is_known_to_be() {
        at_every_level(|level| {
            assert_eq!(relative_time(Dtype::F32), Some(1.0));
            let share = relative_time(Dtype::Bf16);
            match level.name() {
                "avx2" | "avxvnni" => assert!(share.is_some_and(|share| share > 1.0)),
                "avx512" | "amx" => {
                    let faster = share.map(|share| share < 1.0);
                    assert!(faster.is_none_or(|faster| faster == crate::prefers_bfloat16()));
                }
                _ => assert_eq!(share, None, "{level:?}"),
            }
        });
    }
}
