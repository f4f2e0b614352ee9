//! Colours kept: trained networks shift them by some levels. What the result lacks of the input, at
//! low frequencies, is added:
//!
//! ```text
//! y += bilinear_s(gauss(x - mean_(s x s)(y))),   gauss of a deviation of 2 pixels
//! ```

use crate::Planes;
use crate::planes::wrapped;

/// Deviation of the low-pass filter, in pixels of the input.
const DEVIATION: f64 = 2.0;
/// How far it reaches: four deviations.
const REACH: isize = 8;

/// Gives `output`, `scale` times as large as `input`, its low frequencies; in a picture that
/// repeats, across its edges.
pub(crate) fn keep(input: &Planes, output: &mut Planes, scale: usize, repeats: bool) {
    let (height, width) = (input.height, input.width);
    let kernel = kernel();
    let place = match repeats {
        true => wrapped,
        false => doubled_at_edges,
    };
    for channel in 0..input.channels {
        let mut missing = input.plane(channel).to_vec();
        let share = 1.0 / (scale * scale) as f32;
        let plane = output.plane(channel);
        for (y, missing) in missing.chunks_exact_mut(width).enumerate() {
            for row in plane[y * scale * scale * width..]
                .chunks_exact(scale * width)
                .take(scale)
            {
                for (missing, pixels) in missing.iter_mut().zip(row.chunks_exact(scale)) {
                    *missing -= share * pixels.iter().sum::<f32>();
                }
            }
        }
        let missing = blurred(&missing, [height, width], &kernel, place);
        let rows = between(height, scale, repeats);
        let columns = between(width, scale, repeats);
        let target = output.plane_mut(channel);
        for (target, [above, below, down]) in target.chunks_exact_mut(scale * width).zip(rows) {
            let [above, below] =
                [above, below].map(|row| &missing[row as usize * width..][..width]);
            for (y, [left, right, across]) in target.iter_mut().zip(&columns) {
                let along = |row: &[f32]| {
                    let (left, right) = (row[*left as usize], row[*right as usize]);
                    left + across * (right - left)
                };
                let (above, below) = (along(above), along(below));
                *y += above + down * (below - above);
            }
        }
    }
}

/// Beyond an edge the picture is mirrored at it.
fn doubled_at_edges(at: isize, count: usize) -> usize {
    let period = 2 * count as isize;
    let at = at.rem_euclid(period);
    at.min(period - 1 - at) as usize
}

fn kernel() -> Vec<f32> {
    let weight = |at: isize| (-(at * at) as f64 / (2.0 * DEVIATION * DEVIATION)).exp();
    let sum: f64 = (-REACH..=REACH).map(weight).sum();
    (-REACH..=REACH)
        .map(|at| (weight(at) / sum) as f32)
        .collect()
}

/// Along the rows, then down the columns.
fn blurred(
    x: &[f32],
    [height, width]: [usize; 2],
    kernel: &[f32],
    place: fn(isize, usize) -> usize,
) -> Vec<f32> {
    let taps = |count: usize| -> Vec<Vec<usize>> {
        let around = |at: usize| {
            let offsets = -REACH..=REACH;
            offsets.map(|k| place(at as isize + k, count)).collect()
        };
        (0..count).map(around).collect()
    };
    let (down, across) = (taps(height), taps(width));
    let mut along = vec![0.0; x.len()];
    for (row, along) in x.chunks_exact(width).zip(along.chunks_exact_mut(width)) {
        for (y, taps) in along.iter_mut().zip(&across) {
            *y = taps.iter().zip(kernel).map(|(at, w)| w * row[*at]).sum();
        }
    }
    let mut y = vec![0.0; x.len()];
    for (target, taps) in y.chunks_exact_mut(width).zip(&down) {
        for (row, w) in taps.iter().zip(kernel) {
            let row = &along[row * width..][..width];
            for (y, x) in target.iter_mut().zip(row) {
                *y += w * x;
            }
        }
    }
    y
}

/// For each pixel of the enlarged side the two of the small one between whose middles it lies, and
/// how far from the first to the second.
fn between(count: usize, scale: usize, repeats: bool) -> Vec<[f32; 3]> {
    let last = count as isize - 1;
    let place = |at: isize| match repeats {
        true => wrapped(at, count),
        false => at.clamp(0, last) as usize,
    };
    (0..count * scale)
        .map(|at| {
            let middle = (at as f32 + 0.5) / scale as f32 - 0.5;
            let first = middle.floor();
            let [left, right] = [first as isize, first as isize + 1].map(|at| place(at) as f32);
            [left, right, middle - first]
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_shift_of_colour_is_taken_back_and_detail_stays() {
        let mut input = Planes::zeros(1, 12, 10);
        let values = input.values.iter_mut().enumerate();
        values.for_each(|(at, x)| *x = 0.3 + 0.02 * (at % 10) as f32);
        // Twice as large, with a fine pattern, and 0.1 too bright.
        let pattern = |at: usize| if at.is_multiple_of(2) { 0.05 } else { -0.05 };
        let mut output = Planes::zeros(1, 24, 20);
        for (at, y) in output.values.iter_mut().enumerate() {
            let (row, column) = (at / 20, at % 20);
            *y = input.values[row / 2 * 10 + column / 2] + pattern(column) + 0.1;
        }
        let before = output.clone();
        for repeats in [false, true] {
            let mut output = before.clone();
            keep(&input, &mut output, 2, repeats);
            for (before, after) in before.values.iter().zip(&output.values) {
                assert!((before - after - 0.1).abs() < 1e-5, "{before} {after}");
            }
        }
    }
}
