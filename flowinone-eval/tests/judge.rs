//! The judge before an endpoint on this machine that answers as it is told: well, busily, not at
//! all, with rubbish, or too slowly.
use std::collections::BTreeMap;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::path::PathBuf;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use flowinone_eval::Error;
use flowinone_eval::judge::{Endpoint, Entry, Judge, Judged, Judgement, Key, Outcome, Retry};
use flowinone_prompts::Task;
use image::{Rgb, RgbImage};

const KEY: &str = "sk-very-secret";

/// What the server does with a request: status, further header lines, body, and a wait before it.
#[derive(Clone)]
struct Reply {
    status: &'static str,
    headers: String,
    body: String,
    delay: Duration,
}

impl Reply {
    fn new(status: &'static str, body: impl Into<String>) -> Self {
        Self {
            status,
            headers: String::new(),
            body: body.into(),
            delay: Duration::ZERO,
        }
    }

    /// A chat completion with these words.
    fn says(words: &str) -> Self {
        let choice = serde_json::json!({"message": {"role": "assistant", "content": words}});
        let body = serde_json::json!({"object": "chat.completion", "choices": [choice]});
        Self::new("200 OK", body.to_string())
    }

    fn scores([fidelity, consistency, realism, spatial]: [u8; 4]) -> Self {
        Self::says(&format!(
            r#"{{"analysis": "looks good", "fidelity_score": {fidelity}, "consistency_score": {consistency},
            "realism_score": {realism}, "spatial_score": {spatial}}}"#
        ))
    }
}

/// A request as it came: its head, and its body as JSON.
struct Request {
    head: String,
    body: serde_json::Value,
}

/// A server whose reply depends on the words of the request and how often they came.
struct Server {
    url: String,
    requests: Arc<Mutex<Vec<Request>>>,
}

impl Server {
    fn start(reply: impl Fn(&str, usize) -> Reply + Send + Sync + 'static) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let url = format!("http://{}/v1", listener.local_addr().unwrap());
        let requests: Arc<Mutex<Vec<Request>>> = Arc::default();
        let seen = requests.clone();
        let reply = Arc::new(reply);
        let counts: Arc<Mutex<BTreeMap<String, usize>>> = Arc::default();
        std::thread::spawn(move || {
            for stream in listener.incoming() {
                let (seen, reply, counts) = (seen.clone(), reply.clone(), counts.clone());
                std::thread::spawn(move || {
                    let mut stream = stream.unwrap();
                    let Some(request) = read(&stream) else { return };
                    let words = instruction(&request.body);
                    let time = {
                        let mut counts = counts.lock().unwrap();
                        let count = counts.entry(words.clone()).or_default();
                        *count += 1;
                        *count - 1
                    };
                    seen.lock().unwrap().push(request);
                    let reply = reply(&words, time);
                    std::thread::sleep(reply.delay);
                    let Reply {
                        status,
                        headers,
                        body,
                        ..
                    } = reply;
                    let length = body.len();
                    // The client may have gone by now.
                    let _ = write!(
                        stream,
                        "HTTP/1.1 {status}\r\n{headers}Content-Length: {length}\r\nConnection: close\r\n\r\n{body}"
                    );
                });
            }
        });
        Self { url, requests }
    }

    fn asked(&self) -> usize {
        self.requests.lock().unwrap().len()
    }
}

fn read(stream: &TcpStream) -> Option<Request> {
    let mut reader = BufReader::new(stream);
    let (mut head, mut length) = (String::new(), None);
    loop {
        let mut line = String::new();
        if reader.read_line(&mut line).ok()? == 0 {
            return None;
        }
        if let Some(value) = line.to_lowercase().strip_prefix("content-length:") {
            length = value.trim().parse::<usize>().ok();
        }
        if line == "\r\n" {
            break;
        }
        head.push_str(&line);
    }
    let mut body = vec![0; length.expect("the length of a JSON body is known")];
    reader.read_exact(&mut body).ok()?;
    let body = serde_json::from_slice(&body).unwrap();
    Some(Request { head, body })
}

/// The words of the prompt that a request is about.
fn instruction(body: &serde_json::Value) -> String {
    let parts = body["messages"][0]["content"].as_array().unwrap();
    let texts = parts.iter().filter_map(|part| part["text"].as_str());
    let words = texts.filter_map(|text| text.strip_prefix("Instruction: "));
    words.collect::<Vec<_>>().join(" ")
}

/// A benchmark of two subsets with results, and a judge.
struct Bench {
    folder: tempfile::TempDir,
}

impl Bench {
    fn new() -> Self {
        let bench = Self {
            folder: tempfile::tempdir().unwrap(),
        };
        for (subset, names) in [("class2image", &["cat", "dog"][..]), ("force", &["a", "b"])] {
            let mut words = serde_json::Map::new();
            for (number, name) in names.iter().enumerate() {
                for (folder, shade) in [("benchmark", 200), ("results", 50 + number as u8)] {
                    let path = bench.path(&format!("{folder}/{subset}/{name}.png"));
                    std::fs::create_dir_all(path.parent().unwrap()).unwrap();
                    RgbImage::from_pixel(16, 16, Rgb([shade; 3]))
                        .save(path)
                        .unwrap();
                }
                words.insert((*name).into(), format!("make {name}").into());
            }
            let path = bench.path(&format!("benchmark/{subset}/instructions.json"));
            std::fs::write(path, serde_json::to_vec(&words).unwrap()).unwrap();
        }
        bench
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    fn judge(server: &Server) -> Judge {
        Judge {
            endpoint: Endpoint {
                url: server.url.clone(),
                model: "eye-1".into(),
                key: Some(Key::new(KEY)),
                timeout: Duration::from_millis(2000),
            },
            retry: Retry {
                tries: 3,
                first: Duration::from_millis(5),
                longest: Duration::from_millis(1500),
            },
            parallel: 2,
        }
    }

    fn run(&self, judge: &Judge) -> Result<Judged, Error> {
        self.run_until(judge, || false)
    }

    fn run_until(&self, judge: &Judge, stop: impl Fn() -> bool + Sync) -> Result<Judged, Error> {
        judge.run(
            &self.path("benchmark"),
            &self.path("results"),
            &Task::ALL,
            &self.path("out/journal.jsonl"),
            stop,
            |_| {},
        )
    }

    fn journal(&self) -> String {
        std::fs::read_to_string(self.path("out/journal.jsonl")).unwrap()
    }
}

fn entry<'a>(judgement: &'a Judgement, name: &str) -> &'a Entry {
    let found = judgement
        .items
        .iter()
        .find(|entry| entry.question.name == name);
    found.unwrap_or_else(|| panic!("{name} was settled"))
}

#[test]
fn good_answers_become_verdicts_and_a_report() {
    let server = Server::start(|words, _| match words {
        "make a" => Reply::scores([5, 3, 5, 5]),
        "make dog" => Reply::says(
            "```json\n{\"fidelity_score\": 4, \"consistency_score\": 4, \"realism_score\": 4, \"spatial_score\": 5}\n```",
        ),
        _ => Reply::scores([4, 5, 4, 4]),
    });
    let bench = Bench::new();
    let Judged {
        judgement,
        unreached,
    } = bench.run(&Bench::judge(&server)).unwrap();
    assert_eq!(unreached, 0);
    assert_eq!(server.asked(), 4);
    let (class, force) = (&judgement.subsets[0], &judgement.subsets[1]);
    assert_eq!(
        (&*class.name, class.tally.ratio),
        ("class2image", Some(1.0))
    );
    assert_eq!((&*force.name, force.tally.ratio), ("force", Some(0.5)));
    assert_eq!(
        entry(&judgement, "a").verdict().unwrap().scores(),
        [5, 3, 5, 5]
    );
    let text = judgement.markdown();
    assert!(text.contains("# VP-Bench, judged by eye-1"), "{text}");
    assert!(
        text.contains("| force | 2 | 2 | 1 | 0.500 | 4.50 | 4.00 | 4.50 | 4.50 |"),
        "{text}"
    );
    assert!(
        text.contains("- force/a: **fail** (5, 3, 5, 5) looks good"),
        "{text}"
    );

    let requests = server.requests.lock().unwrap();
    for Request { head, body } in requests.iter() {
        assert!(
            head.starts_with("POST /v1/chat/completions HTTP/1.1"),
            "{head}"
        );
        let authorization = format!("authorization: bearer {KEY}");
        assert!(head.to_lowercase().contains(&authorization));
        assert_eq!(body["model"], "eye-1");
    }
    assert!(!bench.journal().contains(KEY));
}

#[test]
fn busy_servers_and_rubbish_are_tried_again() {
    let server = Server::start(|words, time| match (words, time) {
        ("make cat", 0) => Reply {
            headers: "Retry-After: 1\r\n".into(),
            ..Reply::new("429 Too Many Requests", "slow down")
        },
        ("make dog", 0) => Reply::new("503 Service Unavailable", ""),
        ("make a", 0) => Reply::says("I think it is a 4."),
        ("make a", 1) => Reply::new("200 OK", "<html>"),
        ("make b", 0) => Reply::scores([4, 4, 4, 9]),
        _ => Reply::scores([4, 4, 4, 4]),
    });
    let (bench, begin) = (Bench::new(), Instant::now());
    let judged = bench.run(&Bench::judge(&server)).unwrap();
    assert_eq!(judged.judgement.all.passed, 4);
    assert!(
        begin.elapsed() >= Duration::from_secs(1),
        "the server had asked for a second"
    );
    for (name, tries) in [("cat", 2), ("dog", 2), ("a", 3), ("b", 2)] {
        assert_eq!(entry(&judged.judgement, name).tries, tries, "{name}");
    }
}

#[test]
fn what_never_works_is_bounded_named_and_tried_again_by_the_next_run() {
    let broken = Arc::new(AtomicBool::new(true));
    let state = broken.clone();
    let server = Server::start(
        move |words, _| match (words, state.load(Ordering::Relaxed)) {
            ("make a", true) => Reply::new("500 Internal Server Error", format!("no {KEY} today")),
            ("make b", true) => Reply {
                delay: Duration::from_millis(400),
                ..Reply::scores([4, 4, 4, 4])
            },
            ("make cat", true) => Reply::new("400 Bad Request", "picture refused"),
            _ => Reply::scores([4, 4, 4, 4]),
        },
    );
    let bench = Bench::new();
    let mut judge = Bench::judge(&server);
    judge.endpoint.timeout = Duration::from_millis(150);
    let judgement = bench.run(&judge).unwrap().judgement;
    let why = |name: &str| match &entry(&judgement, name).outcome {
        Outcome::Error(reason) => reason.clone(),
        Outcome::Verdict(_) => panic!("{name} has a verdict"),
    };
    assert!(
        why("a").contains("HTTP 500: no [key] today"),
        "{}",
        why("a")
    );
    assert!(why("b").contains("timeout"), "{}", why("b"));
    assert!(why("cat").contains("picture refused"), "{}", why("cat"));
    assert_eq!(entry(&judgement, "a").tries, 3);
    assert_eq!(
        entry(&judgement, "cat").tries,
        1,
        "the same picture is refused again"
    );
    assert_eq!((judgement.all.judged, judgement.all.ratio), (1, Some(0.25)));
    assert!(
        judgement
            .markdown()
            .contains("- force/a: not judged: HTTP 500")
    );
    assert!(!bench.journal().contains(KEY));

    broken.store(false, Ordering::Relaxed);
    let before = server.asked();
    let judgement = bench.run(&judge).unwrap().judgement;
    assert_eq!((judgement.all.judged, judgement.all.passed), (4, 4));
    assert_eq!(
        server.asked() - before,
        3,
        "what was judged is not asked again"
    );
}

#[test]
fn a_run_that_ends_early_goes_on_where_it_was() {
    let server = Server::start(|_, _| Reply::scores([5, 5, 5, 5]));
    let bench = Bench::new();
    let judge = Judge {
        parallel: 1,
        ..Bench::judge(&server)
    };
    let first = bench.run_until(&judge, || server.asked() >= 2).unwrap();
    assert_eq!((server.asked(), first.unreached), (2, 2));
    assert_eq!(first.judgement.all.judged, 2);
    // Killed in the middle of a line.
    std::fs::write(
        bench.path("out/journal.jsonl"),
        bench.journal() + "{\"subset\": \"fo",
    )
    .unwrap();
    let second = bench.run(&judge).unwrap();
    assert_eq!((server.asked(), second.unreached), (4, 0));
    assert_eq!(second.judgement.all.passed, 4);
    assert_eq!(bench.run(&judge).unwrap(), second);
    assert_eq!(server.asked(), 4, "nothing is left to ask");

    // Another picture or another judge is another question.
    RgbImage::new(8, 8)
        .save(bench.path("results/force/a.png"))
        .unwrap();
    bench.run(&judge).unwrap();
    assert_eq!(server.asked(), 5);
    let mut other = judge.clone();
    other.endpoint.model = "eye-2".into();
    bench.run(&other).unwrap();
    assert_eq!(server.asked(), 9);
}

#[test]
fn missing_and_unreadable_results_cost_no_request() {
    let server = Server::start(|_, _| Reply::scores([5, 5, 5, 5]));
    let bench = Bench::new();
    std::fs::remove_file(bench.path("results/class2image/cat.png")).unwrap();
    std::fs::write(bench.path("results/force/a.png"), "no picture").unwrap();
    let judgement = bench.run(&Bench::judge(&server)).unwrap().judgement;
    assert_eq!(server.asked(), 2);
    assert_eq!(judgement.missing, ["class2image/cat"]);
    let text = judgement.markdown();
    assert!(
        text.contains("- class2image/cat") && text.contains("force/a: not judged"),
        "{text}"
    );
}

#[test]
fn a_refused_key_or_an_absent_server_ends_the_run_at_once() {
    let refusal = || {
        Reply::new(
            "401 Unauthorized",
            format!("{{\"error\": \"bad key {KEY}\"}}"),
        )
    };
    let server = Server::start(move |_, _| refusal());
    let bench = Bench::new();
    let judge = Judge {
        parallel: 1,
        ..Bench::judge(&server)
    };
    let text = bench.run(&judge).unwrap_err().to_string();
    assert!(
        text.contains("HTTP 401") && text.contains("[key]"),
        "{text}"
    );
    assert!(!text.contains(KEY));
    assert_eq!(server.asked(), 1);

    let closed = TcpListener::bind("127.0.0.1:0")
        .unwrap()
        .local_addr()
        .unwrap();
    let mut absent = judge.clone();
    absent.endpoint.url = format!("http://{closed}/v1");
    let text = bench.run(&absent).unwrap_err().to_string();
    assert!(text.contains(&closed.to_string()), "{text}");

    // A key does not follow a redirection.
    let thief = Server::start(|_, _| Reply::scores([5, 5, 5, 5]));
    let target = format!("Location: {}/chat/completions\r\n", thief.url);
    let away = Server::start(move |_, _| Reply {
        headers: target.clone(),
        ..Reply::new("307 Temporary Redirect", "")
    });
    let mut moved = judge;
    moved.endpoint.url = away.url.clone();
    assert!(bench.run(&moved).is_err());
    assert_eq!(thief.asked(), 0);
}
