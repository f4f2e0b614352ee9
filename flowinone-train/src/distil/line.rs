//! The other two methods, which learn from the ends of a path alone: on the straight line from
//! start to end,
//!
//! ```text
//! x_t = x_0 + t v,   v = x_1 - x_0
//! reflow      v(x_t, t) -> v                                           one time
//! mean flow   u(x_t, t, r) -> v + (r - t) du/dt                        two times
//! du/dt = (u(x_t + e v, t + e, r) - u(x_t - e v, t - e, r)) / 2e       within -1 and 1
//! ```
//!
//! The sign follows from `d/dt ((r - t) u) = -v` along the line.

use burn::tensor::{DType, Tensor};
use flowinone_flow::{Structure, Time, VelocityNetwork};
use flowinone_sampler::Branch;

use super::rows::Rows;
use super::teacher::TeacherPaths;

/// Half of the time between the two velocities of a difference. They are of float32: a smaller one
/// would drown in their rounding.
const NEARBY: f64 = 5e-3;
/// Largest derivative of an average velocity that is learned from.
const STEEPEST: f64 = 1.0;

/// Rows on the lines of their items.
pub(crate) struct Line {
    /// `[rows, channels, side, side]`.
    pub(crate) state: Tensor<4>,
    way: Tensor<4>,
}

impl Line {
    /// The rows of a step, without gradients.
    pub(crate) fn new(paths: &TeacherPaths, rows: &Rows) -> Self {
        let start = paths.starts(&rows.items);
        let way = paths.ends(&rows.items) - start.clone();
        let t = column(&rows.t, &start);
        Self {
            state: start + way.clone() * t,
            way,
        }
    }

    /// What the rows are to give, without gradients: as long as they lead nowhere the way itself,
    /// otherwise with the derivative of the average velocities of a `student` without gradients.
    pub(crate) fn target(
        &self,
        student: impl FnOnce() -> VelocityNetwork,
        rows: &Rows,
        structure: Option<&Structure>,
    ) -> Tensor<4> {
        let spans = rows.spans;
        if spans == 0 {
            return self.way.clone();
        }
        let student = student();
        let (state, way) = (first(&self.state, spans), first(&self.way, spans));
        let tokens = structure.map(|structure| {
            let follows = &structure.followed()[..spans];
            Structure::new(first(structure.latent(), spans)).masked(follows)
        });
        let tokens = tokens.and_then(|structure| student.structure_tokens(&structure));
        let branches = vec![Branch::Conditional; spans];
        let times = |times: Vec<f32>| {
            Tensor::<1>::from_data(times.as_slice(), (&state.device(), DType::F32))
        };
        let near = |away: f64| {
            let t = rows.t[..spans].iter().map(|t| t + away as f32).collect();
            let time = Time::PerItemSpan {
                t: times(t),
                r: times(rows.r[..spans].to_vec()),
            };
            let x = state.clone() + way.clone().mul_scalar(away);
            student.forward(x, &time, Some(&branches), tokens.as_ref())
        };
        let slope = (near(NEARBY) - near(-NEARBY)).div_scalar(2.0 * NEARBY);
        let lengths: Vec<f32> = (0..spans).map(|row| rows.r[row] - rows.t[row]).collect();
        let bent = way.clone() + slope.clamp(-STEEPEST, STEEPEST) * column(&lengths, &way);
        let count = rows.items.len();
        match spans == count {
            true => bent,
            false => {
                let rest = self.way.clone().narrow(0, spans, count - spans);
                Tensor::cat(vec![bent, rest], 0)
            }
        }
    }
}

fn first(x: &Tensor<4>, rows: usize) -> Tensor<4> {
    x.clone().narrow(0, 0, rows)
}

/// One number for each row, `[rows, 1, 1, 1]`, where `beside` lies.
fn column(numbers: &[f32], beside: &Tensor<4>) -> Tensor<4> {
    let numbers = Tensor::<1>::from_data(numbers, (&beside.device(), DType::F32));
    let [rows] = numbers.dims();
    numbers.reshape([rows, 1, 1, 1])
}
