//! A run of jobs as an iterator of events: batches through the pipeline, each item settled on its
//! own.

use std::collections::VecDeque;
use std::time::{Duration, Instant};

use flowinone_sampler::{Solver, State};
use image::RgbImage;
use serde::Serialize;

use crate::memory::peak_memory;
use crate::{Error, Item, Record, Session, Settings, Start};

/// What happened; `job` is the place of a job in its run, from 0 on.
#[derive(Debug)]
#[non_exhaustive]
pub enum Event {
    /// The weights were loaded, once in a session.
    Loaded {
        /// The time it took.
        time: Duration,
    },
    /// A batch took a step.
    Step {
        /// The jobs of the batch.
        jobs: Vec<usize>,
        /// Steps taken.
        step: usize,
        /// Steps in all; `None` where the solver decides on the way.
        steps: Option<usize>,
        /// Time reached, from 0 to 1.
        t: f64,
    },
    /// An unfinished picture, if [previews](Run::preview_every) are wanted.
    Preview {
        /// The job.
        job: usize,
        /// The picture of the state, decoded.
        picture: RgbImage,
        /// How it was made.
        record: Box<Record>,
    },
    /// A picture is finished.
    Done {
        /// The job.
        job: usize,
        /// The picture.
        picture: RgbImage,
        /// How it was made.
        record: Box<Record>,
        /// What its batch cost, with the job's own evaluations.
        cost: Cost,
    },
    /// An unfinished picture could not be written; its job goes on.
    NoPreview {
        /// The job.
        job: usize,
        /// Why.
        error: Error,
    },
    /// The picture was there already and was not made again.
    Skipped {
        /// The job.
        job: usize,
    },
    /// No picture could be made.
    Failed {
        /// The job.
        job: usize,
        /// Why.
        error: Error,
    },
    /// The run was [asked to stop](Run::until); nothing comes after this.
    Stopped,
    /// All items of a batch are settled.
    Batch {
        /// What it cost; its evaluations are those of the item that took most.
        cost: Cost,
    },
}

/// What a batch cost; every item of it reports the same, except for its own evaluations.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct Cost {
    /// Items in the batch.
    pub batch: usize,
    /// Solver steps.
    pub steps: usize,
    /// Network evaluations of one branch.
    pub evaluations: usize,
    /// Seconds in the vision encoder, the whole batch.
    pub vision_seconds: f64,
    /// Seconds in the autoencoder's encoder, the whole batch.
    pub structure_seconds: f64,
    /// Seconds of the solve, the whole batch.
    pub solve_seconds: f64,
    /// Seconds in the decoder, the whole batch.
    pub decode_seconds: f64,
    /// Peak memory of the process so far, in bytes, where the system tells it.
    pub peak_bytes: Option<u64>,
}

/// A job whose prompt has been read or drawn.
pub(crate) struct Ready {
    pub(crate) job: usize,
    pub(crate) item: Item,
    pub(crate) record: Box<Record>,
}

/// Jobs in their order: ready, or settled already.
pub(crate) type Incoming<'s> = Box<dyn Iterator<Item = Result<Ready, Box<Event>>> + 's>;

/// The iterator of [`Session::run`]. An error is one that no job is guilty of, such as weights that
/// cannot be loaded; nothing comes after it.
pub struct Run<'s> {
    session: &'s Session,
    settings: Settings,
    batch_size: usize,
    preview_every: Option<usize>,
    stop: &'s dyn Fn() -> bool,
    incoming: Incoming<'s>,
    /// The batch that is gathered.
    waiting: Vec<Ready>,
    /// Told before anything else is computed.
    events: VecDeque<Event>,
    /// The batch that flows.
    flowing: Option<Flowing<'s>>,
    /// Items of a batch that failed as a whole, to be tried one by one.
    again: VecDeque<Ready>,
    over: bool,
}

struct Flowing<'s> {
    batch: Vec<Ready>,
    start: Start,
    states: Box<dyn Iterator<Item = Result<State<4>, Error>> + 's>,
    last: Option<State<4>>,
    begin: Instant,
}

impl<'s> Run<'s> {
    pub(crate) fn new(session: &'s Session, incoming: Incoming<'s>, settings: Settings) -> Self {
        Self {
            session,
            settings,
            batch_size: 1,
            preview_every: None,
            stop: &|| false,
            incoming,
            waiting: vec![],
            events: VecDeque::new(),
            flowing: None,
            again: VecDeque::new(),
            over: false,
        }
    }

    /// Computes up to `items` pictures together; the pictures do not depend on it.
    #[must_use]
    pub fn batch_size(self, items: usize) -> Self {
        // An adaptive solver chooses steps for the batch as a whole: alone, an item keeps its
        // bytes.
        let batch_size = match self.settings.solver {
            Solver::Dopri5(_) => 1,
            _ => items.max(1),
        };
        Self { batch_size, ..self }
    }

    /// Also decodes the state after every `steps` steps.
    #[must_use]
    pub fn preview_every(self, steps: Option<usize>) -> Self {
        Self {
            preview_every: steps.filter(|steps| *steps > 0),
            ..self
        }
    }

    /// Asks `stop` before each evaluation of the networks, so that the run ends within a step, with
    /// [`Event::Stopped`]. To end it between two events, leave the loop.
    #[must_use]
    pub fn until(self, stop: &'s dyn Fn() -> bool) -> Self {
        Self { stop, ..self }
    }

    /// One piece of work, which may tell something.
    fn work(&mut self) -> Result<(), Error> {
        match self.flowing.take() {
            Some(flowing) => self.step(flowing),
            None => self.begin(),
        }
    }

    /// Begins the next batch, or tells first what came up while it was gathered.
    fn begin(&mut self) -> Result<(), Error> {
        let batch = match self.again.pop_front() {
            Some(ready) => vec![ready],
            None => {
                while self.waiting.len() < self.batch_size {
                    match self.incoming.next() {
                        Some(Ok(ready)) => self.waiting.push(ready),
                        Some(Err(event)) => {
                            self.events.push_back(*event);
                            return Ok(());
                        }
                        None => break,
                    }
                }
                if self.waiting.is_empty() {
                    self.over = true;
                    return Ok(());
                }
                let (_, loading) = self.session.load()?;
                if let Some(time) = loading {
                    self.events.push_back(Event::Loaded { time });
                    return Ok(());
                }
                std::mem::take(&mut self.waiting)
            }
        };
        let networks = self.session.networks()?;
        let items = batch.iter().map(|ready| &ready.item);
        let start = networks.start(items, self.settings.noise);
        match networks.states_until(&start, &self.settings, self.stop) {
            Ok(states) => {
                self.flowing = Some(Flowing {
                    batch,
                    start,
                    states: Box::new(states),
                    last: None,
                    begin: Instant::now(),
                });
            }
            Err(error) => self.failed(batch, error),
        }
        Ok(())
    }

    /// Takes a step of the batch that flows, or settles it after its last.
    fn step(&mut self, mut flowing: Flowing<'s>) -> Result<(), Error> {
        let state = match flowing.states.next() {
            Some(Ok(state)) => state,
            Some(Err(Error::Sampler(flowinone_sampler::Error::Stopped))) => {
                self.events.push_back(Event::Stopped);
                self.over = true;
                return Ok(());
            }
            Some(Err(error)) => {
                self.failed(flowing.batch, error);
                return Ok(());
            }
            None => return self.settle(flowing),
        };
        self.events.push_back(Event::Step {
            jobs: flowing.batch.iter().map(|ready| ready.job).collect(),
            step: state.step,
            steps: state.steps,
            t: state.t,
        });
        let due = self
            .preview_every
            .is_some_and(|n| state.step.is_multiple_of(n));
        if due && state.steps != Some(state.step) {
            let networks = self.session.networks()?;
            let pictures = match networks.decode_beside(state.x.clone(), &flowing.start) {
                Ok(pictures) => pictures,
                Err(error) => {
                    self.failed(flowing.batch, error);
                    return Ok(());
                }
            };
            for (ready, picture) in flowing.batch.iter().zip(pictures) {
                let record = Record {
                    preview: Some(state.step),
                    ..(*ready.record).clone()
                };
                self.events.push_back(Event::Preview {
                    job: ready.job,
                    picture,
                    record: Box::new(record),
                });
            }
        }
        flowing.last = Some(state);
        self.flowing = Some(flowing);
        Ok(())
    }

    /// Decodes the pictures of a batch, item by item, so that one that is not finite leaves the
    /// others.
    fn settle(&mut self, flowing: Flowing<'s>) -> Result<(), Error> {
        let solve_seconds = flowing.begin.elapsed().as_secs_f64();
        let networks = self.session.networks()?;
        let last = flowing.last.expect("a solve has at least one step");
        let decoding = Instant::now();
        let pictures: Vec<_> = (0..flowing.batch.len())
            .map(|item| networks.decode_item(&last.x, &flowing.start, item))
            .collect();
        let cost = Cost {
            batch: flowing.batch.len(),
            steps: last.step,
            evaluations: last.evaluations.branches,
            vision_seconds: flowing.start.vision.as_secs_f64(),
            structure_seconds: flowing.start.autoencoder.as_secs_f64(),
            solve_seconds,
            decode_seconds: decoding.elapsed().as_secs_f64(),
            peak_bytes: peak_memory(),
        };
        let items = flowing.batch.into_iter().zip(pictures);
        for ((ready, picture), evaluations) in items.zip(last.branches) {
            self.events.push_back(match picture {
                Ok(picture) => Event::Done {
                    job: ready.job,
                    picture,
                    record: ready.record,
                    cost: Cost {
                        evaluations,
                        ..cost
                    },
                },
                Err(error) => Event::Failed {
                    job: ready.job,
                    error,
                },
            });
        }
        self.events.push_back(Event::Batch { cost });
        Ok(())
    }

    /// A batch that fails as a whole is tried again item by item, so that only the guilty one
    /// fails.
    fn failed(&mut self, batch: Vec<Ready>, error: Error) {
        match <[Ready; 1]>::try_from(batch) {
            Ok([ready]) => self.events.push_back(Event::Failed {
                job: ready.job,
                error,
            }),
            Err(several) => self.again.extend(several),
        }
    }
}

impl Iterator for Run<'_> {
    type Item = Result<Event, Error>;

    fn next(&mut self) -> Option<Self::Item> {
        loop {
            if let Some(event) = self.events.pop_front() {
                return Some(Ok(event));
            }
            if self.over {
                return None;
            }
            if let Err(error) = self.work() {
                self.over = true;
                return Some(Err(error));
            }
        }
    }
}
