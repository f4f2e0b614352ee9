//! A solve as an iterator: one state a step, nothing computed before it is asked for.
//!
//! `for state in trajectory(…) { … }` gives progress, previews and, with `break`, cancellation;
//! [`integrate`] is its last item.

use std::vec;

use burn::tensor::Tensor;

use crate::adaptive::Controller;
use crate::{
    BatchedField, Error, Evaluations, Evaluator, FieldRun, Grid, OdeSolver, Slope, Solver, Stage,
    Step,
};

/// The state after a step.
#[derive(Debug, Clone)]
pub struct State<const D: usize> {
    /// Steps taken, 1 after the first.
    pub step: usize,
    /// Steps in all; `None` where the solver decides on the way.
    pub steps: Option<usize>,
    /// Time reached: where the next step begins, and exactly 1 at the end of a [`Grid`].
    pub t: f64,
    /// The state, in the float type of `x0`.
    pub x: Tensor<D>,
    /// What the run has cost so far.
    pub evaluations: Evaluations,
    /// Network evaluations of a single branch so far, for each item of the batch: they differ where
    /// a field decides item by item.
    pub branches: Vec<usize>,
}

/// Solves `dx/dt = v(x, t)` from `x0` at t = 0 to t = 1, step by step.
///
/// With [`Solver::Dopri5`] the `steps` only set the first step to try, `1 / steps`.
/// A setting that cannot work comes as the first item; after an error the iterator ends. Errors:
/// no steps, the `reference` grid with another solver than Euler, settings that the field or the
/// tolerances refuse, and velocities that are not finite.
pub fn trajectory<'a, const D: usize, F: BatchedField<D>>(
    solver: Solver,
    field: &'a F,
    x0: Tensor<D>,
    grid: Grid,
    steps: usize,
) -> States<'a, D> {
    let pace = field.validate().and_then(|()| pace(solver, grid, steps));
    States::new(solver, field.run(), x0, pace)
}

/// The [`trajectory`] of a field that it keeps, so that the iterator outlives the place where the
/// field was made.
pub fn trajectory_of<'a, const D: usize, F: BatchedField<D> + 'a>(
    solver: Solver,
    field: F,
    x0: Tensor<D>,
    grid: Grid,
    steps: usize,
) -> States<'a, D> {
    let pace = field.validate().and_then(|()| pace(solver, grid, steps));
    States::new(solver, field.into_run(), x0, pace)
}

/// The last state of the [`trajectory`] with the same arguments, or its error.
pub fn integrate<const D: usize, F: BatchedField<D>>(
    solver: Solver,
    field: &F,
    x0: Tensor<D>,
    grid: Grid,
    steps: usize,
) -> Result<State<D>, Error> {
    let mut states = trajectory(solver, field, x0, grid, steps);
    let mut last = states.next().ok_or(Error::NoSteps)?;
    for state in states {
        last = state;
    }
    last
}

/// Takes the given steps with any [`OdeSolver`]: for a rule or a grid of one's own, or backwards
/// in time.
///
/// Errors as [`trajectory`]; a solver above order 1 needs each step to start where the one before
/// it ended.
pub fn integrate_steps<'a, const D: usize, S: OdeSolver, F: BatchedField<D>>(
    solver: S,
    field: &'a F,
    x0: Tensor<D>,
    steps: Vec<Step>,
) -> States<'a, D, S> {
    let pace = match steps.last() {
        None => Err(Error::NoSteps),
        Some(last) => {
            let end = last.t + last.dt;
            check_steps(&steps, solver.order()).map(|()| Pace::fixed(steps, end))
        }
    };
    let pace = field.validate().and(pace);
    States::new(solver, field.run(), x0, pace)
}

/// The states of a solve, one a step: the iterator of [`trajectory`] and [`integrate_steps`].
pub struct States<'a, const D: usize, S = Solver> {
    solver: S,
    field: Evaluator<'a, D>,
    x: Tensor<D>,
    history: Vec<Slope<D>>,
    taken: usize,
    pace: Pace<D>,
}

/// Where the next step comes from.
enum Pace<const D: usize> {
    Fixed {
        steps: vec::IntoIter<Step>,
        count: usize,
        end: f64,
    },
    Adaptive(Box<Controller<D>>),
    Refused(Error),
    Done,
}

impl<const D: usize> Pace<D> {
    fn count(&self) -> Option<usize> {
        match self {
            Self::Fixed { count, .. } => Some(*count),
            _ => None,
        }
    }

    fn fixed(steps: Vec<Step>, end: f64) -> Self {
        Self::Fixed {
            count: steps.len(),
            steps: steps.into_iter(),
            end,
        }
    }
}

impl<'a, const D: usize, S: OdeSolver> States<'a, D, S> {
    fn new(
        solver: S,
        field: Box<dyn FieldRun<D> + 'a>,
        x0: Tensor<D>,
        pace: Result<Pace<D>, Error>,
    ) -> Self {
        Self {
            solver,
            field: Evaluator::new(field),
            x: x0,
            history: Vec::new(),
            taken: 0,
            pace: pace.unwrap_or_else(Pace::Refused),
        }
    }

    /// The same trajectory, which asks `stop` before each evaluation of the field and ends with
    /// [`Error::Stopped`] once it says so: in the middle of a step, and between the attempts of an
    /// adaptive one.
    #[must_use]
    pub fn until(mut self, stop: &'a dyn Fn() -> bool) -> Self {
        self.field.until(stop);
        self
    }

    /// The next step's end state and its time.
    fn advance(&mut self) -> Option<Result<(Tensor<D>, f64), Error>> {
        self.field.begin_step(self.taken + 1);
        match &mut self.pace {
            Pace::Fixed { steps, end, .. } => {
                let step = steps.next()?;
                let t = steps.as_slice().first().map_or(*end, |next| next.t);
                let x = self.x.clone();
                let moved = self
                    .solver
                    .step(step, x, &mut self.field, &mut self.history);
                Some(moved.map(|x| (x, t)))
            }
            Pace::Adaptive(controller) if controller.is_done() => None,
            Pace::Adaptive(controller) => Some(controller.advance(&self.x, &mut self.field)),
            Pace::Refused(error) => Some(Err(error.clone())),
            Pace::Done => None,
        }
    }
}

impl<const D: usize, S: OdeSolver> Iterator for States<'_, D, S> {
    type Item = Result<State<D>, Error>;

    fn next(&mut self) -> Option<Self::Item> {
        let state = self.advance()?.and_then(|(x, t)| {
            self.field.check(&x, Stage::State, t)?;
            self.taken += 1;
            self.x = x.clone();
            let steps = self.pace.count();
            Ok(State {
                step: self.taken,
                steps,
                t,
                x,
                evaluations: self.field.spent(),
                branches: self.field.spent_by_item().to_vec(),
            })
        });
        if state.is_err() {
            self.pace = Pace::Done;
        }
        Some(state)
    }
}

fn pace<const D: usize>(solver: Solver, grid: Grid, steps: usize) -> Result<Pace<D>, Error> {
    if solver != Solver::Euler && grid == Grid::Reference {
        return Err(Error::GridNeedsEuler {
            solver: solver.name(),
        });
    }
    let grid = grid.steps(steps)?;
    match solver {
        Solver::Dopri5(tolerance) => {
            tolerance.validate()?;
            Ok(Pace::Adaptive(Box::new(Controller::new(
                tolerance, grid[0].dt,
            ))))
        }
        _ => Ok(Pace::fixed(grid, 1.0)),
    }
}

/// Steps must have a length, and join wherever the order is to be kept.
fn check_steps(steps: &[Step], order: u32) -> Result<(), Error> {
    for (i, &Step { t, dt }) in steps.iter().enumerate() {
        if !t.is_finite() || !dt.is_finite() || dt == 0.0 {
            return Err(Error::BadStep { step: i + 1, t, dt });
        }
    }
    for (i, pair) in steps.windows(2).enumerate() {
        let (ends, starts) = (pair[0].t + pair[0].dt, pair[1].t);
        if order > 1 && (ends - starts).abs() > 1e-9 {
            return Err(Error::StepsDoNotJoin {
                step: i + 2,
                starts,
                ends,
                order,
            });
        }
    }
    Ok(())
}
