//! How the flow is trained: matching its velocity along straight paths from the source to the target.
//!
//! ```text
//! x0 = mean + exp(log_var / 2) * noise,   (mean, log_var) = source(tokens)
//! x_t = (1 - (1 - sigma_min) t) x0 + t x1
//! loss = 1/4 |v_coarse - coarser(u)|^2 + |v_fine - u|^2 + contrastive(x0) + 0.01 KL(source),
//!        u = x1 - (1 - sigma_min) x0
//! ```
//!
//! [`Objective`] is that sum for one batch. Its pieces are [`Path`] and [`logit_normal`] (states
//! and times), [`null_items`] and [`rotated_targets`] (the unconditional branch), [`coarser`] (the
//! coarse stage's target), [`divergence`] and [`Contrast`] (the source). [`Average`] follows the
//! weights of any module through training. [`VelocityNetwork::placed`](crate::VelocityNetwork::placed)
//! is a better start than chance alone.
//!
//! Nothing here draws random numbers: noise, times and the choice of null items are arguments.

mod condition_dropout;
mod ema;
mod objective;
mod path;
mod scales;
mod sincos_position_init;
mod source_losses;

pub use condition_dropout::{null_items, rotated_targets};
pub use ema::{Average, AverageDecay};
pub use objective::{Draws, Evaluation, Losses, Objective, Teacher, TrainingBatch};
pub use path::{Path, logit_normal};
pub use scales::{Coarsening, coarser};
pub use source_losses::{Contrast, divergence};
