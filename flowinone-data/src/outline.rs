//! A drawing as lines: contours of an icon's shape and of its inner shades, as a person would trace
//! them, then warped so that no two doodles are alike.

use super::Sprite;
use super::draw::Draw;

/// One line: points in fractions of the icon's square.
pub(crate) type Stroke = Vec<[f32; 2]>;

/// Pixels between two points of a stroke, about: a smooth line through them is drawn, and each
/// point costs time.
const STEP: usize = 5;
/// Shortest contour that is drawn, in pixels along it.
const SHORTEST: usize = 26;
/// Shades at which inner lines are drawn.
const LEVELS: [f32; 3] = [0.35, 0.55, 0.8];

/// The lines of a drawn icon whose square has `side` pixels.
pub(crate) fn outline(sprite: &Sprite, side: u32) -> Vec<Stroke> {
    let [width, height] = sprite.size.map(|n| n as usize);
    // A border of empty pixels closes every contour.
    let at = |x: usize, y: usize| -> [f32; 4] {
        match (1..=width).contains(&x) && (1..=height).contains(&y) {
            true => sprite.pixels[(y - 1) * width + x - 1].map(|v| f32::from(v) / 255.0),
            false => [0.0; 4],
        }
    };
    let (columns, rows) = (width + 2, height + 2);
    let alpha = Field::new(columns, rows, |x, y| at(x, y)[3]);
    let inside = Field::new(columns, rows, |x, y| {
        let near = |dx: usize, dy: usize| {
            let (x, y) = ((x + dx).saturating_sub(2), (y + dy).saturating_sub(2));
            at(x, y)[3]
        };
        let least = (0..5).flat_map(|dx| (0..5).map(move |dy| (dx, dy)));
        least.fold(1.0, |least, (dx, dy)| near(dx, dy).min(least))
    });
    let light = Field::new(columns, rows, |x, y| {
        let [red, green, blue, _] = at(x, y);
        0.3 * red + 0.59 * green + 0.11 * blue
    });
    let place = |[x, y]: [f32; 2]| {
        let put = |v: f32, offset: f32| (v - 0.5 + offset) / side as f32 + 0.5;
        [put(x, sprite.offset[0]), put(y, sprite.offset[1])]
    };
    let mut strokes = alpha.contours(0.5);
    for level in LEVELS {
        for contour in light.contours(level) {
            // The shade also ends where the shape ends: keep the parts well inside.
            let deep = |p: &[f32; 2]| inside.at(p[0] as usize, p[1] as usize) > 0.5;
            for part in contour.split(|p| !deep(p)) {
                if !doubled(part, &strokes) {
                    strokes.push(part.to_vec());
                }
            }
        }
    }
    let long = strokes.into_iter().filter(|s| s.len() >= SHORTEST);
    long.map(|s| smooth(&s).into_iter().map(place).collect())
        .collect()
}

/// Whether most of a line runs next to lines that are there already.
fn doubled(part: &[[f32; 2]], strokes: &[Stroke]) -> bool {
    let beside = |p: &&[f32; 2]| {
        let close = |q: &[f32; 2]| (p[0] - q[0]).abs() + (p[1] - q[1]).abs() < 4.0;
        strokes.iter().flatten().any(close)
    };
    part.len() < SHORTEST || part.iter().step_by(4).filter(beside).count() * 6 > part.len()
}

/// Points of the running mean of a line at equal distances; closed lines stay closed.
fn smooth(line: &[[f32; 2]]) -> Stroke {
    let n = line.len();
    let closed = {
        let (a, b) = (line[0], line[n - 1]);
        (a[0] - b[0]).abs() + (a[1] - b[1]).abs() < 3.0
    };
    let mean = |at: usize| {
        let mut sum = [0.0; 2];
        for d in 0..5 {
            let i = match closed {
                true => (at + n + d - 2) % n,
                false => (at + d).saturating_sub(2).min(n - 1),
            };
            sum = [sum[0] + line[i][0], sum[1] + line[i][1]];
        }
        sum.map(|v| v / 5.0)
    };
    let count = n.div_ceil(STEP).max(4);
    let mut points: Stroke = (0..count).map(|point| mean(point * n / count)).collect();
    points.push(if closed { points[0] } else { mean(n - 1) });
    points
}

/// The same lines, bent smoothly by up to about `amount` of the square.
pub(crate) fn warped(strokes: &[Stroke], amount: f32, draw: &mut Draw) -> Vec<Stroke> {
    let waves: Vec<[f32; 5]> = (0..4)
        .map(|_| {
            let bend = |draw: &mut Draw| draw.between(-amount, amount) * 0.5;
            let phase = draw.between(0.0, std::f32::consts::TAU);
            [
                draw.between(-9.0, 9.0),
                draw.between(-9.0, 9.0),
                phase,
                bend(draw),
                bend(draw),
            ]
        })
        .collect();
    let bend = |[x, y]: [f32; 2]| {
        waves.iter().fold([x, y], |at, [a, b, phase, dx, dy]| {
            let wave = (a * x + b * y + phase).sin();
            [at[0] + wave * dx, at[1] + wave * dy]
        })
    };
    let line = |stroke: &Stroke| stroke.iter().copied().map(bend).collect();
    strokes.iter().map(line).collect()
}

/// Values on a grid.
struct Field {
    columns: usize,
    values: Vec<f32>,
}

impl Field {
    fn new(columns: usize, rows: usize, value: impl Fn(usize, usize) -> f32) -> Self {
        let each = (0..rows * columns).map(|i| value(i % columns, i / columns));
        Self {
            columns,
            values: each.collect(),
        }
    }

    fn at(&self, x: usize, y: usize) -> f32 {
        self.values[y * self.columns + x]
    }

    /// The closed boundaries of the region above `level`, walked along pixel edges with the region
    /// on the right-hand side.
    fn contours(&self, level: f32) -> Vec<Stroke> {
        let rows = self.values.len() / self.columns;
        let above = |x: isize, y: isize| {
            x >= 0
                && y >= 0
                && (x as usize) < self.columns
                && (y as usize) < rows
                && self.at(x as usize, y as usize) > level
        };
        let mut seen = vec![false; self.values.len()];
        let mut contours = vec![];
        for y in 0..rows as isize {
            for x in 0..self.columns as isize {
                let top = above(x, y) && !above(x, y - 1);
                if !top || seen[y as usize * self.columns + x as usize] {
                    continue;
                }
                // Directions: 0 right, 1 down, 2 left, 3 up; `(cx, cy)` is a corner of pixels.
                let (mut cx, mut cy, mut way) = (x, y, 0);
                let mut line = vec![];
                loop {
                    if way == 0 && above(cx, cy) {
                        seen[cy as usize * self.columns + cx as usize] = true;
                    }
                    line.push([cx as f32, cy as f32]);
                    let (dx, dy) = [(1, 0), (0, 1), (-1, 0), (0, -1)][way];
                    (cx, cy) = (cx + dx, cy + dy);
                    // The pixels ahead, left and right of the way.
                    let ahead = |[(ax, ay), (bx, by)]: [(isize, isize); 2]| {
                        (above(cx + ax, cy + ay), above(cx + bx, cy + by))
                    };
                    let (left, right) = ahead(
                        [
                            [(0, -1), (0, 0)],
                            [(0, 0), (-1, 0)],
                            [(-1, 0), (-1, -1)],
                            [(-1, -1), (0, -1)],
                        ][way],
                    );
                    way = match (left, right) {
                        (_, false) => (way + 1) % 4,
                        (false, true) => way,
                        (true, true) => (way + 3) % 4,
                    };
                    if (cx, cy, way) == (x, y, 0) {
                        break;
                    }
                }
                contours.push(line);
            }
        }
        contours
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_disc_has_one_round_contour() {
        let disc = Field::new(64, 64, |x, y| {
            let (dx, dy) = (x as f32 - 31.5, y as f32 - 31.5);
            f32::from(u8::from(dx * dx + dy * dy < 400.0))
        });
        let contours = disc.contours(0.5);
        assert_eq!(contours.len(), 1);
        for [x, y] in smooth(&contours[0]) {
            let radius = ((x - 32.0).powi(2) + (y - 32.0).powi(2)).sqrt();
            assert!((radius - 20.0).abs() < 1.0, "{radius}");
        }
    }

    #[test]
    fn a_ring_has_an_outer_and_an_inner_contour() {
        let ring = Field::new(64, 64, |x, y| {
            let (dx, dy) = (x as f32 - 31.5, y as f32 - 31.5);
            f32::from(u8::from((100.0..400.0).contains(&(dx * dx + dy * dy))))
        });
        assert_eq!(ring.contours(0.5).len(), 2);
    }
}
