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
mod functions;
mod stock;

#[cfg(feature = "cpu")]
mod attention;
#[cfg(feature = "cpu")]
mod bfloat;
#[cfg(feature = "cpu")]
mod convolution;
#[cfg(feature = "cpu")]
mod depthwise;
#[cfg(feature = "cpu")]
mod flex;
#[cfg(feature = "cpu")]
mod group_norm;
#[cfg(feature = "cpu")]
mod integer;
#[cfg(feature = "cpu")]
mod lanes;
#[cfg(feature = "cpu")]
mod level;
#[cfg(feature = "cpu")]
mod math;
#[cfg(feature = "cpu")]
mod norm;
#[cfg(feature = "cpu")]
mod packed;
#[cfg(all(feature = "cpu", target_arch = "x86_64"))]
mod paired;
#[cfg(feature = "cpu")]
mod pieces;
#[cfg(feature = "cpu")]
mod plain;
#[cfg(feature = "cpu")]
mod pointwise;
#[cfg(feature = "cpu")]
mod product;
#[cfg(feature = "cpu")]
mod scratch;
#[cfg(feature = "cpu")]
mod softmax;
#[cfg(feature = "cpu")]
mod tile;
#[cfg(feature = "cpu")]
mod weights;
#[cfg(feature = "cpu")]
mod widened;

pub use allocator::keep_freed_memory;
pub use functions::attention::{attention, cross_attention, self_attention};
pub use functions::convolution::{convolution, halving_convolution};
pub use functions::dense::Dense;
pub use functions::depthwise::depthwise_convolution;
pub use functions::linear::{in_bfloat16, linear};
pub use functions::packed::{PackedLinear, Precision, packs, prefers_bfloat16};
pub use functions::parts::layer_norm_of_parts;
pub use functions::{
    geglu, gelu, group_norm_silu, layer_norm, rms_norm, rms_normalized, sample_norm, silu, softmax,
};
#[cfg(feature = "cpu")]
pub use level::{LEVEL_VARIABLE, Level};

#[cfg(all(test, feature = "cpu"))]
mod tests;
