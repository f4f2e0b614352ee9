//! Listening: connections are bounded in number, and those that say nothing go first.

use std::collections::VecDeque;
use std::convert::Infallible;
use std::io;
use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use axum::Router;
use axum::response::Response;
use hyper::Request;
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::io::{AsyncRead, AsyncWrite, AsyncWriteExt};
use tokio::net::{TcpListener, UnixListener, UnixStream};
use tokio::sync::{Notify, watch};
use tower::ServiceExt;

use crate::config::{Config, Listen};

/// Largest head of a request, in bytes.
const MOST_HEAD: usize = 64 << 10;
/// Answer to a connection too many.
const FULL: &[u8] = b"HTTP/1.1 503 Service Unavailable\r\ncontent-type: application/json\r\nretry-after: 1\r\nconnection: close\r\ncontent-length: 110\r\n\r\n{\"error\":{\"message\":\"too many connections\",\"type\":\"server_error\",\"param\":null,\"code\":\"too_many_connections\"}}\n";

/// A bound address.
pub(crate) enum Listener {
    Tcp(TcpListener),
    Unix(UnixListener),
}

impl Listener {
    /// Binds the address of a configuration.
    ///
    /// # Errors
    /// An address that cannot be bound, with what to do.
    pub(crate) async fn bind(config: &Config) -> Result<Self, String> {
        match &config.listen {
            Listen::Tcp(address) => match TcpListener::bind(address).await {
                Ok(listener) => Ok(Self::Tcp(listener)),
                Err(error) if error.kind() == io::ErrorKind::AddrInUse => Err(format!(
                    "{address} is in use; --listen chooses another, such as 127.0.0.1:0"
                )),
                Err(error) => Err(format!("cannot listen at {address}: {error}")),
            },
            Listen::Unix(path) => Self::unix(path)
                .await
                .map_err(|e| format!("cannot listen at {}: {e}", path.display())),
        }
    }

    async fn unix(path: &Path) -> io::Result<Self> {
        if UnixStream::connect(path).await.is_ok() {
            return Err(io::Error::new(
                io::ErrorKind::AddrInUse,
                "another server answers there",
            ));
        }
        use std::os::unix::fs::{FileTypeExt, PermissionsExt};
        // Nobody answers: what an ended process left.
        if std::fs::symlink_metadata(path).is_ok_and(|file| file.file_type().is_socket()) {
            std::fs::remove_file(path)?;
        }
        let listener = UnixListener::bind(path)?;
        std::fs::set_permissions(path, std::fs::Permissions::from_mode(0o660))?;
        Ok(Self::Unix(listener))
    }

    /// The address as clients write it.
    pub(crate) fn address(&self) -> String {
        match self {
            Self::Tcp(listener) => listener
                .local_addr()
                .map_or_else(|e| e.to_string(), |address| format!("http://{address}/")),
            Self::Unix(listener) => {
                let address = listener.local_addr();
                let path = address
                    .as_ref()
                    .ok()
                    .and_then(|address| address.as_pathname());
                format!("unix:{}", path.unwrap_or(Path::new("")).display())
            }
        }
    }
}

/// One connection.
struct Connection {
    number: u64,
    /// Whether it ever sent the whole head of a request.
    asked: AtomicBool,
    /// Ends it.
    end: Notify,
}

/// All connections, oldest first.
#[derive(Default)]
struct Connections {
    open: Mutex<VecDeque<Arc<Connection>>>,
}

impl Connections {
    /// A place for another connection: the oldest that never asked anything makes room.
    fn admit(&self, number: u64, most: usize) -> Option<Arc<Connection>> {
        let mut open = self.open.lock().unwrap_or_else(PoisonError::into_inner);
        if open.len() >= most {
            let silent = open
                .iter()
                .position(|other| !other.asked.load(Ordering::Relaxed))?;
            open.remove(silent)?.end.notify_one();
        }
        let connection = Arc::new(Connection {
            number,
            asked: AtomicBool::new(false),
            end: Notify::new(),
        });
        open.push_back(Arc::clone(&connection));
        Some(connection)
    }

    fn gone(&self, number: u64) {
        let mut open = self.open.lock().unwrap_or_else(PoisonError::into_inner);
        open.retain(|other| other.number != number);
    }

    fn count(&self) -> usize {
        self.open
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .len()
    }
}

/// Answers connections until `closing` becomes true, then waits for those that are open, at most
/// `patience`.
pub(crate) async fn serve(
    listener: Listener,
    router: Router,
    config: &Config,
    mut closing: watch::Receiver<bool>,
    patience: Duration,
) {
    let connections = Arc::new(Connections::default());
    let mut number = 0;
    loop {
        number += 1;
        let accepted = tokio::select! {
            accepted = accept(&listener) => accepted,
            _ = closing.wait_for(|closing| *closing) => break,
        };
        let Ok(stream) = accepted else {
            // Out of files: those that are open have to end first.
            tokio::time::sleep(Duration::from_millis(50)).await;
            continue;
        };
        let Some(connection) = connections.admit(number, config.most_connections) else {
            tokio::spawn(refuse(stream));
            continue;
        };
        let (router, closing, connections) =
            (router.clone(), closing.clone(), Arc::clone(&connections));
        let head = config.patience;
        tokio::spawn(async move {
            answer(stream, router, &connection, closing, head).await;
            connections.gone(connection.number);
        });
    }
    let deadline = tokio::time::Instant::now() + patience;
    while connections.count() > 0 && tokio::time::Instant::now() < deadline {
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
}

/// What is read from and written to.
trait Stream: AsyncRead + AsyncWrite + Send + Unpin {}
impl<T: AsyncRead + AsyncWrite + Send + Unpin> Stream for T {}

async fn accept(listener: &Listener) -> io::Result<Box<dyn Stream>> {
    Ok(match listener {
        Listener::Tcp(listener) => {
            let (stream, _) = listener.accept().await?;
            stream.set_nodelay(true)?;
            Box::new(stream)
        }
        Listener::Unix(listener) => Box::new(listener.accept().await?.0),
    })
}

async fn refuse(mut stream: Box<dyn Stream>) {
    let _ = tokio::time::timeout(Duration::from_secs(1), stream.write_all(FULL)).await;
}

async fn answer(
    stream: Box<dyn Stream>,
    router: Router,
    connection: &Arc<Connection>,
    mut closing: watch::Receiver<bool>,
    head: Duration,
) {
    let asked = Arc::clone(connection);
    let service = service_fn(move |request: Request<Incoming>| {
        asked.asked.store(true, Ordering::Relaxed);
        let router = router.clone();
        async move {
            Ok::<Response, Infallible>(
                router
                    .oneshot(request)
                    .await
                    .unwrap_or_else(|never| match never {}),
            )
        }
    });
    let serving = http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(head)
        .max_buf_size(MOST_HEAD)
        .serve_connection(TokioIo::new(stream), service);
    let mut serving = std::pin::pin!(serving);
    let mut ending = false;
    loop {
        tokio::select! {
            // A client that broke off is no error of ours.
            _ = serving.as_mut() => return,
            () = connection.end.notified() => return,
            _ = closing.wait_for(|closing| *closing), if !ending => {
                serving.as_mut().graceful_shutdown();
                ending = true;
            }
        }
    }
}
