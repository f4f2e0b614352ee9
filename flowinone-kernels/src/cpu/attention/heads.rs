//! Where the tokens of all heads lie, to read and to write.

use std::marker::PhantomData;

#[cfg(target_arch = "x86_64")]
use crate::cpu::gemm::layout::Columns;
use crate::cpu::simd::{Simd, Slot};

/// Sizes of an attention.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Shape {
    pub(crate) batch: usize,
    pub(crate) heads: usize,
    pub(crate) queries: usize,
    pub(crate) keys: usize,
    /// Values in a head's token.
    pub(crate) width: usize,
}

impl Shape {
    pub(super) fn scale(&self) -> f32 {
        1.0 / (self.width as f32).sqrt()
    }
}

/// Where the tokens of all heads lie in a slice: at `offset + batch * b + head * h + token * t`,
/// each with its values in a row.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Strides {
    pub(crate) offset: usize,
    pub(crate) batch: usize,
    pub(crate) head: usize,
    pub(crate) token: usize,
}

impl Strides {
    /// Of the part `part` of `[batch, tokens, parts * heads * width]`, cut along the last axis.
    pub(crate) fn of_part(shape: Shape, tokens: usize, part: usize, parts: usize) -> Self {
        let (all, width) = (shape.heads * shape.width, shape.width);
        Self {
            offset: part * all,
            batch: tokens * parts * all,
            head: width,
            token: parts * all,
        }
    }

    /// The first value of a token of a head of an item.
    pub(super) fn at(&self, [batch, head]: [usize; 2], token: usize) -> usize {
        self.offset + self.batch * batch + self.head * head + self.token * token
    }

    /// One past the last value.
    fn end(&self, shape: Shape, tokens: usize) -> usize {
        match shape.batch * shape.heads * tokens {
            0 => 0,
            _ => self.at([shape.batch - 1, shape.heads - 1], tokens - 1) + shape.width,
        }
    }
}

/// Tokens of all heads, to read.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Heads<'a> {
    pub(super) values: &'a [f32],
    pub(super) strides: Strides,
    pub(super) width: usize,
}

impl<'a> Heads<'a> {
    /// # Panics
    /// If the values end before the last of `tokens` tokens.
    pub(crate) fn new(values: &'a [f32], strides: Strides, shape: Shape, tokens: usize) -> Self {
        assert!(strides.end(shape, tokens) <= values.len());
        let width = shape.width;
        Self {
            values,
            strides,
            width,
        }
    }

    pub(super) fn token(&self, batch: usize, head: usize, token: usize) -> &'a [f32] {
        &self.values[self.strides.at([batch, head], token)..][..self.width]
    }
}

#[cfg(target_arch = "x86_64")]
impl<'a> Heads<'a> {
    /// The tokens `first..first + count` of a head as rows of a matrix.
    ///
    /// # Panics
    /// If there are fewer tokens.
    pub(super) fn columns_of(&self, pair: [usize; 2], first: usize, count: usize) -> Columns<'a> {
        Columns {
            values: &self.values[self.strides.at(pair, first)..],
            stride: self.strides.token,
            k: count,
            count: self.width,
        }
    }
}

/// Tokens of all heads, to write from several threads.
#[derive(Debug, Clone, Copy)]
pub(crate) struct HeadsMut<'a> {
    start: *mut f32,
    strides: Strides,
    width: usize,
    slots: PhantomData<&'a mut [f32]>,
}

// SAFETY: as for the slice that it borrows; `token` asks its callers not to share tokens.
unsafe impl Send for HeadsMut<'_> {}
// SAFETY: as above.
unsafe impl Sync for HeadsMut<'_> {}

impl<'a> HeadsMut<'a> {
    /// Several may be made of the same values, for parts of them.
    ///
    /// # Safety
    /// `length` values must be writable at `start` for as long as `'a`, and no two tokens of any
    /// `HeadsMut` of them may overlap.
    ///
    /// # Panics
    /// If the values end before the last of `tokens` tokens.
    pub(crate) unsafe fn new(
        start: *mut f32,
        length: usize,
        strides: Strides,
        shape: Shape,
        tokens: usize,
    ) -> Self {
        assert!(strides.end(shape, tokens) <= length);
        Self {
            start,
            strides,
            width: shape.width,
            slots: PhantomData,
        }
    }

    /// Writes `factor` times a token.
    ///
    /// # Safety
    /// The token must exist, and no other thread may write it.
    #[inline(always)]
    pub(super) unsafe fn write<V: Simd>(
        &self,
        simd: V,
        pair: [usize; 2],
        token: usize,
        values: &[f32],
        factor: f32,
    ) {
        let at = self.strides.at(pair, token);
        // SAFETY: `new` has compared the last token with the length.
        let target = unsafe {
            std::slice::from_raw_parts_mut(self.start.add(at).cast::<Slot>(), self.width)
        };
        let factor = simd.splat(factor);
        for start in (0..self.width).step_by(V::WIDTH) {
            let x = simd.load_at(values, start, 0.0);
            simd.store_at(simd.mul(x, factor), target, start);
        }
    }
}
