//! The attended values with the factors of both products in bfloat16, sums and softmax in float32.

use super::arrange::{MOST_QUERIES, queries_at_once};
use super::forward::Head;
use crate::bfloat::{Pair, into_pairs};
use crate::lanes::Lanes;
use crate::lanes::avx512_bf16::{Factors, Proof};
use crate::level::Kernel;
use crate::packed::{BREADTH, HEIGHT};
use crate::product::Target;
use crate::scratch::whole;
use crate::softmax::exponentials;

/// Some queries of a head, on a processor that multiplies pairs of bfloat16.
pub(super) struct PairedHead<'a> {
    pub(super) head: Head<'a>,
    pub(super) proof: Proof,
}

impl Kernel for PairedHead<'_> {
    type Output = ();

    #[inline(always)]
    fn run<L: Lanes>(self, lanes: L) {
        let Self { head, proof } = self;
        let [batch, number] = head.pair;
        let (keys, width) = (head.shape.keys, head.shape.width);
        let (key_columns, columns) = (whole(keys, BREADTH), whole(width, BREADTH));
        let (of_width, of_keys) = (width.div_ceil(2), keys.div_ceil(2));
        let [of_k, of_v, of_scores, of_y, of_wide] = head.scratch;

        // Keys as columns, in panels of them, [width / 2, BREADTH] each.
        let wide = head.k.columns(of_wide, lanes, head.pair, keys, key_columns);
        let k = of_k.pairs(of_width, key_columns);
        let rows = wide.chunks(2 * key_columns);
        for (index, rows) in rows.enumerate() {
            let (even, odd) = rows.split_at(key_columns);
            join(even, odd, k, index, of_width);
        }
        // Values of two tokens, in panels of columns, [keys / 2, BREADTH] each.
        let v = of_v.pairs(of_keys, columns);
        for index in 0..of_keys {
            let even = head.v.token(batch, number, 2 * index);
            let odd = match 2 * index + 1 < keys {
                true => head.v.token(batch, number, 2 * index + 1),
                false => &[],
            };
            join(even, odd, v, index, of_keys);
        }

        let most = queries_at_once(head.end - head.first, key_columns);
        let scores = of_scores.take(most, key_columns);
        let y = of_y.take(most, columns);
        let pairs = of_wide.pairs(most, of_width.max(of_keys));
        let mut first = head.first;
        while first < head.end {
            let queries = most.min(head.end - first);
            for (index, pairs) in pairs.chunks_exact_mut(of_width).take(queries).enumerate() {
                into_pairs(head.q.token(batch, number, first + index), pairs);
            }
            // SAFETY: as many pairs and numbers were taken.
            unsafe { multiply(proof, [queries, of_width, key_columns], pairs, k, scores) };

            let rows = scores.chunks_exact_mut(key_columns).take(queries);
            let mut factors = [0.0; MOST_QUERIES];
            for ((row, pairs), factor) in
                rows.zip(pairs.chunks_exact_mut(of_keys)).zip(&mut factors)
            {
                row[keys..].fill(f32::NEG_INFINITY);
                *factor = exponentials(lanes, row, head.shape.scale());
                into_pairs(&row[..keys], pairs);
            }
            // SAFETY: as above.
            unsafe { multiply(proof, [queries, of_keys, columns], pairs, v, y) };

            let rows = y.chunks_exact(columns).take(queries);
            for ((index, row), factor) in rows.enumerate().zip(factors) {
                // SAFETY: the caller vouches for the tokens, and this task alone has these.
                unsafe { head.y.write(lanes, head.pair, first + index, row, factor) };
            }
            first += queries;
        }
    }
}

/// Numbers of two lines as the pairs of one step of all panels; a shorter second line ends in zeros, and
/// so does the last panel.
#[inline(always)]
fn join(even: &[f32], odd: &[f32], panels: &mut [Pair], step: usize, steps: usize) {
    let mut odd = odd.chunks(BREADTH);
    let panels = panels.chunks_exact_mut(steps * BREADTH);
    for (even, panel) in even.chunks(BREADTH).zip(panels) {
        let pairs = &mut panel[step * BREADTH..][..BREADTH];
        let odd = odd.next().unwrap_or(&[]);
        match (even.first_chunk::<BREADTH>(), odd.first_chunk::<BREADTH>()) {
            (Some(even), Some(odd)) => {
                for ((pair, even), odd) in pairs.iter_mut().zip(even).zip(odd) {
                    *pair = Pair::new(*even, *odd);
                }
            }
            _ => {
                for (index, pair) in pairs.iter_mut().enumerate() {
                    let number = |line: &[f32]| line.get(index).copied().unwrap_or(0.0);
                    *pair = Pair::new(number(even), number(odd));
                }
            }
        }
    }
}

/// `c = a b` of `[rows, steps]` pairs and `columns` columns in panels, `[rows, columns]`.
///
/// # Safety
/// The columns must be a multiple of [`BREADTH`], and all three as long as that.
#[inline(always)]
unsafe fn multiply(
    proof: Proof,
    [rows, steps, columns]: [usize; 3],
    a: &[Pair],
    b: &[Pair],
    c: &mut [f32],
) {
    for column in (0..columns).step_by(BREADTH) {
        for row in (0..rows).step_by(HEIGHT) {
            // SAFETY: the caller vouches for these rows and columns.
            unsafe {
                let factors = Factors {
                    a: a.as_ptr().add(row * steps),
                    a_row: steps,
                    a_step: 1,
                    b: b.as_ptr().add(column * steps),
                };
                let target = Target {
                    start: c.as_mut_ptr().add(row * columns + column),
                    row: columns,
                    rows: HEIGHT.min(rows - row),
                    add: false,
                };
                proof.multiply(factors, steps, target);
            }
        }
    }
}
