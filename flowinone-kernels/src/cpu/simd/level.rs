//! Instruction sets, from any processor to AVX-512: the best one that the machine has is found
//! once, and a kernel written for vectors of any width is compiled for each of them.

use std::sync::OnceLock;

use super::portable::Portable;
use super::{Kernel, detect};

/// The environment variable that caps the choice: `portable`, `avx2`, `avxvnni`, `avx512` or
/// `amx`.
pub const LEVEL_VARIABLE: &str = "FLOWINONE_CPU";

/// A set of vector instructions.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
#[non_exhaustive]
pub enum SimdLevel {
    /// Arrays of eight values, whatever the compiler makes of them on its target.
    Portable,
    /// Four lanes of ARM's Advanced SIMD.
    #[cfg(target_arch = "aarch64")]
    Neon,
    /// Eight lanes with fused multiplication and addition.
    #[cfg(target_arch = "x86_64")]
    Avx2,
    /// Eight lanes, and dot products of four 8-bit integers.
    #[cfg(target_arch = "x86_64")]
    AvxVnni,
    /// Sixteen lanes.
    #[cfg(target_arch = "x86_64")]
    Avx512,
    /// Sixteen lanes, and tiles of bfloat16.
    #[cfg(target_arch = "x86_64")]
    Amx,
}

impl SimdLevel {
    /// Every level that this processor has, the best one last.
    pub fn available() -> Vec<Self> {
        let mut levels = vec![Self::Portable];
        #[cfg(target_arch = "aarch64")]
        levels.extend(detect::neon().then_some(Self::Neon));
        #[cfg(target_arch = "x86_64")]
        {
            levels.extend(detect::avx2().then_some(Self::Avx2));
            levels.extend(detect::avx_vnni().then_some(Self::AvxVnni));
            levels.extend(detect::avx512().then_some(Self::Avx512));
            levels.extend(detect::amx().then_some(Self::Amx));
        }
        levels
    }

    /// The level that every kernel uses: the best one, or the best up to the one that
    /// [`LEVEL_VARIABLE`] names.
    ///
    /// Read once; a name that belongs to no level is ignored.
    pub fn current() -> Self {
        #[cfg(test)]
        if let Some(level) = tests::CHOSEN.get() {
            return level;
        }
        static CURRENT: OnceLock<SimdLevel> = OnceLock::new();
        *CURRENT.get_or_init(|| {
            let cap = std::env::var(LEVEL_VARIABLE).unwrap_or_default();
            Self::capped(&cap)
        })
    }

    /// The best level up to the one of that name.
    fn capped(name: &str) -> Self {
        let levels = Self::available();
        let cap = match levels.iter().position(|level| level.name() == name) {
            Some(index) => index,
            None => levels.len() - 1,
        };
        levels[cap]
    }

    /// As it is written in [`LEVEL_VARIABLE`].
    pub fn name(self) -> &'static str {
        match self {
            Self::Portable => "portable",
            #[cfg(target_arch = "aarch64")]
            Self::Neon => "neon",
            #[cfg(target_arch = "x86_64")]
            Self::Avx2 => "avx2",
            #[cfg(target_arch = "x86_64")]
            Self::AvxVnni => "avxvnni",
            #[cfg(target_arch = "x86_64")]
            Self::Avx512 => "avx512",
            #[cfg(target_arch = "x86_64")]
            Self::Amx => "amx",
        }
    }

    /// Runs `kernel` compiled for this level.
    ///
    /// # Panics
    /// If the processor lacks the level.
    #[inline]
    pub(crate) fn run<K: Kernel>(self, kernel: K) -> K::Output {
        match self {
            Self::Portable => kernel.run(Portable),
            #[cfg(target_arch = "aarch64")]
            Self::Neon => crate::cpu::simd::neon::run(kernel),
            #[cfg(target_arch = "x86_64")]
            Self::Avx2 | Self::AvxVnni => crate::cpu::simd::avx2::run(kernel),
            #[cfg(target_arch = "x86_64")]
            Self::Avx512 | Self::Amx => crate::cpu::simd::avx512::run(kernel),
        }
    }
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;
    use std::cell::Cell;

    thread_local! {
        /// The level of this thread's tests.
        pub(super) static CHOSEN: Cell<Option<SimdLevel>> = const { Cell::new(None) };
    }

    /// Runs a test once for each level of this machine.
    pub(crate) fn at_every_level(test: impl Fn(SimdLevel)) {
        for level in SimdLevel::available() {
            CHOSEN.set(Some(level));
            test(level);
        }
        CHOSEN.set(None);
    }

    #[test]
    fn a_cap_is_kept_and_an_unknown_one_is_none() {
        let levels = SimdLevel::available();
        for level in &levels {
            assert_eq!(SimdLevel::capped(level.name()), *level);
        }
        assert_eq!(SimdLevel::capped("abacus"), *levels.last().unwrap());
        assert_eq!(SimdLevel::capped(""), *levels.last().unwrap());
    }
}
