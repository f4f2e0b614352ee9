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
    /// How often each pixel of the input stands along each side: the maps enlarged to the nearest,
    /// which are never laid out. More than once only with a stride of 1.
    pub(crate) repeat: usize,
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

    /// Values of an input channel.
    pub(super) fn plane(&self) -> usize {
        self.stride * self.height / self.repeat * self.source_width()
    }

    /// Numbers of a row of an input channel.
    pub(super) fn source_width(&self) -> usize {
        self.stride * self.width / self.repeat
    }

    /// An input channel of an item, of maps whose channels lie in several parts one behind the
    /// other.
    ///
    /// # Panics
    /// If the parts have fewer channels.
    pub(super) fn channel<'a>(&self, x: &[&'a [f32]], item: usize, channel: usize) -> &'a [f32] {
        let (plane, mut channel) = (self.plane(), channel);
        for part in x {
            let channels = part.len() / (self.batch * plane);
            if channel < channels {
                return &part[(item * channels + channel) * plane..][..plane];
            }
            channel -= channels;
        }
        panic!("the parts have {channel} channels less than the weights")
    }

    /// Values of an output channel.
    pub(super) fn results(&self) -> usize {
        self.height * self.width
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
