//! Heun (explicit trapezoid): `k1 = v(x, t)`, `k2 = v(x + dt k1, t + dt)`,
//! `x' = x + dt/2 (k1 + k2)`.

use super::Tableau;

/// Heun's rule: order 2, two evaluations a step.
pub const HEUN: Tableau<2> = Tableau {
    order: 2,
    nodes: [0.0, 1.0],
    matrix: [[0.0, 0.0], [1.0, 0.0]],
    weights: [0.5, 0.5],
};
