use burn::tensor::Tensor;

use super::assert_same;
use crate::dtype::Dtype;
use crate::{attention, cross_attention, fallback, self_attention};

/// Batch, heads, queries, keys, width.
const SHAPES: [[usize; 5]; 9] = [
    [1, 1, 1, 1, 1],
    [1, 2, 3, 5, 4],
    [2, 3, 65, 65, 32],
    [2, 2, 17, 40, 16],
    [1, 1, 130, 70, 24],
    [1, 2, 257, 258, 64],
    [1, 1, 30, 31, 80],
    [2, 1, 12, 577, 128],
    [1, 1, 200, 1100, 8],
];

const TOLERANCE: f32 = 1e-5;

#[test]
fn attention_is_that_of_burn_with_its_gradients() {
    for [batch, heads, queries, keys, width] in SHAPES {
        let of_q = [batch, heads, queries, width];
        let of_k = [batch, heads, keys, width];
        let [q_length, k_length] = [of_q, of_k].map(|shape| shape.iter().product());
        let lengths = [q_length, k_length, k_length];
        let run = |function: fn(Tensor<4>, Tensor<4>, Tensor<4>) -> Tensor<4>| {
            move |[q, k, v]: [Tensor<1>; 3]| {
                let [k, v] = [k, v].map(|x| x.reshape(of_k));
                function(q.reshape(of_q), k, v).reshape([q_length])
            }
        };
        let name = format!("attention of {of_q:?} to {keys}");
        let (fast, reference) = (run(attention), run(fallback::attention));
        assert_same(&name, lengths, TOLERANCE, fast, reference);
    }
}

#[test]
fn heads_are_read_and_written_where_they_lie() {
    for [batch, heads, queries, keys, width] in SHAPES {
        let channels = heads * width;
        let (y, kv) = ([batch, queries, channels], [batch, keys, 2 * channels]);
        let qkv = [batch, queries, 3 * channels];
        let [y_length, kv_length, qkv_length] = [y, kv, qkv].map(|shape| shape.iter().product());

        let fast = |[x]: [Tensor<1>; 1]| {
            self_attention(x.reshape(qkv), heads, Dtype::F32).reshape([y_length])
        };
        let reference = |[x]: [Tensor<1>; 1]| {
            let [q, k, v] = fallback::parts(x.reshape(qkv), heads);
            fallback::joined(fallback::attention(q, k, v)).reshape([y_length])
        };
        let name = format!("self-attention of {qkv:?}");
        assert_same(&name, [qkv_length], TOLERANCE, fast, reference);

        let fast = |[q, kv_of]: [Tensor<1>; 2]| {
            cross_attention(q.reshape(y), kv_of.reshape(kv), heads, Dtype::F32).reshape([y_length])
        };
        let reference = |[q, kv_of]: [Tensor<1>; 2]| {
            let [q] = fallback::parts(q.reshape(y), heads);
            let [k, v] = fallback::parts(kv_of.reshape(kv), heads);
            fallback::joined(fallback::attention(q, k, v)).reshape([y_length])
        };
        let name = format!("cross-attention of {y:?} to {keys}");
        assert_same(&name, [y_length, kv_length], TOLERANCE, fast, reference);

        // The same through views of the fused tensors.
        let fast = |[x]: [Tensor<1>; 1]| {
            let [q, k, v] = fallback::parts(x.reshape(qkv), heads);
            fallback::joined(attention(q, k, v)).reshape([y_length])
        };
        let reference = |[x]: [Tensor<1>; 1]| {
            self_attention(x.reshape(qkv), heads, Dtype::F32).reshape([y_length])
        };
        assert_same(
            "attention of views",
            [qkv_length],
            TOLERANCE,
            fast,
            reference,
        );
    }
}

#[test]
fn fewer_bits_come_near() {
    let device = burn::tensor::Device::flex();
    let normal = burn::tensor::Distribution::Normal(0.0, 1.0);
    for [batch, heads, queries, keys, width] in SHAPES {
        let channels = heads * width;
        let q = Tensor::<3>::random([batch, queries, channels], normal, &device);
        let kv = Tensor::<3>::random([batch, keys, 2 * channels], normal, &device);
        let of = |precision| cross_attention(q.clone(), kv.clone(), heads, precision);
        let exact = of(Dtype::F32);
        for precision in [Dtype::Bf16, Dtype::Int8] {
            let off = (of(precision) - exact.clone()).square().sum().sqrt();
            let relative: f32 = (off / exact.clone().square().sum().sqrt()).into_scalar();
            // Each factor is off by up to 2^-9 of itself.
            assert!(
                relative < 1e-2,
                "{queries} queries, {keys} keys: {relative}"
            );
            #[cfg(target_arch = "x86_64")]
            if crate::cpu::gemm::microkernel::find_bf16(crate::SimdLevel::current()).is_some() {
                assert!(
                    relative > 1e-5,
                    "{queries} queries, {keys} keys: {relative}"
                );
            }
        }
    }
}
