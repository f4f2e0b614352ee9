//! What a run makes of its teacher: the same networks, reading two times, with settings of their
//! own.

use flowinone_flow::TwoTimes;
use flowinone_sampler::{Grid, GuidanceRule, Solver};
use flowinone_tasks::{Distilled, Settings, Student};

use crate::{DistillationConfig, Teacher};

/// The student that a run makes of a teacher.
pub(crate) fn student(config: &DistillationConfig, teacher: &Teacher) -> Student {
    let model = teacher.model();
    let blocks = model.flow.transformer.blocks;
    let boundary = config.student.boundary.unwrap_or((2 * blocks + 1) / 3);
    let two_times = config.has_two_times().then_some(TwoTimes { boundary });
    let scale = teacher.guidance();
    Student {
        two_times,
        distilled: Distilled {
            teacher: teacher.digest().into(),
            guidance: scale,
        },
        sampling: Settings {
            steps: config.student.steps,
            guidance: GuidanceRule::Distilled { scale },
            solver: match two_times {
                Some(_) => Solver::Map,
                None => config.teacher.solver,
            },
            grid: Grid::Uniform,
            ..model.sampling.without_savings()
        },
    }
}
