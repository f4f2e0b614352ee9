//! Attention of tokens to tokens, `softmax(q k^T / sqrt(d)) v` in every head.

use burn::tensor::Tensor;

#[cfg(feature = "cpu")]
use super::linear::rounds;
#[cfg(feature = "cpu")]
use crate::cpu::flex::{self, of_one, of_three, of_two, takes};
use crate::dtype::Dtype;
use crate::fallback;

/// Attention of `q` `[batch, heads, queries, d]` to `k` and `v` `[batch, heads, keys, d]`.
///
/// # Panics
/// If the shapes do not fit each other, or there are no tokens.
pub fn attention(q: Tensor<4>, k: Tensor<4>, v: Tensor<4>) -> Tensor<4> {
    let ([batch, heads, _, d], [_, _, keys, _]) = (q.dims(), k.dims());
    let (of_k, of_v, expected) = (k.dims(), v.dims(), [batch, heads, keys, d]);
    assert_eq!(
        of_k,
        expected,
        "keys of {of_k:?} for queries of {:?}",
        q.dims()
    );
    assert_eq!(of_v, expected, "values of {of_v:?} for keys of {of_k:?}");
    #[cfg(feature = "cpu")]
    if takes(&q) && takes(&k) && takes(&v) {
        let precision = rounded(Dtype::F32);
        return of_three(flex::Attention { precision }, q, k, v);
    }
    fallback::attention(q, k, v)
}

/// Self-attention of `[batch, tokens, 3 * heads * d]`: all heads of the queries, then of the keys,
/// then of the values; the heads of the result side by side, `[batch, tokens, heads * d]`.
///
/// With a precision below float32, processors with AVX512-BF16 round the factors of both products
/// to bfloat16, and those of their gradients; sums and softmax stay in float32. Elsewhere all is
/// float32.
///
/// # Panics
/// If the last axis is not three times as many equal heads, or there are no tokens.
pub fn self_attention(query_key_value: Tensor<3>, heads: usize, precision: Dtype) -> Tensor<3> {
    let [_, tokens, channels] = query_key_value.dims();
    assert_tokens(tokens, tokens);
    assert_eq!(
        channels % (3 * heads),
        0,
        "{channels} channels for 3 x {heads} heads"
    );
    #[cfg(feature = "cpu")]
    if takes(&query_key_value) {
        let precision = rounded(precision);
        return of_one(flex::SelfAttention { heads, precision }, query_key_value);
    }
    let _ = precision;
    let [q, k, v] = fallback::parts(query_key_value, heads);
    fallback::joined(fallback::attention(q, k, v))
}

/// Attention of `[batch, queries, heads * d]` to `[batch, keys, 2 * heads * d]`: all heads of the
/// keys, then of the values; the heads of the result side by side, `[batch, queries, heads * d]`.
/// For the precision see [`self_attention`].
///
/// # Panics
/// If the shapes do not fit each other or the number of heads, or there are no tokens.
pub fn cross_attention(
    query: Tensor<3>,
    key_value: Tensor<3>,
    heads: usize,
    precision: Dtype,
) -> Tensor<3> {
    let ([batch, queries, channels], [of_keys, keys, both]) = (query.dims(), key_value.dims());
    assert_tokens(queries, keys);
    assert_eq!(channels % heads, 0, "{channels} channels for {heads} heads");
    assert_eq!(
        (of_keys, both),
        (batch, 2 * channels),
        "keys and values of {:?} for queries of {:?}",
        key_value.dims(),
        query.dims()
    );
    #[cfg(feature = "cpu")]
    if takes(&query) && takes(&key_value) {
        let precision = rounded(precision);
        return of_two(flex::CrossAttention { heads, precision }, query, key_value);
    }
    let _ = precision;
    let [q] = fallback::parts(query, heads);
    let [k, v] = fallback::parts(key_value, heads);
    fallback::joined(fallback::attention(q, k, v))
}

/// The precision of an attention, lowered within `in_bfloat16`.
#[cfg(feature = "cpu")]
fn rounded(precision: Dtype) -> Dtype {
    match precision {
        Dtype::F32 if rounds() => Dtype::Bf16,
        _ => precision,
    }
}

fn assert_tokens(queries: usize, keys: usize) {
    assert!(queries * keys > 0, "{queries} queries for {keys} keys");
}
