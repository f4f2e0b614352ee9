//! The judge as a person runs it, before a server of our own.
#![cfg(feature = "judge")]
#![allow(dead_code, reason = "the support is shared with other tests")]

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::process::Stdio;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

mod support;

use support::{Bench, said};

const GOOD: &str = r#"{\"analysis\": \"fine\", \"fidelity_score\": 5, \"consistency_score\": 4, \"realism_score\": 4, \"spatial_score\": 4}"#;

/// A server that answers each request after a while, and counts them.
fn server(status: &'static str, delay: Duration) -> (String, Arc<AtomicUsize>) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}/v1", listener.local_addr().unwrap());
    let asked: Arc<AtomicUsize> = Arc::default();
    let count = asked.clone();
    std::thread::spawn(move || {
        for stream in listener.incoming() {
            let count = count.clone();
            std::thread::spawn(move || {
                let mut stream = stream.unwrap();
                if !swallow(&stream) {
                    return;
                }
                count.fetch_add(1, Ordering::Relaxed);
                std::thread::sleep(delay);
                let body = format!(r#"{{"choices": [{{"message": {{"content": "{GOOD}"}}}}]}}"#);
                let length = body.len();
                let _ = write!(
                    stream,
                    "HTTP/1.1 {status}\r\nContent-Length: {length}\r\nConnection: close\r\n\r\n{body}"
                );
            });
        }
    });
    (url, asked)
}

/// Reads a request to its end.
fn swallow(stream: &TcpStream) -> bool {
    let (mut reader, mut length) = (BufReader::new(stream), 0);
    loop {
        let mut line = String::new();
        if reader.read_line(&mut line).unwrap_or(0) == 0 {
            return false;
        }
        if let Some(value) = line.to_lowercase().strip_prefix("content-length:") {
            length = value.trim().parse().unwrap();
        }
        if line == "\r\n" {
            return reader.read_exact(&mut vec![0; length]).is_ok();
        }
    }
}

/// A benchmark of four prompts with results.
fn bench() -> Bench {
    let bench = Bench::new();
    for name in ["text2image/a", "text2image/b", "vismarker/c", "vismarker/d"] {
        for folder in ["benchmark", "results"] {
            let path = bench.path(&format!("{folder}/{name}.png"));
            std::fs::create_dir_all(path.parent().unwrap()).unwrap();
            std::fs::copy(bench.path("in/a.png"), path).unwrap();
        }
    }
    bench
}

fn line(url: &str) -> String {
    format!("judge results --benchmark benchmark --endpoint {url} --model eye -o out --wait 0.01")
}

#[test]
fn a_run_writes_both_reports_and_shows_the_table() {
    let (url, asked) = server("200 OK", Duration::ZERO);
    let bench = bench();
    let output = bench
        .command(&line(&url))
        .env("OPENAI_API_KEY", "sk-hidden")
        .output()
        .unwrap();
    let text = said(&output);
    assert!(output.status.success(), "{text}");
    assert!(
        text.contains("| vismarker | 2 | 2 | 2 | 1.000 | 5.00 | 4.00 | 4.00 | 4.00 |"),
        "{text}"
    );
    assert_eq!(
        bench.files("out"),
        ["journal.jsonl", "report.json", "report.md"]
    );
    let report = std::fs::read(bench.path("out/report.json")).unwrap();
    let report: serde_json::Value = serde_json::from_slice(&report).unwrap();
    assert_eq!(report["all"]["passed"], 4);
    assert_eq!(report["model"], "eye");
    for name in bench.files("out") {
        let text = std::fs::read_to_string(bench.path("out").join(name)).unwrap();
        assert!(!text.contains("sk-hidden"));
    }
    assert!(!text.contains("sk-hidden"));
    assert_eq!(asked.load(Ordering::Relaxed), 4);

    // Again: nothing is asked; one subset alone has its own report.
    bench.succeed(&line(&url));
    let text = bench.succeed(&format!("{} --subsets vismarker", line(&url)));
    assert!(
        text.contains("| vismarker |") && !text.contains("| text2image |"),
        "{text}"
    );
    assert_eq!(asked.load(Ordering::Relaxed), 4);
}

#[test]
fn a_killed_run_goes_on_where_it_was() {
    let (url, asked) = server("200 OK", Duration::from_millis(150));
    let bench = bench();
    let line = format!("{} --parallel 1", line(&url));
    let mut child = bench
        .command(&line)
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    let journal = bench.path("out/journal.jsonl");
    let lines = || std::fs::read_to_string(&journal).map_or(0, |text| text.lines().count());
    let patience = Instant::now();
    while lines() < 2 {
        assert!(
            patience.elapsed().as_secs() < 60,
            "no two lines in a minute"
        );
        std::thread::sleep(Duration::from_millis(5));
    }
    child.kill().unwrap();
    child.wait().unwrap();
    // A request that was under way is counted before the next run asks.
    std::thread::sleep(Duration::from_millis(500));
    let (settled, before) = (lines(), asked.load(Ordering::Relaxed));
    assert!((2..4).contains(&settled), "{settled} of 4 before the end");
    let text = bench.succeed(&line);
    assert!(text.contains("| **all** | 4 | 4 | 4 |"), "{text}");
    assert_eq!(asked.load(Ordering::Relaxed) - before, 4 - settled);
}

#[test]
fn what_stays_unjudged_fails_the_run_and_bad_input_is_named() {
    let (url, asked) = server("500 Internal Server Error", Duration::ZERO);
    let bench = bench();
    let text = bench.fail(&format!("{} --tries 2", line(&url)));
    assert!(
        text.contains("results without a verdict: 4") && text.contains("HTTP 500"),
        "{text}"
    );
    assert_eq!(asked.load(Ordering::Relaxed), 8);
    std::fs::remove_file(bench.path("results/vismarker/d.png")).unwrap();
    let (good, _) = server("200 OK", Duration::ZERO);
    let text = bench.fail(&line(&good));
    assert!(text.contains("prompts without a result: 1"), "{text}");

    let start = "judge results --model eye -o new --benchmark";
    for (line, reason) in [
        (format!("{start} benchmark --endpoint ftp://a"), "http"),
        (format!("{start} absent --endpoint {url}"), "absent"),
        (
            format!("{start} benchmark --endpoint {url} --subsets painting"),
            "is no task",
        ),
        (
            format!("{start} benchmark --endpoint {url} --subsets force"),
            "force",
        ),
        (
            format!("{start} benchmark --endpoint {url} --key-env NO_SUCH_KEY"),
            "NO_SUCH_KEY",
        ),
        (
            format!("{start} benchmark --endpoint {url} --tries 0"),
            "tries",
        ),
        (
            format!("{start} benchmark --endpoint {url} --wait=-1"),
            "wait",
        ),
        (
            format!("{start} benchmark --endpoint http://127.0.0.1:1 --tries 1"),
            "127.0.0.1:1",
        ),
    ] {
        let text = bench.fail(&line);
        assert!(text.contains(reason), "flowinone {line}\n{text}");
    }
    assert!(
        bench
            .files("new")
            .iter()
            .all(|name| name == "journal.jsonl")
    );
}
