//! A Hub of our own on the loopback, with the headers of the real one: `resolve` answers with what
//! a file is and redirects to another server (here: another port) that has the bytes. Both do what
//! they are told to do wrong.

use std::collections::{BTreeMap, VecDeque};
use std::io::{BufRead, BufReader, Write};
use std::net::{Shutdown, TcpListener, TcpStream};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use flowinone_files::sha256_of;

/// The commit that every revision stands for.
pub(crate) const COMMIT: &str = "0123456789abcdef0123456789abcdef01234567";
/// From this size on a file is a large one, which has a SHA-256 and lies on the other server.
const LARGE: usize = 256;

/// What one answer does wrong. Those of the server with the bytes first.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Fault {
    /// Ends after some bytes of the body.
    BreakAfter(usize),
    /// Ends before it says anything.
    Nothing,
    /// Says what is no HTTP.
    Garbage,
    /// Says nothing for a while, then goes on.
    StallHead(Duration),
    /// Sends some bytes, then nothing for a while, then ends.
    StallAfter(usize, Duration),
    /// Says a size that is larger or smaller than the body.
    Length(i64),
    /// Sends the byte at a place with a bit flipped.
    Flip(usize),
    /// Sends zeros.
    Zeros,
    /// Sends what it should in chunks, without a size.
    Chunked,
    /// Sends more than the file, in chunks.
    Endless,
    /// Refuses with a status and headers.
    Status(u16, &'static str),
    /// Takes a request for a part as one for the whole.
    IgnoreRange,
    /// Answers a request for a part with one that begins elsewhere.
    Shifted,
    /// Says of a part that the file has another size.
    OtherTotal,
    /// Sends a web page instead.
    Page,
    /// Says that the body is compressed.
    Gzip,
    /// Sends nothing, and says so.
    Empty,
    /// Redirects somewhere; `{own}` stands for the own address.
    Redirect(&'static str),
    /// Says another SHA-256 in `X-Linked-Etag`.
    LinkedEtag,
    /// Says another size in `X-Linked-Size`.
    LinkedSize,
}

/// A request as it came.
#[derive(Debug, Clone)]
pub(crate) struct Request {
    pub(crate) method: String,
    /// Path and query.
    pub(crate) path: String,
    pub(crate) token: Option<String>,
    /// First byte that was asked for, if a part was.
    pub(crate) from: Option<usize>,
    /// Bytes of the body that were handed to the system.
    pub(crate) sent: usize,
    /// Whether all that is answered was.
    pub(crate) over: bool,
}

#[derive(Default)]
struct State {
    /// Content by `OWNER/NAME/PATH`, data sets with `datasets/` in front.
    files: BTreeMap<String, Arc<Vec<u8>>>,
    hub_faults: VecDeque<Fault>,
    store_faults: VecDeque<Fault>,
    /// What every answer of the server with the bytes does wrong.
    always: Option<Fault>,
    /// The token without which the Hub refuses.
    token: Option<String>,
    hub_requests: Vec<Request>,
    store_requests: Vec<Request>,
    /// Pause after each 64 KiB, so that there is time to break in.
    pause: Duration,
}

/// The Hub, until the test ends.
#[derive(Clone)]
pub(crate) struct LocalHub {
    pub(crate) endpoint: String,
    store: String,
    state: Arc<Mutex<State>>,
}

#[derive(Clone, Copy, PartialEq)]
enum Side {
    Hub,
    Store,
}

impl LocalHub {
    pub(crate) fn start() -> Self {
        let [hub, store] = [0; 2].map(|_| TcpListener::bind("127.0.0.1:0").unwrap());
        let address = |server: &TcpListener| format!("http://{}", server.local_addr().unwrap());
        let own = Self {
            endpoint: address(&hub),
            store: address(&store),
            state: Arc::default(),
        };
        for (listener, side) in [(hub, Side::Hub), (store, Side::Store)] {
            let own = own.clone();
            std::thread::spawn(move || {
                for stream in listener.incoming().flatten() {
                    let own = own.clone();
                    std::thread::spawn(move || own.serve(stream, side));
                }
            });
        }
        own
    }

    /// Puts a file of a model's repository there; its SHA-256.
    pub(crate) fn put(&self, path: &str, bytes: Vec<u8>) -> String {
        let digest = sha256_of(&bytes);
        let mut state = self.state.lock().unwrap();
        state.files.insert(path.into(), Arc::new(bytes));
        digest
    }

    /// The next answers of the Hub itself are wrong.
    pub(crate) fn hub_faults(&self, faults: impl IntoIterator<Item = Fault>) {
        self.state.lock().unwrap().hub_faults.extend(faults);
    }

    /// The next answers with bytes are wrong.
    pub(crate) fn faults(&self, faults: impl IntoIterator<Item = Fault>) {
        self.state.lock().unwrap().store_faults.extend(faults);
    }

    /// Every answer with bytes is wrong.
    pub(crate) fn always(&self, fault: Fault) {
        self.state.lock().unwrap().always = Some(fault);
    }

    /// From now on a token is needed.
    pub(crate) fn needs(&self, token: &str) {
        self.state.lock().unwrap().token = Some(token.into());
    }

    /// Sends slowly.
    #[allow(dead_code, reason = "one of the tests that share it needs it")]
    pub(crate) fn pause(&self, pause: Duration) {
        self.state.lock().unwrap().pause = pause;
    }

    /// The requests to the Hub, and those to where the bytes are; a client may have its bytes a
    /// moment before they are counted.
    pub(crate) fn requests(&self) -> (Vec<Request>, Vec<Request>) {
        let deadline = Instant::now() + Duration::from_secs(5);
        loop {
            let state = self.state.lock().unwrap();
            let mut all = state.hub_requests.iter().chain(&state.store_requests);
            if all.all(|request| request.over) || Instant::now() > deadline {
                return (state.hub_requests.clone(), state.store_requests.clone());
            }
            drop(state);
            std::thread::sleep(Duration::from_millis(5));
        }
    }

    fn serve(&self, stream: TcpStream, side: Side) {
        let Some(mut request) = read(&stream) else {
            return;
        };
        let fault = {
            let mut state = self.state.lock().unwrap();
            let log = match side {
                Side::Hub => &mut state.hub_requests,
                Side::Store => &mut state.store_requests,
            };
            log.push(request.clone());
            match side {
                Side::Hub => state.hub_faults.pop_front(),
                Side::Store => state.store_faults.pop_front().or(state.always.clone()),
            }
        };
        let place = {
            let state = self.state.lock().unwrap();
            match side {
                Side::Hub => state.hub_requests.len() - 1,
                Side::Store => state.store_requests.len() - 1,
            }
        };
        match side {
            Side::Hub => self.resolve(&stream, &request, fault),
            Side::Store => {
                let name = request
                    .path
                    .split('?')
                    .next()
                    .unwrap_or_default()
                    .to_string();
                let state = self.state.lock().unwrap();
                let found = state
                    .files
                    .values()
                    .find(|file| name.ends_with(&sha256_of(file)));
                let (found, pause) = (found.cloned(), state.pause);
                drop(state);
                let Some(bytes) = found else {
                    return answer(&stream, 404, "", b"", &mut 0, pause);
                };
                body(&stream, &mut request, &bytes, fault, pause, &self.endpoint);
            }
        }
        let mut state = self.state.lock().unwrap();
        let log = match side {
            Side::Hub => &mut state.hub_requests,
            Side::Store => &mut state.store_requests,
        };
        if let Some(entry) = log.get_mut(place) {
            entry.sent = request.sent;
            entry.over = true;
        }
        drop(state);
        let _ = stream.shutdown(Shutdown::Both);
    }

    fn resolve(&self, stream: &TcpStream, request: &Request, fault: Option<Fault>) {
        let (state, no) = (self.state.lock().unwrap(), Duration::ZERO);
        let (files, token) = (state.files.clone(), state.token.clone());
        drop(state);
        match &fault {
            Some(Fault::Status(status, headers)) => {
                return answer(stream, *status, headers, b"no", &mut 0, no);
            }
            Some(Fault::Redirect(to)) => {
                let to = to.replace("{own}", &format!("{}{}", self.endpoint, request.path));
                return answer(stream, 302, &format!("Location: {to}\r\n"), b"", &mut 0, no);
            }
            Some(Fault::Nothing) => return,
            Some(Fault::StallHead(time)) => std::thread::sleep(*time),
            _ => {}
        }
        let wanted = token.map(|token| format!("Bearer {token}"));
        if wanted.is_some() && wanted != request.token {
            let code = "X-Error-Code: GatedRepo\r\nX-Error-Message: Access is restricted\r\n";
            return answer(stream, 401, code, b"", &mut 0, no);
        }
        let path = request.path.trim_start_matches('/');
        if let Some(rest) = path.strip_prefix("api/resolve-cache/") {
            let bytes = files.get(rest).cloned().unwrap_or_default();
            return answer(stream, 200, "", &bytes, &mut 0, no);
        }
        if let Some(rest) = path.strip_prefix("api/") {
            let repository = rest.split("/revision/").next().unwrap_or_default();
            let repository = match repository.strip_prefix("models/") {
                Some(model) => model.to_string(),
                None => repository.to_string(),
            };
            return answer(
                stream,
                200,
                "",
                list(&files, &repository).as_bytes(),
                &mut 0,
                no,
            );
        }
        let Some((repository, rest)) = path.split_once("/resolve/") else {
            return answer(
                stream,
                404,
                "X-Error-Code: RepoNotFound\r\n",
                b"",
                &mut 0,
                no,
            );
        };
        let file = rest.split_once('/').map_or("", |(_, file)| file);
        let file = format!(
            "{repository}/{}",
            file.split('?').next().unwrap_or_default()
        );
        let Some(bytes) = files.get(&file) else {
            return answer(
                stream,
                404,
                "X-Error-Code: EntryNotFound\r\n",
                b"",
                &mut 0,
                no,
            );
        };
        if bytes.len() < LARGE {
            let to = format!("X-Repo-Commit: {COMMIT}\r\nLocation: /api/resolve-cache/{file}\r\n");
            return answer(stream, 307, &to, b"", &mut 0, no);
        }
        let digest = match fault {
            Some(Fault::LinkedEtag) => "f".repeat(64),
            _ => sha256_of(bytes),
        };
        let size = match fault {
            Some(Fault::LinkedSize) => bytes.len() + 1,
            _ => bytes.len(),
        };
        let headers = format!(
            "X-Repo-Commit: {COMMIT}\r\nX-Linked-Etag: \"{digest}\"\r\nX-Linked-Size: {size}\r\nLocation: {}/blobs/{}?X-Amz-Signature=secret\r\n",
            self.store,
            sha256_of(bytes)
        );
        answer(stream, 302, &headers, b"", &mut 0, no);
    }
}

/// The list of a repository's files, as the Hub's API gives it.
fn list(files: &BTreeMap<String, Arc<Vec<u8>>>, repository: &str) -> String {
    let of = |(name, bytes): (&String, &Arc<Vec<u8>>)| {
        let path = name.strip_prefix(repository)?.strip_prefix('/')?;
        let size = bytes.len();
        let lfs = match size < LARGE {
            true => String::new(),
            false => format!(
                r#","lfs":{{"sha256":"{}","size":{size}}}"#,
                sha256_of(bytes)
            ),
        };
        Some(format!(r#"{{"rfilename":"{path}","size":{size}{lfs}}}"#))
    };
    let siblings: Vec<String> = files.iter().filter_map(of).collect();
    format!(
        r#"{{"sha":"{COMMIT}","cardData":{{"license":"apache-2.0"}},"siblings":[{}]}}"#,
        siblings.join(",")
    )
}

fn read(stream: &TcpStream) -> Option<Request> {
    let mut reader = BufReader::new(stream);
    let mut line = String::new();
    reader.read_line(&mut line).ok()?;
    let mut words = line.split_whitespace();
    let mut request = Request {
        method: words.next()?.into(),
        path: words.next()?.into(),
        token: None,
        from: None,
        sent: 0,
        over: false,
    };
    loop {
        let mut line = String::new();
        reader.read_line(&mut line).ok()?;
        let Some((name, value)) = line.trim().split_once(':') else {
            return Some(request);
        };
        let value = value.trim();
        match &*name.to_ascii_lowercase() {
            "authorization" => request.token = Some(value.into()),
            "range" => {
                let range = value.strip_prefix("bytes=")?;
                request.from = Some(range.trim_end_matches('-').parse().ok()?);
            }
            _ => {}
        }
    }
}

/// Sends the bytes, in the way that the fault says.
fn body(
    stream: &TcpStream,
    request: &mut Request,
    bytes: &[u8],
    fault: Option<Fault>,
    pause: Duration,
    endpoint: &str,
) {
    let from = match &fault {
        Some(Fault::IgnoreRange) => None,
        _ => request.from,
    };
    let total = bytes.len();
    let (mut status, mut first) = (200, 0);
    let mut headers = String::from("Accept-Ranges: bytes\r\nETag: \"something else\"\r\n");
    if let Some(from) = from {
        if from >= total {
            let range = format!("Content-Range: bytes */{total}\r\n");
            return answer(stream, 416, &range, b"", &mut 0, pause);
        }
        let shift = usize::from(fault == Some(Fault::Shifted) && from > 0);
        let said = total + usize::from(fault == Some(Fault::OtherTotal));
        (status, first) = (206, from - shift);
        headers += &format!("Content-Range: bytes {first}-{}/{said}\r\n", total - 1);
    }
    let rest = &bytes[first..];
    let sent = &mut request.sent;
    match fault {
        Some(Fault::Nothing) => {}
        Some(Fault::Garbage) => {
            let _ = (&mut &*stream).write_all(b"\x16\x03\x01 what is this\r\n\r\n");
        }
        Some(Fault::StallHead(time)) => {
            std::thread::sleep(time);
            answer(stream, status, &headers, rest, sent, pause);
        }
        Some(Fault::BreakAfter(count)) => {
            head(stream, status, &headers, Some(rest.len()));
            pieces(stream, &rest[..count.min(rest.len())], sent, pause);
        }
        Some(Fault::StallAfter(count, time)) => {
            head(stream, status, &headers, Some(rest.len()));
            pieces(stream, &rest[..count.min(rest.len())], sent, pause);
            std::thread::sleep(time);
        }
        Some(Fault::Length(more)) => {
            let length = rest.len().saturating_add_signed(more as isize);
            head(stream, status, &headers, Some(length));
            pieces(stream, &rest[..rest.len().min(length)], sent, pause);
        }
        Some(Fault::Flip(place)) => {
            let mut other = rest.to_vec();
            if let Some(byte) = place.checked_sub(first).and_then(|at| other.get_mut(at)) {
                *byte ^= 1;
            }
            answer(stream, status, &headers, &other, sent, pause);
        }
        Some(Fault::Zeros) => answer(stream, status, &headers, &vec![0; rest.len()], sent, pause),
        Some(Fault::Chunked) => chunks(stream, status, &headers, rest, 1, sent),
        Some(Fault::Endless) => chunks(stream, status, &headers, rest, 1000, sent),
        Some(Fault::Status(status, headers)) => answer(stream, status, headers, b"no", sent, pause),
        Some(Fault::Page) => {
            let kind = "Content-Type: text/html\r\n";
            answer(
                stream,
                200,
                kind,
                b"<!doctype html><h1>Log in</h1>",
                sent,
                pause,
            );
        }
        Some(Fault::Gzip) => {
            let headers = headers + "Content-Encoding: gzip\r\n";
            answer(stream, status, &headers, rest, sent, pause);
        }
        Some(Fault::Empty) => answer(stream, 200, &headers, b"", sent, pause),
        Some(Fault::Redirect(to)) => {
            let to = format!("Location: {}\r\n", to.replace("{own}", endpoint));
            answer(stream, 302, &to, b"", sent, pause);
        }
        _ => answer(stream, status, &headers, rest, sent, pause),
    }
}

fn answer(
    stream: &TcpStream,
    status: u16,
    headers: &str,
    bytes: &[u8],
    sent: &mut usize,
    pause: Duration,
) {
    head(stream, status, headers, Some(bytes.len()));
    pieces(stream, bytes, sent, pause);
}

fn head(mut stream: &TcpStream, status: u16, headers: &str, length: Option<usize>) {
    let length = match length {
        Some(length) => format!("Content-Length: {length}\r\n"),
        None => "Transfer-Encoding: chunked\r\n".into(),
    };
    let text = format!("HTTP/1.1 {status} So\r\n{length}{headers}Connection: close\r\n\r\n");
    let _ = stream.write_all(text.as_bytes());
}

fn pieces(mut stream: &TcpStream, bytes: &[u8], sent: &mut usize, pause: Duration) {
    for piece in bytes.chunks(1 << 16) {
        if stream.write_all(piece).is_err() {
            return;
        }
        *sent += piece.len();
        if !pause.is_zero() {
            std::thread::sleep(pause);
        }
    }
}

fn chunks(
    mut stream: &TcpStream,
    status: u16,
    headers: &str,
    bytes: &[u8],
    times: usize,
    sent: &mut usize,
) {
    head(stream, status, headers, None);
    for _ in 0..times {
        for piece in bytes.chunks(5000) {
            let mut chunk = format!("{:x}\r\n", piece.len()).into_bytes();
            chunk.extend(piece);
            chunk.extend(b"\r\n");
            if stream.write_all(&chunk).is_err() {
                return;
            }
            *sent += piece.len();
        }
    }
    let _ = stream.write_all(b"0\r\n\r\n");
}
