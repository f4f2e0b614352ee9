//! Server-sent events as a body: what is written into a channel goes out at once, comments keep the
//! connection alive, and the writer hears when nobody reads any more.

use std::convert::Infallible;
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

use axum::body::{Body, Bytes};
use axum::http::header::CACHE_CONTROL;
use axum::http::{HeaderName, HeaderValue, StatusCode};
use axum::response::Response;
use hyper::body::{Body as HttpBody, Frame};
use serde_json::Value;
use tokio::sync::mpsc;

use super::answer::typed;

/// Time between two comments.
pub(crate) const HEARTBEAT: Duration = Duration::from_secs(15);
/// Events that a slow reader may be behind before its writer waits.
const BUFFER: usize = 16;

/// The writing end.
pub(crate) struct Writer(mpsc::Sender<Bytes>);

impl Writer {
    /// An event; false if nobody reads any more.
    pub(crate) async fn event(&self, name: &str, id: Option<u64>, data: &Value) -> bool {
        let id = id.map_or(String::new(), |id| format!("id: {id}\n"));
        let text = format!("{id}event: {name}\ndata: {data}\n\n"); // JSON has no line breaks
        self.0.send(text.into()).await.is_ok()
    }

    /// A comment; false if nobody reads any more.
    pub(crate) async fn comment(&self) -> bool {
        self.0.send(Bytes::from_static(b": here\n\n")).await.is_ok()
    }

    /// Until nobody reads any more.
    pub(crate) async fn closed(&self) {
        self.0.closed().await;
    }
}

struct Reader(mpsc::Receiver<Bytes>);

impl HttpBody for Reader {
    type Data = Bytes;
    type Error = Infallible;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Infallible>>> {
        self.0
            .poll_recv(context)
            .map(|bytes| bytes.map(|bytes| Ok(Frame::data(bytes))))
    }
}

/// A stream of events and its writer.
pub(crate) fn stream() -> (Writer, Response) {
    let (writer, reader) = mpsc::channel(BUFFER);
    let mut response = typed(
        StatusCode::OK,
        "text/event-stream",
        Body::new(Reader(reader)),
    );
    let headers = response.headers_mut();
    headers.insert(
        CACHE_CONTROL,
        HeaderValue::from_static("no-cache, no-transform"),
    );
    let buffering = HeaderName::from_static("x-accel-buffering");
    headers.insert(buffering, HeaderValue::from_static("no"));
    (Writer(writer), response)
}
