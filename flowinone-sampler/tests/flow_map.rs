//! The map of a field of two times: exact where the average is, one evaluation a step.

#![cfg(feature = "cpu")]

use std::cell::RefCell;

use burn::tensor::{DType, Device, Tensor};
use flowinone_sampler::{
    BatchedField, Branch, BranchedField, FirstBlockCache, Grid, GuidanceRule, Guided, Solver,
    StepCache, Times, VelocityField, integrate,
};

/// `dx/dt = -x` with its average velocity `x (exp(t - r) - 1) / (r - t)`; notes the times of calls.
#[derive(Default)]
struct Decay(RefCell<Vec<Times>>);

impl VelocityField<2> for Decay {
    fn velocity(&self, x: Tensor<2>, times: Times) -> Tensor<2> {
        self.0.borrow_mut().push(times);
        let Times { t, r } = times;
        match times.is_instant() {
            true => -x,
            false => x * (((t - r).exp() - 1.0) / (r - t)),
        }
    }
}

impl BatchedField<2> for Decay {}

impl BatchedField<2> for &Decay {}

impl VelocityField<2> for &Decay {
    fn velocity(&self, x: Tensor<2>, times: Times) -> Tensor<2> {
        (*self).velocity(x, times)
    }
}

fn start() -> Tensor<2> {
    Tensor::from_data([[1.0, -2.0], [0.5, 3.0]], (&Device::flex(), DType::F64))
}

#[test]
fn any_number_of_steps_is_exact_and_costs_as_many_evaluations() {
    for steps in [1, 2, 4, 8] {
        let field = Decay::default();
        let end = integrate(Solver::Map, &field, start(), Grid::Uniform, steps).unwrap();
        let off: f64 = (end.x - start() * (-1.0f64).exp()).max_abs().into_scalar();
        assert!(off < 1e-14, "{steps} steps: {off}");
        let spent = end.evaluations;
        assert_eq!((spent.calls, spent.branches), (steps, steps));
        let times = field.0.borrow();
        assert_eq!(times.len(), steps);
        let edge = |k: usize| k as f64 / steps as f64;
        for (k, times) in times.iter().enumerate() {
            assert_eq!((times.t, times.r), (edge(k), edge(k + 1)));
        }
    }
}

#[test]
fn every_other_solver_asks_for_the_velocity_of_an_instant() {
    for solver in Solver::ALL {
        let field = Decay::default();
        integrate(solver, &field, start(), Grid::Uniform, 3).unwrap();
        let instants = field.0.borrow().iter().all(|times| times.is_instant());
        assert_eq!(instants, solver != Solver::Map, "{solver}");
    }
}

#[test]
fn for_a_field_of_one_time_the_map_is_eulers_rule() {
    let field = |x: Tensor<2>, t: f64| x * (-1.0 - t);
    let solve = |solver| {
        let end = integrate(solver, &field, start(), Grid::Uniform, 5).unwrap();
        end.x.into_data()
    };
    assert_eq!(solve(Solver::Map), solve(Solver::Euler));
}

#[test]
fn caches_keep_no_average_velocity() {
    let field = Decay::default();
    let cached = FirstBlockCache::new(StepCache::new(&field, 1e6), 1e6);
    let end = integrate(Solver::Map, &cached, start(), Grid::Uniform, 8).unwrap();
    assert_eq!((end.evaluations.branches, field.0.borrow().len()), (8, 8));
}

#[test]
fn a_distilled_field_is_its_conditional_branch_at_any_scale() {
    let field = |x: Tensor<2>, _t: f64, branch: Branch| match branch {
        Branch::Conditional => -x,
        Branch::Unconditional => panic!("it has none"),
    };
    let guidance: GuidanceRule = "distilled".parse().unwrap();
    let guidance = guidance.with_scale(7.0);
    assert_eq!((guidance.scale(), guidance.is_guided()), (7.0, false));
    let guided = Guided { field, guidance };
    let end = integrate(Solver::Ab2, &guided, start(), Grid::Uniform, 5).unwrap();
    assert_eq!(end.evaluations.branches, 5);
    let branch = BranchedField::branch(&guided.field, start(), 0.1.into(), Branch::Conditional);
    assert_eq!(branch.into_data(), (-start()).into_data());
}
