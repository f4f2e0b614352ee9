//! Counts, laziness, refusals and failures of a trajectory.

#![cfg(feature = "cpu")]

use std::cell::Cell;

use burn::tensor::{DType, Device, Tensor};
use flowinone_sampler::{
    Error, Evaluations, Grid, Solver, Stage, Step, Tolerance, integrate, integrate_steps,
    trajectory,
};

fn start() -> Tensor<2> {
    Tensor::from_floats([[1.0, -2.0], [0.5, 3.0]], &Device::flex())
}

fn decay(x: Tensor<2>, t: f64) -> Tensor<2> {
    x.mul_scalar(-1.0 - t)
}

#[test]
fn calls_are_exactly_as_promised() {
    for solver in Solver::ALL {
        let Some(promised) = solver.calls(10) else {
            continue;
        };
        let counted = Cell::new(0);
        let field = |x: Tensor<2>, t: f64| {
            counted.set(counted.get() + 1);
            decay(x, t)
        };
        let states: Vec<_> = trajectory(solver, &field, start(), Grid::Uniform, 10)
            .collect::<Result<_, _>>()
            .unwrap();
        assert_eq!(states.len(), 10);
        assert_eq!(counted.get(), promised, "{solver}");
        for (i, state) in states.iter().enumerate() {
            let calls = promised / 10 * (i + 1);
            assert_eq!(
                state.evaluations,
                Evaluations {
                    calls,
                    branches: calls
                },
                "{solver}"
            );
            assert_eq!((state.step, state.steps), (i + 1, Some(10)));
            assert_eq!(state.t, (i + 1) as f64 / 10.0);
        }
    }
}

#[test]
fn dopri5_makes_six_calls_an_attempt_and_one_to_start() {
    let counted = Cell::new(0);
    let field = |x: Tensor<2>, t: f64| {
        counted.set(counted.get() + 1);
        decay(x, t)
    };
    let solver = Solver::Dopri5(Tolerance::DEFAULT);
    for first_step_count in [1, 10] {
        counted.set(0);
        let end = integrate(solver, &field, start(), Grid::Uniform, first_step_count).unwrap();
        assert_eq!(end.evaluations.calls, counted.get());
        assert_eq!((end.evaluations.calls - 1) % 6, 0);
        assert_eq!((end.t, end.steps), (1.0, None));
    }
}

#[test]
fn nothing_is_evaluated_before_it_is_asked_for() {
    let counted = Cell::new(0);
    let field = |x: Tensor<2>, t: f64| {
        counted.set(counted.get() + 1);
        decay(x, t)
    };
    let mut states = trajectory(Solver::Heun, &field, start(), Grid::Uniform, 1000);
    assert_eq!(counted.get(), 0);
    states.next();
    assert_eq!(counted.get(), 2);
    drop(states);
    assert_eq!(counted.get(), 2);
}

#[test]
fn integrate_is_the_last_state() {
    let last = trajectory(Solver::Ab3, &decay, start(), Grid::Uniform, 9)
        .last()
        .unwrap()
        .unwrap();
    let end = integrate(Solver::Ab3, &decay, start(), Grid::Uniform, 9).unwrap();
    assert_eq!(end.step, 9);
    assert_eq!(end.t, 1.0);
    assert_eq!(last.x.into_data(), end.x.into_data());
}

#[test]
fn the_state_keeps_its_float_type() {
    for dtype in [DType::F64, DType::F32, DType::F16, DType::BF16] {
        for solver in Solver::ALL {
            // The field answers in float32 whatever it is asked in, as a network would.
            let field = |x: Tensor<2>, t: f64| decay(x.cast(DType::F32), t);
            let x0 = start().cast(dtype);
            let end = integrate(solver, &field, x0, Grid::Uniform, 4).unwrap();
            assert_eq!(end.x.dtype(), dtype, "{solver}");
        }
    }
}

#[test]
fn reference_grid_refuses_higher_orders_and_names_the_other_grid() {
    for solver in Solver::ALL.into_iter().skip(1) {
        let error = integrate(solver, &decay, start(), Grid::Reference, 8).unwrap_err();
        assert_eq!(
            error,
            Error::GridNeedsEuler {
                solver: solver.name()
            }
        );
        assert!(error.to_string().contains("use the `uniform` grid"));
    }
    let end = integrate(Solver::Euler, &decay, start(), Grid::Reference, 8).unwrap();
    assert_eq!((end.step, end.t), (8, 1.0));
}

#[test]
fn settings_that_cannot_work_come_as_the_first_item_and_end_it() {
    let mut none = trajectory(Solver::Euler, &decay, start(), Grid::Uniform, 0);
    assert_eq!(none.next().unwrap().unwrap_err(), Error::NoSteps);
    assert!(none.next().is_none());

    for (rtol, atol, max_steps) in [(0.0, 1.0, 1), (1.0, f64::NAN, 1), (1.0, 1.0, 0)] {
        let solver = Solver::Dopri5(Tolerance {
            rtol,
            atol,
            max_steps,
        });
        let error = integrate(solver, &decay, start(), Grid::Uniform, 5).unwrap_err();
        assert!(matches!(error, Error::BadTolerance { .. }), "{error}");
    }
}

#[test]
fn steps_with_gaps_are_for_first_order_only() {
    let gap = vec![Step { t: 0.0, dt: 0.4 }, Step { t: 0.5, dt: 0.5 }];
    let error = integrate_steps(Solver::Ab2, &decay, start(), gap.clone())
        .next()
        .unwrap()
        .unwrap_err();
    assert_eq!(
        error,
        Error::StepsDoNotJoin {
            step: 2,
            starts: 0.5,
            ends: 0.4,
            order: 2
        }
    );
    assert_eq!(
        integrate_steps(Solver::Euler, &decay, start(), gap)
            .flatten()
            .count(),
        2
    );

    let empty = vec![Step { t: 0.0, dt: 0.0 }];
    let error = integrate_steps(Solver::Euler, &decay, start(), empty)
        .next()
        .unwrap()
        .unwrap_err();
    assert_eq!(
        error,
        Error::BadStep {
            step: 1,
            t: 0.0,
            dt: 0.0
        }
    );
}

#[test]
fn a_velocity_that_is_not_finite_is_named_by_stage_and_step() {
    for bad in [f32::NAN, f32::INFINITY, f32::NEG_INFINITY] {
        // Only the half-way stages of the fourth of ten steps lie between 0.3 and 0.4.
        let field = |x: Tensor<2>, t: f64| {
            if 0.31 < t && t < 0.39 {
                let dead = x.zeros_like();
                dead.slice_fill([1..2, 0..1], bad)
            } else {
                decay(x, t)
            }
        };
        let mut states = trajectory(Solver::Midpoint, &field, start(), Grid::Uniform, 10);
        let error = states.find_map(Result::err).unwrap();
        let Error::NonFinite { step, stage, t } = error else {
            panic!("{error}")
        };
        assert_eq!((step, stage), (4, Stage::Slope(2)));
        assert!((t - 0.35).abs() < 1e-12);
        assert!(states.next().is_none(), "the iterator ends after an error");
    }
}

#[test]
fn a_state_that_overflows_is_named() {
    let field = |x: Tensor<2>, _t: f64| x.full_like(3e38);
    let x0 = start().full_like(3e38);
    let error = integrate(Solver::Euler, &field, x0, Grid::Uniform, 1).unwrap_err();
    assert_eq!(
        error,
        Error::NonFinite {
            step: 1,
            stage: Stage::State,
            t: 1.0
        }
    );
}

#[test]
#[should_panic(expected = "the velocity's shape")]
fn a_velocity_of_another_shape_panics() {
    let field = |x: Tensor<2>, _t: f64| x.narrow(0, 0, 1);
    let _ = integrate(Solver::Euler, &field, start(), Grid::Uniform, 1);
}

#[test]
fn a_run_stops_between_the_attempts_of_an_adaptive_step() {
    // A field that no step length satisfies: every attempt is rejected.
    let calls = Cell::new(0);
    let field = |x: Tensor<2>, _t: f64| {
        calls.set(calls.get() + 1);
        x.full_like(if calls.get() % 2 == 0 { 1e3 } else { -1e3 })
    };
    let solver = Solver::Dopri5(Tolerance {
        rtol: 1e-12,
        atol: 1e-12,
        max_steps: usize::MAX,
    });
    let stop = || calls.get() == 20;
    let states = trajectory(solver, &field, start(), Grid::Uniform, 4).until(&stop);
    let error = states.last().unwrap().unwrap_err();
    assert_eq!((error, calls.get()), (Error::Stopped, 20));

    // Left alone, it ends once a step is too short to be told from none.
    let error = integrate(solver, &field, start(), Grid::Uniform, 4).unwrap_err();
    let Error::TooFine { dt, .. } = error else {
        panic!("{error}")
    };
    assert!(dt < f64::from(f32::EPSILON) && calls.get() < 200, "{dt}");
}
