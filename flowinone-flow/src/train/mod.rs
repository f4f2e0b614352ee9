//! How the flow is trained: matching its velocity along straight paths from the source to the
//! target.
//!
//! ```text
//! x0 = mean + exp(log_var / 2) * noise,   (mean, log_var) = source(tokens)
//! x_t = (1 - (1 - sigma_min) t) x0 + t x1
//! loss = 1/4 |v_coarse - coarser(u)|^2 + |v_fine - u|^2 + contrastive(x0) + 0.01 KL(source),
//!        u = x1 - (1 - sigma_min) x0
//! ```
//!
//! [`Objective`] is that sum for one batch. Its pieces are [`Path`] and [`logit_normal`] (states
//! and times), [`condition_dropout`](condition_dropout()) and [`rotated_targets`] (the
//! unconditional branch), [`coarser`] (the coarse stage's target), [`kl`] and [`ContrastiveLoss`]
//! (the source). [`FlowMapObjective`] distils a flow into one of two times. [`Ema`] averages the
//! weights of any module over the steps of training. A network that is trained from scratch learns
//! faster from
//! [`VelocityNetwork::sincos_position_init`](crate::VelocityNetwork::sincos_position_init).
//!
//! Nothing here draws random numbers: noise, times and the choice of null items are arguments.

mod codebook_init;
mod condition_dropout;
mod ema;
mod flow_map;
mod objective;
mod path;
mod scales;
mod sincos_position_init;
mod source_losses;

pub use condition_dropout::{condition_dropout, rotated_targets};
pub use ema::{Ema, EmaDecay};
pub use flow_map::{FlowMapLosses, FlowMapObjective};
pub use objective::{ClipFeatures, Evaluation, FlowLosses, Objective, StepNoise, TrainingBatch};
pub use path::{Path, logit_normal};
pub use scales::{Coarsening, coarser};
pub use sincos_position_init::sincos_positions;
pub use source_losses::{ContrastiveLoss, kl};
