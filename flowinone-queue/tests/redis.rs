//! The queue before a real Redis. Without `redis-server` on the machine these tests say so and
//! pass; CI has one.

use std::io::{BufRead, BufReader};
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use flowinone_queue::{Common, Error, Held, Outcome, Queue, enqueue, report};
use tempfile::TempDir;

const LEASE: Duration = Duration::from_millis(400);

/// A Redis of a test's own, on a socket in a folder.
struct Redis {
    process: Child,
    folder: TempDir,
}

impl Redis {
    fn start(options: &[&str]) -> Option<Self> {
        let folder = tempfile::tempdir().unwrap();
        let process = Command::new("redis-server")
            .args(["--port", "0", "--unixsocket"])
            .arg(folder.path().join("socket"))
            .args(["--save", "", "--dir"])
            .arg(folder.path())
            .args(options)
            .stdout(Stdio::piped())
            .spawn();
        let Ok(mut process) = process else {
            println!("skipped: there is no redis-server on this machine");
            return None;
        };
        let mut log = BufReader::new(process.stdout.take().unwrap()).lines();
        log.find(|line| {
            line.as_ref()
                .unwrap()
                .contains("ready to accept connections")
        })
        .expect("Redis starts")
        .unwrap();
        Some(Self { process, folder })
    }

    fn url(&self) -> String {
        format!("unix://{}", self.folder.path().join("socket").display())
    }

    fn queue(&self) -> Queue {
        Queue::open(&self.url(), "test", Duration::from_secs(5)).unwrap()
    }

    /// Enqueues lines of text prompts, by their words.
    fn enqueue(&self, queue: &mut Queue, words: &[&str]) -> u64 {
        let file = self.folder.path().join("p.jsonl");
        let line = |words: &&str| format!(r#"{{"task":"text-to-image","text":"{words}"}}"#);
        let lines: Vec<String> = words.iter().map(line).collect();
        std::fs::write(&file, lines.join("\n")).unwrap();
        enqueue(queue, &file, &Common::default()).unwrap().added
    }
}

impl Drop for Redis {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

fn line(held: &Held, status: &str) -> String {
    let job: serde_json::Value = serde_json::from_str(&held.json).unwrap();
    format!(
        r#"{{"input":{},"line":{},"status":"{status}"}}"#,
        job["input"], job["number"]
    )
}

fn words(held: &Held) -> String {
    let job: serde_json::Value = serde_json::from_str(&held.json).unwrap();
    job["line"]["text"].as_str().unwrap().to_string()
}

#[test]
fn what_is_known_is_not_added_again_and_the_report_has_each_line_once() {
    let Some(redis) = Redis::start(&[]) else {
        return;
    };
    let mut queue = redis.queue();
    assert_eq!(redis.enqueue(&mut queue, &["a", "b", "c"]), 3);
    assert_eq!(redis.enqueue(&mut queue, &["a", "b", "c", "d"]), 1);
    let held = queue.take("me", 10).unwrap();
    assert_eq!(held.len(), 4);
    assert!(
        held.iter()
            .all(|held| held.attempt == 1 && !held.taken_over)
    );
    for job in &held {
        assert!(
            queue
                .settle(job, Outcome::Done, &line(job, "done"))
                .unwrap()
        );
        // Another that computed the same is too late.
        let late = queue.settle(job, Outcome::Skipped, &line(job, "skipped"));
        assert!(!late.unwrap());
    }
    assert_eq!(redis.enqueue(&mut queue, &["a", "b", "c", "d"]), 0);
    let state = queue.state().unwrap();
    assert_eq!((state.added, state.done, state.skipped), (4, 4, 0));
    assert_eq!((state.waiting, state.running), (0, 0));
    let written = report(&mut queue).unwrap();
    let lines: Vec<&str> = written.text.lines().collect();
    assert_eq!(lines.len(), 4);
    assert!(
        lines[2].contains(r#""line":3,"status":"done""#),
        "{lines:?}"
    );
    queue.forget(&written.keys).unwrap();
    assert_eq!(redis.enqueue(&mut queue, &["a"]), 1, "forgotten is new");
}

#[test]
fn lines_that_are_no_prompts_fail_in_the_report_and_once() {
    let Some(redis) = Redis::start(&[]) else {
        return;
    };
    let mut queue = redis.queue();
    let file = redis.folder.path().join("p.jsonl");
    std::fs::write(
        &file,
        "{\"task\":\"paint\"}\n{\"task\":\"class-to-image\",\"name\":\"cat\"}\n",
    )
    .unwrap();
    for _ in 0..2 {
        let enqueued = enqueue(&mut queue, &file, &Common::default()).unwrap();
        assert_eq!(enqueued.refused.len(), 1);
    }
    let state = queue.state().unwrap();
    assert_eq!((state.added, state.waiting, state.failed), (2, 1, 1));
    let written = report(&mut queue).unwrap();
    assert!(written.text.contains(r#""line":1,"#), "{}", written.text);
    std::fs::write(&file, "\n").unwrap();
    let empty = enqueue(&mut queue, &file, &Common::default()).unwrap_err();
    assert!(empty.to_string().contains("is empty"), "{empty}");
}

#[test]
fn a_lease_that_is_renewed_is_kept_and_one_that_runs_out_is_taken_over() {
    let Some(redis) = Redis::start(&[]) else {
        return;
    };
    let mut queue = redis.queue();
    redis.enqueue(&mut queue, &["a", "b"]);
    let held = queue.take("first", 2).unwrap();
    let ids: Vec<String> = held.iter().map(|held| held.id.clone()).collect();
    for _ in 0..4 {
        std::thread::sleep(LEASE / 2);
        assert_eq!(queue.renew("first", &ids).unwrap(), ids);
        assert!(queue.claim("second", LEASE).unwrap().is_none());
    }
    std::thread::sleep(2 * LEASE);
    let claimed = queue.claim("second", LEASE).unwrap().expect("it ran out");
    assert_eq!((claimed.attempt, claimed.taken_over), (2, true));
    // The first cannot get it back by renewing, but what it made counts if it is there first.
    let kept = queue.renew("first", &ids).unwrap();
    assert_eq!(kept.len(), 1);
    assert!(!kept.contains(&claimed.id));
    let late = held.iter().find(|held| held.id == claimed.id).unwrap();
    assert!(
        queue
            .settle(late, Outcome::Done, &line(late, "done"))
            .unwrap()
    );
    let second = queue.settle(&claimed, Outcome::Done, &line(&claimed, "done"));
    assert!(!second.unwrap());
    assert_eq!(queue.lengths().unwrap(), (0, 1));
}

#[test]
fn what_is_given_back_waits_again_and_no_try_is_lost() {
    let Some(redis) = Redis::start(&[]) else {
        return;
    };
    let mut queue = redis.queue();
    redis.enqueue(&mut queue, &["a"]);
    let held = queue.take("first", 1).unwrap();
    assert_eq!(queue.give_back("second", &[held[0].id.clone()]).unwrap(), 0);
    assert_eq!(queue.give_back("first", &[held[0].id.clone()]).unwrap(), 1);
    assert_eq!(queue.lengths().unwrap(), (1, 0));
    let again = queue.take("second", 1).unwrap();
    assert_eq!((again[0].attempt, again[0].taken_over), (1, false));
    assert_eq!(again[0].key, held[0].key);
}

#[test]
fn a_job_that_fails_comes_last_becomes_a_dead_letter_and_can_be_tried_again() {
    let Some(redis) = Redis::start(&[]) else {
        return;
    };
    let mut queue = redis.queue();
    redis.enqueue(&mut queue, &["bad", "good"]);
    for attempt in 1..=3 {
        let held = queue.take("me", 1).unwrap();
        let held = match words(&held[0]).as_str() {
            "good" => {
                let line = line(&held[0], "done");
                queue.settle(&held[0], Outcome::Done, &line).unwrap();
                queue.take("me", 1).unwrap()
            }
            _ => held,
        };
        assert_eq!(
            (words(&held[0]).as_str(), held[0].attempt),
            ("bad", attempt)
        );
        match attempt {
            3 => {
                let line = line(&held[0], "failed");
                assert!(queue.settle(&held[0], Outcome::Failed, &line).unwrap());
            }
            _ => queue.again(&held[0]).unwrap(),
        }
    }
    let state = queue.state().unwrap();
    assert_eq!((state.done, state.failed, state.waiting), (1, 1, 0));
    assert_eq!(report(&mut queue).unwrap().failed, 1);
    assert_eq!(queue.retry().unwrap(), 1);
    assert_eq!(queue.retry().unwrap(), 0);
    let held = queue.take("me", 5).unwrap();
    assert_eq!((held.len(), held[0].attempt), (1, 1));
    assert!(
        queue
            .settle(&held[0], Outcome::Done, &line(&held[0], "done"))
            .unwrap()
    );
    let state = queue.state().unwrap();
    assert_eq!((state.done, state.failed), (2, 0));
    assert_eq!(report(&mut queue).unwrap().text.lines().count(), 2);
}

#[test]
fn one_model_makes_the_pictures_of_a_queue() {
    let Some(redis) = Redis::start(&[]) else {
        return;
    };
    let mut queue = redis.queue();
    queue.bind("mini in f32").unwrap();
    queue.bind("mini in f32").unwrap();
    let other = queue.bind("mini in bf16").unwrap_err().to_string();
    assert!(other.contains("made by mini in f32"), "{other}");
}

#[test]
fn workers_that_hold_nothing_are_forgotten_and_no_job_with_them() {
    let Some(redis) = Redis::start(&[]) else {
        return;
    };
    let mut queue = redis.queue();
    redis.enqueue(&mut queue, &["a"]);
    let held = queue.take("first", 1).unwrap();
    queue.take("second", 1).unwrap();
    queue.leave("first").unwrap();
    queue.leave("second").unwrap();
    let workers = queue.state().unwrap().workers;
    let names: Vec<&str> = workers.iter().map(|worker| &*worker.name).collect();
    assert_eq!(names, ["first"], "it holds a job");
    queue
        .settle(&held[0], Outcome::Done, &line(&held[0], "done"))
        .unwrap();
    queue.leave("first").unwrap();
    assert!(queue.state().unwrap().workers.is_empty());
}

#[test]
fn drains_are_asked_for_and_taken_back() {
    let Some(redis) = Redis::start(&[]) else {
        return;
    };
    let mut queue = redis.queue();
    assert!(!queue.is_draining().unwrap());
    queue.drain(true).unwrap();
    assert!(queue.is_draining().unwrap());
    queue.drain(false).unwrap();
    assert!(!queue.is_draining().unwrap());
}

#[test]
fn wrong_passwords_and_missing_rights_are_told_without_the_password() {
    let Some(redis) = Redis::start(&["--requirepass", "right"]) else {
        return;
    };
    let open = |url: &str| {
        let begin = std::time::Instant::now();
        let Err(error) = Queue::open(url, "test", Duration::from_secs(30)) else {
            panic!("{url} was let in");
        };
        assert!(begin.elapsed() < Duration::from_secs(5), "told at once");
        assert!(matches!(error, Error::Refused { .. }), "{error:?}");
        error.to_string()
    };
    let none = open(&redis.url());
    assert!(none.contains("wants a password"), "{none}");
    let wrong = open(&format!("{}?pass=wrong", redis.url()));
    assert!(wrong.contains("does not take"), "{wrong}");
    assert!(!wrong.contains("pass=wrong"), "{wrong}");
    let right = format!("{}?pass=right", redis.url());
    assert!(Queue::open(&right, "test", Duration::ZERO).is_ok());
}

#[test]
fn a_redis_that_lost_everything_gets_its_group_again() {
    let Some(redis) = Redis::start(&[]) else {
        return;
    };
    let mut queue = redis.queue();
    let cli = Command::new("redis-cli")
        .arg("-s")
        .arg(redis.folder.path().join("socket"))
        .arg("FLUSHALL")
        .stdout(Stdio::null())
        .status();
    let Ok(_) = cli else {
        println!("skipped: there is no redis-cli on this machine");
        return;
    };
    assert!(queue.take("me", 1).unwrap().is_empty());
    assert_eq!(redis.enqueue(&mut queue, &["a"]), 1);
    assert_eq!(queue.take("me", 1).unwrap().len(), 1);
}
