//! Guidance: formulas, costs and refusals.

#![cfg(feature = "cpu")]

use std::cell::Cell;

use burn::tensor::{DType, Device, Tensor};
use flowinone_sampler::{
    Branch, BranchedField, Error, Evaluations, Grid, Guidance, GuidanceRule, Guided, Solver, Times,
    VelocityField, integrate,
};

const CONDITIONAL: [[f64; 3]; 2] = [[1.0, 2.0, -1.0], [0.5, 0.0, 4.0]];
const UNCONDITIONAL: [[f64; 3]; 2] = [[2.0, 1.0, 3.0], [-1.0, 1.5, 1.0]];

fn tensor(values: [[f64; 3]; 2]) -> Tensor<2> {
    Tensor::from_data(values, (&Device::flex(), DType::F64))
}

/// A field that gives constants and counts the calls of each branch.
#[derive(Default)]
struct Counting {
    conditional: Cell<usize>,
    unconditional: Cell<usize>,
}

impl BranchedField<2> for Counting {
    fn branch(&self, _x: Tensor<2>, _times: Times, branch: Branch) -> Tensor<2> {
        let (counter, values) = match branch {
            Branch::Conditional => (&self.conditional, CONDITIONAL),
            Branch::Unconditional => (&self.unconditional, UNCONDITIONAL),
        };
        counter.set(counter.get() + 1);
        tensor(values)
    }
}

fn guided(guidance: GuidanceRule) -> Guided<Counting, GuidanceRule> {
    Guided {
        field: Counting::default(),
        guidance,
    }
}

fn close(actual: Tensor<2>, expected: [[f64; 3]; 2]) {
    let difference: f64 = (actual - tensor(expected)).max_abs().into_scalar();
    assert!(difference < 1e-12, "{difference}");
}

#[test]
fn constant_scale_extrapolates_from_the_unconditional_branch() {
    let field = guided(GuidanceRule::Constant { scale: 7.0 });
    let v = field.velocity(tensor(CONDITIONAL), 0.3.into());
    close(v, [[-5.0, 8.0, -25.0], [9.5, -9.0, 22.0]]);
}

#[test]
fn zero_star_fits_each_item_by_itself() {
    let field = guided(GuidanceRule::ZeroStar { scale: 3.0 });
    let v = field.velocity(tensor(CONDITIONAL), 0.3.into());
    let mut expected = CONDITIONAL;
    for (c, u) in expected.iter_mut().zip(UNCONDITIONAL) {
        let dot = |a: [f64; 3], b: [f64; 3]| a.iter().zip(b).map(|(a, b)| a * b).sum::<f64>();
        let s = dot(*c, u) / dot(u, u);
        for (c, u) in c.iter_mut().zip(u) {
            *c = s * u + 3.0 * (*c - s * u);
        }
    }
    close(v, expected);
}

#[test]
fn zero_star_survives_a_vanishing_branch_and_half_precision() {
    let rule = GuidanceRule::ZeroStar { scale: 2.0 };
    let zero = tensor(UNCONDITIONAL).zeros_like();
    close(
        rule.combine(tensor(CONDITIONAL), zero, 0.0),
        CONDITIONAL.map(|row| row.map(|c| 2.0 * c)),
    );

    // 300^2 summed over three values overflows float16; the scale is computed in float32.
    let large = Tensor::<2>::full([2, 3], 300.0, &Device::flex()).cast(DType::F16);
    let v = rule.combine(large.clone(), large, 0.0);
    assert_eq!(v.dtype(), DType::F16);
    assert_eq!(v.max_abs().into_scalar::<f32>(), 300.0);
}

#[test]
fn scale_one_never_calls_the_unconditional_branch() {
    for guidance in [
        GuidanceRule::Constant { scale: 1.0 },
        GuidanceRule::Interval {
            scale: 1.0,
            from: 0.0,
            to: 1.0,
        },
        GuidanceRule::ZeroStar { scale: 1.0 },
    ] {
        let field = guided(guidance);
        let x0 = tensor(CONDITIONAL);
        let end = integrate(Solver::Heun, &field, x0, Grid::Uniform, 5).unwrap();
        assert_eq!(
            end.evaluations,
            Evaluations {
                calls: 10,
                branches: 10
            }
        );
        assert_eq!(field.field.conditional.get(), 10);
        assert_eq!(field.field.unconditional.get(), 0);
    }
}

#[test]
fn an_active_scale_costs_two_branches_a_call() {
    let field = guided(GuidanceRule::Constant { scale: 7.0 });
    let x0 = tensor(CONDITIONAL);
    let end = integrate(Solver::Euler, &field, x0, Grid::Reference, 50).unwrap();
    assert_eq!(
        end.evaluations,
        Evaluations {
            calls: 50,
            branches: 100
        }
    );
    assert_eq!(field.field.unconditional.get(), 50);
}

#[test]
fn outside_its_interval_guidance_costs_one_branch() {
    let field = guided(GuidanceRule::Interval {
        scale: 7.0,
        from: 0.3,
        to: 0.5,
    });
    close(field.velocity(tensor(CONDITIONAL), 0.2.into()), CONDITIONAL);
    let x0 = tensor(CONDITIONAL);
    let end = integrate(Solver::Euler, &field, x0, Grid::Uniform, 10).unwrap();
    // Guided at t = 0.3, 0.4 and 0.5, both ends included.
    assert_eq!(
        end.evaluations,
        Evaluations {
            calls: 10,
            branches: 13
        }
    );
    assert_eq!(field.field.unconditional.get(), 3);
}

#[test]
fn impossible_guidance_is_refused_before_the_first_evaluation() {
    for scale in [f64::NAN, f64::INFINITY] {
        let field = guided(GuidanceRule::Constant { scale });
        let x0 = tensor(CONDITIONAL);
        let error = integrate(Solver::Euler, &field, x0, Grid::Uniform, 3).unwrap_err();
        assert!(matches!(error, Error::BadGuidanceScale { .. }), "{error}");
        assert_eq!(field.field.conditional.get(), 0);
    }
    for (from, to) in [(0.6, 0.5), (f64::NAN, 1.0), (0.0, 1.5)] {
        let rule = GuidanceRule::Interval {
            scale: 2.0,
            from,
            to,
        };
        assert!(matches!(
            rule.validate(),
            Err(Error::BadGuidanceInterval { .. })
        ));
    }
}

#[test]
fn rules_are_plain_json() {
    let json = r#"{"interval":{"scale":7.0,"from":0.2,"to":0.9}}"#;
    let rule: GuidanceRule = serde_json::from_str(json).unwrap();
    assert_eq!(
        rule,
        GuidanceRule::Interval {
            scale: 7.0,
            from: 0.2,
            to: 0.9
        }
    );
    assert_eq!(serde_json::to_string(&rule).unwrap(), json);
    assert!(serde_json::from_str::<GuidanceRule>(r#"{"constant":{"weight":7.0}}"#).is_err());
}
