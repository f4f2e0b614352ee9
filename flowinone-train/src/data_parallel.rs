//! The gradients of one step, on one device or on several that share every batch:
//!
//! ```text
//! g = sum over batches and parts of d loss / d weights / (batches * parts)
//! ```
//!
//! Each device has its own copy of the weights for the step, and an equal part of the processor's
//! threads: on a processor that is named several times, whole parts of a batch run side by side and
//! no thread waits for another at every operation.

use std::collections::BTreeMap;
use std::thread;

use burn::module::Module;
use burn::optim::GradientsParams;
use flowinone_kernels::Dtype;
use rayon::{ThreadPool, ThreadPoolBuilder};

use crate::gradients::all_reduce;
use crate::{AccumulatedGradients, BatchRng, Error, RunConfig, TrainTask, multiplying_in};

/// The gradients of a step so far.
pub struct DataParallelStep<'a, L: TrainTask> {
    runs: Vec<Run<'a, L>>,
    device_pools: &'a [ThreadPool],
    weight: f64,
    matmul_precision: Dtype,
    /// Losses and their terms so far, by name: their sum, and how many parts of batches have them.
    found: BTreeMap<&'static str, (f64, u32)>,
    finite: bool,
}

/// One device's share.
struct Run<'a, L: TrainTask> {
    task: &'a mut L,
    model: L::Model,
    sum: AccumulatedGradients<L::Model>,
}

/// A thread pool for each of `devices`, which share all threads evenly; none for a single device,
/// which computes on the threads of its caller.
///
/// # Errors
/// Threads that cannot be started.
pub fn device_pools(devices: usize) -> Result<Vec<ThreadPool>, Error> {
    if devices == 1 {
        return Ok(vec![]);
    }
    let threads = (rayon::current_num_threads() / devices).max(1);
    let pool = |_| ThreadPoolBuilder::new().num_threads(threads).build();
    let device_pools = (0..devices).map(pool).collect::<Result<_, _>>();
    device_pools.map_err(|error| {
        let reason = format!("{devices} devices need {threads} threads each: {error}; name fewer");
        Error::Config(reason)
    })
}

impl<'a, L: TrainTask> DataParallelStep<'a, L> {
    /// Begins a step of the run. Each of its batches is divided among the devices of `tasks`, whose
    /// [`device_pools`] are given; the weights are on the first device.
    pub fn new(
        tasks: &'a mut [L],
        device_pools: &'a [ThreadPool],
        model: &L::Model,
        config: &RunConfig,
    ) -> Self {
        let weight = 1.0 / (config.accumulate * tasks.len() as u64) as f64;
        let several = tasks.len() > 1;
        let run = |task: &'a mut L| Run {
            model: match several {
                true => model.clone().fork(&task.device()),
                false => model.clone(),
            },
            task,
            sum: AccumulatedGradients::default(),
        };
        Self {
            runs: tasks.iter_mut().map(run).collect(),
            device_pools,
            weight,
            matmul_precision: config.matmul_precision,
            found: BTreeMap::new(),
            finite: true,
        }
    }

    /// Adds a batch in its parts, one for each device.
    ///
    /// # Panics
    /// If there is not one part for each device.
    pub fn add(&mut self, parts: Vec<L::Batch>, rng: &BatchRng) {
        let (count, weight, finite) = (self.runs.len(), self.weight, self.finite);
        assert_eq!(
            parts.len(),
            count,
            "parts of a batch (left) for devices (right)"
        );
        let matmul_precision = self.matmul_precision;
        let rng = |part| rng.clone().of_part(part, count);
        let dealt = self.runs.iter_mut().zip(parts).enumerate();
        let works = dealt.map(|(part, (run, batch))| {
            let rng = rng(part);
            move || multiplying_in(matmul_precision, || run.add(batch, rng, weight, finite))
        });
        let found: Vec<Found> = match self.device_pools {
            [] => works.map(|work| work()).collect(),
            device_pools => thread::scope(|scope| {
                let threads: Vec<_> = works
                    .zip(device_pools)
                    .map(|(work, pool)| scope.spawn(move || pool.install(work)))
                    .collect();
                let joined = threads.into_iter().map(|thread| match thread.join() {
                    Ok(found) => found,
                    Err(panic) => std::panic::resume_unwind(panic),
                });
                joined.collect()
            }),
        };
        for (name, value) in found.into_iter().flatten() {
            self.finite &= value.is_finite();
            let (sum, count) = self.found.entry(name).or_default();
            *sum += value;
            *count += 1;
        }
    }

    /// Whether all numbers so far are finite.
    pub fn finite(&self) -> bool {
        self.finite
    }

    /// Losses and their terms by name, each the mean over the parts of batches that have it.
    pub fn numbers(&self) -> BTreeMap<String, f64> {
        let found = self.found.iter();
        let mean = |(name, (sum, count)): (&&str, &(f64, u32))| {
            (name.to_string(), sum / f64::from(*count))
        };
        found.map(mean).collect()
    }

    /// The gradients of all batches, on the first device.
    pub fn gradients(self, model: &L::Model) -> GradientsParams {
        let mut sums: Vec<_> = self
            .runs
            .into_iter()
            .map(|run| (run.sum.sum(), run.task.device().inner()))
            .collect();
        match sums.len() {
            1 => sums.remove(0).0,
            _ => all_reduce(model, sums),
        }
    }
}

/// Losses of a part of a batch, by name.
type Found = Vec<(&'static str, f64)>;

impl<L: TrainTask> Run<'_, L> {
    /// Adds the gradients of a part, unless a loss of the step was not finite already.
    fn add(&mut self, batch: L::Batch, mut rng: BatchRng, weight: f64, mut finite: bool) -> Found {
        let losses = self.task.train_step(&self.model, batch, &mut rng);
        let total = losses.total.clone().mul_scalar(weight);
        let mut found = vec![];
        for (name, part) in losses.parts.into_iter().chain([("loss", losses.total)]) {
            let value = f64::from(part.into_scalar::<f32>());
            finite &= value.is_finite();
            found.push((name, value));
        }
        if finite {
            let gradients = GradientsParams::from_grads(total.backward(), &self.model);
            self.sum.add(&self.model, gradients);
        }
        found
    }
}
