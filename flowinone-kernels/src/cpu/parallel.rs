//! Work cut into pieces for all threads, each with its part of the results.

use std::mem::MaybeUninit;
use std::ops::Range;

/// Where several threads write, each its own part.
#[derive(Clone, Copy)]
pub(crate) struct Shared(pub(crate) *mut f32);

// SAFETY: the parts do not overlap.
unsafe impl Send for Shared {}
// SAFETY: as above.
unsafe impl Sync for Shared {}

impl Shared {
    pub(crate) fn start(self) -> *mut f32 {
        self.0
    }
}

/// Number of values below which a second thread costs more than it saves.
const SMALLEST: usize = 16 * 1024;

/// Fresh vectors, the k-th with `sizes[k]` values for each of `count` items; `make` fills the part
/// of a range of items. `work` is about how many values an item costs.
///
/// # Safety
/// `make` must write every slot it is given.
pub(crate) unsafe fn filled<T: Send, const N: usize>(
    count: usize,
    sizes: [usize; N],
    work: usize,
    make: impl Fn(Range<usize>, [&mut [MaybeUninit<T>]; N]) + Sync,
) -> [Vec<T>; N] {
    let mut vectors = sizes.map(|size| Vec::with_capacity(count * size));
    let mut left = sizes.iter();
    let slots = vectors.each_mut().map(|vector: &mut Vec<T>| {
        let size = left.next().expect("one size for each vector");
        &mut vector.spare_capacity_mut()[..count * size]
    });
    each_piece(count, sizes, work, slots, &make);
    for (vector, size) in vectors.iter_mut().zip(sizes) {
        // SAFETY: the caller vouches that `make` has written them all.
        unsafe { vector.set_len(count * size) };
    }
    vectors
}

/// Hands out ranges of `count` items with their parts of the slots.
pub(crate) fn each_piece<T: Send, const N: usize>(
    count: usize,
    sizes: [usize; N],
    work: usize,
    slots: [&mut [T]; N],
    make: &(impl Fn(Range<usize>, [&mut [T]; N]) + Sync),
) {
    let threads = rayon::current_num_threads();
    let smallest = SMALLEST.div_ceil(work.max(1));
    let largest = match threads {
        1 => count,
        threads => smallest.max(count.div_ceil(4 * threads)),
    };
    halve(0..count, sizes, largest, slots, make);
}

fn halve<T: Send, const N: usize>(
    items: Range<usize>,
    sizes: [usize; N],
    largest: usize,
    slots: [&mut [T]; N],
    make: &(impl Fn(Range<usize>, [&mut [T]; N]) + Sync),
) {
    if items.len() <= largest {
        if !items.is_empty() {
            make(items, slots);
        }
        return;
    }
    let half = items.len() / 2;
    let middle = items.start + half;
    let mut sizes_left = sizes.iter();
    let mut upper: [&mut [T]; N] = std::array::from_fn(|_| Default::default());
    let mut upper_left = upper.iter_mut();
    let lower = slots.map(|slots| {
        let size = sizes_left.next().expect("one size for each result");
        let (lower, rest) = slots.split_at_mut(half * size);
        *upper_left.next().expect("one part for each result") = rest;
        lower
    });
    rayon::join(
        || halve(items.start..middle, sizes, largest, lower, make),
        || halve(middle..items.end, sizes, largest, upper, make),
    );
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_item_is_made_once_whatever_the_pieces() {
        for count in [0, 1, 7, 1000, 40_000] {
            // SAFETY: both slots of every item are written.
            let [values, squares] = unsafe {
                filled(count, [1, 2], 16, |items, [values, squares]| {
                    for (index, item) in items.enumerate() {
                        values[index].write(item as f32);
                        squares[2 * index].write(0.5);
                        squares[2 * index + 1].write((item * item) as f32);
                    }
                })
            };
            assert_eq!((values.len(), squares.len()), (count, 2 * count));
            for (item, value) in values.iter().enumerate() {
                assert_eq!(*value, item as f32);
                assert_eq!(squares[2 * item + 1], (item * item) as f32);
            }
        }
    }
}
