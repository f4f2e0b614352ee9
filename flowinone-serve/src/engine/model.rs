//! What the engine wants of a model: events of a run. `Session` is one; tests have others, which
//! are slow, panic or never end when they are told to.

use flowinone_tasks::{Error, Event, Job, Session, Settings};

/// Jobs that are computed together, and what is asked on the way.
pub(crate) struct Work<'a> {
    /// The jobs, of equal settings.
    pub(crate) jobs: Vec<Job>,
    /// How the flow is solved.
    pub(crate) settings: &'a Settings,
    /// Most items of a batch.
    pub(crate) batch_size: usize,
    /// Whether to stop; asked before each evaluation of the networks.
    pub(crate) stop: &'a dyn Fn() -> bool,
    /// Whether a job is decoded after a step.
    pub(crate) preview: &'a dyn Fn(usize, usize) -> bool,
    /// Told how far the finished picture of a job is made larger, from 0 to 1.
    pub(crate) upscaled: &'a dyn Fn(usize, f64),
}

/// A model on a device, owned by one thread.
pub(crate) trait Model: Send {
    /// Loads what is needed, so that the first job does not wait for it.
    ///
    /// # Errors
    /// Weights that cannot be used.
    fn load(&self) -> Result<(), Error>;

    /// Makes the pictures of jobs and shows every event.
    ///
    /// # Errors
    /// One that no job is guilty of.
    fn run(&self, work: Work<'_>, see: &mut dyn FnMut(Event)) -> Result<(), Error>;
}

impl Model for Session {
    fn load(&self) -> Result<(), Error> {
        self.networks().map(drop)
    }

    fn run(&self, work: Work<'_>, see: &mut dyn FnMut(Event)) -> Result<(), Error> {
        let run = Self::run(self, work.jobs, work.settings)
            .batch_size(work.batch_size)
            .preview_when(work.preview)
            .upscale_progress(work.upscaled)
            .until(work.stop);
        for event in run {
            see(event?);
        }
        Ok(())
    }
}
