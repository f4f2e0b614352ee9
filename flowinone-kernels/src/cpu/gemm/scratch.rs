//! Working memory of a thread.

/// Vectors are loaded fastest from multiples of their size.
#[repr(align(64))]
#[derive(Debug, Clone, Copy)]
struct Line(#[expect(dead_code, reason = "read as part of a slice")] [f32; 16]);

/// Values that begin on a cache line.
#[derive(Debug, Default)]
pub(crate) struct Scratch(Vec<Line>);

impl Scratch {
    /// `rows * columns` values, whatever they held before.
    pub(crate) fn take(&mut self, rows: usize, columns: usize) -> &mut [f32] {
        let count = rows * columns;
        let lines = count.div_ceil(16);
        if self.0.len() < lines {
            self.0.resize(lines, Line([0.0; 16]));
        }
        // SAFETY: lines are arrays of values without gaps, and there are enough of them.
        unsafe { std::slice::from_raw_parts_mut(self.0.as_mut_ptr().cast(), count) }
    }

    /// The same as integers of 32 bits.
    pub(crate) fn bits(&mut self, rows: usize, columns: usize) -> &mut [u32] {
        let values = self.take(rows, columns);
        // SAFETY: of one size and alignment, and any bits are an integer, or a number.
        unsafe { std::slice::from_raw_parts_mut(values.as_mut_ptr().cast(), values.len()) }
    }
}

/// `count` filled up to whole vectors.
pub(crate) fn whole(count: usize, width: usize) -> usize {
    count.div_ceil(width) * width
}
