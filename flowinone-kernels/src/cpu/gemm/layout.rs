//! How factors and results of matrix products lie in memory: what every micro-kernel reads and
//! writes.

use crate::cpu::simd::WIDEST;

/// Lines of a panel of a left factor: the highest tile of any level.
pub(crate) const MR: usize = 12;
/// Lines of a panel of a right factor: the broadest tile of any level.
pub(crate) const NR: usize = 2 * WIDEST;

/// Lines of a panel of a right factor in float32: two vectors of AVX2, one of the broadest. A tile
/// of fewer columns than [`NR`] would leave every other line of the first cache unused if all of
/// them lay side by side.
pub(crate) const HALF: usize = WIDEST;

/// A matrix that is read value by value.
pub(crate) trait Left: Copy {
    /// Where the `ROWS` rows from `row` on lie, of `k` columns.
    fn rows<const ROWS: usize>(self, row: usize, k: usize) -> Strided;
}

/// Values in whatever order.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Strided {
    /// The first value.
    pub(crate) start: *const f32,
    /// From a row to the next.
    pub(crate) row: usize,
    /// From a column to the next.
    pub(crate) column: usize,
}

impl Left for Strided {
    #[inline(always)]
    fn rows<const ROWS: usize>(self, row: usize, _: usize) -> Self {
        Self {
            start: self.start.wrapping_add(row * self.row),
            ..self
        }
    }
}

/// Values in the order in which tiles read them: of each tile that [`in_tiles`] makes of the rows,
/// column by column.
#[derive(Debug, Clone, Copy)]
pub(crate) struct InTiles(pub(crate) *const f32);

impl Left for InTiles {
    #[inline(always)]
    fn rows<const ROWS: usize>(self, row: usize, k: usize) -> Strided {
        Strided {
            start: self.0.wrapping_add(row * k),
            row: 1,
            column: ROWS,
        }
    }
}

/// A matrix that is read by vectors of its rows.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Right {
    /// The first value.
    pub(crate) start: *const f32,
    /// From a row to the next.
    pub(crate) row: usize,
    /// From [`HALF`] columns to the next.
    pub(crate) half: usize,
}

impl Right {
    /// Rows whose values lie in order.
    pub(crate) fn in_order(start: *const f32, row: usize) -> Self {
        Self {
            start,
            row,
            half: HALF,
        }
    }

    /// Panels of [`HALF`] columns, one behind the other, `k` rows each.
    pub(crate) fn halves(start: *const f32, k: usize) -> Self {
        Self {
            start,
            row: HALF,
            half: k * HALF,
        }
    }

    /// From the first value to that of a column in the same row.
    #[inline(always)]
    pub(crate) fn column(self, column: usize) -> usize {
        column / HALF * self.half + column % HALF
    }
}

/// Where a tile goes.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Target {
    pub(crate) start: *mut f32,
    /// From a row to the next.
    pub(crate) row: usize,
    /// At most the height of a tile.
    pub(crate) rows: usize,
    /// Whether it is added to what is there.
    pub(crate) add: bool,
}

/// Columns side by side of a matrix whose rows lie in order.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Columns<'a> {
    /// From the first value of the first column on.
    pub(crate) values: &'a [f32],
    /// From a row to the next.
    pub(crate) stride: usize,
    /// Rows.
    pub(crate) k: usize,
    /// How many columns.
    pub(crate) count: usize,
}

impl Columns<'_> {
    /// # Panics
    /// If they end too early.
    pub(crate) fn check(&self) {
        let last_row = self.k.saturating_sub(1) * self.stride;
        assert!(self.k == 0 || last_row + self.count <= self.values.len());
    }
}

/// Two bfloat16 values of one line, at an even step of K (lower half) and at the next.
#[derive(Debug, Clone, Copy, Default)]
#[repr(transparent)]
pub(crate) struct Pair(pub(crate) u32);

impl Pair {
    /// Twice zero.
    #[cfg(target_arch = "x86_64")]
    pub(crate) const ZERO: Self = Self(0);

    /// Both values rounded to the nearest.
    #[inline(always)]
    pub(crate) fn new(even: f32, odd: f32) -> Self {
        Self(rounded(even) >> 16 | rounded(odd) & 0xFFFF_0000)
    }

    /// Both values, exactly.
    #[inline(always)]
    pub(crate) fn wide(self) -> [f32; 2] {
        [self.0 << 16, self.0 & 0xFFFF_0000].map(f32::from_bits)
    }
}

/// The bits of a number, the upper half of them the nearest bfloat16 (ties to even); without
/// branches, so that the compiler makes vectors of it.
#[inline(always)]
fn rounded(x: f32) -> u32 {
    let bits = x.to_bits();
    let nearest = bits.wrapping_add(0x7FFF + (bits >> 16 & 1));
    match x.is_nan() {
        true => bits | 0x40_0000, // its first digits might be zeros
        false => nearest,
    }
}

/// Four consecutive integers of one line, the first in the lowest byte.
pub(crate) type Quad = u32;

/// A panel of the weights, and what its sums become.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Panel {
    pub(crate) values: *const Quad,
    /// `s_w`, [`NR`] of them.
    pub(crate) scales: *const f32,
    /// `128 sum(q_w)`, likewise.
    pub(crate) offsets: *const i32,
}

/// Covers `count` rows with tiles of at most `most`, high ones first: the block runs for each tile
/// with its first row and, as a constant, its height.
macro_rules! in_tiles {
    ($count:expr, $most:expr, |$row:ident, $height:ident| $tile:expr) => {{
        let mut $row = 0;
        in_tiles!(@each ($count, $most, $row, $height, $tile) 12 8 6 4 2 1);
    }};
    (@each $tile:tt $($rows:literal)*) => {$(
        in_tiles!(@one $rows, $tile);
    )*};
    (@one $rows:literal, ($count:expr, $most:expr, $row:ident, $height:ident, $tile:expr)) => {
        while $rows <= $most && $row + $rows <= $count {
            const $height: usize = $rows;
            $tile;
            $row += $rows;
        }
    };
}
pub(crate) use in_tiles;
