//! Products of matrices (GEMM, `c = a b + bias`) on all threads: factors packed into panels, loops
//! over blocks that stay in the caches, and a micro-kernel that keeps a tile of the result in
//! registers.

#[cfg(target_arch = "x86_64")]
pub(crate) mod bf16;
#[cfg(target_arch = "aarch64")]
pub(crate) mod bf16_mmla;
pub(crate) mod bf16_pack;
pub(crate) mod bf16_widened;
pub(crate) mod blocked;
pub(crate) mod f32;
pub(crate) mod f32_transposed;
pub(crate) mod int8;
pub(crate) mod layout;
pub(crate) mod microkernel;
pub(crate) mod pack;
pub(crate) mod scratch;
pub(crate) mod transposed;
pub(crate) mod weights;
