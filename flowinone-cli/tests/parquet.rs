//! VP-Bench as it is published, through `generate` and `judge`: the same as the same pairs in
//! folders.
#![cfg(all(feature = "parquet", feature = "judge", feature = "cpu"))]
#![allow(dead_code, reason = "the support is shared with other tests")]

use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};

use flowinone_files::sha256_of;
use flowinone_parquet::{Pairs, find};

mod support;

use support::Bench;

fn fixture(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("../flowinone-parquet/tests/fixtures")
        .join(name)
}

/// The benchmark as it is published, in `bench`, and in `folder` as folders with the words beside
/// the pictures.
fn bench() -> Bench {
    let bench = Bench::new();
    for file in find(&fixture("bench")).unwrap() {
        let below = file.strip_prefix(fixture("bench")).unwrap();
        let to = bench.path("bench").join(below);
        std::fs::create_dir_all(to.parent().unwrap()).unwrap();
        std::fs::copy(&file, to).unwrap();
        let pairs = Pairs::open(&file).unwrap();
        let mut words = serde_json::Map::new();
        let subset = pairs.rows()[0].task.benchmark_name();
        let subset = bench.path("folder").join(subset);
        for row in pairs.rows() {
            let picture = subset.join(&row.name);
            std::fs::create_dir_all(picture.parent().unwrap()).unwrap();
            std::fs::write(picture, pairs.prompt(row).unwrap()).unwrap();
            if let Some(text) = &row.words {
                words.insert(row.name.clone(), text.clone().into());
            }
        }
        let words = serde_json::Value::Object(words).to_string();
        std::fs::write(subset.join("instructions.json"), words).unwrap();
    }
    bench
}

/// A judge whose scores follow from what it is asked, so that equal questions have equal answers.
fn judge() -> (String, Arc<Mutex<Vec<String>>>) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}/v1", listener.local_addr().unwrap());
    let asked: Arc<Mutex<Vec<String>>> = Arc::default();
    let log = asked.clone();
    std::thread::spawn(move || {
        for stream in listener.incoming() {
            let mut stream = stream.unwrap();
            let (mut reader, mut length) = (BufReader::new(&stream), 0);
            loop {
                let mut line = String::new();
                if reader.read_line(&mut line).unwrap_or(0) == 0 || line == "\r\n" {
                    break;
                }
                if let Some(value) = line.to_lowercase().strip_prefix("content-length:") {
                    length = value.trim().parse().unwrap();
                }
            }
            let mut body = vec![0; length];
            reader.read_exact(&mut body).unwrap();
            let digest = sha256_of(&body);
            let score = |at: usize| 1 + u32::from_str_radix(&digest[at..=at], 16).unwrap() % 5;
            let verdict = format!(
                r#"{{\"analysis\": \"{digest}\", \"fidelity_score\": {}, \"consistency_score\": {}, \"realism_score\": {}, \"spatial_score\": {}}}"#,
                score(0),
                score(1),
                score(2),
                score(3)
            );
            log.lock().unwrap().push(digest);
            let body = format!(r#"{{"choices": [{{"message": {{"content": "{verdict}"}}}}]}}"#);
            let _ = write!(
                stream,
                "HTTP/1.1 200 OK\r\nContent-Length: {}\r\nConnection: close\r\n\r\n{body}",
                body.len()
            );
        }
    });
    (url, asked)
}

#[test]
fn rows_become_the_pictures_and_the_verdicts_of_the_same_prompts_in_folders() {
    let bench = bench();
    let steps = "--steps 2 --device cpu --no-upscale";
    let text = bench.succeed(&format!("generate -i bench -o rows {steps}"));
    assert!(text.contains("rows/force/001.png"), "{text}");
    // A run over folders has one routing.
    bench.succeed(&format!(
        "generate -i folder -o edits --structure on {steps}"
    ));
    bench.succeed(&format!(
        "generate -i folder -o words --structure off {steps}"
    ));
    let pictures: Vec<String> = bench.files("rows");
    let pictures: Vec<&String> = pictures
        .iter()
        .filter(|name| name.ends_with(".png"))
        .collect();
    assert_eq!(pictures.len(), 8);
    for name in &pictures {
        let folder = if name.starts_with("force") {
            "edits"
        } else {
            "words"
        };
        assert_eq!(
            bench.pixels(&format!("rows/{name}")),
            bench.pixels(&format!("{folder}/{name}")),
            "{name}"
        );
    }
    // The same command again has nothing to do, and a picture is made again from its row.
    let text = bench.succeed(&format!("generate -i bench -o rows {steps}"));
    assert_eq!(text.matches("already there").count(), 8, "{text}");
    let text = bench.succeed("replay rows/force/004.png --device cpu");
    assert!(text.contains("equal") || text.contains("same"), "{text}");

    let (url, asked) = judge();
    let line = |benchmark: &str, out: &str| {
        format!(
            "judge rows --benchmark {benchmark} --endpoint {url} --model eye -o {out} --wait 0.01"
        )
    };
    bench.succeed(&line("bench", "from-rows"));
    bench.succeed(&line("folder", "from-folder"));
    let report = |name: &str| std::fs::read_to_string(bench.path(name)).unwrap();
    assert_eq!(
        report("from-rows/report.json"),
        report("from-folder/report.json")
    );
    assert_eq!(
        report("from-rows/report.md"),
        report("from-folder/report.md")
    );
    assert!(report("from-rows/report.json").contains("push it 3"));
    assert_eq!(asked.lock().unwrap().len(), 16);
    // One file is a benchmark too.
    let one = "bench/force/train-00000-of-00001.parquet";
    let text = bench.succeed(&line(one, "one"));
    assert!(text.contains("| force | 5 | 5 |"), "{text}");
}

#[test]
fn what_is_left_out_is_told_and_nothing_is_written_over() {
    let bench = Bench::new();
    std::fs::copy(fixture("odd.parquet"), bench.path("odd.parquet")).unwrap();
    let text = bench.fail("generate -i odd.parquet -o out --steps 1 --device cpu --no-upscale");
    for part in [
        "row 2",
        "row 3",
        "empty.png",
        "broken.png",
        "out/doodles/fine.png",
    ] {
        assert!(text.contains(part), "{part}: {text}");
    }
    let report = bench.report("out/report.jsonl");
    let done = report
        .iter()
        .filter(|line| line["status"] == "done")
        .count();
    assert_eq!((done, report.len()), (1, 5));

    let (url, _) = judge();
    let text = bench.fail(&format!(
        "judge out --benchmark odd.parquet --endpoint {url} --model eye -o judged --wait 0.01"
    ));
    assert!(text.contains("left out of the benchmark: 2"), "{text}");
    let report = std::fs::read_to_string(bench.path("judged/report.md")).unwrap();
    assert!(
        report.contains("## Left out of the benchmark (2)"),
        "{report}"
    );

    std::fs::copy(fixture("odd.parquet"), bench.path("in/odd.parquet")).unwrap();
    for (line, words) in [
        ("generate -i odd.parquet -o one.png", "need a directory"),
        (
            "generate -i odd.parquet in/a.png -o new",
            "give them to two runs",
        ),
        (
            "generate -i odd.parquet -o new --report odd.parquet",
            "odd.parquet",
        ),
        ("generate -i in/a.png -o odd.parquet/x.png", "odd.parquet"),
    ] {
        let text = bench.fail(line);
        assert!(text.contains(words), "{line}: {text}");
    }
    let sound = std::fs::read(fixture("odd.parquet")).unwrap();
    assert!(std::fs::read(bench.path("odd.parquet")).unwrap() == sound);
    // Beside pictures it is passed over, as any other file.
    bench.succeed("generate -i in -o mixed --steps 1 --device cpu --no-upscale");
    assert_eq!(
        bench.files("mixed"),
        ["a.png", "deep/b.png", "report.jsonl"]
    );
}
