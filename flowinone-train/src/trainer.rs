//! The training loop, the same for every [`TrainTask`]:
//!
//! ```text
//! g = sum over batches of d loss / d weights / batches;  g <- g min(1, clip / |g|)
//! weights <- AdamW(weights, g);  ema <- ema + (1 - decay) (weights - ema)
//! ```
//!
//! A step whose loss or gradient is not finite is skipped and counted; five in a row end the run.
//! Meanwhile no checkpoint is written, so that those from before the trouble stay.

use std::collections::{BTreeMap, VecDeque};
use std::fs::{File, TryLockError};
use std::path::{Path, PathBuf};
use std::time::Instant;

use flowinone_data::Mixer;
use flowinone_flow::train::{Ema, EmaDecay};
use flowinone_tasks::peak_memory;
use rayon::{ThreadPool, ThreadPoolBuilder};

use crate::checkpoint::tidy;
use crate::data_parallel::{DataParallelStep, device_pools};
use crate::optimiser::identified;
use crate::{
    BatchRng, Error, Loader, LogEntry, MetricLog, Optimiser, Progress, RunCheckpoint, RunConfig,
    TrainEvent, TrainTask, clip_grad_norm, multiplying_in, newest_checkpoint,
};

/// Steps without a finite loss, in a row, that end a run.
const MOST_SKIPPED: u32 = 5;

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
    /// Threads of this run's own, so that no other work of this process comes between; those of all
    /// if there are no more.
    pub(crate) own: Option<ThreadPool>,
    /// Told before anything else is computed.
    pub(crate) events: VecDeque<TrainEvent>,
    /// A validation is due.
    pub(crate) due: bool,
    /// When the last checkpoint was written.
    pub(crate) saved: Option<Instant>,
    pub(crate) over: bool,
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
            own: ThreadPoolBuilder::new()
                .num_threads(rayon::current_num_threads())
                .build()
                .ok(),
            events: VecDeque::new(),
            due: false,
            saved: None,
            over: false,
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

    /// Steps done; above 0 at the start of a run that was resumed.
    pub fn step(&self) -> u64 {
        self.progress.step
    }

    /// Steps in all.
    pub fn steps(&self) -> u64 {
        self.config.steps
    }

    /// Whether the last step had a finite loss and gradient.
    pub(crate) fn is_sound(&self) -> bool {
        self.progress.skipped_last == 0
    }

    /// Seconds from one checkpoint to the next.
    pub(crate) fn seconds_between(&self) -> u64 {
        self.config.checkpoints.seconds
    }

    /// Takes a step and logs it; `false` once the data has ended.
    pub(crate) fn take_step(&mut self) -> Result<bool, Error> {
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
            return Ok(false);
        };
        let seconds = begin.elapsed().as_secs_f64();
        self.progress.seconds += seconds;
        let examples = self.config.batch as u64 * self.config.accumulate;
        numbers.insert("samples_per_second".into(), examples as f64 / seconds);
        if let Some(bytes) = peak_memory() {
            numbers.insert("peak_memory_mib".into(), bytes as f64 / f64::from(1 << 20));
        }
        let step = self.progress.step;
        let entry = LogEntry { step, numbers };
        self.log.add(&entry)?;
        self.events.push_back(TrainEvent::Step(entry));
        self.due = step.is_multiple_of(self.config.validation.steps) || step == self.config.steps;
        Ok(true)
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
            self.events.push_back(TrainEvent::Skipped { step });
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
            self.model = multiplying_in(config.matmul_precision, step);
        }
        Ok(Some((numbers, norm.is_finite())))
    }

    pub(crate) fn validate(&mut self) -> Result<(), Error> {
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
        self.log.add(&entry)?;
        self.events.push_back(TrainEvent::Validated(entry));
        Ok(())
    }

    /// Writes a checkpoint of the present state.
    ///
    /// # Errors
    /// A folder that cannot be written.
    pub fn checkpoint(&mut self) -> Result<(), Error> {
        self.log.commit()?;
        RunCheckpoint::write(
            &Self::folder(&self.config),
            self.config.checkpoints.keep,
            &self.progress,
            &self.model,
            &self.ema,
            &self.optimiser,
        )?;
        let step = self.progress.step;
        self.events.push_back(TrainEvent::Saved { step });
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
