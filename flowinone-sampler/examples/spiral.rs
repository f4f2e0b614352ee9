//! A spiral into the unit circle, solved by every solver: error against cost.
//!
//! `dr/dt = r (1 - r^2)`, `dθ/dt = 2 + 3 t`, written in x and y. The exact solution is
//! `r(t) = (1 + (1/r0^2 - 1) e^(-2t))^(-1/2)`, `θ(t) = θ0 + 2 t + 3/2 t^2`.
//!
//! `cargo run -p flowinone-sampler --features cpu --example spiral`

use burn::tensor::{DType, Device, Tensor};
use flowinone_sampler::{Error, Grid, Solver, integrate};

const START: [f64; 2] = [0.5, 0.3];

fn main() -> Result<(), Error> {
    let device = Device::flex();
    let x0 = Tensor::<2>::from_data([START], (&device, DType::F64)); // [batch, 2]

    println!("solver    steps  evaluations  error");
    for (solver, step_counts) in runs()? {
        for steps in step_counts {
            let end = integrate(solver, &velocity, x0.clone(), Grid::Uniform, steps)?;
            let steps = end.step;
            let calls = end.evaluations.calls;
            println!(
                "{:8}  {steps:5}  {calls:11}  {:.1e}",
                solver.name(),
                distance(end.x)
            );
        }
    }
    Ok(())
}

/// Equal budgets of evaluations for the fixed steps, two tolerances for the adaptive ones.
fn runs() -> Result<Vec<(Solver, Vec<usize>)>, Error> {
    Ok(vec![
        (Solver::Euler, vec![12, 24, 48]),
        (Solver::Ab2, vec![12, 24, 48]),
        (Solver::Ab3, vec![12, 24, 48]),
        (Solver::Midpoint, vec![6, 12, 24]),
        (Solver::Heun, vec![6, 12, 24]),
        (Solver::Rk4, vec![3, 6, 12]),
        ("dopri5:rtol=1e-3,atol=1e-3".parse()?, vec![4]),
        ("dopri5:rtol=1e-6,atol=1e-6".parse()?, vec![4]),
    ])
}

/// `v(x, t)` for points `[batch, 2]`.
fn velocity(points: Tensor<2>, t: f64) -> Tensor<2> {
    let [x, y] = [0, 1].map(|column| points.clone().narrow(1, column, 1)); // [batch, 1]
    let growth = (x.clone().square() + y.clone().square())
        .neg()
        .add_scalar(1.0); // 1 - r^2
    let turn = 2.0 + 3.0 * t;
    let dx = x.clone() * growth.clone() - y.clone().mul_scalar(turn);
    let dy = y * growth + x.mul_scalar(turn);
    Tensor::cat(vec![dx, dy], 1) // [batch, 2]
}

/// The distance of a point `[1, 2]` from the exact solution at t = 1.
fn distance(end: Tensor<2>) -> f64 {
    let [x0, y0] = START;
    let radius = (1.0 + (1.0 / (x0 * x0 + y0 * y0) - 1.0) * (-2.0f64).exp()).powf(-0.5);
    let (sin, cos) = (y0.atan2(x0) + 3.5).sin_cos();
    let exact = Tensor::from_data([[radius * cos, radius * sin]], (&end.device(), end.dtype()));
    let squares = (end - exact).square().sum();
    squares.into_scalar::<f64>().sqrt()
}
