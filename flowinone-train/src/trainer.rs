//! The training loop, the same for every lesson:
//!
//! ```text
//! g = sum over batches of d loss / d weights / batches;  g <- g min(1, clip / |g|)
//! weights <- AdamW(weights, g);  average <- average + (1 - decay) (weights - average)
//! ```
//!
//! A step whose loss or gradient is not finite is left out and counted; five in a row end the run.
//! Meanwhile no checkpoint is written, so that those from before the trouble stay.

use std::collections::BTreeMap;
use std::fs::{File, TryLockError};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use flowinone_data::Mixer;
use flowinone_flow::train::{Average, AverageDecay};
use rayon::{ThreadPool, ThreadPoolBuilder};

use crate::checkpoint::tidy;
use crate::descent::{Descent, pools};
use crate::optimiser::identified;
use crate::{
    Chance, Checkpoint, Entry, Error, Journal, Lesson, Loader, Optimiser, Progress, RunConfig,
    limited, newest,
};

/// Steps without a finite loss, in a row, that end a run.
const MOST_SKIPPED: u32 = 5;
/// How often progress is told.
const TELL: Duration = Duration::from_secs(10);

/// How a run ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Ending {
    /// All steps are done.
    Complete,
    /// It was asked to stop; it can be resumed.
    Stopped,
    /// The data has ended before the steps.
    DataEnded,
}

/// A run.
pub struct Trainer<L: Lesson> {
    /// One a device; the first one's has weights, average and moments.
    lessons: Vec<L>,
    /// One a device, if there are several.
    pools: Vec<ThreadPool>,
    config: RunConfig,
    model: L::Model,
    average: Average<L::Model>,
    optimiser: Optimiser,
    progress: Progress,
    loader: Loader<L::Batch>,
    journal: Journal,
    /// Held for as long as the run lives.
    _lock: File,
}

/// The numbers of a step, and whether its loss and gradient were finite.
type Numbers = (BTreeMap<String, f64>, bool);

impl<L: Lesson> Trainer<L> {
    /// Starts a run, or resumes it from its newest checkpoint.
    ///
    /// # Errors
    /// A folder that cannot be written or in which another process trains, or a checkpoint that is
    /// damaged or of another model.
    pub fn new(lesson: L, model: L::Model, mixer: Mixer, config: RunConfig) -> Result<Self, Error> {
        Self::spread(vec![lesson], model, mixer, config)
    }

    /// The same on several devices: each batch is divided evenly among `lessons`, one a device. The
    /// weights lie on the first one's, which also steps and judges.
    ///
    /// # Errors
    /// As [`new`](Self::new); and a batch that cannot be divided evenly.
    pub fn spread(
        lessons: Vec<L>,
        model: L::Model,
        mut mixer: Mixer,
        config: RunConfig,
    ) -> Result<Self, Error> {
        config.check()?;
        let devices = lessons.len();
        if devices == 0 || !config.batch.is_multiple_of(devices) {
            let batch = config.batch;
            let reason = format!("run.batch is {batch}, expected a multiple of {devices} devices");
            return Err(Error::Config(reason));
        }
        let pools = pools(devices)?;
        std::fs::create_dir_all(&config.folder).map_err(Error::io("write", &config.folder))?;
        let lock = lock(&config.folder)?;
        tidy(&Self::folder(&config))?;
        let mut model = identified(model);
        let mut optimiser = Optimiser::new(&config.optimiser, &model);
        let decay = AverageDecay::Rising(config.average);
        let mut average = Average::new(&model, decay);
        let mut progress = Progress {
            step: 0,
            batches: 0,
            skipped: 0,
            skipped_last: 0,
            updates: 0,
            seconds: 0.0,
            data: None,
        };
        if let Some(newest) = newest(&config.folder)? {
            progress = newest.progress()?;
            model = identified(newest.weights(model)?);
            average = Average::resumed(
                newest.average(average.into_module())?,
                decay,
                progress.updates,
            );
            optimiser = newest.optimiser(optimiser)?;
            if let Some(position) = &progress.data {
                mixer.resume(position.clone())?;
            }
            tell!("resumed at step {} of {}", progress.step, config.steps);
        }
        let journal = Journal::open(&config.folder, progress.step)?;
        let loader = Loader::start(mixer, devices, lessons[0].prepare());
        Ok(Self {
            lessons,
            pools,
            config,
            model,
            average,
            optimiser,
            progress,
            loader,
            journal,
            _lock: lock,
        })
    }

    fn folder(config: &RunConfig) -> PathBuf {
        config.folder.join("checkpoints")
    }

    /// The averaged model.
    pub fn average(&self) -> &L::Model {
        self.average.module()
    }

    /// What is learned, as the first device has it.
    pub fn lesson(&self) -> &L {
        &self.lessons[0]
    }

    /// Steps done.
    pub fn step(&self) -> u64 {
        self.progress.step
    }

    /// Trains until the last step, or until `stop` is set; the last state is then in a checkpoint.
    ///
    /// # Errors
    /// Data or files that fail, or five steps in a row without a finite loss: the last good
    /// checkpoint is named.
    pub fn run(&mut self, stop: &AtomicBool) -> Result<Ending, Error> {
        // On a thread that shares the work: any other would wait for those that do at every operation. They
        // are this run's own, so that no other work of this process comes between.
        let threads = rayon::current_num_threads();
        match ThreadPoolBuilder::new().num_threads(threads).build() {
            Ok(pool) => pool.install(|| self.work(stop)),
            Err(_) => self.work(stop), // no more threads: with those of all
        }
    }

    fn work(&mut self, stop: &AtomicBool) -> Result<Ending, Error> {
        let mut saved = Instant::now();
        let mut told = Instant::now();
        while self.progress.step < self.config.steps {
            if stop.load(Ordering::Relaxed) {
                self.checkpoint()?;
                return Ok(Ending::Stopped);
            }
            let begin = Instant::now();
            let before = (self.progress.batches, self.progress.data.clone());
            let advanced = match self.advance() {
                Err(error @ Error::Data(_)) if self.progress.step > 0 => {
                    // What was learned so far stays; the step that failed was never begun.
                    (self.progress.batches, self.progress.data) = before;
                    self.checkpoint()?;
                    return Err(error);
                }
                advanced => advanced?,
            };
            let Some(mut numbers) = advanced else {
                self.checkpoint()?;
                return Ok(Ending::DataEnded);
            };
            let seconds = begin.elapsed().as_secs_f64();
            self.progress.seconds += seconds;
            let examples = self.config.batch as u64 * self.config.accumulate;
            numbers.insert("samples_per_second".into(), examples as f64 / seconds);
            if let Some(bytes) = peak_memory() {
                numbers.insert("peak_memory_mib".into(), bytes as f64 / f64::from(1 << 20));
            }
            let entry = Entry {
                step: self.progress.step,
                numbers,
            };
            self.journal.add(&entry)?;
            if told.elapsed() >= TELL || entry.step == 1 {
                tell!("{}", spoken(&entry, self.config.steps));
                told = Instant::now();
            }
            let judged = self
                .progress
                .step
                .is_multiple_of(self.config.evaluations.steps);
            if judged || self.progress.step == self.config.steps {
                self.evaluate()?;
            }
            let sound = self.progress.skipped_last == 0;
            if sound && saved.elapsed().as_secs() >= self.config.checkpoints.seconds {
                self.checkpoint()?;
                saved = Instant::now();
            }
        }
        self.checkpoint()?;
        Ok(Ending::Complete)
    }

    /// One step; `None` once the data has ended.
    fn advance(&mut self) -> Result<Option<BTreeMap<String, f64>>, Error> {
        let Some((mut numbers, finite)) = self.descend()? else {
            return Ok(None);
        };
        self.progress.step += 1;
        let step = self.progress.step;
        if finite {
            self.progress.skipped_last = 0;
            self.average.update(&self.model);
            self.progress.updates = self.average.updates();
        } else {
            self.progress.skipped_last += 1;
            self.progress.skipped += 1;
            tell!("step {step}: loss or gradient is not finite, left out");
        }
        numbers.insert("skipped".into(), self.progress.skipped as f64);
        let count = self.progress.skipped_last;
        if count >= MOST_SKIPPED {
            // The weights of now are what the data fails on: they are not worth a checkpoint.
            self.journal.add(&Entry { step, numbers })?;
            self.journal.commit()?;
            let checkpoint = newest(&self.config.folder)?;
            return Err(Error::Diverged {
                step,
                count,
                checkpoint: checkpoint.map(|newest| newest.path().to_path_buf()),
            });
        }
        Ok(Some(numbers))
    }

    /// Gradients of the batches of one step, and the step itself unless something is not finite: its
    /// numbers, and whether they all are finite; `None` once the data has ended.
    fn descend(&mut self) -> Result<Option<Numbers>, Error> {
        let config = &self.config;
        let mut descent = Descent::new(&mut self.lessons, &self.pools, &self.model, config);
        for _ in 0..config.accumulate {
            let Some((parts, position)) = self.loader.next()? else {
                return Ok(None);
            };
            let chance = Chance::new(config.seed, self.progress.batches);
            self.progress.batches += 1;
            self.progress.data = Some(position);
            descent.add(parts, &chance);
        }
        let mut numbers = descent.numbers();
        if !descent.finite() {
            return Ok(Some((numbers, false)));
        }
        let gradients = descent.gradients(&self.model);
        let (gradients, norm) = limited(&self.model, gradients, config.optimiser.clip);
        let rate = config.schedule.rate(self.progress.step, config.steps);
        numbers.insert("gradient_norm".into(), norm);
        numbers.insert("learning_rate".into(), rate);
        if norm.is_finite() {
            let model = self.model.clone();
            let step = || self.optimiser.step(rate, model, gradients);
            self.model = config.products.of(step);
        }
        Ok(Some((numbers, norm.is_finite())))
    }

    fn evaluate(&mut self) -> Result<(), Error> {
        let folder = self.config.folder.join("evaluations");
        std::fs::create_dir_all(&folder).map_err(Error::io("write", &folder))?;
        let step = self.progress.step;
        let found = self.lessons[0].evaluate(self.average.module(), step, &folder)?;
        if found.is_empty() {
            return Ok(());
        }
        let entry = Entry {
            step,
            numbers: found.into_iter().collect(),
        };
        tell!("judged {}", spoken(&entry, self.config.steps));
        self.journal.add(&entry)
    }

    fn checkpoint(&mut self) -> Result<(), Error> {
        self.journal.commit()?;
        Checkpoint::write(
            &Self::folder(&self.config),
            self.config.checkpoints.keep,
            &self.progress,
            &self.model,
            &self.average,
            &self.optimiser,
        )?;
        Ok(())
    }
}

/// Keeps other processes out of a run's folder; the system lets go when this process ends.
fn lock(folder: &Path) -> Result<File, Error> {
    let path = folder.join("lock");
    let file = File::create(&path).map_err(Error::io("write", &path))?;
    match file.try_lock() {
        Ok(()) => Ok(file),
        Err(TryLockError::WouldBlock) => {
            let reason =
                "another process trains in this folder; wait for it, or choose another one";
            Err(Error::file(folder, reason))
        }
        // Some network file systems know no locks.
        Err(TryLockError::Error(_)) => Ok(file),
    }
}

/// An entry as one line for the terminal.
fn spoken(entry: &Entry, steps: u64) -> String {
    let number = |(name, value): (&String, &f64)| format!("{name} {}", short(*value));
    let numbers: Vec<String> = entry.numbers.iter().map(number).collect();
    format!("step {}/{steps}: {}", entry.step, numbers.join(", "))
}

fn short(value: f64) -> String {
    match value.abs() {
        0.0 => "0".into(),
        v if !(1e-3..1e5).contains(&v) => format!("{value:.2e}"),
        v if v >= 100.0 => format!("{value:.0}"),
        _ => format!("{value:.4}"),
    }
}

/// Highest memory of this process so far, in bytes, where the system says it.
fn peak_memory() -> Option<u64> {
    let status = std::fs::read_to_string(Path::new("/proc/self/status")).ok()?;
    let line = status.lines().find(|line| line.starts_with("VmHWM:"))?;
    let kilobytes: u64 = line.split_whitespace().nth(1)?.parse().ok()?;
    Some(kilobytes * 1024)
}
