//! A port for metrics and probes: `/metrics`, `/health/live`, `/health/ready`. One small answer a
//! connection, one connection at a time; who is slow is cut off.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use flowinone_tasks::{Metrics, resident_memory};

use crate::Error;

/// The time that a request and its answer may take.
const PATIENCE: Duration = Duration::from_secs(2);
/// Most bytes of a request's first line.
const MOST: u64 = 4096;

/// Answers at an address, `HOST:PORT`, from a thread of its own until the program ends. `ready` is
/// whether jobs are taken. The address is told, since port 0 is any that is free.
///
/// # Errors
/// An address that cannot be listened at.
pub fn listen(
    address: &str,
    metrics: Arc<Metrics>,
    ready: Arc<AtomicBool>,
) -> Result<SocketAddr, Error> {
    let failed = |error: std::io::Error| Error::Listen {
        address: address.into(),
        reason: error.to_string(),
    };
    let listener = TcpListener::bind(address).map_err(failed)?;
    let bound = listener.local_addr().map_err(failed)?;
    std::thread::Builder::new()
        .name("metrics".into())
        .spawn(move || {
            for connection in listener.incoming().flatten() {
                // A client that goes away costs itself.
                let _ = answer(&connection, &metrics, ready.load(Ordering::Relaxed));
            }
        })
        .map_err(failed)?;
    Ok(bound)
}

fn answer(mut connection: &TcpStream, metrics: &Metrics, ready: bool) -> std::io::Result<()> {
    connection.set_read_timeout(Some(PATIENCE))?;
    connection.set_write_timeout(Some(PATIENCE))?;
    let mut line = String::new();
    BufReader::new(connection.take(MOST)).read_line(&mut line)?;
    let mut words = line.split_whitespace();
    let (method, path) = (words.next(), words.next().unwrap_or_default());
    let path = path.split('?').next().unwrap_or_default();
    let (status, body) = match (method, path) {
        (Some("GET" | "HEAD"), "/metrics") => {
            metrics.set("flowinone_ready", &[], f64::from(u8::from(ready)));
            if let Some(bytes) = resident_memory() {
                metrics.set("process_resident_memory_bytes", &[], bytes as f64);
            }
            ("200 OK", metrics.render())
        }
        (Some("GET" | "HEAD"), "/health/live") => ("200 OK", "live\n".into()),
        (Some("GET" | "HEAD"), "/health/ready") => match ready {
            true => ("200 OK", "ready\n".into()),
            false => ("503 Service Unavailable", "not ready\n".into()),
        },
        (Some("GET" | "HEAD"), _) => (
            "404 Not Found",
            "there are /metrics, /health/live and /health/ready\n".into(),
        ),
        _ => ("405 Method Not Allowed", String::new()),
    };
    let sent = if method == Some("HEAD") { "" } else { &body };
    write!(
        connection,
        "HTTP/1.1 {status}\r\nContent-Type: text/plain; version=0.0.4; charset=utf-8\r\nContent-Length: {}\r\nConnection: close\r\n\r\n{sent}",
        body.len()
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    const NAMES: [flowinone_tasks::Metric; 1] =
        [("flowinone_ready", "gauge", "Whether jobs are taken.")];

    #[test]
    fn probes_and_metrics_are_answered_and_nonsense_is_not_served() {
        let ready = Arc::new(AtomicBool::new(false));
        let metrics = Arc::new(Metrics::new(&NAMES));
        let address = listen("127.0.0.1:0", metrics, Arc::clone(&ready)).unwrap();
        let ask = |text: &str| {
            let mut connection = TcpStream::connect(address).unwrap();
            connection.write_all(text.as_bytes()).unwrap();
            let mut answer = String::new();
            connection.read_to_string(&mut answer).unwrap();
            answer
        };
        assert!(ask("GET /health/ready HTTP/1.1\r\n\r\n").starts_with("HTTP/1.1 503"));
        ready.store(true, Ordering::Relaxed);
        assert!(ask("GET /health/ready HTTP/1.1\r\n\r\n").starts_with("HTTP/1.1 200"));
        assert!(ask("GET /metrics HTTP/1.1\r\n\r\n").contains("\nflowinone_ready 1\n"));
        assert!(ask("GET /secret HTTP/1.1\r\n\r\n").starts_with("HTTP/1.1 404"));
        assert!(ask("POST /metrics HTTP/1.1\r\n\r\n").starts_with("HTTP/1.1 405"));
        let taken = listen(
            &address.to_string(),
            Arc::new(Metrics::new(&NAMES)),
            Arc::default(),
        );
        assert!(taken.unwrap_err().to_string().contains("cannot listen"));
    }
}
