//! The gradients, with the scores computed again:
//!
//! ```text
//! p = softmax(s),  s = q k^T / sqrt(d)
//! dv = p^T dy,   dp = dy v^T,   ds = p (dp - sum(p dp)) / sqrt(d)
//! dq = ds k,   dk = ds^T q
//! ```

use super::arrange::queries_at_once;
#[cfg(target_arch = "x86_64")]
use super::bf16_backward::Bf16Gradients;
use super::gradient::{BUFFERS, GradientHead, through_softmax, write};
use super::heads::{Heads, HeadsMut, Shape};
use super::problem::each_task;
#[cfg(target_arch = "x86_64")]
use super::problem::pairs_of;
use crate::cpu::gemm::layout::{Right, Strided};
use crate::cpu::gemm::microkernel::f32::SmallGemm;
use crate::cpu::gemm::scratch::{Scratch, whole};
use crate::cpu::pointwise::softmax::exponentials;
use crate::cpu::simd::level::SimdLevel;
use crate::cpu::simd::{Kernel, Simd};
use crate::dtype::Dtype;

/// The gradients of `q`, `k` and `v`, from that of the result; below float32 with factors in
/// bfloat16, where the processor multiplies them.
///
/// # Safety
/// The gradients must have the tokens of what they are the gradients of.
pub(crate) unsafe fn gradients(
    level: SimdLevel,
    precision: Dtype,
    shape: Shape,
    [q, k, v, dy]: [Heads<'_>; 4],
    [dq, dk, dv]: [HeadsMut<'_>; 3],
) {
    #[cfg(target_arch = "x86_64")]
    let pairs_of = pairs_of(level, precision);
    #[cfg(not(target_arch = "x86_64"))]
    let _ = precision;
    let run = |scratch: &mut [Scratch; BUFFERS], task: usize| {
        let head = GradientHead {
            shape,
            q,
            k,
            v,
            dy,
            dq,
            dk,
            dv,
            pair: [task / shape.heads, task % shape.heads],
            scratch,
        };
        #[cfg(target_arch = "x86_64")]
        if let Some(proof) = pairs_of {
            let tiles = crate::cpu::gemm::microkernel::find_amx(level);
            return level.run(Bf16Gradients { head, proof, tiles });
        }
        level.run(head);
    };
    let pairs = shape.batch * shape.heads;
    let work = pairs * shape.queries * shape.keys * shape.width;
    each_task(pairs, work >= 32 * 1024, run);
}

impl Kernel for GradientHead<'_> {
    type Output = ();

    #[inline(always)]
    fn run<V: Simd>(self, simd: V) {
        let (shape, pair) = (self.shape, self.pair);
        let Shape {
            queries,
            keys,
            width,
            ..
        } = shape;
        let (across, columns) = (whole(keys, V::WIDTH), whole(width, V::WIDTH));
        let [kt, vt, k, q, dy, p, ds, dq, dk, dv, ..] = self.scratch;
        let kt = self.k.columns(kt, simd, pair, keys, across); // [width, across]
        let vt = self.v.columns(vt, simd, pair, keys, across);
        let k = self.k.rows(k, simd, pair, 0, keys, columns); // [keys, columns]
        let (dk, dv) = (dk.take(keys, columns), dv.take(keys, columns));
        let most = queries_at_once(queries, across);
        let (p, ds) = (p.take(most, across), ds.take(most, across));
        let dq = dq.take(most, columns);
        let mut first = 0;
        while first < queries {
            let rows = most.min(queries - first);
            let q = self.q.rows(q, simd, pair, first, rows, columns);
            let dy = self.dy.rows(dy, simd, pair, first, rows, columns);
            // [rows, across] and [keys, columns] from what they are made of.
            let scores = |left: &[f32], right: &[f32], c: &mut [f32]| SmallGemm {
                a: Strided {
                    start: left.as_ptr(),
                    row: columns,
                    column: 1,
                },
                b: Right::in_order(right.as_ptr(), across),
                c: c.as_mut_ptr(),
                c_row: across,
                rows,
                columns: across,
                k: width,
                add: false,
            };
            let of_keys = |left: &[f32], right: &[f32], c: &mut [f32]| SmallGemm {
                a: Strided {
                    start: left.as_ptr(),
                    row: 1,
                    column: across,
                },
                b: Right::in_order(right.as_ptr(), columns),
                c: c.as_mut_ptr(),
                c_row: columns,
                rows: keys,
                columns,
                k: rows,
                add: first > 0,
            };
            // SAFETY: every matrix is as large as it was taken.
            unsafe {
                scores(q, kt, p).compute(simd);
                scores(dy, vt, ds).compute(simd);
            }
            let scale = shape.scale();
            let both = p.chunks_exact_mut(across).zip(ds.chunks_exact_mut(across));
            for (p, ds) in both.take(rows) {
                p[keys..].fill(f32::NEG_INFINITY);
                let factor = exponentials(simd, p, scale);
                through_softmax(simd, p, ds, factor, scale);
            }
            // SAFETY: as above; the first queries write what the later ones add to.
            unsafe {
                of_keys(p, dy, dv).compute(simd);
                of_keys(ds, q, dk).compute(simd);
                SmallGemm {
                    a: Strided {
                        start: ds.as_ptr(),
                        row: across,
                        column: 1,
                    },
                    b: Right::in_order(k.as_ptr(), columns),
                    c: dq.as_mut_ptr(),
                    c_row: columns,
                    rows,
                    columns,
                    k: keys,
                    add: false,
                }
                .compute(simd);
                write(simd, self.dq, pair, first, &dq[..rows * columns], columns);
            }
            first += rows;
        }
        // SAFETY: the caller vouches for the tokens, and this task alone has those of its head.
        unsafe {
            write(simd, self.dk, pair, 0, dk, columns);
            write(simd, self.dv, pair, 0, dv, columns);
        }
    }
}
