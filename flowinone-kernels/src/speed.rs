//! How fast each precision is beside float32, by what the processor has: measured, not guessed.

use crate::precision::Precision;

/// Seconds of the products, the attention and the activation of one transformer block of the
/// published size with weights in bfloat16 and in 8 bits, as shares of those in float32 at the same
/// level: one thread of an AMD Zen 5, capped by `FLOWINONE_CPU`, lower quartiles of processor time
/// (`docs/src/performance.md`).
#[cfg(feature = "cpu")]
const MEASURED: [(&str, [f32; 2]); 3] = [
    ("avx2", [1.04, 0.60]),
    ("avxvnni", [1.05, 0.35]),
    ("avx512", [0.56, 0.38]),
];

/// The time that a model with weights packed in this precision takes on this processor, as a share
/// of that in float32. `None` where nobody has measured it: without the feature `cpu`, with plain
/// arrays, on ARM, and with an AVX-512 that lacks the instructions for bfloat16 or for 8 bits.
///
/// With AMX it is at most the share said here, that of AVX-512.
pub fn relative_time(precision: Precision) -> Option<f32> {
    if precision == Precision::Float32 {
        return Some(1.0);
    }
    #[cfg(feature = "cpu")]
    {
        let level = crate::SimdLevel::current();
        let name = match level.name() {
            "amx" => "avx512",
            name => name,
        };
        #[cfg(target_arch = "x86_64")]
        if name == "avx512" && !crate::cpu::gemm::microkernel::multiplies_both(level) {
            return None;
        }
        let (_, [bfloat16, int8]) = MEASURED.iter().find(|(measured, _)| *measured == name)?;
        Some(match precision {
            Precision::BFloat16 => *bfloat16,
            _ => *int8,
        })
    }
    #[cfg(not(feature = "cpu"))]
    None
}

#[cfg(all(test, feature = "cpu"))]
mod tests {
    use super::*;
    use crate::cpu::simd::level::tests::at_every_level;

    #[test]
    fn what_is_slower_than_float32_is_known_to_be() {
        at_every_level(|level| {
            assert_eq!(relative_time(Precision::Float32), Some(1.0));
            let share = relative_time(Precision::BFloat16);
            match level.name() {
                "avx2" | "avxvnni" => assert!(share.is_some_and(|share| share > 1.0)),
                "avx512" | "amx" => {
                    assert_eq!(share.is_some_and(|share| share < 1.0), share.is_some());
                }
                _ => assert_eq!(share, None, "{level:?}"),
            }
        });
    }
}
