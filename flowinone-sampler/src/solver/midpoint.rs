//! Explicit midpoint: `k1 = v(x, t)`, `x' = x + dt v(x + dt/2 k1, t + dt/2)`.

use super::Tableau;

/// The explicit midpoint rule: order 2, two evaluations a step.
pub const MIDPOINT: Tableau<2> = Tableau {
    order: 2,
    nodes: [0.0, 0.5],
    matrix: [[0.0, 0.0], [0.5, 0.0]],
    weights: [0.0, 1.0],
};
