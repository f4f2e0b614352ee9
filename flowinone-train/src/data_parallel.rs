//! The gradients of one step, on one device or on several that share every batch:
//!
//! ```text
//! g = sum over batches and parts of d loss / d weights / (batches * parts)
//! ```
//!
//! Each device has a copy of the weights of its own for the step, and an equal part of the processor's
//! threads: on a processor that is named several times, whole parts of a batch go side by side and no
//! thread waits for another at every operation.

use std::collections::BTreeMap;
use std::thread;

use burn::module::Module;
use burn::optim::GradientsParams;
use rayon::{ThreadPool, ThreadPoolBuilder};

use crate::gradients::gathered;
use crate::{Accumulated, Chance, Error, Lesson, Products, RunConfig};

/// The gradients of a step so far.
pub struct Descent<'a, L: Lesson> {
    runs: Vec<Run<'a, L>>,
    pools: &'a [ThreadPool],
    weight: f64,
    products: Products,
    /// Losses and their parts so far, by name: their sum, and how many parts of batches have them.
    found: BTreeMap<&'static str, (f64, u32)>,
    finite: bool,
}

/// One device's share.
struct Run<'a, L: Lesson> {
    lesson: &'a mut L,
    model: L::Model,
    sum: Accumulated<L::Model>,
}

/// Threads for each of `devices`, together as many as there are; none for a single one, which takes those
/// it is called on.
///
/// # Errors
/// Threads that cannot be started.
pub fn pools(devices: usize) -> Result<Vec<ThreadPool>, Error> {
    if devices == 1 {
        return Ok(vec![]);
    }
    let threads = (rayon::current_num_threads() / devices).max(1);
    let pool = |_| ThreadPoolBuilder::new().num_threads(threads).build();
    let pools = (0..devices).map(pool).collect::<Result<_, _>>();
    pools.map_err(|error| {
        let reason = format!("{devices} devices need {threads} threads each: {error}; name fewer");
        Error::Config(reason)
    })
}

impl<'a, L: Lesson> Descent<'a, L> {
    /// Begins a step of the run, each of its batches divided among the devices of `lessons`, whose
    /// [`pools`] are given; the weights lie on the first.
    pub fn new(
        lessons: &'a mut [L],
        pools: &'a [ThreadPool],
        model: &L::Model,
        config: &RunConfig,
    ) -> Self {
        let weight = 1.0 / (config.accumulate * lessons.len() as u64) as f64;
        let several = lessons.len() > 1;
        let run = |lesson: &'a mut L| Run {
            model: match several {
                true => model.clone().fork(&lesson.device()),
                false => model.clone(),
            },
            lesson,
            sum: Accumulated::default(),
        };
        Self {
            runs: lessons.iter_mut().map(run).collect(),
            pools,
            weight,
            products: config.products,
            found: BTreeMap::new(),
            finite: true,
        }
    }

    /// Adds a batch in its parts, one for each device.
    /// # Panics
    /// With another number of parts.
    pub fn add(&mut self, parts: Vec<L::Batch>, chance: &Chance) {
        let (count, weight, finite) = (self.runs.len(), self.weight, self.finite);
        assert_eq!(parts.len(), count, "parts of a batch, for as many devices");
        let products = self.products;
        let chance = |part| chance.clone().of_part(part, count);
        let dealt = self.runs.iter_mut().zip(parts).enumerate();
        let works = dealt.map(|(part, (run, batch))| {
            let chance = chance(part);
            move || products.of(|| run.add(batch, chance, weight, finite))
        });
        let found: Vec<Found> = match self.pools {
            [] => works.map(|work| work()).collect(),
            pools => thread::scope(|scope| {
                let threads: Vec<_> = works
                    .zip(pools)
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

    /// Losses and their parts by name, each in the mean of the parts of batches that have it.
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
            .map(|run| (run.sum.sum(), run.lesson.device().inner()))
            .collect();
        match sums.len() {
            1 => sums.remove(0).0,
            _ => gathered(model, sums),
        }
    }
}

/// Numbers of a part of a batch, by name.
type Found = Vec<(&'static str, f64)>;

impl<L: Lesson> Run<'_, L> {
    /// Adds the gradients of a part, unless something in the step is not finite already.
    fn add(&mut self, batch: L::Batch, mut chance: Chance, weight: f64, mut finite: bool) -> Found {
        let losses = self.lesson.losses(&self.model, batch, &mut chance);
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
