//! Tiles of products in registers, one file for each set of instructions, and which of them a level
//! runs.

#[cfg(target_arch = "x86_64")]
pub(crate) mod amx;
#[cfg(target_arch = "x86_64")]
pub(crate) mod avx512_bf16;
#[cfg(target_arch = "x86_64")]
pub(crate) mod avx512_vnni;
#[cfg(target_arch = "x86_64")]
pub(crate) mod avx_vnni;
pub(crate) mod f32;
pub(crate) mod int16;
#[cfg(target_arch = "aarch64")]
pub(crate) mod neon_dot;
#[cfg(target_arch = "aarch64")]
pub(crate) mod neon_mmla;

#[cfg(target_arch = "x86_64")]
use crate::cpu::simd::detect::pairs_are_fast;
#[cfg(target_arch = "x86_64")]
use crate::cpu::simd::level::SimdLevel;

/// The token, if pairs are multiplied at this level: where it gains something, and in the tests of
/// this crate wherever it can be done.
#[cfg(target_arch = "x86_64")]
pub(crate) fn find_bf16(level: SimdLevel) -> Option<avx512_bf16::Avx512Bf16> {
    match level {
        SimdLevel::Avx512 if !cfg!(test) && !pairs_are_fast() => None,
        SimdLevel::Avx512 | SimdLevel::Amx => avx512_bf16::Avx512Bf16::find(),
        _ => None,
    }
}

/// Whether quads of bytes are multiplied with AVX-512 at this level.
#[cfg(target_arch = "x86_64")]
pub(crate) fn multiplies_bytes(level: SimdLevel) -> bool {
    level >= SimdLevel::Avx512 && avx512_vnni::Avx512Vnni::find().is_some()
}

/// The token, if tiles of pairs are multiplied at this level.
#[cfg(target_arch = "x86_64")]
pub(crate) fn find_amx(level: SimdLevel) -> Option<amx::Amx> {
    match level {
        SimdLevel::Amx => amx::Amx::find(),
        _ => None,
    }
}
