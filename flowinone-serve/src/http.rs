//! HTTP: one table of routes, from which both the router and `/openapi.json` are made.

pub(crate) mod answer;
pub(crate) mod body;
mod capabilities;
mod events;
mod guard;
mod health;
mod jobs;
mod listen;
mod login;
mod page;
mod pictures;
mod prompts;
pub(crate) mod sse;

use std::sync::Arc;

use axum::Router;
use axum::http::{Method, Uri};
use axum::middleware::from_fn_with_state;
use axum::routing::MethodRouter;
use flowinone_tasks::Metrics;
use serde::de::DeserializeOwned;
use tokio::sync::{Semaphore, watch};

use crate::config::Config;
use crate::engine::Engine;
use crate::log::Log;
use crate::openapi::{self, Operation};
use crate::refusal::Refusal;
use crate::request::Reader;

pub(crate) use capabilities::sizes;
pub(crate) use jobs::idempotency_key;
pub(crate) use listen::{Listener, serve};
pub(crate) use pictures::{Format, Motion, motion};

/// Pictures that are decoded or drawn at a time.
const DRAWING: usize = 4;

/// Everything that answers share.
pub(crate) struct App {
    pub(crate) engine: Arc<Engine>,
    pub(crate) config: Config,
    pub(crate) metrics: Arc<Metrics>,
    pub(crate) log: Arc<Log>,
    /// Permits to decode and draw.
    drawing: Arc<Semaphore>,
    /// Memory for bodies, in KiB.
    memory: Arc<Semaphore>,
    /// Becomes true when streams are to end.
    pub(crate) ending: watch::Sender<bool>,
    access: guard::Access,
    page: page::Page,
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
            access: guard::Access::new(&config),
            page: page::Page::new(config.page.clone()),
            drawing: Arc::new(Semaphore::new(DRAWING)),
            memory: Arc::new(Semaphore::new(body::MEMORY.max(config.most_body >> 10))),
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

/// A path with a method, what answers it, and how the document describes it.
pub(crate) struct Route {
    pub(crate) method: Method,
    pub(crate) path: &'static str,
    pub(crate) handler: MethodRouter<Shared>,
    pub(crate) operation: Operation,
}

impl Route {
    pub(crate) fn new(
        method: Method,
        path: &'static str,
        handler: MethodRouter<Shared>,
        operation: Operation,
    ) -> Self {
        Self {
            method,
            path,
            handler,
            operation,
        }
    }
}

/// All routes that are documented: everything but the page itself.
pub(crate) fn routes() -> Vec<Route> {
    let mut all = vec![];
    all.extend(crate::openai::routes());
    all.extend(jobs::routes());
    all.extend(events::routes());
    all.extend(pictures::routes());
    all.extend(prompts::routes());
    all.extend(capabilities::routes());
    all.extend(health::routes());
    all.extend(login::routes());
    all.extend(openapi::routes());
    all
}

/// The router over all routes.
pub(crate) fn router(app: &Shared) -> Router {
    let mut router = Router::new();
    for route in routes() {
        router = router.route(route.path, route.handler);
    }
    router = page::add(router);
    router
        .fallback(async || {
            Refusal::missing("there is nothing at this path; /openapi.json lists what there is")
        })
        .method_not_allowed_fallback(async || Refusal::method())
        .layer(from_fn_with_state(Arc::clone(app), guard::guard))
        .layer(axum::extract::DefaultBodyLimit::disable()) // see `body`
        .with_state(Arc::clone(app))
}

/// What stands behind the question mark; unknown names are refused.
pub(crate) fn query<T: DeserializeOwned>(uri: &Uri) -> Result<T, Refusal> {
    let read = axum::extract::Query::<T>::try_from_uri(uri);
    let read = read.map_err(|e| Refusal::invalid("invalid_query", e.body_text()))?;
    Ok(read.0)
}

#[cfg(test)]
pub(crate) mod tests;
