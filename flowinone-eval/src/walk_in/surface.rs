//! A picture's difference from its ground on a grid, and how much of it a thing explains: `gain =
//! sum w (2 R T - T^2)`, by which the squared error falls when thing `T` is drawn over what is
//! seen, `R`.

/// The weight of a mean's neighbours along each axis: of 3 x 3, and what is left of it at half the
/// side, where each cell is a mean of four (the same variance).
pub(super) const MEAN: f32 = 1.0 / 3.0;
pub(super) const COARSE_MEAN: f32 = 0.1;

/// A picture's difference from its ground on a square grid, row by row.
pub(super) struct Surface {
    /// Cells along a side.
    pub(super) side: usize,
    /// The difference in up to four channels.
    pub(super) values: Vec<[f32; 4]>,
    /// How much each cell counts, 0 to 1.
    pub(super) weights: Vec<f32>,
}

/// How a thing would differ from the ground, row by row.
pub(super) struct Template {
    /// Column and row of its left upper cell.
    pub(super) corner: [i32; 2],
    /// Cells in a row.
    pub(super) width: usize,
    /// The difference, in the channels of a surface.
    pub(super) values: Vec<[f32; 4]>,
}

impl Surface {
    /// Means of 2 x 2 cells.
    pub(super) fn halved(&self) -> Self {
        let side = self.side / 2;
        let blocks = |of: &dyn Fn(usize) -> [f32; 4]| -> Vec<[f32; 4]> {
            let block = |at: usize| {
                let first = 2 * (at / side) * self.side + 2 * (at % side);
                let four = [first, first + 1, first + self.side, first + self.side + 1].map(of);
                std::array::from_fn(|c| four.iter().map(|v| v[c]).sum::<f32>() / 4.0)
            };
            (0..side * side).map(block).collect()
        };
        Self {
            side,
            values: blocks(&|at| self.values[at]),
            weights: blocks(&|at| [self.weights[at]; 4])
                .iter()
                .map(|w| w[0])
                .collect(),
        }
    }

    /// By how much the squared error falls with the template's left upper cell at `corner`.
    pub(super) fn gain(&self, template: &Template, corner: [i32; 2]) -> f32 {
        let height = template.values.len() / template.width;
        let visible = |corner: i32, size: usize| {
            let from = (-corner).clamp(0, size as i32) as usize;
            let end = (self.side as i32 - corner).clamp(0, size as i32) as usize;
            from..end.max(from)
        };
        let columns = visible(corner[0], template.width);
        let mut sums = [0.0f32; 4];
        for row in visible(corner[1], height) {
            let start = (corner[1] + row as i32) * self.side as i32 + corner[0];
            let start = (start + columns.start as i32) as usize;
            let line = start..start + columns.len();
            let drawn = &template.values[row * template.width..][columns.clone()];
            let seen = self.values[line.clone()].iter().zip(&self.weights[line]);
            for ((value, weight), drawn) in seen.zip(drawn) {
                for c in 0..4 {
                    sums[c] += weight * drawn[c] * (2.0 * value[c] - drawn[c]);
                }
            }
        }
        sums.iter().sum()
    }

    /// The best of all shifts up to `reach` from `center` and up to `most` from nothing.
    pub(super) fn best(
        &self,
        template: &Template,
        center: [i32; 2],
        reach: i32,
        most: i32,
    ) -> (f32, [i32; 2]) {
        let range =
            |axis: usize| (center[axis] - reach).max(-most)..=(center[axis] + reach).min(most);
        let mut best = (f32::NEG_INFINITY, [0, 0]);
        for y in range(1) {
            for x in range(0) {
                let corner = [template.corner[0] + x, template.corner[1] + y];
                let gain = self.gain(template, corner);
                if gain > best.0 {
                    best = (gain, [x, y]);
                }
            }
        }
        best
    }
}

/// The mean of 3 x 3 cells of a square; beyond its edge, its last cells go on.
pub(super) fn mean(values: &[[f32; 4]], side: usize) -> Vec<[f32; 4]> {
    let mut padded = Vec::with_capacity((side + 2) * (side + 2));
    let within = |at: usize| at.saturating_sub(1).min(side - 1);
    for y in 0..side + 2 {
        padded.extend((0..side + 2).map(|x| values[within(y) * side + within(x)]));
    }
    let means = weighted(&padded, side + 2, MEAN);
    let inside = (1..=side).flat_map(|y| (1..=side).map(move |x| y * (side + 2) + x));
    inside.map(|at| means[at]).collect()
}

/// Means with the neighbours along each axis, which have `side_weight` each; nothing lies beyond
/// the edge.
pub(super) fn weighted(values: &[[f32; 4]], width: usize, side_weight: f32) -> Vec<[f32; 4]> {
    let along = |values: &[[f32; 4]], step: usize, at: usize, first: bool, last: bool| {
        let mut mean = values[at].map(|v| v * (1.0 - 2.0 * side_weight));
        let neighbours = [(!first).then(|| at - step), (!last).then(|| at + step)];
        for neighbour in neighbours.into_iter().flatten() {
            (0..4).for_each(|c| mean[c] += side_weight * values[neighbour][c]);
        }
        mean
    };
    let all = 0..values.len();
    let across: Vec<[f32; 4]> = all
        .clone()
        .map(|at| along(values, 1, at, at % width == 0, at % width == width - 1))
        .collect();
    let end = values.len() - width;
    all.map(|at| along(&across, width, at, at < width, at >= end))
        .collect()
}
