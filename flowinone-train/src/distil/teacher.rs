//! The teacher: a model that stays as it is, its guided velocity, and its paths from prompts.

use burn::module::Module;
use burn::tensor::{DType, Device, FloatDType, Int, Tensor};
use flowinone_encoder::{VisualEncoder, janus_pixels, structure_pixels};
use flowinone_files::sha256_of;
use flowinone_flow::{FlowModel, Structure, Time};
use flowinone_sampler::{Branch, Grid, Guidance, GuidanceRule, Guided, Step, integrate_steps};
use flowinone_tasks::{FlowInOne, ModelConfig, Pipeline, Settings};

use super::time_pairs::PARTS;
use crate::{Error, FlowBatch, TeacherConfig};

/// A frozen model that is learned from.
pub struct Teacher {
    networks: FlowInOne,
    model: ModelConfig,
    settings: Settings,
    digest: String,
    device: Device,
}

/// Paths of some items.
#[derive(Debug, Clone)]
pub struct TeacherPaths {
    /// States at the times k / 8, those of all items at one time after those at the time before:
    /// `[9 * items, channels, side, side]`; then, of some items, those from the middle on of paths
    /// that begin at states of the student.
    states: Tensor<4>,
    /// The items of the latter, in order.
    own: Vec<usize>,
    /// The structure latents `[items, channels, side, side]`, zeros where there is none.
    structure: Tensor<4>,
    /// Which items follow theirs.
    follows: Vec<bool>,
}

/// The eighth in the middle.
const MIDDLE: usize = PARTS / 2;

impl Teacher {
    /// The networks of `model`, whose digest is given, without gradients; `device` may compute
    /// them.
    ///
    /// # Errors
    /// A model that is distilled itself and cannot be solved so.
    pub fn new(
        config: &TeacherConfig,
        model: &ModelConfig,
        networks: &FlowInOne,
        digest: String,
        device: &Device,
    ) -> Result<Self, Error> {
        if model.flow.two_times.is_some() {
            return Err(Error::Config(
                "model is distilled already and has no velocity to learn from; name the model that \
                 it was distilled from"
                    .into(),
            ));
        }
        let rule = match (&model.distilled, config.guidance, model.sampling.guidance) {
            (Some(distilled), asked, _) => {
                let scale = distilled.guidance;
                if let Some(other) = asked.filter(|&other| other != scale) {
                    return Err(Error::Config(format!(
                        "teacher.guidance is {other}, but the model was distilled at {scale} and \
                         has no other; leave it out"
                    )));
                }
                GuidanceRule::Distilled { scale }
            }
            (None, Some(scale), _) => GuidanceRule::Constant { scale },
            (None, None, own @ GuidanceRule::Constant { .. }) => own,
            (None, None, _) => {
                return Err(Error::Config(
                    "teacher.guidance is missing, and the model's own rule is not that of a \
                     constant scale; name the scale to distil at"
                        .into(),
                ));
            }
        };
        let settings = Settings {
            steps: config.steps,
            guidance: rule,
            solver: config.solver,
            grid: Grid::Uniform,
            ..model.sampling.without_savings()
        };
        settings.validate()?;
        let device = device.clone().inner();
        let networks = Pipeline::new(
            networks.encoder().valid(),
            networks.codec().valid(),
            networks.flow().valid(),
            model.picture_side,
            &device,
            FloatDType::F32,
        );
        Ok(Self {
            networks,
            model: model.clone(),
            settings,
            digest,
            device,
        })
    }

    /// The same on another device.
    #[must_use]
    pub fn on(&self, device: &Device) -> Self {
        let device = device.clone().inner();
        Self {
            networks: Pipeline::new(
                self.networks.encoder().clone().to_device(&device),
                self.networks.codec().clone().to_device(&device),
                self.networks.flow().clone().to_device(&device),
                self.model.picture_side,
                &device,
                FloatDType::F32,
            ),
            model: self.model.clone(),
            settings: self.settings,
            digest: self.digest.clone(),
            device,
        }
    }

    /// Its networks, without gradients.
    pub fn networks(&self) -> &FlowInOne {
        &self.networks
    }

    /// Where it computes.
    pub(crate) fn device(&self) -> &Device {
        &self.device
    }

    /// Its configuration.
    pub fn model(&self) -> &ModelConfig {
        &self.model
    }

    /// How its paths are solved.
    pub fn settings(&self) -> &Settings {
        &self.settings
    }

    /// Digest of its networks and weights.
    pub fn digest(&self) -> &str {
        &self.digest
    }

    /// Its guidance scale.
    pub fn guidance(&self) -> f64 {
        self.settings.guidance.scale()
    }

    /// Digest of what decides a path besides prompt and noise.
    pub fn path_digest(&self) -> String {
        let settings = serde_json::to_string(&self.settings).expect("plain data");
        sha256_of(format!("{} {settings} {PARTS}", self.digest).as_bytes())
    }

    /// Shape of a latent, for so many items.
    pub(crate) fn latents(&self, items: usize) -> [usize; 4] {
        let (channels, side) = (self.model.flow.latent_channels, self.model.flow.latent_side);
        [items, channels, side, side]
    }

    /// The paths from a batch of prompts, with standard normal noise for starts and structure
    /// latents, both `[items, channels, side, side]`. A path that is not finite is NaN from there.
    pub(crate) fn paths(&self, batch: &FlowBatch, noise: [Tensor<4>; 2]) -> TeacherPaths {
        let flow = self.networks.flow();
        let [for_start, for_structure] = noise.map(|noise| noise.mul_scalar(self.settings.noise));
        let pixels = janus_pixels(&batch.vision, &self.device);
        let start = flow.source(self.networks.encoder().encode(pixels));
        let x0 = start.sample(for_start);
        let structure = self.structure(batch, for_structure);
        let steps = self.steps();
        let states = self.states(x0, &steps, followed(&structure, &batch.keeps));
        TeacherPaths {
            states: Tensor::cat(states, 0),
            own: vec![],
            structure,
            follows: batch.keeps.clone(),
        }
    }

    /// The second halves of paths that begin at `states` of the middle, one for each of `items`, in
    /// order; they stand beside the items' own paths, which no longer pass the middle.
    pub(crate) fn turned(
        &self,
        paths: TeacherPaths,
        items: Vec<usize>,
        states: Tensor<4>,
    ) -> TeacherPaths {
        let steps = self.steps();
        let second = &steps[steps.len() / 2..];
        let solved = self.states(states, second, paths.structure_of(&items));
        TeacherPaths {
            states: Tensor::cat([vec![paths.states], solved].concat(), 0),
            own: items,
            ..paths
        }
    }

    fn steps(&self) -> Vec<Step> {
        let steps = self.settings.grid.steps(self.settings.steps);
        steps.expect("at least 8 steps, as was checked")
    }

    /// The state `x` and those that follow at the eighths, NaN from where one is not finite.
    fn states(&self, x: Tensor<4>, steps: &[Step], structure: Option<Structure>) -> Vec<Tensor<4>> {
        let field = Guided {
            field: self.networks.flow().field(structure),
            guidance: self.settings.guidance,
        };
        let every = self.settings.steps / PARTS;
        let solver = self.settings.solver;
        let solved = integrate_steps(solver, &field, x.clone(), steps.to_vec());
        let kept = solved
            .map_while(Result::ok)
            .filter(|state| state.step.is_multiple_of(every));
        let mut states = vec![x.clone()];
        states.extend(kept.map(|state| state.x));
        states.resize(1 + steps.len() / every, x.full_like(f32::NAN));
        states
    }

    /// The structure latents of the items that keep theirs, zeros for the others.
    fn structure(&self, batch: &FlowBatch, noise: Tensor<4>) -> Tensor<4> {
        let places: Vec<usize> = (0..batch.keeps.len()).filter(|&i| batch.keeps[i]).collect();
        let mut rows: Vec<Tensor<4>> = (0..batch.keeps.len())
            .map(|_| Tensor::zeros(self.latents(1), (&self.device, DType::F32)))
            .collect();
        if !places.is_empty() {
            let pictures = places.iter().map(|&place| &batch.structure[place]);
            let pixels = structure_pixels(pictures, &self.device);
            let posterior = self.networks.codec().encode_means(pixels);
            let found = posterior.sample(chosen(&noise, &places));
            for (row, &place) in places.iter().enumerate() {
                rows[place] = found.clone().narrow(0, row, 1);
            }
        }
        Tensor::cat(rows, 0)
    }

    /// The guided velocity at states `x` `[rows, channels, side, side]`, each at its own time
    /// `[rows]` and beside its structure.
    pub(crate) fn velocity(
        &self,
        x: Tensor<4>,
        t: Tensor<1>,
        structure: Option<Structure>,
    ) -> Tensor<4> {
        let network = &self.networks.flow().velocity;
        let tokens = structure.and_then(|structure| network.structure_tokens(&structure));
        let time = Time::PerItem(t);
        let branch = |branch: Branch| {
            let branches = vec![branch; x.dims()[0]];
            network.forward(x.clone(), &time, Some(&branches), tokens.as_ref())
        };
        let conditional = branch(Branch::Conditional);
        let guidance = self.settings.guidance;
        match guidance.is_guided() {
            // A constant scale is the same at every time.
            true => guidance.combine(conditional, branch(Branch::Unconditional), 0.0),
            false => conditional,
        }
    }
}

impl TeacherPaths {
    /// Of single paths, as [`path`](Self::path) gives them.
    pub(crate) fn of(paths: impl Iterator<Item = Tensor<4>>, follows: &[bool]) -> Self {
        let paths: Vec<Tensor<4>> = paths.collect();
        let row = |row: usize| paths.iter().map(move |path| path.clone().narrow(0, row, 1));
        Self {
            states: Tensor::cat((0..=PARTS).flat_map(row).collect(), 0),
            own: vec![],
            structure: Tensor::cat(row(PARTS + 1).collect(), 0),
            follows: follows.to_vec(),
        }
    }

    /// The states of one item and its structure latent, `[10, channels, side, side]`.
    pub(crate) fn path(&self, item: usize) -> Tensor<4> {
        let count = self.follows.len();
        let rows: Vec<usize> = (0..=PARTS).map(|part| part * count + item).collect();
        let latent = self.structure.clone().narrow(0, item, 1);
        Tensor::cat(vec![chosen(&self.states, &rows), latent], 0)
    }

    /// The starts of chosen items.
    pub(crate) fn starts(&self, items: &[usize]) -> Tensor<4> {
        chosen(&self.states, items)
    }

    /// The ends of chosen items.
    pub(crate) fn ends(&self, items: &[usize]) -> Tensor<4> {
        let count = self.follows.len();
        let rows: Vec<usize> = items.iter().map(|item| PARTS * count + item).collect();
        chosen(&self.states, &rows)
    }

    /// The states of chosen items, each at its own time in [0, 1], on ways that begin at the times
    /// `begun`: between two that are kept on the straight line.
    pub(crate) fn at(&self, items: &[usize], begun: &[f32], times: &[f32]) -> Tensor<4> {
        let count = self.follows.len();
        let scaled = times.iter().map(|t| t * PARTS as f32);
        let (parts, shares): (Vec<usize>, Vec<f32>) = scaled
            .map(|t| {
                let part = (t as usize).min(PARTS - 1);
                (part, t - part as f32)
            })
            .unzip();
        let row = |item: usize, begun: f32, part: usize| {
            let own = self.own.iter().position(|&own| own == item);
            match own.filter(|_| begun >= 0.5) {
                Some(place) => (PARTS + 1) * count + (part - MIDDLE) * self.own.len() + place,
                None => part * count + item,
            }
        };
        let rows = |later: usize| {
            let rows = items.iter().zip(begun).zip(&parts);
            let rows: Vec<usize> = rows
                .map(|((&item, &begun), part)| row(item, begun, part + later))
                .collect();
            chosen(&self.states, &rows)
        };
        let share = Tensor::<1>::from_floats(shares.as_slice(), &self.states.device());
        let share = share.reshape([items.len(), 1, 1, 1]);
        let rest = share.clone().neg().add_scalar(1.0);
        rows(0) * rest + rows(1) * share
    }

    /// The structure of chosen items; `None` if none of them follows one.
    pub(crate) fn structure_of(&self, items: &[usize]) -> Option<Structure> {
        let follows: Vec<bool> = items.iter().map(|&item| self.follows[item]).collect();
        followed(&chosen(&self.structure, items), &follows)
    }
}

fn followed(latents: &Tensor<4>, follows: &[bool]) -> Option<Structure> {
    follows
        .contains(&true)
        .then(|| Structure::new(latents.clone()).masked(follows))
}

/// The rows of some items, at least one.
pub(crate) fn chosen<const D: usize>(x: &Tensor<D>, items: &[usize]) -> Tensor<D> {
    let items: Vec<i32> = items.iter().map(|&item| item as i32).collect();
    x.clone().select(
        0,
        Tensor::<1, Int>::from_ints(items.as_slice(), &x.device()),
    )
}
