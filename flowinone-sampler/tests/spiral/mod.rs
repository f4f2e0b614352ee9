//! A nonlinear, time-dependent field in the plane with a known solution, in float64:
//! `dr/dt = r (1 - r^2)`, `dθ/dt = 2 + 3 t`.

use burn::tensor::{DType, Device, Tensor};

const START: [[f64; 2]; 2] = [[0.5, 0.3], [-1.2, 0.4]];

/// Two starting points `[2, 2]`, one inside and one outside the unit circle.
pub(crate) fn start() -> Tensor<2> {
    Tensor::from_data(START, (&Device::flex(), DType::F64))
}

/// `v(x, t)` for points `[batch, 2]`.
pub(crate) fn velocity(points: Tensor<2>, t: f64) -> Tensor<2> {
    let [x, y] = [0, 1].map(|column| points.clone().narrow(1, column, 1)); // [batch, 1]
    let growth = (x.clone().square() + y.clone().square())
        .neg()
        .add_scalar(1.0);
    let turn = 2.0 + 3.0 * t;
    let dx = x.clone() * growth.clone() - y.clone().mul_scalar(turn);
    let dy = y * growth + x.mul_scalar(turn);
    Tensor::cat(vec![dx, dy], 1)
}

/// The largest difference of any coordinate from the exact solution at time `t`.
pub(crate) fn distance(points: Tensor<2>, t: f64) -> f64 {
    assert_eq!(points.dtype(), DType::F64, "orders are measured in float64");
    let exact = START.map(|[x, y]| {
        let radius = (1.0 + (1.0 / (x * x + y * y) - 1.0) * (-2.0 * t).exp()).powf(-0.5);
        let angle = y.atan2(x) + 2.0 * t + 1.5 * t * t;
        [radius * angle.cos(), radius * angle.sin()]
    });
    let exact = Tensor::from_data(exact, (&points.device(), DType::F64));
    (points - exact).max_abs().into_scalar()
}
