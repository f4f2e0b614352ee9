//! The classical Runge-Kutta rule: `x' = x + dt/6 (k1 + 2 k2 + 2 k3 + k4)` with two stages at the
//! middle and one at the end.

use super::Tableau;

/// The classical fourth-order rule: four evaluations a step.
pub const RK4: Tableau<4> = Tableau {
    order: 4,
    nodes: [0.0, 0.5, 0.5, 1.0],
    matrix: [
        [0.0, 0.0, 0.0, 0.0],
        [0.5, 0.0, 0.0, 0.0],
        [0.0, 0.5, 0.0, 0.0],
        [0.0, 0.0, 1.0, 0.0],
    ],
    weights: [1.0 / 6.0, 1.0 / 3.0, 1.0 / 3.0, 1.0 / 6.0],
};
