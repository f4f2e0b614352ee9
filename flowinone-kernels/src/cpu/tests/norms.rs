use burn::tensor::Tensor;

use super::assert_same;
use crate::fallback;

/// Of 2e-5: the sums of a thousand products are rounded in another order.
const TOLERANCE: f32 = 2e-5;

/// Batch, tokens, width, and whether every item has its own weights.
const SHAPES: [([usize; 3], bool); 7] = [
    ([1, 1, 2], false),
    ([2, 3, 5], false),
    ([2, 3, 5], true),
    ([1, 67, 16], false),
    ([3, 9, 33], true),
    ([4, 65, 160], true),
    ([2, 40, 1024], false),
];

#[test]
fn rms_norm_is_that_of_burn() {
    for (shape, own) in SHAPES {
        let [batch, tokens, width] = shape;
        let items = if own { batch } else { 1 };
        let lengths = [batch * tokens * width, items * width];
        let run = |norm: fn(Tensor<3>, Tensor<3>) -> Tensor<3>| {
            move |[x, scale]: [Tensor<1>; 2]| {
                let scale = scale.reshape([items, 1, width]);
                norm(x.reshape(shape), scale).reshape([lengths[0]])
            }
        };
        let name = format!("rms norm of {shape:?}");
        let reference = run(|x, scale| fallback::rms_norm(x, scale, 1e-8));
        assert_same(&name, lengths, TOLERANCE, run(crate::rms_norm), reference);
        let alone =
            |[x]: [Tensor<1>; 1]| crate::rms_normalized(x.reshape(shape)).reshape([lengths[0]]);
        let reference = |[x]: [Tensor<1>; 1]| {
            fallback::rms_normalized(x.reshape(shape), 1e-8).reshape([lengths[0]])
        };
        assert_same(&name, [lengths[0]], TOLERANCE, alone, reference);
    }
}

#[test]
fn norms_with_bias_are_those_of_burn() {
    type Norm = fn(Tensor<3>, Tensor<3>, Tensor<3>, f64) -> Tensor<3>;
    let norms: [(&str, Norm, Norm); 2] = [
        ("layer norm", crate::layer_norm, fallback::layer_norm),
        ("sample norm", crate::sample_norm, fallback::sample_norm),
    ];
    for (shape, own) in SHAPES {
        let [batch, tokens, width] = shape;
        let items = if own { batch } else { 1 };
        let lengths = [batch * tokens * width, items * width, items * width];
        for (name, fast, reference) in norms {
            let run = |norm: Norm| {
                move |[x, weight, bias]: [Tensor<1>; 3]| {
                    let [weight, bias] = [weight, bias].map(|x| x.reshape([items, 1, width]));
                    norm(x.reshape(shape), weight, bias, 1e-5).reshape([lengths[0]])
                }
            };
            let name = format!("{name} of {shape:?}");
            assert_same(&name, lengths, TOLERANCE, run(fast), run(reference));
        }
    }
}

#[test]
fn group_norm_with_silu_is_that_of_burn() {
    for (shape, groups) in [
        ([1, 4, 1, 3], 2),
        ([2, 6, 5, 7], 3),
        ([3, 8, 4, 4], 8),
        ([1, 64, 16, 16], 32),
    ] {
        let [_, channels, ..] = shape;
        let length = shape.iter().product();
        type Norm = fn(Tensor<4>, Tensor<1>, Tensor<1>, usize, f64) -> Tensor<4>;
        let run = |norm: Norm| {
            move |[x, weight, bias]: [Tensor<1>; 3]| {
                norm(x.reshape(shape), weight, bias, groups, 1e-6).reshape([length])
            }
        };
        let name = format!("group norm of {shape:?}");
        let lengths = [length, channels, channels];
        let (fast, reference) = (run(crate::group_norm_silu), run(fallback::group_norm_silu));
        assert_same(&name, lengths, TOLERANCE, fast, reference);
    }
}

#[test]
fn an_empty_token_has_no_gradient_but_a_finite_one() {
    use burn::tensor::Device;
    let x = Tensor::<3>::zeros([1, 1, 4], &Device::flex().autodiff()).require_grad();
    let scale = Tensor::ones([1, 1, 4], &Device::flex());
    let gradients = crate::rms_norm(x.clone(), scale).sum().backward();
    let gradient: Vec<f32> = x
        .grad(&gradients)
        .unwrap()
        .into_data()
        .try_to_vec()
        .unwrap();
    assert!(gradient.iter().all(|g| g.is_finite()), "{gradient:?}");
}
