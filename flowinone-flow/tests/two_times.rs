//! Two times: the same network where both are one, another where they are not.

#![cfg(feature = "cpu")]

use burn::tensor::{Device, Tensor};
use flowinone_flow::{
    FlowConfig, FlowModel, FlowNetwork, Structure, Time, TwoTimes, VelocityNetwork, default_init,
};
use flowinone_sampler::{
    Branch, BranchItem, BranchedField, Grid, GuidanceRule, Guided, Solver, Times, integrate,
};
use flowinone_weights::randomize;

fn network(config: &FlowConfig) -> FlowNetwork {
    randomize(config.init(&Device::flex()), 3, default_init).unwrap()
}

fn waves(phase: f32) -> Tensor<4> {
    let values: Vec<f32> = (0..2 * 4 * 32 * 32)
        .map(|k| (phase + k as f32 * 0.37).sin())
        .collect();
    Tensor::<1>::from_floats(values.as_slice(), &Device::flex()).reshape([2, 4, 32, 32])
}

fn bits<const D: usize>(x: Tensor<D>) -> Vec<u32> {
    let values: Vec<f32> = x.into_data().try_to_vec().unwrap();
    values.into_iter().map(f32::to_bits).collect()
}

fn times(values: [f32; 2]) -> Tensor<1> {
    Tensor::from_floats(values, &Device::flex())
}

/// Both stages' velocities, of items in different branches with a structure.
fn stages(network: &VelocityNetwork, time: &Time) -> [Vec<u32>; 2] {
    let branches = [Branch::Conditional, Branch::Unconditional];
    let structure = network.structure_tokens(&Structure::new(waves(2.0)));
    let found = network.stages(waves(0.0), time, Some(&branches), structure.as_ref());
    [bits(found.coarse), bits(found.fine)]
}

#[test]
fn where_both_times_are_one_the_network_is_that_of_one_time_bit_for_bit() {
    let one = network(&FlowConfig::tiny()).velocity;
    let two = one.clone().with_two_times(Some(TwoTimes { boundary: 2 }));
    let same = || times([0.3, 0.8]);
    let expected = stages(&one, &Time::PerItem(same()));
    assert_eq!(stages(&two, &Time::PerItem(same())), expected);
    let span = Time::PerItemSpan {
        t: same(),
        r: same(),
    };
    assert_eq!(stages(&two, &span), expected);
    let expected = stages(&one, &Time::Shared(0.4));
    assert_eq!(stages(&two, &Times { t: 0.4, r: 0.4 }.into()), expected);
    assert_eq!(
        stages(&two.with_two_times(None), &Time::Shared(0.4)),
        expected
    );
}

#[test]
fn the_second_time_is_read_from_the_boundary_on_and_by_both_heads() {
    let one = network(&FlowConfig::tiny()).velocity;
    let at = |boundary, t, r| {
        let two = one.clone().with_two_times(Some(TwoTimes { boundary }));
        stages(&two, &Times { t, r }.into())
    };
    for boundary in 1..=3 {
        let [coarse, fine] = at(boundary, 0.2, 0.2);
        for (t, r) in [(0.2, 0.9), (0.0, 0.2)] {
            let [other_coarse, other_fine] = at(boundary, t, r);
            assert_ne!(coarse, other_coarse, "boundary {boundary}, {t} to {r}");
            assert_ne!(fine, other_fine, "boundary {boundary}, {t} to {r}");
        }
    }
    assert_ne!(at(1, 0.2, 0.9), at(2, 0.2, 0.9));
}

#[test]
fn rows_and_branches_of_an_average_are_those_of_single_items() {
    let mut config = FlowConfig::tiny();
    config.two_times = Some(TwoTimes { boundary: 2 });
    let model = network(&config);
    assert!(model.has_two_times());
    let field = model.field(Some(Structure::new(waves(2.0))));
    let span = Times { t: 0.25, r: 1.0 };
    let whole = field.branch(waves(0.0), span, Branch::Conditional);
    let (conditional, _) = field.both(waves(0.0), span);
    let rows = [1, 0].map(|item| BranchItem {
        item,
        branch: Branch::Conditional,
    });
    let chosen = field.rows(waves(0.0), span, &rows);
    let off = |a: Tensor<4>, b: Tensor<4>| -> f32 { (a - b).abs().max().into_scalar() };
    assert!(off(whole.clone(), conditional) < 1e-5);
    assert!(off(whole, chosen.flip([0])) < 1e-5);
}

#[test]
fn one_two_and_four_steps_are_as_many_evaluations() {
    let mut config = FlowConfig::tiny();
    config.two_times = Some(TwoTimes { boundary: 1 });
    let model = network(&config);
    let field = Guided {
        field: model.field(None),
        guidance: GuidanceRule::Distilled { scale: 7.0 },
    };
    for steps in [1, 2, 4] {
        let end = integrate(Solver::Map, &field, waves(0.0), Grid::Uniform, steps).unwrap();
        let spent = end.evaluations;
        assert_eq!((spent.calls, spent.branches), (steps, steps));
    }
    let one = integrate(Solver::Map, &field, waves(0.0), Grid::Uniform, 1).unwrap();
    let span = Times { t: 0.0, r: 1.0 };
    let average = field.field.branch(waves(0.0), span, Branch::Conditional);
    assert_eq!(bits(one.x), bits(waves(0.0) + average));
}
