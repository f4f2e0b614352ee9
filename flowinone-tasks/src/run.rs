//! A run of jobs as an iterator of events: batches through the pipeline, each item settled on its
//! own.

use std::collections::VecDeque;
use std::time::Instant;

use flowinone_image::Profiles;
use flowinone_sampler::{Solver, State};
use image::RgbImage;

use crate::job::Content;
use crate::memory::peak_memory;
use crate::{Cost, Error, Event, FlowInOne, Item, Job, Record, Session, Settings, Start};

/// A job whose prompt has been read or drawn.
pub(crate) struct Ready {
    pub(crate) job: usize,
    pub(crate) item: Item,
    pub(crate) record: Box<Record>,
}

/// Whether a job is decoded after a step.
type Preview<'s> = Box<dyn Fn(usize, usize) -> bool + 's>;

/// Jobs in their order: ready, or settled already.
pub(crate) type Incoming<'s> = Box<dyn Iterator<Item = Result<Ready, Box<Event>>> + 's>;

/// The iterator of [`Session::run`]. An error is one that no job is guilty of, such as weights that
/// cannot be loaded; nothing comes after it.
pub struct Run<'s> {
    session: &'s Session,
    settings: Settings,
    batch_size: usize,
    preview: Option<Preview<'s>>,
    stop: &'s dyn Fn() -> bool,
    upscaled: &'s dyn Fn(usize, f64),
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
            preview: None,
            stop: &|| false,
            upscaled: &|_, _| {},
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
        match steps.filter(|steps| *steps > 0) {
            Some(every) => self.preview_when(move |_, step| step.is_multiple_of(every)),
            None => self,
        }
    }

    /// Also decodes the state of a job after a step if `wanted(job, step)`; it is asked after every
    /// step but the last.
    #[must_use]
    pub fn preview_when(self, wanted: impl Fn(usize, usize) -> bool + 's) -> Self {
        Self {
            preview: Some(Box::new(wanted)),
            ..self
        }
    }

    /// Asks `stop` before each evaluation of the networks, so that the run ends within a step, with
    /// [`Event::Stopped`]. To end it between two events, leave the loop.
    #[must_use]
    pub fn until(self, stop: &'s dyn Fn() -> bool) -> Self {
        Self { stop, ..self }
    }

    /// Tells `upscaled` how far a finished picture is made larger, if the session does that: its
    /// job, and the share of the work that is done, from 0 to 1, before each layer of the network.
    #[must_use]
    pub fn upscale_progress(self, upscaled: &'s dyn Fn(usize, f64)) -> Self {
        Self { upscaled, ..self }
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
        self.session.config().check(&self.settings)?;
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
        if let Some(wanted) = &self.preview
            && state.steps != Some(state.step)
        {
            let networks = self.session.networks()?;
            let batch = flowing.batch.iter().enumerate();
            let mut seen = vec![];
            for (item, ready) in batch.filter(|(_, ready)| wanted(ready.job, state.step)) {
                match networks.decode_item(&state.x, &flowing.start, item) {
                    Ok(picture) => seen.push((ready, picture)),
                    Err(error) => {
                        self.failed(flowing.batch, error);
                        return Ok(());
                    }
                }
            }
            for (ready, picture) in seen {
                let record = Record {
                    preview: Some(state.step),
                    upscale: None, // as it comes
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
        let decode_seconds = decoding.elapsed().as_secs_f64();
        let enlarging = Instant::now();
        let pictures: Vec<_> = pictures
            .into_iter()
            .zip(&flowing.batch)
            .map(|(picture, ready)| self.enlarged(networks, ready, picture?))
            .collect();
        let stopped =
            |error: &Error| matches!(error, Error::Upscale(flowinone_upscale::Error::Stopped));
        if pictures
            .iter()
            .any(|made| made.as_ref().is_err_and(stopped))
        {
            self.events.push_back(Event::Stopped);
            self.over = true;
            return Ok(());
        }
        let cost = Cost {
            batch: flowing.batch.len(),
            steps: last.step,
            evaluations: last.evaluations.branches,
            vision_seconds: flowing.start.vision.as_secs_f64(),
            structure_seconds: flowing.start.autoencoder.as_secs_f64(),
            solve_seconds,
            decode_seconds,
            upscale_seconds: match self.session.upscaling() {
                Some(_) => enlarging.elapsed().as_secs_f64(),
                None => 0.0,
            },
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

    /// The picture of a job as the session wants it.
    fn enlarged(
        &self,
        networks: &FlowInOne,
        ready: &Ready,
        picture: RgbImage,
    ) -> Result<RgbImage, Error> {
        let Some(upscaling) = self.session.upscaling() else {
            return Ok(picture);
        };
        let larger = upscaling.enlarge(&picture, &mut |share| {
            (self.upscaled)(ready.job, share);
            !(self.stop)()
        })?;
        match ready.item.structure {
            true => networks.keep_in_larger(&picture, larger, &ready.item.prompt),
            false => Ok(larger),
        }
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

impl Session {
    /// Makes the pictures of jobs, in their order: an iterator of events that computes only when it
    /// is asked, and stops where the loop is left.
    ///
    /// A bad prompt or picture and a number that is not finite cost their own job and no other.
    ///
    /// ```no_run
    /// use flowinone_prompts::ClassToImage;
    /// use flowinone_tasks::{Dtype, Event, Session, device};
    ///
    /// # fn main() -> Result<(), flowinone_tasks::Error> {
    /// let device = device::open("auto".parse()?)?;
    /// let session = Session::open("model", &device, Dtype::F32)?;
    /// let jobs = [session.job(ClassToImage::new("apple")).seed(1)];
    /// for event in session.run(jobs, &session.config().sampling) {
    ///     match event? {
    ///         Event::Step { step, .. } => println!("step {step}"),
    ///         Event::Done { picture, .. } => println!("{} pixels", picture.len()),
    ///         Event::Failed { error, .. } => println!("failed: {error}"),
    ///         _ => {}
    ///     }
    /// }
    /// # Ok(())
    /// # }
    /// ```
    pub fn run<'s, I>(&'s self, jobs: I, settings: &Settings) -> Run<'s>
    where
        I: IntoIterator<Item = Job>,
        I::IntoIter: 's,
    {
        self.run_wanted(jobs, settings, |_, _| Ok(true))
    }

    /// As [`run`](Self::run), of those jobs whose record is wanted: `wanted` is told the place of a
    /// job and how its picture would be made, once the job's files have been read. Others end with
    /// [`Event::Skipped`], or with [`Event::Failed`] if it is an error that they are asked for.
    pub fn run_wanted<'s, I>(
        &'s self,
        jobs: I,
        settings: &Settings,
        wanted: impl Fn(usize, &Record) -> Result<bool, Error> + 's,
    ) -> Run<'s>
    where
        I: IntoIterator<Item = Job>,
        I::IntoIter: 's,
    {
        let settings = *settings;
        let jobs = jobs.into_iter().enumerate();
        let ready =
            move |(place, job)| self.ready(place, job, &settings, |record| wanted(place, record));
        Run::new(self, Box::new(jobs.map(ready)), settings)
    }

    /// A job whose prompt has been read or drawn; or how it was settled without a picture made, if
    /// its prompt is bad or `wanted` says of its record that it is not wanted.
    fn ready(
        &self,
        place: usize,
        job: Job,
        settings: &Settings,
        wanted: impl FnOnce(&Record) -> Result<bool, Error>,
    ) -> Result<Ready, Box<Event>> {
        let Job {
            source,
            seed,
            number,
            profiles,
        } = job;
        let routing = source.routing();
        let failed = |error| Box::new(Event::Failed { job: place, error });
        let content = Content::read(source).map_err(failed)?;
        let mut record = self.record(routing, seed, number, content.input(), settings);
        record.ignore_profiles = profiles == Profiles::Ignore;
        if !wanted(&record).map_err(failed)? {
            return Err(Box::new(Event::Skipped { job: place }));
        }
        let item = content.item(routing.structure, seed, number, profiles);
        Ok(Ready {
            job: place,
            item: item.map_err(failed)?,
            record: Box::new(record),
        })
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
