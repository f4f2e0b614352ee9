//! Euler: `x' = x + dt v(x, t)`. The published sampler, with the `reference` grid.

use super::Tableau;

/// Euler's rule: order 1, one evaluation a step.
pub const EULER: Tableau<1> = Tableau {
    order: 1,
    nodes: [0.0],
    matrix: [[0.0]],
    weights: [1.0],
};
