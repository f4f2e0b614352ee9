//! Pairs of bfloat16 with AMX: their products, summed in float32, 32 rows by 32 columns at a time
//! as two by two tiles.

use std::arch::asm;

use crate::cpu::gemm::layout::{NR, Pair, Target};
use crate::cpu::simd::detect;

/// Rows of a product: two tiles.
pub(crate) const ROWS: usize = 2 * TILE;
/// Steps of a tile, and its rows.
pub(crate) const TILE: usize = 16;

/// A token: the processor has the instructions and the system keeps their registers.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Amx(());

impl Amx {
    /// The token, if the processor has the instructions and the system grants the tile registers.
    pub(crate) fn find() -> Option<Self> {
        detect::amx().then_some(Self(()))
    }

    /// Sets this thread's tiles up for [`multiply`](Self::multiply).
    pub(crate) fn begin(self) {
        // SAFETY: `self` is the proof.
        unsafe { Sizes::WHOLE.set() };
    }

    /// The product of up to [`ROWS`] rows of pairs and 32 columns of them.
    ///
    /// # Safety
    /// It must stand between [`begin`](Self::begin) and [`end`](Self::end). The factors must be
    /// readable in all their steps (the left one, in the target's rows, up to a whole number of
    /// tiles), the target writable in its rows of 32 values, one at least, and written before if
    /// it is added to.
    pub(crate) unsafe fn multiply(self, factors: Factors, target: Target) {
        let lower = target.rows.saturating_sub(TILE);
        // SAFETY: `self` is the proof; the rest is the caller's, for the rows that the tiles are
        // set to.
        unsafe {
            if target.rows == ROWS {
                multiply(factors, target, TILE);
            } else if lower > 0 {
                Sizes::new(TILE, lower).set();
                multiply(factors, target, TILE);
                Sizes::WHOLE.set();
            } else {
                // Without rows for them, the lower tiles are the upper ones once more.
                Sizes::new(target.rows, target.rows).set();
                multiply(factors, target, 0);
                Sizes::WHOLE.set();
            }
        }
    }

    /// Frees this thread's tiles.
    pub(crate) fn end(self) {
        // SAFETY: `self` is the proof.
        unsafe { asm!("tilerelease", options(nostack, preserves_flags)) };
    }
}

/// Where pairs of two factors lie.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Factors {
    /// The first pair of the first row, whose pairs lie in order.
    pub(crate) a: *const Pair,
    /// From a row to the next.
    pub(crate) a_row: usize,
    /// A panel of 32 columns.
    pub(crate) b: *const Pair,
    /// Whole tiles of steps.
    pub(crate) tiles: usize,
    /// The tile of steps behind them, filled up with zeros, or null.
    pub(crate) rest: *const Pair,
}

/// Sizes of the eight tiles, as the processor reads them.
#[repr(C, align(64))]
struct Sizes {
    palette: u8,
    first_row: u8,
    reserved: [u8; 14],
    row_bytes: [u16; 16],
    rows: [u8; 16],
}

impl Sizes {
    const WHOLE: Self = Self::new(TILE, TILE);

    /// Sums in tiles 0 and 1 above 2 and 3, rows of the left factor in 4 and 5, columns of the
    /// right one in 6 and 7.
    const fn new(upper: usize, lower: usize) -> Self {
        let (upper, lower, tile) = (upper as u8, lower as u8, TILE as u8);
        let rows = [upper, upper, lower, lower, upper, lower, tile, tile];
        let mut sizes = Self {
            palette: 1,
            first_row: 0,
            reserved: [0; 14],
            row_bytes: [0; 16],
            rows: [0; 16],
        };
        let mut index = 0;
        while index < rows.len() {
            sizes.rows[index] = rows[index];
            sizes.row_bytes[index] = 64;
            index += 1;
        }
        sizes
    }

    /// # Safety
    /// The processor must have tiles.
    unsafe fn set(&self) {
        // SAFETY: the caller's; what the processor reads is 64 bytes.
        unsafe { asm!("ldtilecfg [{}]", in(reg) self, options(nostack, preserves_flags)) };
    }
}

/// The lower rows begin `from` rows below the upper ones.
///
/// # Safety
/// As for [`Amx::multiply`], and the tiles must be set to these rows.
#[inline(never)] // so that its instructions stand in a function of this module, as `benches/instructions.sh` checks
unsafe fn multiply(factors: Factors, target: Target, from: usize) {
    // SAFETY: the caller's.
    unsafe {
        asm!(
            "test {add}, {add}",
            "jz 2f",
            "tileloadd tmm0, [{c}+{c_row}*4]",
            "tileloadd tmm1, [{c}+{c_row}*4+64]",
            "tileloadd tmm2, [{lower_c}+{c_row}*4]",
            "tileloadd tmm3, [{lower_c}+{c_row}*4+64]",
            "jmp 3f",
            "2:",
            "tilezero tmm0",
            "tilezero tmm1",
            "tilezero tmm2",
            "tilezero tmm3",
            "3:",
            "test {tiles}, {tiles}",
            "jz 5f",
            "4:",
            "tileloadd tmm4, [{a}+{a_row}*4]",
            "tileloadd tmm6, [{b}+{b_row}*4]",
            "tdpbf16ps tmm0, tmm4, tmm6",
            "tileloadd tmm7, [{b}+{b_row}*4+64]",
            "tdpbf16ps tmm1, tmm4, tmm7",
            "tileloadd tmm5, [{lower_a}+{a_row}*4]",
            "tdpbf16ps tmm2, tmm5, tmm6",
            "tdpbf16ps tmm3, tmm5, tmm7",
            "add {a}, 64",
            "add {lower_a}, 64",
            "add {b}, 2048",
            "dec {tiles}",
            "jnz 4b",
            "5:",
            "test {rest}, {rest}",
            "jz 6f",
            "tileloadd tmm4, [{a}+{a_row}*4]",
            "tileloadd tmm6, [{rest}+{b_row}*4]",
            "tdpbf16ps tmm0, tmm4, tmm6",
            "tileloadd tmm7, [{rest}+{b_row}*4+64]",
            "tdpbf16ps tmm1, tmm4, tmm7",
            "tileloadd tmm5, [{lower_a}+{a_row}*4]",
            "tdpbf16ps tmm2, tmm5, tmm6",
            "tdpbf16ps tmm3, tmm5, tmm7",
            "6:",
            "tilestored [{c}+{c_row}*4], tmm0",
            "tilestored [{c}+{c_row}*4+64], tmm1",
            "tilestored [{lower_c}+{c_row}*4], tmm2",
            "tilestored [{lower_c}+{c_row}*4+64], tmm3",
            add = in(reg) u64::from(target.add),
            c = in(reg) target.start,
            lower_c = in(reg) target.start.wrapping_add(from * target.row),
            c_row = in(reg) target.row,
            a = inout(reg) factors.a => _,
            lower_a = inout(reg) factors.a.wrapping_add(from * factors.a_row) => _,
            a_row = in(reg) factors.a_row,
            b = inout(reg) factors.b => _,
            b_row = in(reg) NR,
            tiles = inout(reg) factors.tiles => _,
            rest = in(reg) factors.rest,
            out("tmm0") _, out("tmm1") _, out("tmm2") _, out("tmm3") _,
            out("tmm4") _, out("tmm5") _, out("tmm6") _, out("tmm7") _,
            options(nostack),
        );
    }
}
