//! Kernels of 3 by 3 weights, transformed and packed: `U = G g G^T`, one left factor
//! `[output, input]` for each of its values.

use std::marker::PhantomData;

use rayon::prelude::*;

use super::factors::{GAP, Sizes};
use super::form::Form;
use crate::cpu::gemm::layout::MR;
use crate::cpu::parallel::Shared;
use crate::cpu::simd::level::SimdLevel;
use crate::cpu::simd::{Kernel, Simd, Slot};

/// The transformed weights `[output, input, 3, 3]`: `[products, panels of outputs, input, MR]`,
/// with gaps between products.
pub(super) fn transformed<F: Form>(level: SimdLevel, sizes: Sizes, weight: &[f32]) -> Vec<f32> {
    assert_eq!(weight.len(), sizes.output * sizes.input * 9);
    let panels = sizes.output.div_ceil(MR);
    let length = sizes.products * sizes.of_weights();
    let mut u: Vec<f32> = Vec::with_capacity(length);
    let target = Shared(u.as_mut_ptr());
    (0..panels).into_par_iter().for_each(|panel| {
        level.run(Panel::<F> {
            sizes,
            weight,
            panel,
            target: target.start(),
            form: PhantomData,
        });
    });
    for product in 0..sizes.products {
        let end = (product + 1) * sizes.of_weights();
        u.spare_capacity_mut()[end - GAP..end].fill(Slot::new(0.0));
    }
    // SAFETY: the panels cover all outputs, each writes all of its values in all products, and the
    // gaps are zeros.
    unsafe { u.set_len(length) };
    u
}

/// Some output channels.
struct Panel<'a, F> {
    sizes: Sizes,
    weight: &'a [f32],
    panel: usize,
    target: *mut f32,
    form: PhantomData<F>,
}

impl<F: Form> Kernel for Panel<'_, F> {
    type Output = ();

    #[inline(always)]
    fn run<V: Simd>(self, _: V) {
        let inputs = self.sizes.input;
        let first = self.panel * MR;
        let outputs: [usize; MR] =
            std::array::from_fn(|index| (first + index).min(self.sizes.output - 1));
        let kernels = outputs.map(|output| &self.weight[output * inputs * 9..][..inputs * 9]);
        for input in 0..inputs {
            let mut g = [[[0.0; MR]; 3]; 3]; // [row, column, output]
            for (index, kernels) in kernels.iter().enumerate() {
                let kernel = &kernels[input * 9..][..9];
                for (row, weights) in kernel.chunks_exact(3).enumerate() {
                    for (column, w) in weights.iter().enumerate() {
                        g[row][column][index] = *w;
                    }
                }
            }
            let columns = [0, 1, 2].map(|k| F::of_weights([g[0][k], g[1][k], g[2][k]]));
            for row in 0..F::LINE {
                let of_row = F::of_weights([columns[0][row], columns[1][row], columns[2][row]]);
                for (column, values) in of_row.iter().enumerate().take(F::LINE) {
                    let product = (row * F::LINE + column) * self.sizes.of_weights();
                    let at = product + (self.panel * inputs + input) * MR;
                    // SAFETY: there is room for these values of the panel, which is this task's
                    // alone.
                    unsafe { self.target.add(at).cast::<[f32; MR]>().write(*values) };
                }
            }
        }
    }
}
