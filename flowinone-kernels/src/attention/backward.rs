//! The gradients, with the scores computed again:
//!
//! ```text
//! p = softmax(s),  s = q k^T / sqrt(d)
//! dv = p^T dy,   dp = dy v^T,   ds = p (dp - sum(p dp)) / sqrt(d)
//! dq = ds k,   dk = ds^T q
//! ```

use super::arrange::queries_at_once;
#[cfg(target_arch = "x86_64")]
use super::paired_backward::PairedGradients;
use super::{Heads, HeadsMut, Shape};
use crate::Precision;
use crate::lanes::{Lanes, slots};
use crate::level::{Kernel, Level};
use crate::scratch::{Scratch, whole};
use crate::softmax::exponentials;
use crate::tile::{Left, Product};

/// The gradients of `q`, `k` and `v`, from that of the result; below float32 with factors in bfloat16,
/// where the processor multiplies them.
///
/// # Safety
/// The gradients must have the tokens of what they are the gradients of.
pub(crate) unsafe fn gradients(
    level: Level,
    precision: Precision,
    shape: Shape,
    [q, k, v, dy]: [Heads<'_>; 4],
    [dq, dk, dv]: [HeadsMut<'_>; 3],
) {
    #[cfg(target_arch = "x86_64")]
    let pairs_of = super::pairs_of(level, precision);
    #[cfg(not(target_arch = "x86_64"))]
    let _ = precision;
    let run = |scratch: &mut [Scratch; BUFFERS], task: usize| {
        let head = Head {
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
            let tiles = crate::bfloat::multiplies_tiles(level);
            return level.run(PairedGradients { head, proof, tiles });
        }
        level.run(head);
    };
    let pairs = shape.batch * shape.heads;
    let work = pairs * shape.queries * shape.keys * shape.width;
    super::each_task(pairs, work >= 32 * 1024, run);
}

/// Matrices in working memory, at most.
pub(super) const BUFFERS: usize = 16;

pub(super) struct Head<'a> {
    pub(super) shape: Shape,
    pub(super) q: Heads<'a>,
    pub(super) k: Heads<'a>,
    pub(super) v: Heads<'a>,
    pub(super) dy: Heads<'a>,
    pub(super) dq: HeadsMut<'a>,
    pub(super) dk: HeadsMut<'a>,
    pub(super) dv: HeadsMut<'a>,
    pub(super) pair: [usize; 2],
    pub(super) scratch: &'a mut [Scratch; BUFFERS],
}

impl Kernel for Head<'_> {
    type Output = ();

    #[inline(always)]
    fn run<L: Lanes>(self, lanes: L) {
        let (shape, pair) = (self.shape, self.pair);
        let Shape {
            queries,
            keys,
            width,
            ..
        } = shape;
        let (across, columns) = (whole(keys, L::WIDTH), whole(width, L::WIDTH));
        let [kt, vt, k, q, dy, p, ds, dq, dk, dv, ..] = self.scratch;
        let kt = self.k.columns(kt, lanes, pair, keys, across); // [width, across]
        let vt = self.v.columns(vt, lanes, pair, keys, across);
        let k = self.k.rows(k, lanes, pair, 0, keys, columns); // [keys, columns]
        let (dk, dv) = (dk.take(keys, columns), dv.take(keys, columns));
        let most = queries_at_once(queries, across);
        let (p, ds) = (p.take(most, across), ds.take(most, across));
        let dq = dq.take(most, columns);
        let mut first = 0;
        while first < queries {
            let rows = most.min(queries - first);
            let q = self.q.rows(q, lanes, pair, first, rows, columns);
            let dy = self.dy.rows(dy, lanes, pair, first, rows, columns);
            // [rows, across] and [keys, columns] from what they are made of.
            let scores = |left: &[f32], right: &[f32], c: &mut [f32]| Product {
                a: Left {
                    start: left.as_ptr(),
                    row: columns,
                    column: 1,
                },
                b: right.as_ptr(),
                b_row: across,
                c: c.as_mut_ptr(),
                c_row: across,
                rows,
                columns: across,
                depth: width,
                add: false,
            };
            let of_keys = |left: &[f32], right: &[f32], c: &mut [f32]| Product {
                a: Left {
                    start: left.as_ptr(),
                    row: 1,
                    column: across,
                },
                b: right.as_ptr(),
                b_row: columns,
                c: c.as_mut_ptr(),
                c_row: columns,
                rows: keys,
                columns,
                depth: rows,
                add: first > 0,
            };
            // SAFETY: every matrix is as large as it was taken.
            unsafe {
                scores(q, kt, p).compute(lanes);
                scores(dy, vt, ds).compute(lanes);
            }
            let scale = shape.scale();
            let both = p.chunks_exact_mut(across).zip(ds.chunks_exact_mut(across));
            for (p, ds) in both.take(rows) {
                p[keys..].fill(f32::NEG_INFINITY);
                let factor = exponentials(lanes, p, scale);
                through_softmax(lanes, p, ds, factor, scale);
            }
            // SAFETY: as above; the first queries write what the later ones add to.
            unsafe {
                of_keys(p, dy, dv).compute(lanes);
                of_keys(ds, q, dk).compute(lanes);
                Product {
                    a: Left {
                        start: ds.as_ptr(),
                        row: across,
                        column: 1,
                    },
                    b: k.as_ptr(),
                    b_row: columns,
                    c: dq.as_mut_ptr(),
                    c_row: columns,
                    rows,
                    columns,
                    depth: keys,
                    add: false,
                }
                .compute(lanes);
                write(lanes, self.dq, pair, first, &dq[..rows * columns], columns);
            }
            first += rows;
        }
        // SAFETY: the caller vouches for the tokens, and this task alone has those of its head.
        unsafe {
            write(lanes, self.dk, pair, 0, dk, columns);
            write(lanes, self.dv, pair, 0, dv, columns);
        }
    }
}

/// Turns exponentials into the softmax `p`, and `dp` into `scale * ds`.
#[inline(always)]
pub(super) fn through_softmax<L: Lanes>(
    lanes: L,
    p: &mut [f32],
    dp: &mut [f32],
    factor: f32,
    scale: f32,
) {
    let factor = lanes.splat(factor);
    let mut sum = lanes.splat(0.0);
    for (p, dp) in p.chunks_exact_mut(L::WIDTH).zip(dp.chunks_exact(L::WIDTH)) {
        let value = lanes.mul(lanes.load(p), factor);
        sum = lanes.fma(value, lanes.load(dp), sum);
        lanes.store(value, slots(p));
    }
    let (sum, scale) = (lanes.splat(lanes.sum(sum)), lanes.splat(scale));
    for (p, dp) in p.chunks_exact(L::WIDTH).zip(dp.chunks_exact_mut(L::WIDTH)) {
        let difference = lanes.sub(lanes.load(dp), sum);
        let ds = lanes.mul(lanes.mul(lanes.load(p), scale), difference);
        lanes.store(ds, slots(dp));
    }
}

/// Writes rows to the tokens from `first` on.
///
/// # Safety
/// The tokens must exist, and belong to this thread alone.
#[inline(always)]
pub(super) unsafe fn write<L: Lanes>(
    lanes: L,
    heads: HeadsMut<'_>,
    pair: [usize; 2],
    first: usize,
    rows: &[f32],
    columns: usize,
) {
    for (index, row) in rows.chunks_exact(columns).enumerate() {
        // SAFETY: the caller's.
        unsafe { heads.write(lanes, pair, first + index, row, 1.0) };
    }
}
