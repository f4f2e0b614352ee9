//! Dormand-Prince 5(4): seven stages of which the last is the next step's first (J. R. Dormand and
//! P. J. Prince, 1980). Against the embedded fourth-order result the error of a step is
//! `dt * sum_i e_i k_i`, `e = b - b4`.

use burn::tensor::Tensor;

use super::Tableau;

/// The fifth-order Dormand-Prince rule: six evaluations a step, and one more in the first.
///
/// By itself it takes fixed steps; [`Solver::Dopri5`](crate::Solver::Dopri5) adapts them.
pub const DOPRI5: Tableau<7> = Tableau {
    order: 5,
    nodes: [0.0, 1.0 / 5.0, 3.0 / 10.0, 4.0 / 5.0, 8.0 / 9.0, 1.0, 1.0],
    matrix: [
        [0.0; 7],
        [1.0 / 5.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0],
        [3.0 / 40.0, 9.0 / 40.0, 0.0, 0.0, 0.0, 0.0, 0.0],
        [44.0 / 45.0, -56.0 / 15.0, 32.0 / 9.0, 0.0, 0.0, 0.0, 0.0],
        [
            19372.0 / 6561.0,
            -25360.0 / 2187.0,
            64448.0 / 6561.0,
            -212.0 / 729.0,
            0.0,
            0.0,
            0.0,
        ],
        [
            9017.0 / 3168.0,
            -355.0 / 33.0,
            46732.0 / 5247.0,
            49.0 / 176.0,
            -5103.0 / 18656.0,
            0.0,
            0.0,
        ],
        FIFTH,
    ],
    weights: FIFTH,
};

const FIFTH: [f64; 7] = [
    35.0 / 384.0,
    0.0,
    500.0 / 1113.0,
    125.0 / 192.0,
    -2187.0 / 6784.0,
    11.0 / 84.0,
    0.0,
];

/// Fifth-order minus fourth-order weights.
const ERROR: [f64; 7] = [
    71.0 / 57600.0,
    0.0,
    -71.0 / 16695.0,
    71.0 / 1920.0,
    -17253.0 / 339200.0,
    22.0 / 525.0,
    -1.0 / 40.0,
];

/// `dt * sum_i e_i k_i`: the estimated error of a step from its seven slopes.
pub(crate) fn error_of_dopri5<const D: usize>(dt: f64, slopes: &[Tensor<D>]) -> Tensor<D> {
    let first = slopes[0].clone().mul_scalar(ERROR[0] * dt);
    let rest = ERROR.iter().zip(slopes).skip(2); // e_2 is 0
    rest.fold(first, |sum, (weight, slope)| {
        sum + slope.clone().mul_scalar(weight * dt)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn error_weights_vanish_up_to_degree_three() {
        // Both results integrate polynomials exactly up to degree 3, so their difference is 0.
        for degree in 0..4 {
            let moments = ERROR
                .iter()
                .zip(DOPRI5.nodes)
                .map(|(e, c)| e * c.powi(degree));
            let sum: f64 = moments.sum();
            assert!(sum.abs() < 1e-15, "degree {degree}: {sum}");
        }
    }
}
