//! The engine: one thread a device owns the model, a bounded queue stands in front of it, and every
//! request is a job with an id of its own.
//!
//! ```text
//! submit -> journal -> queue -> batch of equal settings -> steps -> picture -> journal
//!                        |               |                   |
//!                     cancel          events             previews
//! ```

mod live;
mod model;
mod queue;
mod settle;
mod view;
mod worker;

use std::collections::{HashMap, VecDeque};
use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use flowinone_tasks::{Metrics, ModelConfig};
use tokio::sync::broadcast;

use crate::config::Config;
use crate::log::Log;
use crate::store::Store;

pub(crate) use live::{Event, Kind, Watching};
pub(crate) use model::{Model, Work};
pub(crate) use queue::Ticket;
pub(crate) use view::{View, request};

use live::Live;

/// Events that a slow listener may be behind before it is told the state anew.
const BACKLOG: usize = 256;

/// What is known of the model without asking its thread.
#[derive(Debug, Clone)]
pub(crate) struct ModelInfo {
    /// What it is made of.
    pub(crate) config: ModelConfig,
    /// One digest over networks and weights.
    pub(crate) digest: String,
    /// Width and height of finished pictures, made larger where that is asked for.
    pub(crate) size: [u32; 2],
    /// What it multiplies with.
    pub(crate) dtype: String,
    /// The devices that compute.
    pub(crate) devices: Vec<String>,
}

/// The engine, shared by everything that asks it.
pub(crate) struct Engine {
    pub(crate) store: Store,
    pub(crate) info: ModelInfo,
    pub(crate) metrics: Arc<Metrics>,
    pub(crate) log: Arc<Log>,
    queue: Mutex<Queue>,
    wake: Condvar,
    events: broadcast::Sender<Event>,
    number: AtomicU64,
    capacity: usize,
    batch_size: usize,
    keep: (u64, Duration),
    hide_paths: bool,
    /// New jobs are refused.
    /// Not ready any more, but what comes is still taken: a balancer has not noticed yet.
    leaving: AtomicBool,
    draining: AtomicBool,
    /// What is computed stops after its step.
    abort: AtomicBool,
    /// Listeners to all jobs that want previews.
    watchers: AtomicUsize,
    begun: Instant,
    /// For each thread the second of its last sign of life, or `IDLE`.
    beats: Vec<AtomicU64>,
    threads: Mutex<Vec<JoinHandle<()>>>,
}

/// A thread that has nothing to do.
const IDLE: u64 = u64::MAX;
/// A thread whose model is not loaded yet.
const LOADING: u64 = u64::MAX - 1;
/// A thread that ended.
const ENDED: u64 = u64::MAX - 2;

#[derive(Default)]
struct Queue {
    waiting: VecDeque<Arc<Live>>,
    running: Vec<Arc<Live>>,
    by_id: HashMap<String, Arc<Live>>,
    /// Threads end when nothing waits.
    closing: bool,
    /// Seconds that a job took lately, to tell when to come again.
    lately: f64,
}

impl Engine {
    /// Starts a thread for each model; jobs that an earlier process left are queued again.
    pub(crate) fn start<M: Model + 'static>(
        config: &Config,
        store: Store,
        info: ModelInfo,
        models: Vec<M>,
        metrics: Arc<Metrics>,
        log: Arc<Log>,
    ) -> Arc<Self> {
        let engine = Arc::new(Self {
            store,
            info,
            metrics,
            log,
            queue: Mutex::new(Queue::default()),
            wake: Condvar::new(),
            events: broadcast::channel(BACKLOG).0,
            number: AtomicU64::new(0),
            capacity: config.queue,
            batch_size: config.batch_size.max(1),
            keep: (config.keep_bytes, config.keep_for),
            hide_paths: config.hide_paths,
            leaving: AtomicBool::new(false),
            draining: AtomicBool::new(false),
            abort: AtomicBool::new(false),
            watchers: AtomicUsize::new(0),
            begun: Instant::now(),
            beats: models.iter().map(|_| AtomicU64::new(LOADING)).collect(),
            threads: Mutex::new(vec![]),
        });
        engine.recover();
        engine
            .metrics
            .set("flowinone_queue_capacity", &[], config.queue as f64);
        engine.prune();
        for (number, model) in models.into_iter().enumerate() {
            let shared = Arc::clone(&engine);
            let thread = std::thread::Builder::new()
                .name(format!("model {number}"))
                .spawn(move || shared.work(&model, number))
                .expect("the system starts a thread");
            engine
                .threads
                .lock()
                .unwrap_or_else(PoisonError::into_inner)
                .push(thread);
        }
        engine
    }

    fn queue(&self) -> MutexGuard<'_, Queue> {
        // What is done under the lock does not panic half-way.
        self.queue.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Whether new jobs are taken.
    pub(crate) fn is_ready(&self) -> Result<(), &'static str> {
        let beats = || self.beats.iter().map(|beat| beat.load(Ordering::Relaxed));
        match () {
            () if self.leaving.load(Ordering::Relaxed) => Err("draining"),
            () if beats().all(|beat| beat == ENDED) => Err("no model thread is left"),
            () if beats().all(|beat| matches!(beat, ENDED | LOADING)) => Err("loading"),
            () => Ok(()),
        }
    }

    /// Seconds for which the most silent of the threads that compute has said nothing.
    pub(crate) fn silent_for(&self) -> u64 {
        let now = self.begun.elapsed().as_secs();
        let beats = self.beats.iter().map(|beat| beat.load(Ordering::Relaxed));
        let computing = beats.filter(|beat| *beat < ENDED);
        computing
            .map(|beat| now.saturating_sub(beat))
            .max()
            .unwrap_or(0)
    }

    fn beat(&self, thread: usize, sign: Option<u64>) {
        let sign = sign.unwrap_or_else(|| self.begun.elapsed().as_secs());
        self.beats[thread].store(sign, Ordering::Relaxed);
    }

    /// From now on it says that it is not ready; new jobs are still taken.
    pub(crate) fn announce(&self) {
        self.leaving.store(true, Ordering::Relaxed);
    }

    /// From now on new jobs are refused.
    pub(crate) fn drain(&self) {
        self.announce();
        self.draining.store(true, Ordering::Relaxed);
        self.queue().closing = true;
        self.wake.notify_all();
    }

    /// Waits until nothing waits or is computed, at most for a time; then computing stops after its
    /// step, and what is left waits for the next start. Blocks.
    pub(crate) fn close(&self, timeout: Duration) {
        self.drain();
        let deadline = Instant::now() + timeout;
        while Instant::now() < deadline && !self.is_idle() && !self.abort.load(Ordering::Relaxed) {
            std::thread::sleep(Duration::from_millis(20));
        }
        self.abort();
        let threads =
            std::mem::take(&mut *self.threads.lock().unwrap_or_else(PoisonError::into_inner));
        for thread in threads {
            let _ = thread.join(); // a panic was told where it happened
        }
        let left = std::mem::take(&mut self.queue().waiting);
        left.iter().for_each(|job| self.put_back(job));
    }

    /// What is computed stops after its step.
    pub(crate) fn abort(&self) {
        self.abort.store(true, Ordering::Relaxed);
        self.wake.notify_all();
    }

    /// Whether nothing waits or is computed.
    pub(crate) fn is_idle(&self) -> bool {
        let queue = self.queue();
        queue.waiting.is_empty() && queue.running.is_empty()
    }

    /// Forgets what is too old or too much.
    fn prune(&self) {
        let (bytes, age) = self.keep;
        match self.store.prune(bytes, age) {
            Ok(_) => {
                let bytes = self.store.bytes().unwrap_or_default();
                self.metrics
                    .set("flowinone_stored_bytes", &[], bytes as f64);
            }
            Err(error) => self.log.line(
                "prune failed",
                serde_json::json!({"error": error.to_string()}),
            ),
        }
    }
}

#[cfg(test)]
mod tests;
