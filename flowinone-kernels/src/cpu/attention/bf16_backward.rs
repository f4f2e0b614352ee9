//! The gradients with the factors of all products in bfloat16, sums and softmax in float32.

use super::arrange::queries_at_once;
use super::bf16::{Left, in_order, multiply, panels};
use super::gradient::{GradientHead, through_softmax, write};
use super::heads::Shape;
use crate::cpu::gemm::layout::{MR, NR};
use crate::cpu::gemm::microkernel::amx;
use crate::cpu::gemm::microkernel::avx512_bf16::Avx512Bf16;
use crate::cpu::gemm::scratch::whole;
use crate::cpu::pointwise::softmax::exponentials;
use crate::cpu::simd::{Kernel, Simd, slots};

/// A head, on a processor that multiplies pairs of bfloat16.
pub(super) struct Bf16Gradients<'a> {
    pub(super) head: GradientHead<'a>,
    pub(super) proof: Avx512Bf16,
    pub(super) tiles: Option<amx::Amx>,
}

impl Kernel for Bf16Gradients<'_> {
    type Output = ();

    #[inline(always)]
    fn run<V: Simd>(self, simd: V) {
        let Self { head, proof, tiles } = self;
        let (shape, pair, [batch, number]) = (head.shape, head.pair, head.pair);
        let Shape {
            queries,
            keys,
            width,
            ..
        } = shape;
        let (across, columns) = (whole(keys, NR), whole(width, NR));
        let (of_width, of_keys, high) = (
            width.div_ceil(2),
            keys.div_ceil(2),
            whole(keys, MR), // rows of left panels
        );
        let most = queries_at_once(queries, across);
        let [
            wide,
            kt,
            vt,
            k,
            q_rows,
            q_columns,
            dy_rows,
            dy_columns,
            p,
            ds,
            p_columns,
            ds_rows,
            ds_columns,
            dq,
            dk,
            dv,
        ] = head.scratch;

        // Keys and values as columns, [width / 2, NR] a panel, and keys as rows of two.
        let wide_k = head.k.columns(wide, simd, pair, keys, across);
        let kt = kt.pairs(of_width, across);
        panels::<NR>(proof, in_order(wide_k, across), kt);
        let wide_v = head.v.columns(wide, simd, pair, keys, across);
        let vt = vt.pairs(of_width, across);
        panels::<NR>(proof, in_order(wide_v, across), vt);
        let k = k.pairs(of_keys, columns);
        panels::<NR>(proof, head.k.columns_of(pair, 0, keys), k);

        let (dk, dv) = (dk.take(keys, columns), dv.take(keys, columns));
        let (p, ds) = (p.take(most, across), ds.take(most, across));
        let dq = dq.take(most, columns);
        let mut first = 0;
        while first < queries {
            let rows = most.min(queries - first);
            let of_rows = rows.div_ceil(2);
            // Queries and their gradients by rows, and in panels of columns.
            let [q, dy] = [(head.q, &mut *q_rows), (head.dy, &mut *dy_rows)].map(|(x, scratch)| {
                let pairs = scratch.pairs(rows, of_width);
                for (index, pairs) in pairs.chunks_exact_mut(of_width).enumerate() {
                    proof.pair_row(x.token(batch, number, first + index), slots(pairs));
                }
                &*pairs
            });
            let [q_two, dy_two] =
                [(head.q, &mut *q_columns), (head.dy, &mut *dy_columns)].map(|(x, scratch)| {
                    let pairs = scratch.pairs(of_rows, columns);
                    panels::<NR>(proof, x.columns_of(pair, first, rows), pairs);
                    &*pairs
                });
            // SAFETY: every matrix is as large as it was taken.
            unsafe {
                let sizes = [rows, of_width, across];
                multiply(proof, sizes, Left::Rows(q, tiles), kt, p, false);
                multiply(proof, sizes, Left::Rows(dy, tiles), vt, ds, false);
            }
            let scale = shape.scale();
            let of_ds = ds_rows.pairs(rows, of_keys);
            let both = p.chunks_exact_mut(across).zip(ds.chunks_exact_mut(across));
            for ((p, ds), pairs) in both.zip(of_ds.chunks_exact_mut(of_keys)) {
                p[keys..].fill(f32::NEG_INFINITY);
                let factor = exponentials(simd, p, scale);
                through_softmax(simd, p, ds, factor, scale);
                proof.pair_row(&ds[..keys], slots(pairs));
            }
            let [p_two, ds_two] =
                [(&*p, &mut *p_columns), (&*ds, &mut *ds_columns)].map(|(x, scratch)| {
                    let pairs = scratch.pairs(of_rows, high);
                    let mut all = in_order(&x[..rows * across], across);
                    all.count = keys;
                    panels::<MR>(proof, all, pairs);
                    &*pairs
                });
            // SAFETY: as above; the first queries write what the later ones add to.
            unsafe {
                let sizes = [keys, of_rows, columns];
                multiply(proof, sizes, Left::Panels(p_two), dy_two, dv, first > 0);
                multiply(proof, sizes, Left::Panels(ds_two), q_two, dk, first > 0);
                let sizes = [rows, of_keys, columns];
                multiply(proof, sizes, Left::Rows(of_ds, tiles), k, dq, false);
                write(simd, head.dq, pair, first, &dq[..rows * columns], columns);
            }
            first += rows;
        }
        // SAFETY: the caller vouches for the tokens, and this task alone has those of its head.
        unsafe {
            write(simd, head.dk, pair, 0, dk, columns);
            write(simd, head.dv, pair, 0, dv, columns);
        }
    }
}
