//! `pull` as a person runs it, from a Hub of our own.
#![cfg(all(feature = "hub", feature = "cpu"))]
#![allow(dead_code, reason = "the support is shared with other tests")]

use std::path::PathBuf;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use flowinone_files::sha256_of;
use flowinone_parity::folders;
use serde_json::json;

#[path = "../../flowinone-hub/tests/support/mod.rs"]
mod local;
mod support;

use local::{COMMIT, Fault, LocalHub};
use support::{Bench, said};

/// The program in the bench's folder, before a Hub of our own, with a models folder of its own.
fn command(bench: &Bench, hub: &LocalHub, line: &str) -> Command {
    let mut command = bench.command(line);
    command
        .env("FLOWINONE_MODELS", bench.path("models"))
        .env("HF_ENDPOINT", &hub.endpoint)
        .env("HF_HOME", bench.path("hf"))
        .stdin(Stdio::null());
    for name in [
        "HF_TOKEN",
        "HF_HUB_OFFLINE",
        "HF_HUB_CACHE",
        "HTTPS_PROXY",
        "ALL_PROXY",
    ] {
        command.env_remove(name);
    }
    command
}

fn succeed(bench: &Bench, hub: &LocalHub, line: &str) -> String {
    let output = command(bench, hub, line).output().unwrap();
    let text = said(&output);
    assert!(output.status.success(), "flowinone {line}\n{text}");
    text
}

fn fail(bench: &Bench, hub: &LocalHub, line: &str) -> String {
    let output = command(bench, hub, line).output().unwrap();
    let text = said(&output);
    assert_eq!(output.status.code(), Some(1), "flowinone {line}\n{text}");
    assert!(!text.contains("panicked"), "flowinone {line}\n{text}");
    text
}

fn noise(bytes: usize) -> Vec<u8> {
    let mut state = 1u64;
    let next = || {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        state.to_le_bytes()
    };
    let words = std::iter::repeat_with(next).take(bytes / 8);
    words.flatten().collect()
}

/// A catalogue with a small model in three published files, put into a Hub.
fn published(bench: &Bench, hub: &LocalHub) {
    let folder = &folders()[0];
    let file = |repository: &str, name: &str, licence: &str, pinned: bool| {
        let bytes = std::fs::read(folder.file(name)).unwrap();
        let (size, digest) = (bytes.len(), sha256_of(&bytes));
        hub.put(&format!("{repository}/{name}"), bytes);
        let mut entry = json!({
            "repository": repository, "revision": COMMIT, "path": name, "licence": licence
        });
        if pinned {
            entry["bytes"] = size.into();
            entry["sha256"] = digest.into();
        }
        entry
    };
    let catalog = json!({
        "models": {"small": {
            "about": "a small model",
            "parameters": 1_000_000,
            "flow": file("a/flow", "nnet.safetensors", "free", true),
            "vae": file("a/vae", "autoencoder_kl.safetensors", "strict", true),
            "janus": file("a/janus", "janus_vision.pth", "free", false),
            "config": {
                "format": 1, "name": "small", "trained": true, "picture_side": 256,
                "encoder": folder.encoder_config(),
                "vae": folder.vae_config(),
                "flow": folder.flow_config(),
                "sampling": {
                    "steps": 3, "guidance": {"constant": {"scale": 3.0}},
                    "solver": "euler", "grid": "reference", "noise": 1.0
                }
            }
        }},
        "datasets": {"bench": {
            "about": "a benchmark", "repository": "a/bench", "revision": "main",
            "ending": ".parquet", "licence": "free"
        }},
        "licences": {
            "free": {"name": "Free-1", "address": "https://free.example", "accept": false},
            "strict": {"name": "Strict-2", "address": "https://strict.example", "accept": true}
        }
    });
    std::fs::write(bench.path("list.json"), catalog.to_string()).unwrap();
}

#[test]
fn the_published_files_become_a_model_that_is_found_by_its_name() {
    let (bench, hub) = (Bench::new(), LocalHub::start());
    published(&bench, &hub);
    let pull = "pull small --catalog list.json";
    let text = fail(&bench, &hub, &format!("{pull} --dtype int8"));
    assert!(text.contains("f32, f16 or bf16"), "{text}");
    let text = fail(&bench, &hub, &format!("{pull} --revision main"));
    assert!(text.contains("pinned"), "{text}");

    let plan = succeed(&bench, &hub, &format!("{pull} --dry-run --dtype f16"));
    for part in [
        "nnet.safetensors",
        "bytes\tto fetch",
        "Strict-2, to be accepted",
        "as f16: 2.00 MB",
    ] {
        assert!(plan.contains(part), "{part}: {plan}");
    }
    let text = fail(&bench, &hub, pull);
    assert!(
        text.contains("Strict-2") && text.contains("--accept-licence"),
        "{text}"
    );
    assert!(hub.requests().1.is_empty() && !bench.path("models").exists());

    let text = succeed(
        &bench,
        &hub,
        &format!("{pull} --accept-licence --dtype f16"),
    );
    let target = bench.path("models/small");
    assert!(text.contains(&target.display().to_string()), "{text}");
    assert_eq!(
        bench.files("models"),
        [
            "config.json",
            "encoder.safetensors",
            "flow.safetensors",
            "manifest.json",
            "provenance.json",
            "vae.safetensors"
        ]
        .map(|name| format!("small/{name}"))
    );
    let before = hub.requests().1.len();
    let text = succeed(&bench, &hub, pull);
    assert!(text.contains("there already"), "{text}");
    assert_eq!(hub.requests().1.len(), before);
    let text = fail(&bench, &hub, &format!("{pull} --dtype f32"));
    assert!(text.contains("in f16"), "{text}");

    let text = succeed(&bench, &hub, "models");
    for part in [
        "built-in:mini",
        "small",
        "in f16",
        "Free-1; Strict-2",
        "256 x 256",
    ] {
        assert!(text.contains(part), "{part}: {text}");
    }
    let listing = succeed(&bench, &hub, "inspect small");
    assert!(listing.contains("janus_vision.pth"), "{listing}");
    assert!(
        listing.contains(&format!("from a/flow at {COMMIT}")),
        "{listing}"
    );
    assert!(
        listing.contains("licence Strict-2 https://strict.example"),
        "{listing}"
    );
    assert!(succeed(&bench, &hub, "verify small").contains("undamaged"));
    let line = "generate --model small -i in/a.png -o out.png --device cpu";
    assert!(succeed(&bench, &hub, line).contains("3 steps, 6 evaluations"));
    // The record has the directory: the picture is made again wherever the name leads.
    let mut again = bench.command("replay out.png --device cpu");
    let output = again.env("FLOWINONE_MODELS", "elsewhere").output().unwrap();
    assert!(output.status.success(), "{}", said(&output));
    // A directory of that name comes before the models folder.
    std::fs::create_dir(bench.path("small")).unwrap();
    assert!(fail(&bench, &hub, "verify small").contains("small/config.json"));
    let text = fail(&bench, &hub, "generate --model smal -i in/a.png -o o.png");
    assert!(
        text.contains("no model of that name in") && text.contains("flowinone models"),
        "{text}"
    );
}

#[test]
fn a_model_directory_is_pulled_by_its_manifest_from_a_repository_or_an_address() {
    let (bench, hub) = (Bench::new(), LocalHub::start());
    bench.succeed("init --preset tiny -o own");
    for name in bench.files("own") {
        let bytes = std::fs::read(bench.path("own").join(&name)).unwrap();
        hub.put(&format!("me/mine/{name}"), bytes);
    }
    let text = succeed(&bench, &hub, "pull me/mine");
    assert!(text.contains("licence: apache-2.0"), "{text}");
    let same = |pulled: &str| {
        for name in bench.files("own") {
            let [own, other] = ["own", pulled].map(|f| std::fs::read(bench.path(f).join(&name)));
            assert_eq!(own.unwrap(), other.unwrap(), "{name}");
        }
    };
    same("models/mine");
    let text = succeed(&bench, &hub, "models");
    assert!(
        text.contains("random weights") && text.contains("apache-2.0"),
        "{text}"
    );
    let (asked, _) = hub.requests();
    let pinned = asked
        .iter()
        .filter(|request| request.path.contains(COMMIT))
        .count();
    assert!(
        pinned >= 5,
        "all files are of the commit that main stood for"
    );

    let address = format!("{}/me/mine/resolve/main", hub.endpoint);
    let text = succeed(&bench, &hub, &format!("pull {address}/ -o by-address"));
    assert!(text.contains("not written down"), "{text}");
    same("by-address");

    hub.put("me/other/README.md", b"nothing".to_vec());
    for (line, words) in [
        ("pull me/other", "no model directory"),
        ("pull me/mine --dtype f16 -o x", "--dtype has no meaning"),
        ("pull nobody", "flowinone-256, vpbench"),
        ("pull a/b/c", "OWNER/NAME"),
        ("pull ftp://a/b --tries 1", "neither http nor https"),
        ("pull https://me:hidden@a/b", "name or password"),
        ("pull vpbench", "no file that ends in .parquet"),
    ] {
        let text = fail(&bench, &hub, line);
        assert!(
            text.contains(words) && !text.contains("hidden"),
            "{line}: {text}"
        );
    }
    let mut odd = command(&bench, &hub, "pull me/mine -o x");
    let output = odd.env("HTTPS_PROXY", "::nonsense").output().unwrap();
    let text = said(&output);
    assert!(
        !output.status.success() && text.contains("HTTPS_PROXY"),
        "{text}"
    );
    let damaged = std::fs::read_to_string(bench.path("own/manifest.json")).unwrap();
    let damaged = damaged.replacen("\"bytes\": ", "\"bytes\": 1", 1);
    hub.put("me/bad/manifest.json", damaged.into_bytes());
    hub.put(
        "me/bad/config.json",
        std::fs::read(bench.path("own/config.json")).unwrap(),
    );
    for name in ["encoder", "vae", "flow"] {
        let name = format!("{name}.safetensors");
        hub.put(
            &format!("me/bad/{name}"),
            std::fs::read(bench.path("own").join(&name)).unwrap(),
        );
    }
    let text = fail(&bench, &hub, "pull me/bad");
    assert!(
        text.contains("its size is") && !bench.path("models/bad").exists(),
        "{text}"
    );
}

#[test]
fn a_benchmark_lies_in_its_folders_and_what_does_not_fit_is_refused_before_it_begins() {
    let (bench, hub) = (Bench::new(), LocalHub::start());
    published(&bench, &hub);
    for subset in ["force", "doodles"] {
        hub.put(
            &format!("datasets/a/bench/{subset}/train-0.parquet"),
            noise(5000),
        );
    }
    hub.put("datasets/a/bench/README.md", b"words".to_vec());
    succeed(&bench, &hub, "pull bench --catalog list.json");
    assert_eq!(
        bench.files("bench"),
        ["doodles/train-0.parquet", "force/train-0.parquet"]
    );
    let left: Vec<_> = std::fs::read_dir(bench.path("."))
        .unwrap()
        .flatten()
        .collect();
    let hidden = left
        .iter()
        .filter(|e| e.file_name().to_string_lossy().starts_with('.'));
    assert_eq!(hidden.count(), 0, "nothing is left beside it");

    let huge = std::fs::read_to_string(bench.path("list.json")).unwrap();
    let huge = huge.replacen(
        "\"parameters\":1000000",
        "\"parameters\":1000000000000000",
        1,
    );
    std::fs::write(bench.path("huge.json"), huge).unwrap();
    let text = fail(
        &bench,
        &hub,
        "pull small --catalog huge.json --accept-licence",
    );
    assert!(
        text.contains("are needed") && text.contains("are free"),
        "{text}"
    );
    assert_eq!(bench.files("models"), [""; 0]);
}

/// A benchmark of one large file.
fn large(bytes: usize) -> (Bench, LocalHub, Vec<u8>) {
    let (bench, hub) = (Bench::new(), LocalHub::start());
    published(&bench, &hub);
    let content = noise(bytes);
    hub.put("datasets/a/bench/force/train-0.parquet", content.clone());
    (bench, hub, content)
}

const PULL: &str = "pull bench --catalog list.json";

#[test]
fn killed_twenty_times_every_byte_comes_once() {
    let (bench, hub, content) = large(24 << 20);
    hub.pause(Duration::from_millis(5));
    let digest = sha256_of(&content);
    let part = bench
        .path(".bench.pull")
        .join(&digest)
        .join(format!("{digest}.part"));
    let here = || std::fs::metadata(&part).map_or(0, |there| there.len() as usize);
    let mut state = 7u64;
    let (mut kills, mut lengths) = (0, vec![]);
    let quiet = || {
        let mut command = command(&bench, &hub, PULL);
        command.stdout(Stdio::null()).stderr(Stdio::null());
        command
    };
    while kills < 20 {
        let before = here();
        lengths.push(before);
        let mut child = quiet().spawn().unwrap();
        state = state
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1);
        let begin = Instant::now();
        // Every other one when bytes come, also where it takes long until they do.
        while kills % 2 == 0 && here() == before && begin.elapsed().as_secs() < 20 {
            std::thread::sleep(Duration::from_millis(1));
        }
        std::thread::sleep(Duration::from_millis((state >> 33) % 60));
        child.kill().unwrap(); // SIGKILL
        child.wait().unwrap();
        kills += 1;
        assert!(!bench.path("bench").exists(), "killed before its end");
    }
    lengths.push(here());
    hub.pause(Duration::ZERO);
    succeed(&bench, &hub, PULL);
    let found = std::fs::read(bench.path("bench/force/train-0.parquet")).unwrap();
    assert!(found == content, "{} bytes", found.len());
    // Each run asked from where the one before had ended.
    let (_, requests) = hub.requests();
    let from: Vec<usize> = requests
        .iter()
        .map(|request| request.from.unwrap_or(0))
        .collect();
    assert!(
        from.iter().all(|from| lengths.contains(from)),
        "{from:?} of {lengths:?}"
    );
    assert!(
        from.is_sorted() && from.last() == lengths.last(),
        "{from:?} of {lengths:?}"
    );
    let advances = lengths.windows(2).filter(|pair| pair[1] > pair[0]).count();
    println!("{kills} kills, {advances} of them while bytes came");
    assert!(advances >= 10, "{lengths:?}");
}

#[cfg(target_os = "linux")]
#[test]
fn a_pull_takes_less_than_64_mib_of_memory() {
    let (bench, hub, content) = large(96 << 20);
    let mut child = command(&bench, &hub, PULL)
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    let status = PathBuf::from(format!("/proc/{}/status", child.id()));
    let mut peak = 0;
    let begin = Instant::now();
    while child.try_wait().unwrap().is_none() {
        let text = std::fs::read_to_string(&status).unwrap_or_default();
        let line = text.lines().find_map(|line| line.strip_prefix("VmHWM:"));
        let kib = line.and_then(|line| line.trim().strip_suffix(" kB")?.parse::<u64>().ok());
        peak = peak.max(kib.unwrap_or(0));
        assert!(begin.elapsed() < Duration::from_secs(60), "it does not end");
        std::thread::sleep(Duration::from_millis(2));
    }
    let found = std::fs::read(bench.path("bench/force/train-0.parquet")).unwrap();
    assert!(found == content);
    println!("peak memory: {} MiB", peak >> 10);
    assert!((1..64 << 10).contains(&peak), "{peak} KiB");
}

#[test]
fn two_pulls_of_one_thing_fetch_it_once() {
    let (bench, hub, content) = large(6 << 20);
    hub.pause(Duration::from_millis(10));
    let start = || {
        let mut command = command(&bench, &hub, PULL);
        command.stdout(Stdio::piped()).stderr(Stdio::piped());
        command.spawn().unwrap()
    };
    let outputs = [start(), start()].map(|child| child.wait_with_output().unwrap());
    let texts = outputs.each_ref().map(said);
    assert!(
        outputs.iter().all(|output| output.status.success()),
        "{texts:?}"
    );
    assert!(
        texts.iter().any(|text| text.contains("waiting for it")),
        "{texts:?}"
    );
    let sent: usize = hub.requests().1.iter().map(|request| request.sent).sum();
    assert_eq!(sent, content.len());
}

#[test]
fn wrong_bytes_leave_no_benchmark_and_offline_nobody_is_asked() {
    let (bench, hub, _) = large(1 << 20);
    hub.always(Fault::Flip(77));
    let text = fail(&bench, &hub, &format!("{PULL} --tries 2"));
    assert!(text.contains("the server sends other bytes"), "{text}");
    assert!(!bench.path("bench").exists());
    let before = hub.requests().0.len();
    let output = command(&bench, &hub, PULL)
        .env("HF_HUB_OFFLINE", "1")
        .output()
        .unwrap();
    let text = said(&output);
    assert!(
        !output.status.success() && text.contains("HF_HUB_OFFLINE"),
        "{text}"
    );
    assert_eq!(hub.requests().0.len(), before);
}

#[test]
fn a_proxy_is_asked_for_what_is_not_on_this_machine() {
    use std::io::{BufRead, BufReader, Write};
    let (bench, hub) = (Bench::new(), LocalHub::start());
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let proxy = format!("http://{}", listener.local_addr().unwrap());
    let heard = std::thread::spawn(move || {
        let (mut stream, _) = listener.accept().unwrap();
        let mut line = String::new();
        BufReader::new(&stream).read_line(&mut line).unwrap();
        let _ = stream.write_all(b"HTTP/1.1 403 No\r\nContent-Length: 0\r\n\r\n");
        line
    });
    let output = command(&bench, &hub, "pull me/mine --tries 1")
        .env("HF_ENDPOINT", "http://hub.example")
        .env("HTTPS_PROXY", &proxy)
        .output()
        .unwrap();
    assert!(!output.status.success());
    assert!(
        heard.join().unwrap().contains("hub.example"),
        "{}",
        said(&output)
    );
}
