//! From start to end: the journal, the engine, the listener; and at the end everything in order.
//!
//! ```text
//! asked to end -> not ready -> drain delay -> new jobs refused, accepted jobs finish, at most the
//! drain timeout, the rest stays in the journal -> streams end -> connections end -> return
//! ```

use std::net::ToSocketAddrs;
use std::sync::Arc;
use std::time::Duration;

use flowinone_tasks::Session;
use serde_json::{Value, json};
use tokio::sync::watch;

use crate::app::{App, Shared};
use crate::config::{Config, Listen};
use crate::engine::{Engine, ModelInfo};
use crate::http::listen::{self, Listener};
use crate::log::{Log, Sink};
use crate::metrics;
use crate::openapi;
use crate::router;
use crate::store::Store;

/// The time that answers have to end after everything else has.
const LAST_WORDS: Duration = Duration::from_secs(5);
/// How often the one who may ask the server to end is looked at.
const LOOK: Duration = Duration::from_millis(50);

/// Why a server does not start.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ServeError {
    /// The folder of its data cannot be used.
    #[error("{0}")]
    Data(String),
    /// It cannot listen where it shall.
    #[error("{0}")]
    Listen(String),
    /// Settings that contradict each other.
    #[error("{0}")]
    Config(String),
}

/// The OpenAPI document of the server's routes.
pub fn document() -> Value {
    openapi::document(&router::routes())
}

/// Serves until `stop` says so or the process is asked to end (SIGTERM), then ends in order. One
/// thread owns each session. `ready` is told the address.
///
/// # Errors
/// A folder, an address or settings that cannot be used.
pub fn serve(
    mut config: Config,
    sessions: Vec<Session>,
    log: Sink,
    stop: &dyn Fn() -> bool,
    ready: impl FnOnce(&str),
) -> Result<(), ServeError> {
    check(&mut config)?;
    let Some(first) = sessions.first() else {
        return Err(ServeError::Config("a server needs a model".into()));
    };
    let side = first.config().picture_side as u32;
    let info = ModelInfo {
        config: first.config().clone(),
        digest: first.digest().to_string(),
        size: match first.upscaling() {
            Some(upscaling) => {
                let size = upscaling.check([side; 2]);
                size.map_err(|e| ServeError::Config(e.to_string()))?
            }
            None => [side; 2],
        },
        dtype: first.dtype().to_string(),
        devices: sessions
            .iter()
            .map(|session| format!("{} ({})", session.device().choice, session.device().name))
            .collect(),
    };
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .max_blocking_threads(16)
        .enable_all()
        .thread_name("http")
        .build()
        .map_err(|e| ServeError::Config(format!("the system starts no threads: {e}")))?;
    let listener = runtime
        .block_on(Listener::bind(&config))
        .map_err(ServeError::Listen)?;
    let store = Store::open(&config.data, config.least_free)
        .map_err(|e| ServeError::Data(e.to_string()))?;
    let log = Arc::new(Log::new(log, config.log_prompts));
    let metrics = Arc::new(metrics::none());
    let engine = Engine::start(
        &config,
        store,
        info,
        sessions,
        Arc::clone(&metrics),
        Arc::clone(&log),
    );
    let app = App::new(Arc::clone(&engine), config, metrics, Arc::clone(&log));
    let address = listener.address();
    log.line("listening", json!({"address": address}));
    ready(&address);
    runtime.block_on(run(app, listener, stop));
    log.line("ended", json!({}));
    Ok(())
}

/// What contradicts itself, and what follows from where the server listens.
fn check(config: &mut Config) -> Result<(), ServeError> {
    crate::id::check()
        .map_err(|e| ServeError::Config(format!("the system gives no random numbers: {e}")))?;
    if let Listen::Tcp(address) = &config.listen {
        let resolved = address.to_socket_addrs();
        let mut resolved =
            resolved.map_err(|e| ServeError::Listen(format!("{address} is no address: {e}")))?;
        let local = resolved.all(|address| address.ip().is_loopback());
        if !local && config.token.is_none() && !config.open {
            return Err(ServeError::Config(format!(
                "others than this machine reach {address}: give a --token-file, or say --no-auth"
            )));
        }
        config.hide_paths |= !local;
    }
    config.hide_paths |= config.public_url.is_some();
    if config.queue == 0 {
        return Err(ServeError::Config(
            "a queue of 0 takes no job; it has to be 1 or more".into(),
        ));
    }
    if config.token.as_deref().is_some_and(|token| token.len() < 8) {
        return Err(ServeError::Config(
            "a token of less than 8 characters is soon guessed; make a longer one".into(),
        ));
    }
    Ok(())
}

async fn run(app: Shared, listener: Listener, stop: &dyn Fn() -> bool) {
    let (close, closing) = watch::channel(false);
    let unix = match &app.config.listen {
        Listen::Unix(path) => Some(path.clone()),
        Listen::Tcp(_) => None,
    };
    let served = {
        let app = Arc::clone(&app);
        tokio::spawn(async move {
            listen::serve(
                listener,
                router::router(&app),
                &app.config,
                closing,
                LAST_WORDS,
            )
            .await;
        })
    };
    let mut terminated = terminations();
    until_asked(stop, &mut terminated).await;
    app.log.line("draining", json!({}));
    app.engine.announce();
    tokio::time::sleep(app.config.drain_delay).await;
    let engine = Arc::clone(&app.engine);
    let timeout = app.config.drain_timeout;
    let drained = tokio::task::spawn_blocking(move || engine.close(timeout));
    tokio::select! {
        _ = drained => {}
        () = asked_again(&mut terminated) => {
            app.engine.abort();
        }
    }
    app.ending.send_replace(true);
    close.send_replace(true);
    let _ = served.await;
    if let Some(path) = unix {
        let _ = std::fs::remove_file(path);
    }
}

/// Signals to end.
type Terminations = Option<tokio::signal::unix::Signal>;

fn terminations() -> Terminations {
    tokio::signal::unix::signal(tokio::signal::unix::SignalKind::terminate()).ok()
}

async fn until_asked(stop: &dyn Fn() -> bool, terminated: &mut Terminations) {
    let mut look = tokio::time::interval(LOOK);
    loop {
        tokio::select! {
            _ = look.tick() => if stop() { return },
            () = asked_again(terminated) => return,
        }
    }
}

/// Until the next signal to end; for ever where there are none.
async fn asked_again(terminated: &mut Terminations) {
    match terminated {
        Some(signal) => {
            signal.recv().await;
        }
        None => std::future::pending().await,
    }
}
