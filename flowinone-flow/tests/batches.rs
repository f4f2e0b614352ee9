//! An item's velocity is its own: whatever shares its batch, however its time is given, whichever
//! element type its weights have. Shapes that cannot be right are refused by name.
#![cfg(feature = "cpu")]

use burn::tensor::{DType, Device, FloatDType, Tensor, TensorData};
use flowinone_flow::{FlowConfig, FlowModel, FlowNetwork, Structure, Time, default_init};
use flowinone_parity::assert_close;
use flowinone_sampler::{Branch, BranchItem, BranchedField};
use flowinone_weights::randomize;

/// Batches of other sizes may be cut into other pieces by a matrix product.
const ROUNDING: f64 = 2e-6;

fn network(config: &FlowConfig, device: &Device) -> FlowNetwork {
    randomize(config.init(device), 7, default_init).unwrap()
}

/// Smooth values that differ everywhere.
fn waves<const D: usize>(shape: [usize; D], phase: f32, device: &Device) -> Tensor<D> {
    let count: usize = shape.iter().product();
    let values: Vec<f32> = (0..count)
        .map(|i| 1.3 * (i as f32 * 0.37 + phase).sin())
        .collect();
    Tensor::from_data(TensorData::new(values, shape), device)
}

fn rms(tensor: Tensor<4>) -> f32 {
    tensor.square().mean().sqrt().into_scalar()
}

#[test]
fn a_batch_of_two_equals_two_single_items() {
    let device = Device::flex();
    let model = network(&FlowConfig::tiny(), &device);
    let x = waves([2, 4, 32, 32], 0.0, &device);
    let latent = waves([2, 4, 32, 32], 2.0, &device);
    for followed in [[true, true], [true, false], [false, false]] {
        let structure = Structure::new(latent.clone()).masked(&followed);
        let (conditional, unconditional) = model.field(Some(structure)).both(x.clone(), 0.4.into());
        for item in 0..2 {
            let only = |tensor: &Tensor<4>| tensor.clone().narrow(0, item, 1);
            let structure = Structure::new(only(&latent)).masked(&followed[item..=item]);
            let field = model.field(Some(structure));
            for (branch, batched) in [
                (Branch::Conditional, &conditional),
                (Branch::Unconditional, &unconditional),
            ] {
                let single = field.branch(only(&x), 0.4.into(), branch);
                let label = format!("item {item} of {followed:?}, {branch:?}");
                assert_close(&label, only(batched), single, ROUNDING);
            }
        }
    }
}

#[test]
fn a_probe_is_that_of_each_row_and_moves_with_the_state() {
    let device = Device::flex();
    let model = network(&FlowConfig::tiny(), &device);
    let latent = waves([3, 4, 32, 32], 2.0, &device);
    let field = model.field(Some(Structure::new(latent)));
    let probe = |phase, rows: &[BranchItem]| {
        let x = waves([3, 4, 32, 32], phase, &device);
        let probe: Tensor<2> = field
            .probe(x, 0.4.into(), rows)
            .expect("a network has a first block");
        let [_, features] = probe.dims();
        probe.reshape([rows.len(), features, 1, 1])
    };
    let rows = BranchItem::of(&[0, 2], Branch::Conditional);
    let both = probe(0.0, &rows);
    for (at, row) in rows.iter().enumerate() {
        let only = both.clone().narrow(0, at, 1);
        assert_close("one row", only, probe(0.0, &[*row]), ROUNDING);
    }
    let moved = rms(probe(0.1, &rows) - both.clone()) / rms(both);
    assert!((0.01..1.0).contains(&moved), "{moved}");
}

#[test]
fn chosen_rows_are_those_of_the_whole_batch() {
    let device = Device::flex();
    let model = network(&FlowConfig::tiny(), &device);
    let x = waves([3, 4, 32, 32], 0.0, &device);
    let latent = waves([3, 4, 32, 32], 2.0, &device);
    let (c, u) = (Branch::Conditional, Branch::Unconditional);
    for followed in [[true, true, true], [true, false, true]] {
        let structure = Structure::new(latent.clone()).masked(&followed);
        let field = model.field(Some(structure));
        let (conditional, unconditional) = field.both(x.clone(), 0.4.into());
        for rows in [
            vec![(1, c)],
            vec![(0, c), (2, c), (0, u), (2, u)],
            vec![(0, c), (1, c), (2, c), (1, u)],
        ] {
            let rows: Vec<BranchItem> = rows
                .into_iter()
                .map(|(item, branch)| BranchItem { item, branch })
                .collect();
            let got = field.rows(x.clone(), 0.4.into(), &rows);
            for (place, row) in rows.iter().enumerate() {
                let whole = match row.branch {
                    Branch::Conditional => &conditional,
                    Branch::Unconditional => &unconditional,
                };
                let expected = whole.clone().narrow(0, row.item, 1);
                let got = got.clone().narrow(0, place, 1);
                assert_close(&format!("{row:?} of {followed:?}"), got, expected, ROUNDING);
            }
        }
    }
}

#[test]
fn the_two_branches_differ() {
    let device = Device::flex();
    let model = network(&FlowConfig::tiny(), &device);
    let (conditional, unconditional) = model
        .field(None)
        .both(waves([1, 4, 32, 32], 0.0, &device), 0.4.into());
    assert!(rms(conditional - unconditional) > 1e-3);
}

#[test]
fn equal_times_for_all_items_are_one_shared_time() {
    let device = Device::flex();
    let velocity = network(&FlowConfig::tiny(), &device).velocity;
    let x = waves([3, 4, 32, 32], 0.0, &device);
    let branches = [
        Branch::Conditional,
        Branch::Unconditional,
        Branch::Conditional,
    ];
    let each = Time::PerItem(Tensor::from_floats([0.62, 0.62, 0.62], &device));
    let each = velocity.stages(x.clone(), &each, Some(&branches), None);
    let shared = velocity.stages(x, &Time::Shared(0.62), Some(&branches), None);
    assert_close("coarse", each.coarse, shared.coarse, ROUNDING);
    assert_close("fine", each.fine, shared.fine, ROUNDING);
}

#[test]
fn an_item_without_structure_does_not_look_at_its_latent() {
    let device = Device::flex();
    let model = network(&FlowConfig::tiny(), &device);
    let x = waves([2, 4, 32, 32], 0.0, &device);
    let [one, other] = [1.0, 3.0].map(|phase| {
        let latent = waves([2, 4, 32, 32], phase, &device);
        let structure = Structure::new(latent).masked(&[false, true]);
        let field = model.field(Some(structure));
        field.branch(x.clone(), 0.4.into(), Branch::Conditional)
    });
    let difference = |item| rms((one.clone() - other.clone()).narrow(0, item, 1));
    assert_eq!(difference(0), 0.0);
    assert!(difference(1) > 1e-4, "{}", difference(1));
}

#[test]
fn random_weights_stay_of_order_one_at_full_depth() {
    let device = Device::flex();
    let mut config = FlowConfig::tiny();
    config.transformer.blocks = 65;
    config.convnext.blocks = 33;
    config.source.layers = 11;
    let model = network(&config, &device);
    let source = model.source(waves([1, 16, 24], 0.0, &device));
    let structure = Structure::new(waves([1, 4, 32, 32], 1.0, &device));
    let x = source.sample(waves([1, 4, 32, 32], 2.0, &device));
    let x_rms = rms(x.clone());
    let v_rms = rms(model
        .field(Some(structure))
        .branch(x, 0.5.into(), Branch::Conditional));
    println!("rms of x0 {x_rms}, of v {v_rms}");
    assert!((0.2..5.0).contains(&x_rms), "x0 {x_rms}");
    assert!((0.2..5.0).contains(&v_rms), "v {v_rms}");
}

#[test]
fn half_precision_weights_leave_the_state_in_single_precision() {
    let device = Device::flex();
    let single = network(&FlowConfig::tiny(), &device);
    let half = flowinone_weights::fill(FlowConfig::tiny().init(&device), |param| {
        Ok(default_init(&param.path, &param.shape).draw(param, 7, FloatDType::BF16))
    })
    .unwrap();
    let x = waves([1, 4, 32, 32], 0.0, &device);
    let [expected, got] = [&single, &half].map(|model| {
        let structure = Structure::new(waves([1, 4, 32, 32], 1.0, &device));
        let field = model.field(Some(structure));
        field.branch(x.clone(), 0.5.into(), Branch::Conditional)
    });
    assert_eq!(got.dtype(), DType::F32);
    // bfloat16 keeps 8 bits; the reference's own half-precision run is off by 9e-3.
    assert_close("bf16 weights", got, expected, 5e-2);
    let source = half.source(waves([1, 16, 24], 0.0, &device));
    assert_eq!(source.mean.dtype(), DType::F32);
}

#[test]
#[should_panic(expected = "a latent of shape [1, 4, 16, 16], expected [batch, 4, 32, 32]")]
fn a_latent_of_another_side_is_named() {
    let device = Device::flex();
    let model = network(&FlowConfig::tiny(), &device);
    let x = waves([1, 4, 16, 16], 0.0, &device);
    model.field(None).branch(x, 0.5.into(), Branch::Conditional);
}

#[test]
#[should_panic(expected = "2 structure latents for a batch of 1")]
fn structure_of_another_batch_is_named() {
    let device = Device::flex();
    let model = network(&FlowConfig::tiny(), &device);
    let structure = Structure::new(waves([2, 4, 32, 32], 0.0, &device));
    let x = waves([1, 4, 32, 32], 0.0, &device);
    model.field(Some(structure)).both(x, 0.5.into());
}

#[test]
#[should_panic(expected = "[1, 15, 24], expected [batch, 16, 24]")]
fn visual_tokens_of_another_number_are_named() {
    let device = Device::flex();
    network(&FlowConfig::tiny(), &device).source(waves([1, 15, 24], 0.0, &device));
}
