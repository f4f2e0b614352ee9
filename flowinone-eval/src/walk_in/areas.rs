//! Pictures as means over areas: 64 x 64 of them, whatever size a picture has.
//!
//! `mean_i = sum_j overlap(i, j) p_j / width(i)` along both axes; a pixel that lies in two areas
//! counts in each by its share.

use image::RgbImage;

/// Areas along a side.
pub(super) const SIDE: usize = 64;

/// The pixels of one area along one axis: the first, and the share of each.
pub(super) struct Span {
    first: usize,
    shares: Vec<f32>,
}

/// `count` spans of `step` pixels, the first beginning at `from`, over a line of `length` pixels.
/// What lies outside of the line counts as nothing.
pub(super) fn spans(from: f64, step: f64, count: usize, length: usize) -> Vec<Span> {
    let span = |number: usize| {
        let inside = |at: f64| at.clamp(0.0, length as f64);
        let start = inside(from + number as f64 * step);
        let end = inside(from + (number + 1) as f64 * step);
        let first = start as usize;
        let shares = (first..end.ceil() as usize).map(|at| {
            let overlap = end.min(at as f64 + 1.0) - start.max(at as f64);
            (overlap / step) as f32
        });
        let shares = shares.collect();
        Span { first, shares }
    };
    (0..count).map(span).collect()
}

/// Means of pixels in rows of `width`, `across.len()` a row and `down.len()` rows.
pub(super) fn means<const N: usize>(
    pixels: &[[u8; N]],
    width: usize,
    across: &[Span],
    down: &[Span],
) -> Vec<[f32; N]> {
    let mut lines = Vec::with_capacity(pixels.len() / width.max(1) * across.len());
    for row in pixels.chunks_exact(width.max(1)) {
        for span in across {
            let mut mean = [0.0; N];
            for (pixel, share) in row[span.first.min(width)..].iter().zip(&span.shares) {
                (0..N).for_each(|c| mean[c] += share * f32::from(pixel[c]));
            }
            lines.push(mean);
        }
    }
    let mut all = Vec::with_capacity(across.len() * down.len());
    for span in down {
        for column in 0..across.len() {
            let mut mean = [0.0; N];
            for (row, share) in (span.first..).zip(&span.shares) {
                let line = &lines[row * across.len() + column];
                (0..N).for_each(|c| mean[c] += share * line[c]);
            }
            all.push(mean);
        }
    }
    all
}

/// A picture of any size as 64 x 64 means, 8-bit sRGB values, row by row.
pub(super) fn areas(picture: &RgbImage) -> Vec<[f32; 3]> {
    let [width, height] = [picture.width(), picture.height()].map(|side| side as usize);
    let axis = |length: usize| spans(0.0, length as f64 / SIDE as f64, SIDE, length);
    let (pixels, _) = picture.as_raw().as_chunks::<3>();
    means(pixels, width, &axis(width), &axis(height))
}

#[cfg(test)]
mod tests {
    use image::Rgb;

    use super::*;

    #[test]
    fn areas_hold_the_same_light_at_every_size() {
        // A ramp from left to right, 4 levels an area.
        for (width, height) in [(64, 64), (256, 256), (32, 128), (100, 70), (3, 5)] {
            let picture = RgbImage::from_fn(width, height, |x, _| {
                Rgb([((x as f32 + 0.5) * 256.0 / width as f32) as u8, 7, 9])
            });
            let found = areas(&picture);
            assert_eq!(found.len(), SIDE * SIDE);
            let mean = found.iter().map(|area| area[0]).sum::<f32>() / found.len() as f32;
            let pixels = picture.pixels().map(|p| f32::from(p.0[0])).sum::<f32>();
            let whole = pixels / (width * height) as f32;
            assert!((mean - whole).abs() < 0.01, "{width} x {height}: {mean}");
            assert!(found.iter().all(|area| (area[1] - 7.0).abs() < 1e-3));
        }
    }

    #[test]
    fn a_span_counts_pixels_by_their_share() {
        let spans = spans(-0.5, 1.5, 2, 2);
        assert_eq!((spans[0].first, spans[1].first), (0, 1));
        let near = |shares: &[f32], expected: &[f32]| {
            assert_eq!(shares.len(), expected.len());
            let off = shares.iter().zip(expected).map(|(a, b)| (a - b).abs());
            assert!(off.fold(0.0, f32::max) < 1e-6, "{shares:?}");
        };
        near(&spans[0].shares, &[2.0 / 3.0]);
        near(&spans[1].shares, &[2.0 / 3.0]);
    }
}
