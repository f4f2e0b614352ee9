//! What a student learns of its teacher's paths.

use serde::{Deserialize, Serialize};

/// What a student learns of its teacher's paths.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum DistillationMethod {
    /// Average velocities between states of a path.
    #[default]
    FlowMap,
    /// The velocity of the straight line from start to end (rectified flow, Liu et al., 2022): a
    /// student of one time, for the teacher's solver.
    Reflow,
    /// Average velocities on that line from their own derivative (`MeanFlow`, Geng et al., 2025),
    /// which is a difference of two velocities nearby.
    MeanFlow,
}
