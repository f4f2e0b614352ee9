//! Multi-head attention, `softmax(q k^T / sqrt(d)) v`, read from and written to tensors of any
//! strides, some queries at a time: the scores of all queries never exist at once.

mod arrange;
mod backward;
#[cfg(target_arch = "x86_64")]
mod bf16;
#[cfg(target_arch = "x86_64")]
mod bf16_backward;
mod forward;
mod gradient;
mod heads;
mod problem;

pub(crate) use backward::gradients;
pub(crate) use forward::attend;
pub(crate) use heads::{Heads, HeadsMut, Shape, Strides};
