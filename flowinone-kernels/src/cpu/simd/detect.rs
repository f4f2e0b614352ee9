//! What this processor and its system can run, asked once for each set of instructions.

#[cfg(target_arch = "x86_64")]
use std::arch::x86_64::{__cpuid, __cpuid_count};
#[cfg(target_arch = "x86_64")]
use std::sync::OnceLock;

/// AVX2 and FMA.
#[cfg(target_arch = "x86_64")]
pub(crate) fn avx2() -> bool {
    is_x86_feature_detected!("avx2") && is_x86_feature_detected!("fma")
}

/// AVX2, FMA and AVX-VNNI.
#[cfg(target_arch = "x86_64")]
pub(crate) fn avx_vnni() -> bool {
    is_x86_feature_detected!("avxvnni") && avx2()
}

/// AVX-512 F, BW and DQ, as all processors for servers and desktops that have AVX-512 do.
#[cfg(target_arch = "x86_64")]
pub(crate) fn avx512() -> bool {
    is_x86_feature_detected!("avx512f")
        && is_x86_feature_detected!("avx512bw")
        && is_x86_feature_detected!("avx512dq")
        && avx2()
}

/// AVX512-BF16.
#[cfg(target_arch = "x86_64")]
pub(crate) fn avx512_bf16() -> bool {
    avx512() && is_x86_feature_detected!("avx512bf16")
}

/// Whether AVX512-BF16 multiplies more values in a second than AVX-512 does in float32. It does not
/// on processors of Intel's, which have tiles for that: their instruction for pairs made a block of
/// the published size 1.5 times as slow (measured on an Emerald Rapids without tiles).
#[cfg(target_arch = "x86_64")]
pub(crate) fn pairs_are_fast() -> bool {
    static FOUND: OnceLock<bool> = OnceLock::new();
    *FOUND.get_or_init(|| {
        // The vendor's name is in these registers, four letters in each.
        let leaf = __cpuid(0);
        let vendor = [leaf.ebx, leaf.edx, leaf.ecx].map(u32::to_le_bytes);
        vendor.as_flattened() != b"GenuineIntel"
    })
}

/// AVX512-VNNI.
#[cfg(target_arch = "x86_64")]
pub(crate) fn avx512_vnni() -> bool {
    avx512() && is_x86_feature_detected!("avx512vnni")
}

/// AMX with bfloat16, beside AVX512-BF16, and a system that keeps its registers.
#[cfg(target_arch = "x86_64")]
pub(crate) fn amx() -> bool {
    static FOUND: OnceLock<bool> = OnceLock::new();
    *FOUND.get_or_init(|| avx512_bf16() && processor_has_tiles() && permitted())
}

/// Advanced SIMD.
#[cfg(target_arch = "aarch64")]
pub(crate) fn neon() -> bool {
    std::arch::is_aarch64_feature_detected!("neon")
}

/// Dot products of 8-bit integers.
#[cfg(target_arch = "aarch64")]
pub(crate) fn neon_dot() -> bool {
    neon() && std::arch::is_aarch64_feature_detected!("dotprod")
}

/// Products of blocks of 8-bit integers.
#[cfg(target_arch = "aarch64")]
pub(crate) fn neon_i8mm() -> bool {
    neon() && std::arch::is_aarch64_feature_detected!("i8mm")
}

/// Products of blocks of bfloat16.
#[cfg(target_arch = "aarch64")]
pub(crate) fn neon_bf16() -> bool {
    neon() && std::arch::is_aarch64_feature_detected!("bf16")
}

/// Whether the processor multiplies tiles of bfloat16.
#[cfg(target_arch = "x86_64")]
fn processor_has_tiles() -> bool {
    const BFLOAT16: u32 = 1 << 22;
    const TILES: u32 = 1 << 24;
    // Leaf 7 tells of extensions, leaf 0 which leaves there are.
    __cpuid(0).eax >= 7 && __cpuid_count(7, 0).edx & (BFLOAT16 | TILES) == BFLOAT16 | TILES
}

/// Whether the system keeps the tiles of this process; Linux wants to be asked.
#[cfg(all(target_arch = "x86_64", target_os = "linux"))]
fn permitted() -> bool {
    const REQUEST_PERMISSION: libc::c_long = 0x1023;
    const TILE_DATA: libc::c_long = 18;
    // SAFETY: the call changes nothing but what this process may use.
    unsafe { libc::syscall(libc::SYS_arch_prctl, REQUEST_PERMISSION, TILE_DATA) == 0 }
}

/// Whether the system keeps the tiles of this process: unknown here.
#[cfg(all(target_arch = "x86_64", not(target_os = "linux")))]
fn permitted() -> bool {
    false
}
