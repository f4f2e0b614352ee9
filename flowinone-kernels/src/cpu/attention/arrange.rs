//! The tokens of one head in working memory, filled up to whole vectors.

use super::heads::Heads;
use crate::cpu::gemm::scratch::{Scratch, whole};
use crate::cpu::simd::{Simd, WIDEST, slots};

impl Heads<'_> {
    /// The tokens `first..first + count` of a head in `scratch`, as rows of `columns` values,
    /// zeros behind each.
    ///
    /// # Panics
    /// If the columns are not whole vectors for a token.
    #[inline(always)]
    pub(super) fn rows<V: Simd>(
        self,
        scratch: &mut Scratch,
        simd: V,
        [batch, head]: [usize; 2],
        first: usize,
        count: usize,
        columns: usize,
    ) -> &mut [f32] {
        assert_eq!(columns, whole(self.width, V::WIDTH));
        let rows = scratch.take(count, columns);
        for (index, row) in rows.chunks_exact_mut(columns).enumerate() {
            let token = self.token(batch, head, first + index);
            let row = slots(row);
            for start in (0..columns).step_by(V::WIDTH) {
                simd.store_at(simd.load_at(token, start, 0.0), row, start);
            }
        }
        rows
    }

    /// All `count` tokens of a head in `scratch`, as columns: `[width, columns]`, zeros behind each
    /// row.
    ///
    /// # Panics
    /// If the columns are not whole vectors, enough for all tokens.
    #[inline(always)]
    pub(super) fn columns<V: Simd>(
        self,
        scratch: &mut Scratch,
        simd: V,
        [batch, head]: [usize; 2],
        count: usize,
        columns: usize,
    ) -> &mut [f32] {
        assert_eq!(columns % V::WIDTH, 0);
        assert!(columns >= count);
        let width = self.width;
        let all = scratch.take(width, columns);
        for first in (0..count).step_by(V::WIDTH) {
            let mut tokens = [std::ptr::null(); WIDEST];
            for (index, start) in tokens.iter_mut().enumerate().take(V::WIDTH) {
                // Behind the last token its copies, which zeros will replace.
                let token = (first + index).min(count - 1);
                *start = self.token(batch, head, token).as_ptr();
            }
            for number in (0..width / 4 * 4).step_by(4) {
                // SAFETY: every token has four values from there on; rows are whole vectors.
                unsafe {
                    let four = simd.four_columns(&tokens);
                    for (k, column) in four.into_iter().enumerate() {
                        let row = all.as_mut_ptr().add((number + k) * columns + first);
                        simd.store_to(column, row);
                    }
                    for start in &mut tokens[..V::WIDTH] {
                        *start = start.add(4);
                    }
                }
            }
            for number in width / 4 * 4..width {
                for index in 0..V::WIDTH {
                    let token = (first + index).min(count - 1);
                    all[number * columns + first + index] = self.token(batch, head, token)[number];
                }
            }
        }
        for row in all.chunks_exact_mut(columns) {
            row[count..].fill(0.0);
        }
        all
    }
}

/// The most queries at a time.
pub(super) const MOST_QUERIES: usize = 96;

/// Queries at a time: about as many rows of scores as the first cache holds.
pub(super) fn queries_at_once(queries: usize, columns: usize) -> usize {
    const NUMBERS: usize = 12 * 1024;
    (NUMBERS / columns / 12 * 12)
        .clamp(12, MOST_QUERIES)
        .min(queries)
}
