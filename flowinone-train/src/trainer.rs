//! The training loop, the same for every [`TrainTask`]:
//!
//! ```text
//! g = sum over batches of d loss / d weights / batches;  g <- g min(1, clip / |g|)
//! weights <- AdamW(weights, g);  ema <- ema + (1 - decay) (weights - ema)
//! ```
//!
//! A step whose loss or gradient is not finite is skipped and counted; five in a row end the run.
//! Meanwhile no checkpoint is written, so that those from before the trouble stay.

use std::collections::BTreeMap;
use std::fs::{File, TryLockError};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use flowinone_data::Mixer;
use flowinone_flow::train::{Ema, EmaDecay};
use rayon::{ThreadPool, ThreadPoolBuilder};

use crate::checkpoint::tidy;
use crate::data_parallel::{DataParallelStep, device_pools};
use crate::optimiser::identified;
use crate::{
    BatchRng, Error, Loader, LogEntry, MetricLog, Optimiser, Progress, RunCheckpoint, RunConfig,
    TrainTask, clip_grad_norm, newest_checkpoint,
};

/// Steps without a finite loss, in a row, that end a run.
const MOST_SKIPPED: u32 = 5;
/// How often progress is told.
const TELL: Duration = Duration::from_secs(10);

/// Why a run stopped.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum StopReason {
    /// All steps are done.
    Complete,
    /// It was asked to stop; it can be resumed.
    Stopped,
    /// The data has ended before the steps.
    DataEnded,
}

/// A run.
pub struct Trainer<L: TrainTask> {
    /// One for each device; weights, their average and moments are on the first one's.
    tasks: Vec<L>,
    /// One a device, if there are several.
    pools: Vec<ThreadPool>,
    config: RunConfig,
    model: L::Model,
    ema: Ema<L::Model>,
    optimiser: Optimiser,
    progress: Progress,
    loader: Loader<L::Batch>,
    log: MetricLog,
    /// Held for as long as the run lives.
    _lock: File,
}

/// The numbers of a step, and whether its loss and gradient were finite.
type Numbers = (BTreeMap<String, f64>, bool);

impl<L: TrainTask> Trainer<L> {
    /// Starts a run, or resumes it from its newest checkpoint.
    ///
    /// # Errors
    /// A folder that cannot be written or in which another process trains, or a checkpoint that is
    /// damaged or of another model.
    pub fn new(task: L, model: L::Model, mixer: Mixer, config: RunConfig) -> Result<Self, Error> {
        Self::data_parallel(vec![task], model, mixer, config)
    }

    /// The same on several devices: each batch is divided evenly among `tasks`, one for each
    /// device. The weights are on the first one's, which also steps and validates.
    ///
    /// # Errors
    /// As [`new`](Self::new); and a batch that cannot be divided evenly.
    pub fn data_parallel(
        tasks: Vec<L>,
        model: L::Model,
        mut mixer: Mixer,
        config: RunConfig,
    ) -> Result<Self, Error> {
        config.check()?;
        let devices = tasks.len();
        if devices == 0 || !config.batch.is_multiple_of(devices) {
            let batch = config.batch;
            let reason = format!("run.batch is {batch}, expected a multiple of {devices} devices");
            return Err(Error::Config(reason));
        }
        let pools = device_pools(devices)?;
        std::fs::create_dir_all(&config.folder).map_err(Error::io("write", &config.folder))?;
        let lock = lock(&config.folder)?;
        tidy(&Self::folder(&config))?;
        let mut model = identified(model);
        let mut optimiser = Optimiser::new(&config.optimiser, &model);
        let decay = EmaDecay::Rising(config.ema_decay);
        let mut ema = Ema::new(&model, decay);
        let mut progress = Progress {
            step: 0,
            batches: 0,
            skipped: 0,
            skipped_last: 0,
            updates: 0,
            seconds: 0.0,
            data: None,
        };
        if let Some(newest) = newest_checkpoint(&config.folder)? {
            progress = newest.progress()?;
            model = identified(newest.weights(model)?);
            ema = Ema::resumed(newest.ema(ema.into_module())?, decay, progress.updates);
            optimiser = newest.optimiser(optimiser)?;
            if let Some(position) = &progress.data {
                mixer.resume(position.clone())?;
            }
            tell!("resumed at step {} of {}", progress.step, config.steps);
        }
        let log = MetricLog::open(&config.folder, progress.step)?;
        let loader = Loader::start(mixer, devices, tasks[0].batcher());
        Ok(Self {
            tasks,
            pools,
            config,
            model,
            ema,
            optimiser,
            progress,
            loader,
            log,
            _lock: lock,
        })
    }

    fn folder(config: &RunConfig) -> PathBuf {
        config.folder.join("checkpoints")
    }

    /// The model with the moving average of the weights.
    pub fn ema(&self) -> &L::Model {
        self.ema.module()
    }

    /// The task, as the first device has it.
    pub fn task(&self) -> &L {
        &self.tasks[0]
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
    pub fn run(&mut self, stop: &AtomicBool) -> Result<StopReason, Error> {
        // On a thread that shares the work: any other would wait for the pool at every operation.
        // The pool is this run's own, so that no other work of this process comes between.
        let threads = rayon::current_num_threads();
        match ThreadPoolBuilder::new().num_threads(threads).build() {
            Ok(pool) => pool.install(|| self.work(stop)),
            Err(_) => self.work(stop), // no more threads: with those of all
        }
    }

    fn work(&mut self, stop: &AtomicBool) -> Result<StopReason, Error> {
        let mut saved = Instant::now();
        let mut told = Instant::now();
        while self.progress.step < self.config.steps {
            if stop.load(Ordering::Relaxed) {
                self.checkpoint()?;
                return Ok(StopReason::Stopped);
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
                return Ok(StopReason::DataEnded);
            };
            let seconds = begin.elapsed().as_secs_f64();
            self.progress.seconds += seconds;
            let examples = self.config.batch as u64 * self.config.accumulate;
            numbers.insert("samples_per_second".into(), examples as f64 / seconds);
            if let Some(bytes) = peak_memory() {
                numbers.insert("peak_memory_mib".into(), bytes as f64 / f64::from(1 << 20));
            }
            let entry = LogEntry {
                step: self.progress.step,
                numbers,
            };
            self.log.add(&entry)?;
            if told.elapsed() >= TELL || entry.step == 1 {
                tell!("{}", spoken(&entry, self.config.steps));
                told = Instant::now();
            }
            let due = self
                .progress
                .step
                .is_multiple_of(self.config.validation.steps);
            if due || self.progress.step == self.config.steps {
                self.validate()?;
            }
            let sound = self.progress.skipped_last == 0;
            if sound && saved.elapsed().as_secs() >= self.config.checkpoints.seconds {
                self.checkpoint()?;
                saved = Instant::now();
            }
        }
        self.checkpoint()?;
        Ok(StopReason::Complete)
    }

    /// One step; `None` once the data has ended.
    fn advance(&mut self) -> Result<Option<BTreeMap<String, f64>>, Error> {
        let Some((mut numbers, finite)) = self.train_step()? else {
            return Ok(None);
        };
        self.progress.step += 1;
        let step = self.progress.step;
        if finite {
            self.progress.skipped_last = 0;
            self.ema.update(&self.model);
            self.progress.updates = self.ema.updates();
        } else {
            self.progress.skipped_last += 1;
            self.progress.skipped += 1;
            tell!("step {step}: loss or gradient is not finite, skipped");
        }
        numbers.insert("skipped".into(), self.progress.skipped as f64);
        let count = self.progress.skipped_last;
        if count >= MOST_SKIPPED {
            // The present weights are those that fail: they are not worth a checkpoint.
            self.log.add(&LogEntry { step, numbers })?;
            self.log.commit()?;
            let checkpoint = newest_checkpoint(&self.config.folder)?;
            return Err(Error::Diverged {
                step,
                count,
                checkpoint: checkpoint.map(|newest| newest.path().to_path_buf()),
            });
        }
        Ok(Some(numbers))
    }

    /// Gradients of the batches of one step, and the step itself unless something is not finite:
    /// its numbers, and whether they all are finite; `None` once the data has ended.
    fn train_step(&mut self) -> Result<Option<Numbers>, Error> {
        let config = &self.config;
        let mut sum = DataParallelStep::new(&mut self.tasks, &self.pools, &self.model, config);
        for _ in 0..config.accumulate {
            let Some((parts, position)) = self.loader.next()? else {
                return Ok(None);
            };
            let rng = BatchRng::new(config.seed, self.progress.batches);
            self.progress.batches += 1;
            self.progress.data = Some(position);
            sum.add(parts, &rng);
        }
        let mut numbers = sum.numbers();
        if !sum.finite() {
            return Ok(Some((numbers, false)));
        }
        let gradients = sum.gradients(&self.model);
        let (gradients, norm) = clip_grad_norm(&self.model, gradients, config.optimiser.clip);
        let rate = config.schedule.rate(self.progress.step, config.steps);
        numbers.insert("gradient_norm".into(), norm);
        numbers.insert("learning_rate".into(), rate);
        if norm.is_finite() {
            let model = self.model.clone();
            let step = || self.optimiser.step(rate, model, gradients);
            self.model = config.matmul_precision.run(step);
        }
        Ok(Some((numbers, norm.is_finite())))
    }

    fn validate(&mut self) -> Result<(), Error> {
        let folder = self.config.folder.join("evaluations");
        std::fs::create_dir_all(&folder).map_err(Error::io("write", &folder))?;
        let step = self.progress.step;
        let found = self.tasks[0].validate(self.ema.module(), step, &folder)?;
        if found.is_empty() {
            return Ok(());
        }
        let entry = LogEntry {
            step,
            numbers: found.into_iter().collect(),
        };
        tell!("validation {}", spoken(&entry, self.config.steps));
        self.log.add(&entry)
    }

    fn checkpoint(&mut self) -> Result<(), Error> {
        self.log.commit()?;
        RunCheckpoint::write(
            &Self::folder(&self.config),
            self.config.checkpoints.keep,
            &self.progress,
            &self.model,
            &self.ema,
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
fn spoken(entry: &LogEntry, steps: u64) -> String {
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
