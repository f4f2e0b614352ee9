//! The attended values.

use super::arrange::{MOST_QUERIES, queries_at_once};
#[cfg(target_arch = "x86_64")]
use super::bf16::Bf16Head;
use super::heads::{Heads, HeadsMut, Shape};
#[cfg(target_arch = "x86_64")]
use super::problem::pairs_of;
use super::problem::{Head, each_task};
use crate::cpu::gemm::layout::{Right, Strided};
use crate::cpu::gemm::microkernel::f32::SmallGemm;
use crate::cpu::gemm::scratch::{Scratch, whole};
use crate::cpu::pointwise::softmax::exponentials;
use crate::cpu::simd::level::SimdLevel;
use crate::cpu::simd::{Kernel, Simd};
use crate::dtype::Dtype;

/// `softmax(q k^T / sqrt(d)) v` of all heads, to `y`; below float32 with factors in bfloat16, where
/// the processor multiplies them.
///
/// # Safety
/// `y` must have the tokens of `q`.
pub(crate) unsafe fn attend(
    level: SimdLevel,
    precision: Dtype,
    shape: Shape,
    [q, k, v]: [Heads<'_>; 3],
    y: HeadsMut<'_>,
) {
    let pairs = shape.batch * shape.heads;
    let wanted = 4 * rayon::current_num_threads();
    // A head whose queries are shared by several threads is arranged by each of them.
    let parts = match wanted {
        4 => 1,
        _ => wanted
            .div_ceil(pairs.max(1))
            .min(shape.queries.div_ceil(48)),
    };
    let each = shape.queries.div_ceil(parts.max(1)).max(1);
    #[cfg(target_arch = "x86_64")]
    let pairs_of = pairs_of(level, precision);
    #[cfg(not(target_arch = "x86_64"))]
    let _ = precision;
    let run = |scratch: &mut [Scratch; 5], task: usize| {
        let (pair, part) = (task / parts, task % parts);
        let head = Head {
            shape,
            q,
            k,
            v,
            y,
            pair: [pair / shape.heads, pair % shape.heads],
            first: part * each,
            end: (part * each + each).min(shape.queries),
            scratch,
        };
        #[cfg(target_arch = "x86_64")]
        if let Some(proof) = pairs_of {
            let tiles = crate::cpu::gemm::microkernel::find_amx(level);
            return level.run(Bf16Head { head, proof, tiles });
        }
        level.run(head);
    };
    let work = pairs * shape.queries * shape.keys * shape.width;
    each_task(pairs * parts, work >= 64 * 1024, run);
}

impl Kernel for Head<'_> {
    type Output = ();

    #[inline(always)]
    fn run<V: Simd>(self, simd: V) {
        let Shape { keys, width, .. } = self.shape;
        let (key_columns, columns) = (whole(keys, V::WIDTH), whole(width, V::WIDTH));
        let [of_k, of_v, of_scores, of_y, _] = self.scratch;
        let k = self.k.columns(of_k, simd, self.pair, keys, key_columns);
        let v = self.v.rows(of_v, simd, self.pair, 0, keys, columns);
        let most = queries_at_once(self.end - self.first, key_columns);
        let scores = of_scores.take(most, key_columns);
        let y = of_y.take(most, columns);
        let [batch, head] = self.pair;
        let mut first = self.first;
        while first < self.end {
            let queries = most.min(self.end - first);
            // Queries are read in place, number by number.
            let q = Strided {
                start: self.q.token(batch, head, first).as_ptr(),
                row: self.q.strides.token,
                column: 1,
            };
            // SAFETY: the queries exist in `q`, and all else is as large as it was taken.
            unsafe {
                SmallGemm {
                    a: q,
                    b: Right::in_order(k.as_ptr(), key_columns),
                    c: scores.as_mut_ptr(),
                    c_row: key_columns,
                    rows: queries,
                    columns: key_columns,
                    k: width,
                    add: false,
                }
                .compute(simd);
            }
            let rows = scores.chunks_exact_mut(key_columns).take(queries);
            let mut factors = [0.0; MOST_QUERIES];
            for (row, factor) in rows.zip(&mut factors) {
                row[keys..].fill(f32::NEG_INFINITY);
                *factor = exponentials(simd, row, self.shape.scale());
            }
            // SAFETY: as above.
            unsafe {
                SmallGemm {
                    a: Strided {
                        start: scores.as_ptr(),
                        row: key_columns,
                        column: 1,
                    },
                    b: Right::in_order(v.as_ptr(), columns),
                    c: y.as_mut_ptr(),
                    c_row: columns,
                    rows: queries,
                    columns,
                    k: keys,
                    add: false,
                }
                .compute(simd);
            }
            let rows = y.chunks_exact_mut(columns).take(queries);
            for ((index, row), factor) in rows.enumerate().zip(factors) {
                // SAFETY: the caller vouches for the tokens, and this task alone has these.
                unsafe { self.y.write(simd, self.pair, first + index, row, factor) };
            }
            first += queries;
        }
    }
}
