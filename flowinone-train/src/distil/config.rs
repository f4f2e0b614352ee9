//! The description of a run of `flowinone distil`.

use std::path::PathBuf;

use flowinone_flow::train::FlowMapObjective;
use flowinone_kernels::Dtype;
use flowinone_sampler::Solver;
use serde::{Deserialize, Serialize};

use super::time_pairs::PARTS;
use crate::read::{fault, some_data};
use crate::{
    Configuration, DataConfig, DistillationMethod, Fault, LoraConfig, Matrices, ModelSource, Part,
    RunConfig, TimePairs, Trained,
};

/// A run of `flowinone distil`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct DistillationConfig {
    /// The teacher, from whose weights the student begins.
    pub model: ModelSource,
    /// What is trained: `["velocity"]`, or an adapter beside it.
    #[serde(default = "velocity")]
    pub train: Trained,
    /// What is learned of the teacher's paths.
    #[serde(default)]
    pub method: DistillationMethod,
    /// How the teacher's paths are solved.
    #[serde(default)]
    pub teacher: TeacherConfig,
    /// What the student is.
    #[serde(default)]
    pub student: StudentConfig,
    /// From which time to which it learns to go by the method of flow maps. Instants alone distil
    /// guidance and nothing else: the student then has one time.
    #[serde(default)]
    pub time_pairs: TimePairs,
    /// What is minimised.
    #[serde(default)]
    pub objective: FlowMapObjective,
    /// The run; a batch is one of prompts.
    pub run: RunConfig,
    /// Cache directory for the teacher's paths from pictures read from files. `None` solves each
    /// whenever it is needed.
    pub cache: Option<PathBuf>,
    /// Where prompts come from; targets are not looked at.
    pub data: Vec<DataConfig>,
}

fn velocity() -> Trained {
    Trained::Parts(vec![Part::Velocity])
}

/// How the teacher's paths are solved.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct TeacherConfig {
    /// Solver, on the uniform grid.
    pub solver: Solver,
    /// Steps, a multiple of 8.
    pub steps: usize,
    /// Guidance scale. If `None`, the teacher's own.
    pub guidance: Option<f64>,
}

impl Default for TeacherConfig {
    fn default() -> Self {
        Self {
            solver: Solver::Ab2,
            steps: 16,
            guidance: None,
        }
    }
}

/// What the student is.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct StudentConfig {
    /// Transformer blocks that read the first time. If `None`, two thirds of them.
    pub boundary: Option<usize>,
    /// Steps by which it is sampled unless a user says otherwise.
    pub steps: usize,
    /// Pairs of times that are learned of each path.
    pub pairs_per_path: usize,
    /// Share of the items whose second half is learned from the student's own state in the middle,
    /// from where the teacher solves on.
    pub own_states: f64,
}

impl Default for StudentConfig {
    fn default() -> Self {
        Self {
            boundary: None,
            steps: 4,
            pairs_per_path: 4,
            own_states: 0.0,
        }
    }
}

impl DistillationConfig {
    /// The adapter that the run trains, if it does.
    pub fn adapter(&self) -> Option<&LoraConfig> {
        self.train.adapter()
    }

    /// Whether the student has two times.
    pub fn has_two_times(&self) -> bool {
        match self.method {
            DistillationMethod::FlowMap => !self.time_pairs.are_instants(),
            DistillationMethod::Reflow => false,
            DistillationMethod::MeanFlow => true,
        }
    }

    /// Refuses what the method has no use for.
    fn check_method(&self) -> Result<(), Fault> {
        if self.method == DistillationMethod::FlowMap {
            return Ok(());
        }
        for (key, asked) in [
            ("time_pairs", self.time_pairs != TimePairs::default()),
            ("student.own_states", self.student.own_states > 0.0),
        ] {
            if asked {
                let reason = "is for method flow-map, others learn from the ends of a path alone; \
                              leave it out";
                return Err(fault(key, reason));
            }
        }
        let packed = self.adapter().is_some_and(|lora| lora.base != Dtype::F32);
        if self.method == DistillationMethod::MeanFlow
            && (self.run.matmul_precision != Dtype::F32 || packed)
        {
            let reason = "is mean-flow, whose differences of velocities drown in the rounding of \
                          factors; expected run.matmul_precision and train.lora.base to be f32";
            return Err(fault("method", reason));
        }
        Ok(())
    }
}

impl Configuration for DistillationConfig {
    fn check(&self) -> Result<(), Fault> {
        self.run.check()?;
        self.time_pairs.check()?;
        let objective = self.objective.validate();
        objective.map_err(|e| fault("objective", format!("cannot be: {e}")))?;
        match &self.train {
            Trained::Parts(parts) if parts != &[Part::Velocity] => {
                let reason = "names other networks than the one that is distilled; expected \
                              [\"velocity\"], or { lora = { rank = 64 } }";
                return Err(fault("train", reason));
            }
            Trained::Parts(_) => {}
            Trained::Adapter { lora } => {
                lora.check()?;
                if self.run.optimiser.matrices != Matrices::Adamw {
                    let reason =
                        "is for networks, and an adapter leaves them as they are; leave it out";
                    return Err(fault("run.optimiser.matrices", reason));
                }
                if !matches!(self.model, ModelSource::Directory(_)) {
                    let reason = "has random weights, beside which an adapter is of no use; name a \
                                  model.directory, or train [\"velocity\"]";
                    return Err(fault("model", reason));
                }
            }
        }
        let TeacherConfig {
            solver,
            steps,
            guidance,
        } = self.teacher;
        if matches!(solver, Solver::Map | Solver::Dopri5(_)) {
            let reason = format!("is {solver}, expected one that takes a number of equal steps");
            return Err(fault("teacher.solver", reason));
        }
        if !(1..=10_000).contains(&steps) || !steps.is_multiple_of(PARTS) {
            let reason = format!("is {steps}, expected a multiple of {PARTS} up to 10000");
            return Err(fault("teacher.steps", reason));
        }
        if let Some(scale) = guidance
            && !(-1000.0..=1000.0).contains(&scale)
        {
            let reason = format!("is {scale}, expected -1000 to 1000");
            return Err(fault("teacher.guidance", reason));
        }
        for (key, number) in [
            ("student.steps", self.student.steps),
            ("student.pairs_per_path", self.student.pairs_per_path),
        ] {
            if !(1..=1024).contains(&number) {
                return Err(fault(key, format!("is {number}, expected 1 to 1024")));
            }
        }
        let own = self.student.own_states;
        if !(0.0..=1.0).contains(&own) {
            let reason = format!("is {own}, expected a share of 0 to 1");
            return Err(fault("student.own_states", reason));
        }
        for (key, asked) in [
            ("student.boundary", self.student.boundary.is_some()),
            ("student.own_states", own > 0.0),
        ] {
            if asked && !self.has_two_times() {
                let reason = "is for a student of two times, and this one has one; leave it out";
                return Err(fault(key, reason));
            }
        }
        self.check_method()?;
        some_data(&self.data)?;
        if self.cache.is_some() && !self.data.iter().all(DataConfig::repeats) {
            let reason = "keeps paths of pictures that come again, but pairs made on the fly never \
                          do; leave it out, or write the pairs to files first (`flowinone data \
                          make`)";
            return Err(fault("cache", reason));
        }
        Ok(())
    }
}
