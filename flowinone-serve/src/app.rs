//! What all answers share.

use std::sync::Arc;

use flowinone_tasks::Metrics;
use tokio::sync::{Semaphore, watch};

use crate::access::Access;
use crate::config::Config;
use crate::engine::Engine;
use crate::log::Log;
use crate::page::Page;
use crate::refusal::Refusal;
use crate::request::Reader;

/// Pictures that are decoded or drawn at a time.
const DRAWING: usize = 4;

/// Memory for all bodies together, in KiB.
const BODIES: usize = 256 << 10;

/// Everything that answers share.
pub(crate) struct App {
    pub(crate) engine: Arc<Engine>,
    pub(crate) config: Config,
    pub(crate) metrics: Arc<Metrics>,
    pub(crate) log: Arc<Log>,
    /// Permits to decode and draw.
    drawing: Arc<Semaphore>,
    /// Memory for bodies, in KiB.
    pub(crate) memory: Arc<Semaphore>,
    /// Becomes true when streams are to end.
    pub(crate) ending: watch::Sender<bool>,
    pub(crate) access: Access,
    pub(crate) page: Page,
}

/// The app as handlers have it.
pub(crate) type Shared = Arc<App>;

impl App {
    pub(crate) fn new(
        engine: Arc<Engine>,
        config: Config,
        metrics: Arc<Metrics>,
        log: Arc<Log>,
    ) -> Shared {
        Arc::new(Self {
            access: Access::new(&config),
            page: Page::new(config.page.clone()),
            drawing: Arc::new(Semaphore::new(DRAWING)),
            memory: Arc::new(Semaphore::new(BODIES.max(config.most_body >> 10))),
            ending: watch::channel(false).0,
            engine,
            config,
            metrics,
            log,
        })
    }

    /// Reads requests.
    pub(crate) fn reader(&self) -> Reader<'_> {
        Reader {
            engine: &self.engine,
            config: &self.config,
        }
    }

    /// Does work that blocks on the disk, beside the threads that answer.
    pub(crate) async fn blocking<T: Send + 'static>(
        self: &Arc<Self>,
        work: impl FnOnce(&Self) -> Result<T, Refusal> + Send + 'static,
    ) -> Result<T, Refusal> {
        let app = Arc::clone(self);
        let done = tokio::task::spawn_blocking(move || work(&app)).await;
        done.unwrap_or_else(|_| {
            Err(Refusal::internal(
                "internal",
                "the request could not be worked on",
            ))
        })
    }

    /// Does work that decodes or draws: only some at a time.
    pub(crate) async fn drawing<T: Send + 'static>(
        self: &Arc<Self>,
        work: impl FnOnce(&Self) -> Result<T, Refusal> + Send + 'static,
    ) -> Result<T, Refusal> {
        let permit = Arc::clone(&self.drawing).acquire_owned().await;
        let done = self.blocking(work).await;
        drop(permit);
        done
    }
}
