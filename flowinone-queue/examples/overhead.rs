//! What the queue costs a job: adds jobs that nobody computes, and lets workers take and settle
//! them.
//!
//! ```sh
//! redis-server --port 7777 --save '' &
//! cargo run -p flowinone-queue --example overhead -- redis://127.0.0.1:7777 100000 4 8
//! ```
//!
//! The numbers are jobs, workers (threads, each with a connection of its own), and jobs a worker
//! takes at a time. Use a Redis that holds nothing else: the queue `overhead` in it is emptied.

use std::time::{Duration, Instant};

use flowinone_queue::{Outcome, Queue, QueuedJob, report};

/// How often a worker renews its leases while it "computes" a batch.
const RENEWALS: usize = 1;

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let mut words = std::env::args().skip(1);
    let url = words.next().ok_or("say the address of a Redis")?;
    let mut number = |usual: usize| words.next().map_or(Ok(usual), |text| text.parse());
    let (jobs, workers, batch) = (number(100_000)?, number(4)?, number(8)?);
    let open = || Queue::open(&url, "overhead", Duration::from_secs(10));

    let mut queue = open()?;
    let all: Vec<QueuedJob> = (0..jobs).map(job).collect::<Result<_, _>>()?;
    let begin = Instant::now();
    let added = queue.add(&all)?;
    tell("add", begin, jobs);
    if added as usize != jobs {
        return Err("the queue overhead holds jobs of an earlier run; forget them first".into());
    }

    let begin = Instant::now();
    let spent: Vec<[Duration; 3]> = std::thread::scope(|scope| {
        let work = |worker: usize| {
            let open = &open;
            move || -> Result<[Duration; 3], flowinone_queue::Error> {
                let (mut queue, name) = (open()?, format!("worker-{worker}"));
                let mut spent = [Duration::ZERO; 3];
                loop {
                    let begin = Instant::now();
                    let held = queue.take(&name, batch)?;
                    if held.is_empty() {
                        queue.leave(&name)?;
                        return Ok(spent);
                    }
                    spent[0] += begin.elapsed();
                    let ids: Vec<String> = held.iter().map(|held| held.id.clone()).collect();
                    let begin = Instant::now();
                    for _ in 0..RENEWALS {
                        queue.renew(&name, &ids)?;
                    }
                    spent[1] += begin.elapsed();
                    let begin = Instant::now();
                    for held in &held {
                        queue.settle(held, Outcome::Done, &line(held))?;
                    }
                    spent[2] += begin.elapsed();
                }
            }
        };
        let threads: Vec<_> = (0..workers)
            .map(|worker| scope.spawn(work(worker)))
            .collect();
        let ended = threads
            .into_iter()
            .map(|thread| thread.join().expect("no worker panics"));
        ended.collect::<Result<_, _>>()
    })?;
    // The last take of each worker waits a second for more.
    let all = begin.elapsed() - Duration::from_secs(1);
    println!(
        "all: {:.1} s, {:.0} jobs a second, {:.1} us a job of one worker's time",
        all.as_secs_f64(),
        jobs as f64 / all.as_secs_f64(),
        1e6 * spent.iter().flatten().sum::<Duration>().as_secs_f64() / jobs as f64
    );
    for (name, of) in ["take", "renew", "settle"].into_iter().zip(0..) {
        let time: Duration = spent.iter().map(|spent| spent[of]).sum();
        println!(
            "{name}: {:.1} us a job",
            1e6 * time.as_secs_f64() / jobs as f64
        );
    }
    let begin = Instant::now();
    let report = report(&mut queue)?;
    tell("report", begin, jobs);
    println!("{} lines, {} bytes", report.keys.len(), report.text.len());
    let begin = Instant::now();
    queue.forget(&report.keys)?;
    tell("forget", begin, jobs);
    Ok(())
}

/// A job as a line of text becomes one.
fn job(number: usize) -> Result<QueuedJob, serde_json::Error> {
    serde_json::from_value(serde_json::json!({
        "line": {"task": "text-to-image", "text": format!("a {number}th tram in the rain on a hill")},
        "item": number,
        "seed": 0,
        "settings": {},
        "input": "prompts.jsonl",
        "number": number + 1,
    }))
}

/// A line of the report, as long as one of a picture.
fn line(held: &flowinone_queue::Held) -> String {
    let number = held
        .json
        .rsplit(':')
        .next()
        .unwrap_or("0")
        .trim_end_matches('}');
    format!(
        r#"{{"input":"prompts.jsonl","line":{number},"output":"pictures/text-to-image-{}.png","item":{number},"seed":0,"status":"done","batch":8,"steps":10,"evaluations":10,"vision_seconds":0.0123456789,"structure_seconds":0.0123456789,"solve_seconds":0.123456789,"decode_seconds":0.0123456789,"upscale_seconds":0.0123456789,"peak_bytes":123456789}}"#,
        &held.key[..16]
    )
}

fn tell(what: &str, begin: Instant, jobs: usize) {
    let spent = begin.elapsed().as_secs_f64();
    println!(
        "{what}: {spent:.2} s, {:.1} us a job, {:.0} a second",
        1e6 * spent / jobs as f64,
        jobs as f64 / spent
    );
}
