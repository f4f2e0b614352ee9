//! Tiles of products in registers, one file for each set of instructions, and which of them a level runs.

#[cfg(target_arch = "x86_64")]
pub(crate) mod amx;
#[cfg(target_arch = "x86_64")]
pub(crate) mod avx512_bf16;
#[cfg(target_arch = "x86_64")]
pub(crate) mod avx512_vnni;
pub(crate) mod f32;

#[cfg(target_arch = "x86_64")]
use crate::cpu::simd::level::Level;

/// The proof that pairs are multiplied at this level.
#[cfg(target_arch = "x86_64")]
pub(crate) fn multiplies(level: Level) -> Option<avx512_bf16::Proof> {
    match level {
        Level::Avx512 | Level::Amx => avx512_bf16::Proof::find(),
        _ => None,
    }
}

/// The proof that tiles of pairs are multiplied at this level.
#[cfg(target_arch = "x86_64")]
pub(crate) fn multiplies_tiles(level: Level) -> Option<amx::Proof> {
    match level {
        Level::Amx => amx::Proof::find(),
        _ => None,
    }
}
