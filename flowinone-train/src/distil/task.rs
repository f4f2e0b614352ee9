//! The task of a run that distils a model: paths of a batch of prompts, rows on them, the loss of a
//! student there, and how near the student comes to the ends of the teacher's paths.

use std::path::Path;

use burn::module::Module;
use burn::tensor::{DType, Device, Tensor};
use flowinone_data::{ContactSheet, Example};
use flowinone_flow::train::FlowMapObjective;
use flowinone_flow::{FlowNetwork, Structure, Time, TwoTimes, VelocityNetwork};
use flowinone_image::write_picture;
use flowinone_sampler::{Branch, Times};
use flowinone_tasks::{FlowInOne, Item, ModelConfig, Pipeline, Settings, Student};

use super::line::Line;
use super::path_cache::PathCache;
use super::rows::Rows;
use super::student::student;
use super::teacher::{Teacher, TeacherPaths};
use super::time_pairs::TimePairs;
use crate::flow_batch::{Readings, prepared};
use crate::validation_set::caption;
use crate::{
    BatchRng, Batcher, Cache, DistillationConfig, DistillationMethod, Error, FlowBatch, Losses,
    TrainTask, ValidationSet,
};

/// Numbers of evaluations at which a student is validated.
const EVALUATIONS: [usize; 4] = [1, 2, 4, 8];
/// What is seen side by side.
const COLUMNS: [&str; 6] = ["prompt", "teacher", "1", "2", "4", "8"];

/// What every run of distillation does, whatever it trains.
pub struct DistillationTask {
    teacher: Teacher,
    student: Student,
    method: DistillationMethod,
    time_pairs: TimePairs,
    pairs_per_path: usize,
    own_states: f64,
    objective: FlowMapObjective,
    cache: Option<PathCache>,
    validation: Option<ValidationSet>,
    validation_examples: usize,
    device: Device,
}

impl DistillationTask {
    /// Distils `teacher` on `device`, which computes gradients.
    ///
    /// # Errors
    /// A cache that cannot be opened.
    pub fn new(
        config: &DistillationConfig,
        teacher: Teacher,
        validation: Option<ValidationSet>,
        device: &Device,
    ) -> Result<Self, Error> {
        let cache = config.cache.as_deref().map(Cache::open).transpose()?;
        Ok(Self {
            cache: cache.map(|cache| PathCache::new(cache, &teacher, config.run.matmul_precision)),
            student: student(config, &teacher),
            teacher,
            method: config.method,
            time_pairs: config.time_pairs,
            pairs_per_path: config.student.pairs_per_path,
            own_states: config.student.own_states,
            objective: config.objective,
            validation,
            validation_examples: config.run.validation.examples,
            device: device.clone(),
        })
    }

    /// The same task on another device, which takes a share of every batch and validates nothing.
    #[must_use]
    pub fn on(&self, device: &Device) -> Self {
        Self {
            teacher: self.teacher.on(device),
            student: self.student.clone(),
            method: self.method,
            time_pairs: self.time_pairs,
            pairs_per_path: self.pairs_per_path,
            own_states: self.own_states,
            objective: self.objective,
            cache: self.cache.clone(),
            validation: None,
            validation_examples: 0,
            device: device.clone(),
        }
    }

    /// The teacher.
    pub fn teacher(&self) -> &Teacher {
        &self.teacher
    }

    /// What the student is.
    pub fn student(&self) -> &Student {
        &self.student
    }

    /// The configuration of the student's model.
    ///
    /// # Errors
    /// A boundary that the network does not have.
    pub fn model(&self) -> Result<ModelConfig, Error> {
        let model = self.student.clone().of(self.teacher.model());
        model.map_err(|reason| Error::Config(format!("student: {reason}")))
    }

    /// The cache of the teacher's paths, if there is one.
    pub fn cache(&self) -> Option<&Cache> {
        self.cache.as_ref().map(PathCache::cache)
    }

    /// How the student reads its times.
    pub(crate) fn two_times(&self) -> Option<TwoTimes> {
        self.student.two_times
    }

    pub(crate) fn device(&self) -> Device {
        self.device.clone()
    }

    pub(crate) fn batcher(&self) -> Batcher<FlowBatch> {
        let model = self.teacher.model();
        let [vision, side] = [model.encoder.image_size, model.encoder_side()].map(|n| n as u32);
        Box::new(move |examples| prepared(&examples, vision, side, &Readings::default()))
    }

    /// The teacher's paths from a batch.
    fn paths(&self, batch: &FlowBatch, rng: &mut BatchRng) -> TeacherPaths {
        if let Some(cache) = &self.cache {
            return cache.paths(&self.teacher, batch);
        }
        let shape = self.teacher.latents(batch.keeps.len());
        let noise = [(); 2].map(|()| rng.noise(shape, self.teacher.device()));
        self.teacher.paths(batch, noise)
    }

    /// The paths, of which some go on from the state that the student's `velocity` network reaches
    /// in the middle.
    fn turned(
        &self,
        paths: TeacherPaths,
        velocity: &VelocityNetwork,
        items: usize,
        rng: &mut BatchRng,
    ) -> TeacherPaths {
        if self.own_states == 0.0 {
            return paths;
        }
        let chances = rng.uniforms(items).into_iter().enumerate();
        let own: Vec<usize> = chances
            .filter(|(_, chance)| f64::from(*chance) < self.own_states)
            .map(|(item, _)| item)
            .collect();
        if own.is_empty() {
            return paths;
        }
        let velocity = velocity.valid();
        let start = paths.starts(&own);
        let structure = paths.structure_of(&own);
        let tokens = structure.and_then(|structure| velocity.structure_tokens(&structure));
        let half = Time::from(Times { t: 0.0, r: 0.5 });
        let branches = vec![Branch::Conditional; own.len()];
        let average = velocity.forward(start.clone(), &half, Some(&branches), tokens.as_ref());
        self.teacher
            .turned(paths, own, start + average.mul_scalar(0.5))
    }

    /// The losses of a student's `velocity` network on a batch.
    pub(crate) fn losses(
        &self,
        velocity: &VelocityNetwork,
        batch: &FlowBatch,
        rng: &mut BatchRng,
    ) -> Losses {
        let paths = self.paths(batch, rng);
        let paths = self.turned(paths, velocity, batch.keeps.len(), rng);
        let (items, each) = (batch.keeps.len(), self.pairs_per_path);
        let rows = match self.method {
            DistillationMethod::FlowMap => Rows::draw(&self.time_pairs, items, each, rng),
            _ => Rows::on_lines(self.student.two_times.is_some(), items, each, rng),
        };
        let structure = paths.structure_of(&rows.items);
        let (state, target) = match self.method {
            DistillationMethod::FlowMap => {
                let state = paths.at(&rows.items, &rows.t, &rows.t);
                let target = self.target(&paths, &rows, &state);
                (state, target)
            }
            DistillationMethod::Reflow | DistillationMethod::MeanFlow => {
                let line = Line::new(&paths, &rows);
                let target = line.target(|| velocity.valid(), &rows, structure.as_ref());
                (line.state, target)
            }
        };
        let structure = structure.map(|structure| {
            let follows = structure.followed().to_vec();
            Structure::new(Tensor::from_inner(structure.latent().clone())).masked(&follows)
        });
        let tokens = structure.and_then(|structure| velocity.structure_tokens(&structure));
        let times = |times: &[f32]| Tensor::from_data(times, (&self.device, DType::F32));
        let time = match self.student.two_times {
            Some(_) => Time::PerItemSpan {
                t: times(&rows.t),
                r: times(&rows.r),
            },
            None => Time::PerItem(times(&rows.t)),
        };
        let branches = vec![Branch::Conditional; rows.items.len()];
        let state = Tensor::from_inner(state);
        let found = velocity.stages(state, &time, Some(&branches), tokens.as_ref());
        let losses = self.objective.losses(&found, Tensor::from_inner(target));
        let mut parts = vec![
            ("fine", losses.fine.clone().mean()),
            ("coarse", losses.coarse.mean()),
        ];
        if let Some(whole) = rows.whole() {
            let count: f32 = whole.iter().sum();
            let whole = times(&whole);
            parts.push(("whole", (losses.fine * whole).sum().div_scalar(count)));
        }
        Losses {
            total: losses.total.mean(),
            parts,
        }
    }

    /// What each row is to give: the average velocity of its path, or the teacher's velocity.
    fn target(&self, paths: &TeacherPaths, rows: &Rows, state: &Tensor<4>) -> Tensor<4> {
        let (spans, count) = (rows.spans, rows.items.len());
        let device = self.teacher.device();
        let mut targets = vec![];
        if spans > 0 {
            let (items, begun, ends) = (&rows.items[..spans], &rows.t[..spans], &rows.r[..spans]);
            let ways = ends.iter().zip(&rows.t).map(|(r, t)| r - t);
            let ways: Vec<f32> = ways.collect();
            let ways = Tensor::<1>::from_data(ways.as_slice(), (device, DType::F32));
            let moved = paths.at(items, begun, ends) - state.clone().narrow(0, 0, spans);
            targets.push(moved / ways.reshape([spans, 1, 1, 1]));
        }
        if spans < count {
            let times = Tensor::<1>::from_data(&rows.t[spans..], (device, DType::F32));
            let structure = paths.structure_of(&rows.items[spans..]);
            let state = state.clone().narrow(0, spans, count - spans);
            targets.push(self.teacher.velocity(state, times, structure));
        }
        Tensor::cat(targets, 0)
    }

    /// How far a student's `velocity` network, without gradients, ends from the teacher, by task
    /// and number of evaluations: `|x - x*| / |x*|`, the mean over the items. Pictures of both go
    /// into `folder`.
    pub(crate) fn compare(
        &self,
        velocity: VelocityNetwork,
        step: u64,
        folder: &Path,
    ) -> Result<Vec<(String, f64)>, Error> {
        let Some(validation) = &self.validation else {
            return Ok(vec![]);
        };
        let teacher = self.teacher.networks();
        let student = self.beside(velocity);
        let mut numbers = vec![];
        let mut sheet = ContactSheet::new(COLUMNS, 96).across(2);
        for group in validation.groups(self.validation_examples)? {
            let items: Vec<Item> = group.examples.iter().map(item).collect();
            let start = teacher.start(&items, self.teacher.settings().noise);
            let truth = teacher.solve(&start, self.teacher.settings())?.x;
            let mut pictures = vec![teacher.decode_beside(truth.clone(), &start)?];
            for steps in EVALUATIONS {
                let settings = Settings {
                    steps,
                    ..self.student.sampling
                };
                let end = student.solve(&start, &settings)?.x;
                let name = format!("error_{steps}_{}", group.name);
                numbers.push((name, distance(&end, &truth)));
                pictures.push(student.decode_beside(end, &start)?);
            }
            sheet.heading(&group.name);
            for (place, (_, example)) in group.examples.iter().enumerate() {
                let [teacher, one, two, four, eight] =
                    std::array::from_fn(|column| &pictures[column][place]);
                sheet.push(
                    caption(example),
                    [&example.input, teacher, one, two, four, eight],
                );
            }
        }
        write_picture(&folder.join(format!("step-{step:08}.png")), &sheet.render())?;
        Ok(numbers)
    }

    /// The student's model around a `velocity` network without gradients.
    fn beside(&self, velocity: VelocityNetwork) -> FlowInOne {
        let teacher = self.teacher.networks();
        Pipeline::new(
            teacher.encoder().clone(),
            teacher.codec().clone(),
            FlowNetwork {
                source: teacher.flow().source.clone(),
                velocity,
            },
            self.teacher.model().picture_side,
            self.teacher.device(),
            DType::F32.into(),
        )
    }
}

fn item((number, example): &(u64, Example)) -> Item {
    Item {
        prompt: example.input.clone(),
        structure: example.keeps_structure(),
        seed: 0,
        number: *number,
    }
}

/// The mean over the items of `|x - x*| / |x*|`.
fn distance(x: &Tensor<4>, truth: &Tensor<4>) -> f64 {
    let length = |x: Tensor<4>| -> Tensor<2> { x.flatten::<2>(1, 3).square().sum_dim(1).sqrt() };
    let relative = length(x.clone() - truth.clone()) / length(truth.clone());
    f64::from(relative.mean().into_scalar::<f32>())
}

/// Distils a model into all of a velocity network.
pub struct NetworkDistillationTask(pub DistillationTask);

impl NetworkDistillationTask {
    /// The same task on another device, which takes a share of every batch and validates nothing.
    #[must_use]
    pub fn on(&self, device: &Device) -> Self {
        Self(self.0.on(device))
    }

    /// The network to begin with: the teacher's, reading its times as the student does, with
    /// gradients.
    pub fn network(&self) -> VelocityNetwork {
        let velocity = self.0.teacher.networks().flow().velocity.clone();
        velocity.train().with_two_times(self.0.two_times())
    }
}

impl TrainTask for NetworkDistillationTask {
    type Model = VelocityNetwork;
    type Batch = FlowBatch;

    fn device(&self) -> Device {
        self.0.device()
    }

    fn batcher(&self) -> Batcher<FlowBatch> {
        self.0.batcher()
    }

    fn train_step(&self, model: &VelocityNetwork, batch: FlowBatch, rng: &mut BatchRng) -> Losses {
        self.0.losses(model, &batch, rng)
    }

    fn validate(
        &self,
        model: &VelocityNetwork,
        step: u64,
        folder: &Path,
    ) -> Result<Vec<(String, f64)>, Error> {
        self.0.compare(model.valid(), step, folder)
    }
}
