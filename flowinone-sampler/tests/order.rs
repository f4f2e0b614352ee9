//! The error of every solver falls with the step length as its order says.

#![cfg(feature = "cpu")]

mod spiral;

use flowinone_sampler::{
    DOPRI5, Error, Grid, OdeSolver, Solver, Step, Tolerance, integrate, integrate_steps,
};
use spiral::{distance, start, velocity};

fn error_at(solver: Solver, steps: usize) -> f64 {
    distance(
        integrate(solver, &velocity, start(), Grid::Uniform, steps)
            .unwrap()
            .x,
        1.0,
    )
}

/// The slope of log error against log steps, between `steps` and twice as many.
fn slope(steps: usize, error: impl Fn(usize) -> f64) -> f64 {
    (error(steps) / error(2 * steps)).log2()
}

#[track_caller]
fn assert_order(name: &str, measured: f64, order: u32, tolerance: f64) {
    println!("{name}: slope {measured:.3}, order {order}");
    let off = (measured - f64::from(order)).abs();
    assert!(off < tolerance, "{name}: slope {measured}, order {order}");
}

#[test]
fn doubling_the_steps_shows_the_order() {
    for solver in Solver::ALL
        .into_iter()
        .filter(|solver| solver.calls(1).is_some())
    {
        assert_order(
            solver.name(),
            slope(256, |n| error_at(solver, n)),
            solver.order(),
            0.1,
        );
    }
}

#[test]
fn dopri5_with_fixed_steps_has_order_five() {
    let error = |n| {
        let steps = Grid::Uniform.steps(n).unwrap();
        distance(
            integrate_steps(DOPRI5, &velocity, start(), steps)
                .last()
                .unwrap()
                .unwrap()
                .x,
            1.0,
        )
    };
    // Its small fifth-order term lets the sixth show: the slope falls from 5.17 at 48 steps to 5.12
    // at 128, and from 200 on float64 rounding takes over. Hence 0.2 where the others meet 0.1.
    assert_order("dopri5, fixed", slope(128, error), 5, 0.2);
}

#[test]
fn multistep_solvers_keep_their_order_on_uneven_steps() {
    for solver in [Solver::Ab2, Solver::Ab3] {
        let error = |n| distance(integrate_on(solver, squared_grid(n)), 1.0);
        assert_order(solver.name(), slope(256, error), solver.order(), 0.1);
    }
}

#[test]
fn backward_steps_return_to_the_start() {
    let forth = Grid::Uniform.steps(64).unwrap();
    let back: Vec<Step> = forth
        .iter()
        .rev()
        .map(|step| Step {
            t: step.t + step.dt,
            dt: -step.dt,
        })
        .collect();
    let end = integrate_steps(Solver::Rk4, &velocity, start(), forth)
        .last()
        .unwrap()
        .unwrap();
    let again = integrate_steps(Solver::Rk4, &velocity, end.x, back)
        .last()
        .unwrap()
        .unwrap();
    assert_eq!(again.t, 0.0);
    let error = distance(again.x, 0.0);
    assert!(error < 1e-6, "{error}");
}

#[test]
fn ab2_at_fifty_evaluations_has_a_tenth_of_eulers_error() {
    let (euler, ab2, ab3) = (
        error_at(Solver::Euler, 50),
        error_at(Solver::Ab2, 50),
        error_at(Solver::Ab3, 50),
    );
    println!("50 evaluations: euler {euler:.2e}, ab2 {ab2:.2e}, ab3 {ab3:.2e}");
    assert!(ab2 < 0.1 * euler);
    assert!(ab3 < 0.2 * ab2);
}

#[test]
fn dopri5_reaches_its_tolerance() {
    for tolerance in [1e-3, 1e-5, 1e-7, 1e-9] {
        let solver = Solver::Dopri5(Tolerance {
            rtol: tolerance,
            atol: tolerance,
            max_steps: 1000,
        });
        let end = integrate(solver, &velocity, start(), Grid::Uniform, 10).unwrap();
        let (error, calls) = (distance(end.x, 1.0), end.evaluations.calls);
        println!(
            "dopri5 at {tolerance:e}: error {error:.1e}, {} steps, {calls} calls",
            end.step
        );
        assert_eq!(end.t, 1.0);
        // A tolerance bounds each step's error; the errors of all steps add up.
        assert!(
            error < 10.0 * tolerance,
            "error {error} at tolerance {tolerance}"
        );
    }
}

#[test]
fn dopri5_gives_up_after_max_steps() {
    let solver = Solver::Dopri5(Tolerance {
        rtol: 1e-9,
        atol: 1e-9,
        max_steps: 3,
    });
    let error = integrate(solver, &velocity, start(), Grid::Uniform, 10).unwrap_err();
    assert!(
        matches!(error, Error::TooManySteps { max_steps: 3, t } if t < 1.0),
        "{error}"
    );
}

fn integrate_on(solver: Solver, steps: Vec<Step>) -> burn::tensor::Tensor<2> {
    integrate_steps(solver, &velocity, start(), steps)
        .last()
        .unwrap()
        .unwrap()
        .x
}

/// Edges at `(s + s^2) / 2`: the last step is three times the first.
fn squared_grid(n: usize) -> Vec<Step> {
    let edge = |i: usize| {
        let s = i as f64 / n as f64;
        (s + s * s) / 2.0
    };
    (0..n)
        .map(|i| Step {
            t: edge(i),
            dt: edge(i + 1) - edge(i),
        })
        .collect()
}
