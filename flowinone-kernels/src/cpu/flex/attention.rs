//! Attention of Flex tensors, from and to wherever their heads lie.

use burn::backend::flex::FlexTensor;
use burn::backend::{Flex, ops::FloatTensorOps};

use super::operation::{Operation, in_order, tensor, values};
use crate::cpu::attention::{Heads, HeadsMut, Shape, Strides, attend, gradients};
use crate::cpu::simd::level::SimdLevel;
use crate::dtype::Dtype;

/// Of queries, keys and values `[batch, heads, tokens, d]`.
#[derive(Debug, Clone)]
pub(crate) struct Attention {
    pub(crate) precision: Dtype,
}

/// Of one tensor `[batch, tokens, 3 * heads * d]`.
#[derive(Debug, Clone)]
pub(crate) struct SelfAttention {
    pub(crate) heads: usize,
    pub(crate) precision: Dtype,
}

/// Of queries `[batch, queries, heads * d]` to keys and values `[batch, keys, 2 * heads * d]`.
#[derive(Debug, Clone)]
pub(crate) struct CrossAttention {
    pub(crate) heads: usize,
    pub(crate) precision: Dtype,
}

/// The result `[batch, queries, heads * d]`.
fn attended(shape: Shape, precision: Dtype, inputs: [Heads<'_>; 3]) -> FlexTensor {
    let width = shape.heads * shape.width;
    // SAFETY: one tensor with room for the tokens of the queries, all of which are written.
    let [y] = unsafe {
        written([shape.batch * shape.queries * width], |[y]| {
            let strides = Strides::of_part(shape, shape.queries, 0, 1);
            let y = HeadsMut::new(y.0, y.1, strides, shape, shape.queries);
            attend(SimdLevel::current(), precision, shape, inputs, y);
        })
    };
    tensor(y, vec![shape.batch, shape.queries, width])
}

/// Vectors of `lengths` values, made by `write` from their starts and lengths.
///
/// # Safety
/// `write` must write every value.
unsafe fn written<const N: usize>(
    lengths: [usize; N],
    write: impl FnOnce([(*mut f32, usize); N]),
) -> [Vec<f32>; N] {
    let mut vectors = lengths.map(Vec::with_capacity);
    let mut left = lengths.into_iter();
    write(vectors.each_mut().map(|vector| {
        let length = left.next().expect("one length for each vector");
        (vector.as_mut_ptr(), length)
    }));
    for (vector, length) in vectors.iter_mut().zip(lengths) {
        // SAFETY: the caller vouches that all of them have been written.
        unsafe { vector.set_len(length) };
    }
    vectors
}

/// The tensor with the values of each token side by side, and where its tokens lie; axes are
/// `[batch, heads, tokens, d]`.
fn side_by_side(x: FlexTensor) -> (FlexTensor, Strides) {
    let rows = |x: &FlexTensor| {
        let [batch, head, token, number] = *x.layout().strides() else {
            return None;
        };
        let [_, _, _, width] = x.layout().shape().dims();
        (number == 1 || width == 1).then_some(())?;
        Some(Strides {
            offset: x.layout().start_offset(),
            batch: batch.try_into().ok()?,
            head: head.try_into().ok()?,
            token: token.try_into().ok()?,
        })
    };
    match rows(&x) {
        Some(strides) => (x, strides),
        None => {
            let x = x.to_contiguous();
            let strides = rows(&x).expect("values in order lie side by side");
            (x, strides)
        }
    }
}

fn heads_of((x, strides): &(FlexTensor, Strides), shape: Shape, tokens: usize) -> Heads<'_> {
    Heads::new(x.storage(), *strides, shape, tokens)
}

fn shape_of(q: &FlexTensor, k: &FlexTensor) -> Shape {
    let [batch, heads, queries, width] = q.layout().shape().dims();
    let [_, _, keys, _] = k.layout().shape().dims();
    Shape {
        batch,
        heads,
        queries,
        keys,
        width,
    }
}

impl Operation<3> for Attention {
    type Saved = [FlexTensor; 3];

    fn forward(&self, inputs: [FlexTensor; 3]) -> (FlexTensor, Self::Saved) {
        let inputs = inputs.map(side_by_side);
        let [q, k, v] = &inputs;
        let shape = shape_of(&q.0, &k.0);
        let heads = |placed, tokens| heads_of(placed, shape, tokens);
        let y = attended(
            shape,
            self.precision,
            [
                heads(q, shape.queries),
                heads(k, shape.keys),
                heads(v, shape.keys),
            ],
        );
        let y = Flex::float_reshape(
            y,
            [shape.batch, shape.queries, shape.heads, shape.width].into(),
        );
        // A view: joining the heads again costs nothing.
        let y = Flex::float_swap_dims(y, 1, 2);
        (y, inputs.map(|(x, _)| x))
    }

    fn backward(
        &self,
        saved: Self::Saved,
        gradient: FlexTensor,
        _: [bool; 3],
    ) -> [Option<FlexTensor>; 3] {
        let inputs = saved.map(side_by_side);
        let [q, k, v] = &inputs;
        let shape = shape_of(&q.0, &k.0);
        let Shape { queries, keys, .. } = shape;
        let heads = |placed, tokens| heads_of(placed, shape, tokens);
        let dy = side_by_side(gradient);
        let inputs = [
            heads(q, queries),
            heads(k, keys),
            heads(v, keys),
            heads(&dy, queries),
        ];
        let all = shape.batch * shape.heads * shape.width;
        // SAFETY: three tensors with room for their tokens, all of which are written.
        let [dq, dk, dv] = unsafe {
            written([queries, keys, keys].map(|tokens| all * tokens), |all| {
                let mut tokens = [queries, keys, keys].into_iter();
                let outputs = all.map(|(start, length)| {
                    let tokens = tokens.next().expect("one number for each");
                    let strides = Strides::of_part(shape, tokens, 0, 1);
                    HeadsMut::new(start, length, strides, shape, tokens)
                });
                gradients(SimdLevel::current(), self.precision, shape, inputs, outputs);
            })
        };
        let as_heads = |values: Vec<f32>, tokens| {
            let x = tensor(values, vec![shape.batch, tokens, shape.heads, shape.width]);
            Flex::float_swap_dims(x, 1, 2)
        };
        [
            as_heads(dq, queries),
            as_heads(dk, keys),
            as_heads(dv, keys),
        ]
        .map(Some)
    }
}

impl SelfAttention {
    fn shape(&self, fused: &FlexTensor) -> Shape {
        let [batch, tokens, channels] = fused.layout().shape().dims();
        Shape {
            batch,
            heads: self.heads,
            queries: tokens,
            keys: tokens,
            width: channels / (3 * self.heads),
        }
    }
}

impl Operation<1> for SelfAttention {
    type Saved = FlexTensor;

    fn forward(&self, [fused]: [FlexTensor; 1]) -> (FlexTensor, FlexTensor) {
        let fused = in_order(fused);
        let shape = self.shape(&fused);
        let qkv = [0, 1, 2].map(|part| part_of(shape, &fused, part, 3));
        let y = attended(shape, self.precision, qkv);
        (y, fused)
    }

    fn backward(
        &self,
        fused: FlexTensor,
        gradient: FlexTensor,
        _: [bool; 1],
    ) -> [Option<FlexTensor>; 1] {
        let shape = self.shape(&fused);
        let dy = in_order(gradient);
        let [q, k, v] = [0, 1, 2].map(|part| part_of(shape, &fused, part, 3));
        let inputs = [q, k, v, part_of(shape, &dy, 0, 1)];
        // SAFETY: one tensor, cut into three parts that do not overlap; all tokens are written.
        let [all] = unsafe {
            written([values(&fused).len()], |[(start, length)]| {
                let outputs = [0, 1, 2].map(|part| {
                    let strides = Strides::of_part(shape, shape.queries, part, 3);
                    HeadsMut::new(start, length, strides, shape, shape.queries)
                });
                gradients(SimdLevel::current(), self.precision, shape, inputs, outputs);
            })
        };
        [Some(tensor(all, super::operation::shape(&fused)))]
    }
}

impl CrossAttention {
    fn shape(&self, query: &FlexTensor, key_value: &FlexTensor) -> Shape {
        let [batch, queries, channels] = query.layout().shape().dims();
        let [_, keys, _] = key_value.layout().shape().dims();
        Shape {
            batch,
            heads: self.heads,
            queries,
            keys,
            width: channels / self.heads,
        }
    }
}

impl Operation<2> for CrossAttention {
    type Saved = [FlexTensor; 2];

    fn forward(&self, inputs: [FlexTensor; 2]) -> (FlexTensor, Self::Saved) {
        let [query, key_value] = inputs.map(in_order);
        let shape = self.shape(&query, &key_value);
        let q = part_of(shape, &query, 0, 1);
        let [k, v] = [0, 1].map(|part| part_of(shape, &key_value, part, 2));
        let y = attended(shape, self.precision, [q, k, v]);
        (y, [query, key_value])
    }

    fn backward(
        &self,
        [query, key_value]: Self::Saved,
        gradient: FlexTensor,
        _: [bool; 2],
    ) -> [Option<FlexTensor>; 2] {
        let shape = self.shape(&query, &key_value);
        let dy = in_order(gradient);
        let [k, v] = [0, 1].map(|part| part_of(shape, &key_value, part, 2));
        let inputs = [
            part_of(shape, &query, 0, 1),
            k,
            v,
            part_of(shape, &dy, 0, 1),
        ];
        let lengths = [values(&query).len(), values(&key_value).len()];
        // SAFETY: a tensor, and another one cut into two parts that do not overlap; all tokens are
        // written.
        let [dq, all] = unsafe {
            written(lengths, |[dq, all]| {
                let strides = Strides::of_part(shape, shape.queries, 0, 1);
                let dq = HeadsMut::new(dq.0, dq.1, strides, shape, shape.queries);
                let [dk, dv] = [0, 1].map(|part| {
                    let strides = Strides::of_part(shape, shape.keys, part, 2);
                    HeadsMut::new(all.0, all.1, strides, shape, shape.keys)
                });
                gradients(
                    SimdLevel::current(),
                    self.precision,
                    shape,
                    inputs,
                    [dq, dk, dv],
                );
            })
        };
        [
            tensor(dq, super::operation::shape(&query)),
            tensor(all, super::operation::shape(&key_value)),
        ]
        .map(Some)
    }
}

/// One of `parts` equal parts of the last axis of `[batch, tokens, channels]`.
fn part_of(shape: Shape, x: &FlexTensor, part: usize, parts: usize) -> Heads<'_> {
    let [_, tokens, _] = x.layout().shape().dims();
    let strides = Strides::of_part(shape, tokens, part, parts);
    Heads::new(values(x), strides, shape, tokens)
}
