//! A Hub that does everything wrong that one does: no fault ends in a wrong file, and what can be
//! overcome is.

mod support;

use std::path::Path;
use std::time::{Duration, Instant};

use flowinone_files::sha256_of;
use flowinone_hub::{Environment, Error, Event, Hub, Patience, Repository, Token, Wanted};
use support::{COMMIT, Fault, LocalHub};

/// A file of 300,007 bytes, so that it comes in several pieces.
fn content() -> Vec<u8> {
    let mut state = 1u32;
    let next = || {
        state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        (state >> 24) as u8
    };
    std::iter::repeat_with(next).take(300_007).collect()
}

fn hub(local: &LocalHub, token: Option<&str>) -> Hub {
    let environment = Environment {
        endpoint: local.endpoint.clone(),
        token: token.map(Token::new),
        offline: false,
        cache: None,
    };
    let patience = Patience {
        tries: 4,
        first: Duration::from_millis(2),
        longest: Duration::from_millis(1500),
        silence: Duration::from_millis(300),
    };
    Hub::new(environment, patience)
}

fn wanted(local: &LocalHub) -> Wanted {
    let bytes = content();
    let digest = local.put("a/b/w.bin", bytes.clone());
    let repository = Repository::model("a/b").unwrap();
    Wanted::of(&repository, "main", "w.bin").known(bytes.len() as u64, &digest)
}

/// Fetches into a folder; afterwards the file is right or not there.
fn fetched(local: &LocalHub, folder: &Path) -> Result<(), String> {
    let hub = hub(local, None);
    let wanted = wanted(local);
    let found = hub.look(&wanted, &mut |_| {}).map_err(|e| e.to_string())?;
    let result = hub.fetch(&found, folder, &mut |_| {});
    let there = std::fs::read(folder.join("w.bin")).ok();
    match &result {
        Ok(path) => assert_eq!(std::fs::read(path).unwrap(), content()),
        Err(error) => {
            assert_eq!(there, None, "{error}");
            let text = error.to_string();
            assert!(!text.contains("secret"), "{text}");
        }
    }
    result.map(|_| ()).map_err(|e| e.to_string())
}

const SHORT: Duration = Duration::from_millis(100);
const LONG: Duration = Duration::from_millis(900);

#[test]
fn faults_that_pass_are_overcome() {
    use Fault::*;
    let once: &[(&str, Vec<Fault>)] = &[
        ("breaks off", vec![BreakAfter(100_000)]),
        ("breaks off again and again", vec![BreakAfter(40_000); 7]),
        (
            "breaks off before the body",
            vec![BreakAfter(0), BreakAfter(0), BreakAfter(0)],
        ),
        ("closes without a word", vec![Nothing, Nothing]),
        ("says what is no HTTP", vec![Garbage]),
        ("is slow to begin", vec![StallHead(SHORT)]),
        ("is silent instead of beginning", vec![StallHead(LONG)]),
        ("is silent in the middle", vec![StallAfter(70_000, LONG)]),
        ("sends a part in chunks", vec![BreakAfter(100_000), Chunked]),
        ("sends the whole in chunks", vec![Chunked]),
        ("flips a bit once", vec![Flip(299_999)]),
        (
            "flips a bit of a part",
            vec![BreakAfter(1000), Flip(200_000)],
        ),
        ("sends zeros once", vec![Zeros]),
        (
            "sends the whole for a part",
            vec![BreakAfter(100_000), IgnoreRange],
        ),
        (
            "sends a part that begins elsewhere",
            vec![BreakAfter(100_000), Shifted],
        ),
        (
            "calls another size in a part",
            vec![BreakAfter(100_000), OtherTotal],
        ),
        (
            "answers 416 to a part",
            vec![BreakAfter(100_000), Status(416, "")],
        ),
        ("answers 429", vec![Status(429, "Retry-After: 1\r\n")]),
        ("answers 429 without a time", vec![Status(429, "")]),
        (
            "answers 500, 502 and 503",
            vec![Status(500, ""), Status(502, ""), Status(503, "")],
        ),
        ("answers 408", vec![BreakAfter(9), Status(408, "")]),
        (
            "lets the signed address end",
            vec![BreakAfter(100_000), Status(403, "")],
        ),
        (
            "redirects once more",
            vec![Redirect("{own}/a/b/resolve/main/w.bin")],
        ),
    ];
    for (what, faults) in once {
        let local = LocalHub::start();
        local.faults(faults.clone());
        let folder = tempfile::tempdir().unwrap();
        assert_eq!(fetched(&local, folder.path()), Ok(()), "{what}");
        assert_eq!(
            std::fs::read_dir(folder.path()).unwrap().count(),
            1,
            "{what}"
        );
    }
    for (what, fault) in [
        ("the Hub closes without a word", Nothing),
        ("the Hub answers 503", Status(503, "Retry-After: 0\r\n")),
        ("the Hub is silent", StallHead(LONG)),
    ] {
        let local = LocalHub::start();
        local.hub_faults([fault]);
        let folder = tempfile::tempdir().unwrap();
        assert_eq!(fetched(&local, folder.path()), Ok(()), "{what}");
    }
}

#[test]
fn faults_that_stay_end_in_words_and_in_no_file() {
    use Fault::*;
    let always: &[(&str, Fault, &str)] = &[
        ("never sends a byte", BreakAfter(0), "after 4 tries"),
        ("never answers", Nothing, "after 4 tries"),
        ("is always silent", StallHead(LONG), "after 4 tries"),
        (
            "says a size that is too large",
            Length(5),
            "expected 300007",
        ),
        (
            "says a size that is too small",
            Length(-5),
            "expected 300007",
        ),
        ("sends other bytes", Flip(7), "SHA-256"),
        ("sends zeros", Zeros, "SHA-256"),
        ("never ends", Endless, "more than the 300007 bytes"),
        ("sends a page", Page, "a page in its place"),
        ("sends nothing", Empty, "0 bytes"),
        ("compresses", Gzip, "gzip"),
        (
            "asks to wait an hour",
            Status(429, "Retry-After: 3600\r\n"),
            "3600 seconds",
        ),
        ("is down", Status(503, ""), "503"),
        ("lost the bytes", Status(404, ""), "404"),
        (
            "redirects in a circle",
            Redirect("{own}/a/b/resolve/main/w.bin"),
            "redirects more than",
        ),
        (
            "redirects to a file",
            Redirect("file:///etc/passwd"),
            "neither http nor https",
        ),
        ("redirects to nowhere", Redirect(""), "nowhere"),
    ];
    for (what, fault, words) in always {
        let local = LocalHub::start();
        local.always(fault.clone());
        let folder = tempfile::tempdir().unwrap();
        let text = fetched(&local, folder.path()).expect_err(what);
        assert!(text.contains(words), "{what}: {text}");
    }
    for (what, fault, words) in [
        ("has another file", LinkedEtag, "another file"),
        ("has a file of another size", LinkedSize, "another file"),
        (
            "has no such file",
            Status(404, "X-Error-Code: EntryNotFound\r\n"),
            "no such file",
        ),
        (
            "has no such revision",
            Status(404, "X-Error-Code: RevisionNotFound\r\n"),
            "revision",
        ),
        ("knows nobody", Status(401, ""), "HF_TOKEN"),
        (
            "asks to accept",
            Status(403, "X-Error-Code: GatedRepo\r\n"),
            "accept conditions",
        ),
        ("is none", Status(418, ""), "418"),
    ] {
        let local = LocalHub::start();
        let refused = fault.clone();
        local.hub_faults([fault]);
        let folder = tempfile::tempdir().unwrap();
        let text = fetched(&local, folder.path()).expect_err(what);
        assert!(text.contains(words), "{what}: {text}");
        let refused = matches!(refused, Status(..));
        assert!(!refused || local.requests().1.is_empty(), "{what}");
    }
}

#[test]
fn every_byte_is_asked_for_once() {
    let local = LocalHub::start();
    local.faults(vec![Fault::BreakAfter(40_000); 5]);
    let folder = tempfile::tempdir().unwrap();
    fetched(&local, folder.path()).unwrap();
    let (_, requests) = local.requests();
    let from: Vec<usize> = requests
        .iter()
        .map(|request| request.from.unwrap_or(0))
        .collect();
    assert_eq!(from, [0, 40_000, 80_000, 120_000, 160_000, 200_000]);
    let sent: usize = requests.iter().map(|request| request.sent).sum();
    assert_eq!(sent, content().len());
}

#[test]
fn damage_in_what_is_here_already_is_found() {
    let local = LocalHub::start();
    let wanted = wanted(&local);
    let digest = wanted.sha256.unwrap();
    let folder = tempfile::tempdir().unwrap();
    let part = folder.path().join(format!("{digest}.part"));
    for damaged in [vec![0; 1000], vec![0; 300_007], vec![0; 400_000], content()] {
        std::fs::write(&part, &damaged).unwrap();
        assert_eq!(fetched(&local, folder.path()), Ok(()));
        std::fs::remove_file(folder.path().join("w.bin")).unwrap();
    }
    // A file under its own name is believed by its digest alone.
    std::fs::write(folder.path().join("w.bin"), vec![0; 300_007]).unwrap();
    assert_eq!(fetched(&local, folder.path()), Ok(()));
    let before = local.requests().1.len();
    assert_eq!(fetched(&local, folder.path()), Ok(()));
    assert_eq!(local.requests().1.len(), before, "nothing is fetched twice");
}

#[test]
fn the_token_goes_to_the_endpoint_and_to_no_other_host() {
    let local = LocalHub::start();
    let bytes = content();
    local.put("a/b/w.bin", bytes.clone());
    local.put("a/b/config.json", b"{}".to_vec());
    local.needs("hf_mine");
    let repository = Repository::model("a/b").unwrap();
    let wanted = Wanted::of(&repository, "main", "w.bin");
    let text = hub(&local, None)
        .look(&wanted, &mut |_| {})
        .unwrap_err()
        .to_string();
    assert!(
        text.contains("accept conditions") && text.contains("/a/b,"),
        "{text}"
    );

    let hub = hub(&local, Some("hf_mine"));
    let folder = tempfile::tempdir().unwrap();
    let found = hub.look(&wanted, &mut |_| {}).unwrap();
    assert_eq!((found.bytes, &found.sha256), (300_007, &sha256_of(&bytes)));
    hub.fetch(&found, folder.path(), &mut |_| {}).unwrap();
    let small = Wanted::of(&repository, "main", "config.json");
    let (text, facts) = hub.read(&small, 100, &mut |_| {}).unwrap();
    assert_eq!(
        (&*text, facts.commit.as_deref()),
        (&b"{}"[..], Some(COMMIT))
    );
    let (hub_requests, store_requests) = local.requests();
    let with_token = hub_requests
        .iter()
        .filter(|request| request.token.is_some())
        .count();
    assert_eq!(
        with_token,
        hub_requests.len() - 1,
        "all but the first, which had none"
    );
    assert!(!store_requests.is_empty());
    assert!(store_requests.iter().all(|request| request.token.is_none()));
    assert!(hub_requests.iter().any(|request| request.method == "HEAD"));
}

#[test]
fn waits_are_told_and_kept() {
    let local = LocalHub::start();
    local.faults([Fault::Status(429, "Retry-After: 1\r\n")]);
    let hub = hub(&local, None);
    let found = hub.look(&wanted(&local), &mut |_| {}).unwrap();
    let folder = tempfile::tempdir().unwrap();
    let (mut waits, mut received) = (vec![], 0);
    let begin = Instant::now();
    let mut see = |event: Event<'_>| match event {
        Event::Waiting { wait, reason, .. } => {
            assert!(reason.contains("429"), "{reason}");
            waits.push(wait.as_secs());
        }
        Event::Received { done, total, .. } => {
            assert!(done > received && total == 300_007);
            received = done;
        }
        _ => {}
    };
    hub.fetch(&found, folder.path(), &mut see).unwrap();
    assert_eq!((waits, received), (vec![1], 300_007));
    assert!(begin.elapsed() >= Duration::from_secs(1));
}

#[test]
fn lists_name_files_with_sizes_and_digests() {
    let local = LocalHub::start();
    let digest = local.put("datasets/a/v/force/train.parquet", content());
    local.put("datasets/a/v/README.md", b"words".to_vec());
    local.put("datasets/a/v/../evil", b"up".to_vec());
    let repository = Repository::dataset("a/v").unwrap();
    let listing = hub(&local, None)
        .list(&repository, "main", &mut |_| {})
        .unwrap();
    assert_eq!(listing.commit, COMMIT);
    assert_eq!(listing.licence.as_deref(), Some("apache-2.0"));
    let files: Vec<_> = listing
        .files
        .iter()
        .map(|file| (&*file.path, file.bytes, file.sha256.clone()))
        .collect();
    assert_eq!(
        files,
        [
            ("README.md", Some(5), None),
            ("force/train.parquet", Some(300_007), Some(digest)),
        ]
    );
}

#[test]
fn the_hubs_own_cache_is_used_and_never_believed() {
    let local = LocalHub::start();
    let wanted = wanted(&local);
    let digest = wanted.sha256.clone().unwrap();
    let cache = tempfile::tempdir().unwrap();
    let own = cache.path().join("models--a--b");
    let blob = own.join("blobs").join(&digest);
    std::fs::create_dir_all(own.join("blobs")).unwrap();
    std::fs::create_dir_all(own.join("refs")).unwrap();
    std::fs::create_dir_all(own.join("snapshots").join(COMMIT)).unwrap();
    std::fs::write(own.join("refs/main"), COMMIT).unwrap();
    let hub = |offline| {
        let environment = Environment {
            endpoint: local.endpoint.clone(),
            token: None,
            offline,
            cache: Some(cache.path().to_path_buf()),
        };
        let patience = Patience {
            first: Duration::ZERO,
            ..Patience::default()
        };
        Hub::new(environment, patience)
    };
    let folder = tempfile::tempdir().unwrap();
    let fetch = |offline| {
        let hub = hub(offline);
        let found = hub.look(&wanted, &mut |_| {})?;
        hub.fetch(&found, folder.path(), &mut |_| {})
    };
    let told = fetch(true).unwrap_err().to_string();
    assert!(
        told.contains("HF_HUB_OFFLINE") && told.contains("w.bin"),
        "{told}"
    );

    std::fs::write(&blob, content()).unwrap();
    assert_eq!(fetch(false).unwrap(), blob);
    assert_eq!(fetch(true).unwrap(), blob);
    assert!(local.requests().0.is_empty(), "nobody was asked");
    #[cfg(unix)]
    {
        let link = own.join("snapshots").join(COMMIT).join("w.bin");
        std::os::unix::fs::symlink(&blob, link).unwrap();
        let repository = Repository::model("a/b").unwrap();
        let unknown = Wanted::of(&repository, "main", "w.bin");
        let found = hub(true).look(&unknown, &mut |_| {}).unwrap();
        assert_eq!((found.bytes, &found.sha256), (300_007, &digest));
        let listing = hub(true).list(&repository, "main", &mut |_| {}).unwrap();
        assert_eq!(
            (listing.commit.as_str(), &*listing.files[0].path),
            (COMMIT, "w.bin")
        );
    }
    let mut other = content();
    other[5] ^= 1;
    std::fs::write(&blob, other).unwrap();
    assert!(matches!(fetch(true), Err(Error::Offline(_))));
    let path = fetch(false).unwrap();
    assert_eq!(path, folder.path().join("w.bin"));
    assert_eq!(std::fs::read(path).unwrap(), content());
}
