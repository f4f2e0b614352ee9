//! Sizes of a convolution.

/// Sizes of a convolution.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Maps {
    pub(crate) batch: usize,
    pub(crate) input: usize,
    pub(crate) output: usize,
    /// Of the result.
    pub(crate) height: usize,
    /// Of the result.
    pub(crate) width: usize,
    /// Side of the kernel.
    pub(crate) kernel: usize,
    /// Pixels of the input from one pixel of the result to the next.
    pub(crate) stride: usize,
    /// Zeros above and to the left of the input; what is missing below and to the right is zero as
    /// well.
    pub(crate) before: usize,
}

impl Maps {
    /// Weights of an output channel.
    pub(super) fn k(&self) -> usize {
        self.input * self.places()
    }

    /// Weights of a kernel.
    pub(super) fn places(&self) -> usize {
        self.kernel * self.kernel
    }

    /// Numbers of an input channel.
    pub(super) fn plane(&self) -> usize {
        self.stride * self.height * self.stride * self.width
    }

    /// Rows at a time: their input stays in the second cache, and there is work for all threads.
    pub(super) fn rows_at_once(&self) -> usize {
        const NUMBERS: usize = 160 * 1024;
        let row = self.input * (self.stride * self.width + self.kernel);
        let fit = (NUMBERS / row).saturating_sub(self.kernel) / self.stride;
        let tasks = (4 * rayon::current_num_threads()).div_ceil(self.batch);
        fit.clamp(4, 32).min(self.height.div_ceil(tasks)).max(1)
    }
}
