//! Tiles of maps: which there are, and their transforms into factors of products and back into
//! maps.

use std::marker::PhantomData;

use super::factors::Sizes;
use super::form::{Form, LONGEST};
use crate::cpu::convolution::maps::Maps;
use crate::cpu::gemm::layout::{HALF, NR};
use crate::cpu::gemm::scratch::Scratch;
use crate::cpu::simd::{Kernel, Simd, Slot, WIDEST, slots};

/// Some rows of tiles, over all items: row `r` is row `r % down` of item `r / down`.
#[derive(Debug, Clone, Copy)]
pub(super) struct Tiles {
    pub(super) maps: Maps,
    /// Tiles side by side.
    pub(super) across: usize,
    /// Rows of tiles in an item.
    pub(super) down: usize,
    /// The first row.
    pub(super) first: usize,
    /// How many.
    pub(super) rows: usize,
}

impl Tiles {
    /// All rows of all items.
    pub(super) fn all<F: Form>(maps: Maps) -> Self {
        let [across, down] = [maps.width, maps.height].map(|side| side.div_ceil(F::RESULTS));
        Self {
            maps,
            across,
            down,
            first: 0,
            rows: maps.batch * down,
        }
    }

    pub(super) fn count(&self) -> usize {
        self.rows * self.across
    }

    /// As panels of a right factor.
    pub(super) fn panels(&self) -> usize {
        self.count().div_ceil(NR)
    }

    /// Where each of them lies.
    pub(super) fn places<F: Form>(&self) -> Vec<Place> {
        let Maps {
            output,
            height,
            width,
            ..
        } = self.maps;
        let place = |tile: usize| {
            let (tile_row, column) = (tile / self.across, tile % self.across * F::RESULTS);
            let [item, down] = self.place(tile_row);
            let row = down * F::RESULTS;
            Place {
                source: tile_row * F::LINE * self.breadth::<F>() + column,
                target: (item * output * height + row) * width + column,
                rows: F::RESULTS.min(height - row),
                columns: F::RESULTS.min(width - column),
            }
        };
        (0..self.count()).map(place).collect()
    }

    /// Values of a line of all tiles side by side.
    fn breadth<F: Form>(&self) -> usize {
        self.across * F::RESULTS + 2
    }

    /// The item and the row in it of a row of tiles.
    fn place(&self, row: usize) -> [usize; 2] {
        let row = self.first + row;
        [row / self.down, row % self.down]
    }
}

/// Where a tile lies.
#[derive(Debug, Clone, Copy)]
pub(super) struct Place {
    /// Its first number in transformed rows `[rows of tiles, LINE, breadth]`.
    source: usize,
    /// Its first result in the first channel of the maps.
    target: usize,
    /// Results that lie in the map.
    rows: usize,
    columns: usize,
}

/// `V = B^T d B` of one input channel, to its lines of `[panels, products, NR / HALF, input,
/// HALF]`, with gaps between products.
pub(super) struct Input<'a, F> {
    pub(super) tiles: Tiles,
    pub(super) places: &'a [Place],
    pub(super) x: &'a [&'a [f32]],
    pub(super) channel: usize,
    pub(super) sizes: Sizes,
    pub(super) target: *mut f32,
    pub(super) scratch: &'a mut Scratch,
    pub(super) form: PhantomData<F>,
}

impl<F: Form> Kernel for Input<'_, F> {
    type Output = ();

    #[inline(always)]
    fn run<V: Simd>(self, simd: V) {
        let (tiles, maps) = (self.tiles, self.tiles.maps);
        // Down the columns first: [rows of tiles, LINE, a zero, the width and zeros].
        let breadth = tiles.breadth::<F>();
        let lines = self.scratch.take(tiles.rows * F::LINE, breadth);
        for (row, lines) in lines.chunks_exact_mut(F::LINE * breadth).enumerate() {
            let [item, row] = tiles.place(row);
            let plane = maps.channel(self.x, item, self.channel);
            down::<F, V>(simd, plane, maps, row * F::RESULTS, breadth, lines);
        }
        // Then along them, as many tiles at a time as a vector has lanes.
        let count = tiles.count();
        for first in (0..tiles.panels() * NR).step_by(V::WIDTH) {
            let mut starts = [std::ptr::null(); WIDEST];
            for (index, start) in starts.iter_mut().enumerate().take(V::WIDTH) {
                // Behind the last tile its copies, which no one reads.
                let place = self.places[(first + index).min(count - 1)];
                *start = lines[place.source..].as_ptr();
            }
            let panel = first / NR * self.sizes.products * self.sizes.of_tiles();
            let half = first % NR / HALF * self.sizes.input;
            let at = panel + (half + self.channel) * HALF + first % HALF;
            for line in 0..F::LINE {
                // SAFETY: a tile has `LINE` values in each of its lines; the factors have room for
                // all tiles, and this task alone has the lines of its channel.
                unsafe {
                    let numbers = line_of::<F, V>(simd, &starts, line * breadth);
                    let transformed = F::of_input(simd, numbers);
                    for (column, x) in transformed.into_iter().enumerate().take(F::LINE) {
                        let product = (line * F::LINE + column) * self.sizes.of_tiles();
                        simd.store_to(x, self.target.add(at + product));
                    }
                }
            }
        }
    }
}

/// The values of a line of several tiles, lane by lane.
///
/// # Safety
/// All of them must be readable.
#[inline(always)]
unsafe fn line_of<F: Form, V: Simd>(
    simd: V,
    starts: &[*const f32; WIDEST],
    line: usize,
) -> [V::Float; LONGEST] {
    // SAFETY: the caller's.
    unsafe {
        let [a, b, c, d] = simd.four_columns(&starts.map(|start| start.wrapping_add(line)));
        if F::LINE == 4 {
            return [a, b, c, d, a, a];
        }
        let [.., e, f] = simd.four_columns(&starts.map(|start| start.wrapping_add(line + 2)));
        [a, b, c, d, e, f]
    }
}

/// A row of tiles, transformed down its columns: from `row` of the plane, less one, on.
#[inline(always)]
fn down<F: Form, V: Simd>(
    simd: V,
    plane: &[f32],
    maps: Maps,
    row: usize,
    breadth: usize,
    lines: &mut [f32],
) {
    let (width, narrow) = (maps.width, maps.source_width());
    let source = |line: usize| {
        let row = (row + line).checked_sub(1).filter(|row| *row < maps.height);
        row.map(|row| &plane[row / maps.repeat * narrow..][..narrow])
    };
    let sources: [Option<&[f32]>; LONGEST] =
        std::array::from_fn(|line| if line < F::LINE { source(line) } else { None });
    for line in lines.chunks_exact_mut(breadth) {
        line[0] = 0.0;
        line[1 + width..].fill(0.0);
    }
    for start in (0..narrow).step_by(V::WIDTH) {
        let mut numbers = [simd.splat(0.0); LONGEST];
        for (numbers, source) in numbers.iter_mut().zip(&sources) {
            if let Some(source) = source {
                *numbers = simd.load_at(source, start, 0.0);
            }
        }
        let transformed = F::of_input(simd, numbers);
        let transformed = transformed.into_iter().take(F::LINE);
        for (x, line) in transformed.zip(lines.chunks_exact_mut(breadth)) {
            if maps.repeat == 1 {
                simd.store_at(x, slots(&mut line[1..1 + width]), start);
                continue;
            }
            let mut once = [Slot::new(0.0); WIDEST];
            simd.store(x, &mut once);
            let line = slots(&mut line[1 + maps.repeat * start..1 + width]);
            for (pixels, x) in line.chunks_exact_mut(maps.repeat).zip(&once[..V::WIDTH]) {
                pixels.fill(*x);
            }
        }
    }
}

/// `A^T M A + bias`, negative results times the slope, of one output channel, from its row of each
/// product `[output, panels NR]`.
pub(super) struct Output<'a, F> {
    pub(super) maps: Maps,
    pub(super) places: &'a [Place],
    pub(super) sizes: Sizes,
    pub(super) channel: usize,
    /// Bias and slope.
    pub(super) ends: [f32; 2],
    pub(super) products: *const f32,
    pub(super) y: *mut f32,
    pub(super) form: PhantomData<F>,
}

impl<F: Form> Kernel for Output<'_, F> {
    type Output = ();

    #[inline(always)]
    fn run<V: Simd>(self, simd: V) {
        let (count, padded) = (self.places.len(), self.sizes.panels * NR);
        let (bias, slope) = (simd.splat(self.ends[0]), simd.splat(self.ends[1]));
        for first in (0..count).step_by(V::WIDTH) {
            let at = self.channel * padded + first;
            // Along the lines, then down the columns: `[results, LINE]` and `[results, results]`.
            let mut along = [[bias; LONGEST]; 4];
            for line in 0..F::LINE {
                let mut values = [bias; LONGEST];
                for (column, value) in values.iter_mut().enumerate().take(F::LINE) {
                    let product = (line * F::LINE + column) * self.sizes.of_product();
                    // SAFETY: rows of the products are whole panels.
                    *value = unsafe { simd.load_from(self.products.add(product + at)) };
                }
                let results = F::of_product(simd, values);
                for (along, result) in along.iter_mut().zip(results).take(F::RESULTS) {
                    along[line] = result;
                }
            }
            let mut results = [[bias; 4]; 4]; // [column, row]
            for (results, along) in results.iter_mut().zip(along).take(F::RESULTS) {
                // Loops, not closures: these are not always compiled with the instructions.
                *results = F::of_product(simd, along);
                for result in results {
                    let y = simd.add(*result, bias);
                    *result = simd.where_negative(y, simd.mul(y, slope), y);
                }
            }
            // Four values of each tile at a time: of one row of it, or of two.
            const GROUPS: usize = 4;
            let mut by_tile = [[[Slot::new(0.0); 4]; WIDEST]; GROUPS];
            for (group, by_tile) in by_tile
                .iter_mut()
                .enumerate()
                .take(F::RESULTS * F::RESULTS / 4)
            {
                let four = std::array::from_fn(|k| {
                    let k = group * 4 + k;
                    results[k % F::RESULTS][k / F::RESULTS]
                });
                simd.store_by_fours(four, by_tile);
            }
            for (lane, place) in self.places[first..].iter().enumerate().take(V::WIDTH) {
                let rows = by_tile
                    .iter()
                    .flat_map(|group| group[lane].chunks_exact(F::RESULTS));
                self.write(*place, rows.take(F::RESULTS));
            }
        }
    }
}

impl<F: Form> Output<'_, F> {
    /// The rows of the results of one tile, those that lie in the map.
    #[inline(always)]
    fn write<'a>(&self, place: Place, rows: impl Iterator<Item = &'a [Slot]>) {
        let width = self.maps.width;
        let at = self.channel * self.maps.height * width + place.target;
        let start = self.y.wrapping_add(at).cast::<Slot>();
        if [place.rows, place.columns] == [F::RESULTS; 2] {
            for (index, values) in rows.enumerate() {
                // SAFETY: pixels of this channel and this tile, which are this task's alone.
                unsafe {
                    let target = start.add(index * width);
                    std::ptr::copy_nonoverlapping(values.as_ptr(), target, F::RESULTS);
                }
            }
            return;
        }
        for (index, values) in rows.enumerate().take(place.rows) {
            for (column, value) in values.iter().enumerate().take(place.columns) {
                // SAFETY: as above.
                unsafe { start.add(index * width + column).write(*value) };
            }
        }
    }
}
