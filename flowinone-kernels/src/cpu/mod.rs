//! The kernels of the CPU. Arrows run down only: vectors of any width ([`simd`]) below products of
//! matrices ([`gemm`]), these below what networks call (`attention`, `convolution`, `norm`,
//! `pointwise`), and all of it below the operations of Burn's backend Flex ([`flex`]).

pub(crate) mod attention;
pub(crate) mod convolution;
pub(crate) mod flex;
pub(crate) mod gemm;
pub(crate) mod norm;
pub(crate) mod parallel;
pub(crate) mod peak;
pub(crate) mod pointwise;
pub(crate) mod simd;

#[cfg(test)]
mod tests;
