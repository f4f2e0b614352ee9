//! Packed weights `w` turned into the packed right factor of `dy w^T`, panel by panel: they are
//! never there as a matrix.

use std::mem::MaybeUninit;

use crate::cpu::gemm::int8::Int8Columns;
use crate::cpu::gemm::layout::{HALF, NR, Pair};
use crate::cpu::gemm::pack::Packed;
use crate::cpu::simd::level::SimdLevel;
use crate::cpu::simd::{Kernel, Simd};

/// Weights whose slots hold the values of one or more steps of K of a line.
pub(crate) trait Turn: Sync {
    /// What is packed.
    type Slot: Copy;
    /// Steps of K in a slot.
    const STEPS: usize;

    /// The panels.
    fn packed(&self) -> &Packed<Self::Slot>;

    /// The slots of the panel of [`HALF`] lines of this number, at one step.
    fn slots(&self, panel: usize, at: usize) -> &[Self::Slot] {
        let per = NR / HALF;
        let slots = self.packed().part::<NR>(panel / per, at..at + 1);
        &slots[panel % per * HALF..][..HALF]
    }

    /// The values of a slot of a line, in the order of K, as they are computed with.
    fn values(&self, slot: Self::Slot, line: usize) -> impl Iterator<Item = f32>;
}

impl Turn for Packed<f32> {
    type Slot = f32;
    const STEPS: usize = 1;

    fn packed(&self) -> &Self {
        self
    }

    fn slots(&self, panel: usize, at: usize) -> &[f32] {
        self.part::<HALF>(panel, at..at + 1)
    }

    #[inline(always)]
    fn values(&self, slot: f32, _: usize) -> impl Iterator<Item = f32> {
        [slot].into_iter()
    }
}

impl Turn for Packed<Pair> {
    type Slot = Pair;
    const STEPS: usize = 2;

    fn packed(&self) -> &Self {
        self
    }

    #[inline(always)]
    fn values(&self, slot: Pair, _: usize) -> impl Iterator<Item = f32> {
        slot.wide().into_iter()
    }
}

impl Turn for Int8Columns {
    type Slot = u32;
    const STEPS: usize = 4;

    fn packed(&self) -> &Packed<u32> {
        self.quads()
    }

    #[inline(always)]
    fn values(&self, slot: u32, line: usize) -> impl Iterator<Item = f32> {
        let scale = self.scale(line);
        let bytes = slot.to_le_bytes().map(|byte| byte as i8);
        bytes.map(|byte| f32::from(byte) * scale).into_iter()
    }
}

/// The right factor `w^T`, `[output, width]`, of packed weights `[width, output]`.
pub(crate) fn transposed<W: Turn>(level: SimdLevel, weights: &W, width: usize) -> Packed<f32> {
    let output = weights.packed().lines;
    let turn = |panel, slots: &mut [MaybeUninit<f32>]| {
        level.run(Panel {
            weights,
            first: panel * HALF,
            slots,
        });
    };
    // SAFETY: the kernel writes every slot.
    unsafe { Packed::filled::<HALF>(width, output, turn) }
}

/// The values at `HALF` steps of K from the first on, of all lines: `[output, HALF]`.
struct Panel<'a, W> {
    weights: &'a W,
    first: usize,
    slots: &'a mut [MaybeUninit<f32>],
}

impl<W: Turn> Kernel for Panel<'_, W> {
    type Output = ();

    #[inline(always)]
    fn run<V: Simd>(self, _: V) {
        let packed = self.weights.packed();
        let (rows, _) = self.slots.as_chunks_mut::<HALF>();
        for (panel, rows) in rows.chunks_mut(HALF).enumerate() {
            for step in 0..HALF / W::STEPS {
                let at = self.first / W::STEPS + step;
                let place = W::STEPS * step;
                if at >= packed.k {
                    // Lines behind the last one: no product has them, but they are written.
                    for row in rows.iter_mut() {
                        row[place..place + W::STEPS].fill(MaybeUninit::new(0.0));
                    }
                    continue;
                }
                let slots = self.weights.slots(panel, at);
                for (line, (row, slot)) in rows.iter_mut().zip(slots).enumerate() {
                    let values = self.weights.values(*slot, panel * HALF + line);
                    for (to, value) in row[place..place + W::STEPS].iter_mut().zip(values) {
                        to.write(value);
                    }
                }
            }
        }
    }
}
