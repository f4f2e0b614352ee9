//! Adaptive guidance and the two caches: off means off, costs are real, items are on their own.

#![cfg(feature = "cpu")]

use std::cell::RefCell;

use burn::tensor::{Device, Tensor};
use flowinone_sampler::{
    AdaptiveGuidance, BatchedField, Branch, BranchItem, BranchedField, Error, FirstBlockCache,
    Grid, GuidanceRule, Guided, Solver, State, StepCache, Times, integrate, trajectory,
};

/// A smooth field, different for every item through its state, whose branches meet as t grows. It
/// notes the rows of each call.
#[derive(Default)]
struct Noted {
    calls: RefCell<Vec<Vec<BranchItem>>>,
}

impl Noted {
    fn plain(x: Tensor<2>, t: f64, branch: Branch) -> Tensor<2> {
        let turned = x.clone().flip([1]).mul_scalar(1.3) - x.mul_scalar(0.4 + t);
        match branch {
            Branch::Conditional => turned,
            Branch::Unconditional => turned.clone() + (turned.flip([1]) * (1.0 - t)),
        }
    }

    fn note(&self, rows: Vec<BranchItem>) {
        self.calls.borrow_mut().push(rows);
    }

    /// How many rows were evaluated for an item.
    fn rows_of(&self, item: usize) -> usize {
        let calls = self.calls.borrow();
        calls
            .iter()
            .flatten()
            .filter(|row| row.item == item)
            .count()
    }
}

impl BranchedField<2> for &Noted {
    fn branch(&self, x: Tensor<2>, times: Times, branch: Branch) -> Tensor<2> {
        let items: Vec<usize> = (0..x.dims()[0]).collect();
        self.note(BranchItem::of(&items, branch));
        Noted::plain(x, times.t, branch)
    }

    fn rows(&self, x: Tensor<2>, times: Times, rows: &[BranchItem]) -> Tensor<2> {
        self.note(rows.to_vec());
        let t = times.t;
        let row = |row: &BranchItem| Noted::plain(x.clone().narrow(0, row.item, 1), t, row.branch);
        Tensor::cat(rows.iter().map(row).collect(), 0)
    }

    fn probe(&self, x: Tensor<2>, times: Times, rows: &[BranchItem]) -> Option<Tensor<2>> {
        let row = |row: &BranchItem| x.clone().narrow(0, row.item, 1) * (1.0 + times.t);
        Some(Tensor::cat(rows.iter().map(row).collect(), 0))
    }
}

const START: [[f32; 2]; 3] = [[1.0, -2.0], [0.5, 3.0], [4.0, 3.9]];

fn start(items: std::ops::Range<usize>) -> Tensor<2> {
    Tensor::<2>::from_floats(START, &Device::flex()).narrow(0, items.start, items.len())
}

fn solve(
    field: &Noted,
    solver: Solver,
    items: std::ops::Range<usize>,
    [agreement, cache, first_block]: [f64; 3],
) -> State<2> {
    let guidance = GuidanceRule::Interval {
        scale: 3.0,
        from: 0.0,
        to: 0.8,
    };
    let guided = Guided { field, guidance };
    let field = FirstBlockCache::new(AdaptiveGuidance::new(guided, agreement), first_block);
    let field = StepCache::new(field, cache);
    integrate(solver, &field, start(items), Grid::Uniform, 40).unwrap()
}

fn values(x: Tensor<2>) -> Vec<f32> {
    x.into_data().try_to_vec().unwrap()
}

#[test]
fn threshold_zero_is_bit_identical_to_the_plain_field() {
    for solver in [Solver::Euler, Solver::Ab2, Solver::Ab3, Solver::Heun] {
        let noted = Noted::default();
        let guidance = GuidanceRule::Interval {
            scale: 3.0,
            from: 0.0,
            to: 0.8,
        };
        let field = Guided {
            field: &noted,
            guidance,
        };
        let plain = integrate(solver, &field, start(0..3), Grid::Uniform, 40).unwrap();
        let off = solve(&Noted::default(), solver, 0..3, [0.0; 3]);
        assert_eq!(values(off.x), values(plain.x.clone()), "{solver}");
        assert_eq!(off.evaluations, plain.evaluations, "{solver}");
        // Thresholds that nothing can fall below run the whole machinery to the same end.
        let tiny = solve(&Noted::default(), solver, 0..3, [1e-300; 3]);
        assert_eq!(values(tiny.x), values(plain.x), "{solver}");
        assert_eq!(tiny.evaluations, plain.evaluations, "{solver}");
    }
}

#[test]
fn an_item_does_not_depend_on_its_batch_mates() {
    for thresholds in [
        [0.3, 0.0, 0.0],
        [0.0, 0.1, 0.0],
        [0.0, 0.0, 0.3],
        [0.3, 0.1, 0.1],
    ] {
        let batch = solve(&Noted::default(), Solver::Euler, 0..3, thresholds);
        for item in 0..3 {
            let alone = solve(&Noted::default(), Solver::Euler, item..item + 1, thresholds);
            let row = batch.x.clone().narrow(0, item, 1);
            assert_eq!(values(row), values(alone.x), "{thresholds:?} item {item}");
            assert_eq!(batch.branches[item], alone.branches[0]);
        }
        let different = batch.branches.iter().any(|n| *n != batch.branches[0]);
        assert!(
            different,
            "{thresholds:?}: items disagree, else this shows nothing"
        );
    }
}

#[test]
fn counted_evaluations_are_the_real_ones() {
    for thresholds in [
        [0.0; 3],
        [0.3, 0.0, 0.0],
        [0.0, 0.1, 0.0],
        [0.0, 0.0, 0.3],
        [0.3, 0.1, 0.1],
    ] {
        let noted = Noted::default();
        let end = solve(&noted, Solver::Ab2, 0..3, thresholds);
        let real: Vec<usize> = (0..3).map(|item| noted.rows_of(item)).collect();
        assert_eq!(end.branches, real, "{thresholds:?}");
        assert_eq!(end.evaluations.calls, 40);
        assert_eq!(Some(&end.evaluations.branches), real.iter().max());
    }
}

#[test]
fn larger_thresholds_cost_less() {
    let cost = |state: &State<2>| state.branches.iter().sum::<usize>();
    let plain = solve(&Noted::default(), Solver::Euler, 0..3, [0.0; 3]);
    for (axis, thresholds) in [[0.3, 0.9], [0.05, 0.4], [0.1, 0.5]]
        .into_iter()
        .enumerate()
    {
        let mut last = cost(&plain);
        for threshold in thresholds {
            let mut all = [0.0; 3];
            all[axis] = threshold;
            let end = solve(&Noted::default(), Solver::Euler, 0..3, all);
            assert!(cost(&end) < last, "{all:?}: {} evaluations", cost(&end));
            last = cost(&end);
            let change: f32 = (end.x - plain.x.clone()).max_abs().into_scalar();
            assert!(change > 0.0, "{all:?}: a saving that changes nothing");
        }
    }
}

#[test]
fn guidance_that_ended_stays_ended_and_every_run_has_its_own() {
    let noted = Noted::default();
    let guidance = GuidanceRule::Constant { scale: 3.0 };
    let guided = Guided {
        field: &noted,
        guidance,
    };
    let field = AdaptiveGuidance::new(guided, 0.3);
    let run = || integrate(Solver::Euler, &field, start(0..1), Grid::Uniform, 20).unwrap();
    let first = run();
    let calls = noted.calls.borrow().clone();
    let unguided =
        |call: &Vec<BranchItem>| call.iter().all(|row| row.branch == Branch::Conditional);
    // `both` of a field without its own is two calls, conditional first.
    let last_unconditional = calls.iter().rposition(|call| !unguided(call)).unwrap();
    let ended = calls.len() - last_unconditional - 1;
    assert!(ended > 2, "{ended} unguided steps");
    assert_eq!(first.evaluations.branches, 2 * 20 - ended);
    let again = run();
    assert_eq!(again.evaluations, first.evaluations);
    assert_eq!(values(again.x), values(first.x.clone()));
    // Two runs of one field at once, step by step in turn, do not see each other either.
    let states = || trajectory(Solver::Euler, &field, start(0..1), Grid::Uniform, 20);
    let (one, other) = states().zip(states()).last().unwrap();
    for last in [one.unwrap(), other.unwrap()] {
        assert_eq!(last.evaluations, first.evaluations);
        assert_eq!(values(last.x), values(first.x.clone()));
    }
}

#[test]
fn where_guidance_ends_the_cache_is_not_believed() {
    let noted = Noted::default();
    solve(&noted, Solver::Euler, 0..1, [0.0, 1e9, 0.0]);
    // Two to learn the rate, guided; two to learn it again when guidance has ended at t = 0.8.
    assert_eq!(noted.rows_of(0), 2 * 2 + 2);
    let noted = Noted::default();
    solve(&noted, Solver::Euler, 0..1, [0.0, 0.0, 1e9]);
    // The first guided one, and the first one after guidance has ended.
    assert_eq!(noted.rows_of(0), 2 + 1);
}

#[test]
fn a_field_without_a_probe_is_always_evaluated() {
    let field = FirstBlockCache::new(|x: Tensor<2>, t: f64| x * t, 1e9);
    let end = integrate(Solver::Euler, &field, start(0..3), Grid::Uniform, 10).unwrap();
    assert_eq!(end.branches, [10; 3]);
}

#[test]
fn bad_thresholds_are_refused_before_the_first_evaluation() {
    for value in [-0.1, f64::NAN, f64::INFINITY] {
        let field = StepCache::new(|x: Tensor<2>, _t: f64| x, value);
        let error = integrate(Solver::Euler, &field, start(0..1), Grid::Uniform, 3).unwrap_err();
        assert!(matches!(error, Error::BadThreshold { .. }), "{error}");
        assert!(error.to_string().contains("step cache threshold"));
        let field = FirstBlockCache::new(|x: Tensor<2>, _t: f64| x, value);
        let error = BatchedField::<2>::validate(&field).unwrap_err();
        assert!(error.to_string().contains("first-block cache"), "{error}");
        let guided = Guided {
            field: &Noted::default(),
            guidance: GuidanceRule::Constant { scale: 2.0 },
        };
        let field = AdaptiveGuidance::new(guided, value);
        let error = BatchedField::<2>::validate(&field).unwrap_err();
        assert!(error.to_string().contains("adaptive guidance"), "{error}");
    }
}

#[test]
fn chosen_rows_of_a_plain_field_are_those_of_the_whole_batch() {
    let field = |x: Tensor<2>, t: f64, branch: Branch| Noted::plain(x, t, branch);
    let rows = [(2, Branch::Unconditional), (0, Branch::Conditional)];
    let rows = rows.map(|(item, branch)| BranchItem { item, branch });
    let got = field.rows(start(0..3), 0.3.into(), &rows);
    let (conditional, unconditional) = field.both(start(0..3), 0.3.into());
    let expected = Tensor::cat(
        vec![unconditional.narrow(0, 2, 1), conditional.narrow(0, 0, 1)],
        0,
    );
    assert_eq!(values(got), values(expected));
}
