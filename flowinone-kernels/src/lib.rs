#![doc = include_str!("../README.md")]
#![allow(
    unsafe_code,
    reason = "vector instructions and memory that is written before it is read; each block gives its reason"
)]
#![allow(
    clippy::excessive_precision,
    reason = "constants stand as published; the compiler rounds them"
)]
#![allow(
    clippy::needless_range_loop,
    reason = "several arrays of lanes run by one index"
)]
#![allow(
    clippy::int_plus_one,
    reason = "one macro writes the loops of all tile sizes, one among them"
)]

mod allocator;
#[cfg(feature = "cpu")]
#[cfg_attr(
    not(feature = "autodiff"),
    allow(
        dead_code,
        reason = "gradients of the kernels, which automatic differentiation alone asks for"
    )
)]
mod cpu;
mod dtype;
mod fallback;
mod functions;
mod speed;

pub use allocator::keep_freed_memory;
#[cfg(feature = "cpu")]
pub use cpu::peak::peak_multiply_adds;
#[cfg(feature = "cpu")]
pub use cpu::simd::level::{LEVEL_VARIABLE, SimdLevel};
pub use dtype::{Dtype, UnknownDtype};
pub use functions::attention::{attention, cross_attention, self_attention};
pub use functions::convolution::{convolution, fused_convolution, halving_convolution, prelu};
pub use functions::dense::Dense;
pub use functions::dense_layers::DenseLayers;
#[doc(hidden)]
pub use functions::dense_layers::below;
pub use functions::depthwise::depthwise_convolution;
pub use functions::linear::{in_bfloat16, linear};
pub use functions::low_rank::LowRank;
pub use functions::packed::{PackedLinear, packs, prefers_bfloat16};
pub use functions::parts::layer_norm_of_parts;
pub use functions::{
    gated_shortcut, geglu, gelu, group_norm_silu, layer_norm, rms_norm, rms_normalized,
    sample_norm, silu, softmax,
};
pub use speed::relative_time;
