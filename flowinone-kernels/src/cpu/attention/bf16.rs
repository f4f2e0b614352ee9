//! The attended values with the factors of both products in bfloat16, sums and softmax in float32.

use super::arrange::{MOST_QUERIES, queries_at_once};
use super::problem::Head;
use crate::cpu::gemm::layout::{Columns, MR, NR, Pair, Target};
use crate::cpu::gemm::microkernel::amx;
use crate::cpu::gemm::microkernel::avx512_bf16::{Avx512Bf16, Factors};
use crate::cpu::gemm::scratch::whole;
use crate::cpu::pointwise::softmax::exponentials;
use crate::cpu::simd::{Kernel, Simd, slots};

/// Some queries of a head, on a processor that multiplies pairs of bfloat16.
pub(super) struct Bf16Head<'a> {
    pub(super) head: Head<'a>,
    pub(super) proof: Avx512Bf16,
    pub(super) tiles: Option<amx::Amx>,
}

impl Kernel for Bf16Head<'_> {
    type Output = ();

    #[inline(always)]
    fn run<V: Simd>(self, simd: V) {
        let Self { head, proof, tiles } = self;
        let [batch, number] = head.pair;
        let (keys, width) = (head.shape.keys, head.shape.width);
        let (key_columns, columns) = (whole(keys, NR), whole(width, NR));
        let (of_width, of_keys) = (width.div_ceil(2), keys.div_ceil(2));
        let [of_k, of_v, of_scores, of_y, of_wide] = head.scratch;

        // Keys as columns, in panels of them, [width / 2, NR] each.
        let wide = head.k.columns(of_wide, simd, head.pair, keys, key_columns);
        let k = of_k.pairs(of_width, key_columns);
        panels::<NR>(proof, in_order(wide, key_columns), k);
        // Values of two tokens, in panels of columns, [keys / 2, NR] each.
        let v = of_v.pairs(of_keys, columns);
        panels::<NR>(proof, head.v.columns_of(head.pair, 0, keys), v);

        let most = queries_at_once(head.end - head.first, key_columns);
        let scores = of_scores.take(most, key_columns);
        let y = of_y.take(most, columns);
        let pairs = of_wide.pairs(most, of_width.max(of_keys));
        let mut first = head.first;
        while first < head.end {
            let queries = most.min(head.end - first);
            for (index, pairs) in pairs.chunks_exact_mut(of_width).take(queries).enumerate() {
                proof.pair_row(head.q.token(batch, number, first + index), slots(pairs));
            }
            // SAFETY: as many pairs and values were taken.
            unsafe {
                let sizes = [queries, of_width, key_columns];
                multiply(proof, sizes, Left::Rows(pairs, tiles), k, scores, false);
            }

            let rows = scores.chunks_exact_mut(key_columns).take(queries);
            let mut factors = [0.0; MOST_QUERIES];
            for ((row, pairs), factor) in
                rows.zip(pairs.chunks_exact_mut(of_keys)).zip(&mut factors)
            {
                row[keys..].fill(f32::NEG_INFINITY);
                *factor = exponentials(simd, row, head.shape.scale());
                proof.pair_row(&row[..keys], slots(pairs));
            }
            // SAFETY: as above.
            unsafe {
                let sizes = [queries, of_keys, columns];
                multiply(proof, sizes, Left::Rows(pairs, tiles), v, y, false);
            }

            let rows = y.chunks_exact(columns).take(queries);
            for ((index, row), factor) in rows.enumerate().zip(factors) {
                // SAFETY: the caller vouches for the tokens, and this task alone has these.
                unsafe { head.y.write(simd, head.pair, first + index, row, factor) };
            }
            first += queries;
        }
    }
}

/// `[K, columns]`, row by row.
pub(super) fn in_order(values: &[f32], columns: usize) -> Columns<'_> {
    Columns {
        values,
        stride: columns,
        k: values.len() / columns,
        count: columns,
    }
}

/// Columns in panels of `N`, `[K / 2, N]` pairs each, the last one filled up with zeros.
pub(super) fn panels<const N: usize>(proof: Avx512Bf16, columns: Columns<'_>, pairs: &mut [Pair]) {
    let panels = pairs.chunks_exact_mut(columns.k.div_ceil(2) * N);
    for (start, panel) in (0..columns.count).step_by(N).zip(panels) {
        let part = Columns {
            values: &columns.values[start..],
            count: N.min(columns.count - start),
            ..columns
        };
        proof.pair_columns::<N>(part, slots(panel));
    }
}

/// The left factor of a product.
#[derive(Debug, Clone, Copy)]
pub(super) enum Left<'a> {
    /// `[rows, steps]`, multiplied by tiles where the steps fill them.
    Rows(&'a [Pair], Option<amx::Amx>),
    /// `[rows / MR, steps, MR]`.
    Panels(&'a [Pair]),
}

/// `c = a b`, or added to it, of `rows`, `steps` pairs and `columns` in panels, `[rows, columns]`.
///
/// # Safety
/// The columns must be a multiple of [`NR`], and all three as long as that.
#[inline(always)]
pub(super) unsafe fn multiply(
    proof: Avx512Bf16,
    [rows, steps, columns]: [usize; 3],
    a: Left<'_>,
    b: &[Pair],
    c: &mut [f32],
    add: bool,
) {
    let (a, a_row, a_step, tiles) = match a {
        Left::Rows(a, tiles) => (a, steps, 1, tiles),
        Left::Panels(a) => (a, 1, MR, None),
    };
    let tiles = tiles.filter(|_| steps.is_multiple_of(amx::TILE));
    let height = tiles.map_or(MR, |_| amx::ROWS);
    if let Some(tiles) = tiles {
        tiles.begin();
    }
    for column in (0..columns).step_by(NR) {
        for row in (0..rows).step_by(height) {
            // SAFETY: the caller vouches for these rows and columns; tiles stand between their
            // begin and end.
            unsafe {
                let (a, b) = (a.as_ptr().add(row * steps), b.as_ptr().add(column * steps));
                let target = Target {
                    start: c.as_mut_ptr().add(row * columns + column),
                    row: columns,
                    rows: height.min(rows - row),
                    add,
                };
                match tiles {
                    Some(tiles) => {
                        let factors = amx::Factors {
                            a,
                            a_row,
                            b,
                            tiles: steps / amx::TILE,
                            rest: std::ptr::null(),
                        };
                        tiles.multiply(factors, target);
                    }
                    None => {
                        let factors = Factors {
                            a,
                            a_row,
                            a_step,
                            b,
                        };
                        proof.multiply(factors, steps, target);
                    }
                }
            }
        }
    }
    if let Some(tiles) = tiles {
        tiles.end();
    }
}
