//! A queue in Redis: jobs that wait or are held, what became of the others, and the dead letters.
//!
//! ```text
//! NAME:jobs     stream, consumer group "workers": jobs that wait or are held
//! NAME:settled  hash, key of a job -> "" while it is queued, then its line of the report
//! NAME:dead     hash, key of a job -> job, of those that failed too often
//! NAME:counts   hash: added, done, skipped, failed
//! NAME:model    what all pictures are made by
//! NAME:draining there while workers are to end
//! ```
//!
//! A job is handed out at least once: who holds it renews its lease, and another takes it over when
//! that has run out. Only the first that settles it is counted and reported.

use std::collections::HashMap;
use std::time::Duration;

use redis::{FromRedisValue, Script, cmd};
use serde::Serialize;

use crate::link::Link;
use crate::{Error, QueuedJob};

/// The consumer group.
const GROUP: &str = "workers";
/// What a job that nobody settles is asked for at a time.
const BLOCK: Duration = Duration::from_millis(1000);
/// A worker that holds nothing and was not heard of for so long is forgotten.
const LONG_GONE: Duration = Duration::from_secs(3600);
/// The patience of a renewal: a connection that broke is opened once more.
const SHORTLY: Duration = Duration::from_millis(150);
/// Jobs that go to Redis in one command.
const CHUNK: usize = 500;

/// A job that this worker holds.
#[derive(Debug)]
pub struct Held {
    /// Its place in the stream.
    pub id: String,
    /// What it is known by.
    pub key: String,
    /// Its JSON.
    pub json: String,
    /// Which try this is, from 1 on.
    pub attempt: u32,
    /// Whether the one who held it before was lost.
    pub taken_over: bool,
}

/// What became of a job.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Outcome {
    /// Its picture was made.
    Done,
    /// Its picture was there.
    Skipped,
    /// It failed, for the last time.
    Failed,
}

impl Outcome {
    /// Its name in counts and metrics.
    pub fn name(self) -> &'static str {
        match self {
            Self::Done => "done",
            Self::Skipped => "skipped",
            Self::Failed => "failed",
        }
    }
}

/// How a queue stands.
#[derive(Debug, Clone, Serialize)]
pub struct State {
    /// Jobs that were ever added, lines that are no prompts among them.
    pub added: u64,
    /// Jobs that wait.
    pub waiting: u64,
    /// Jobs that workers hold.
    pub running: u64,
    /// Pictures that were made.
    pub done: u64,
    /// Pictures that were there already.
    pub skipped: u64,
    /// Jobs that failed for the last time.
    pub failed: u64,
    /// Whether workers are asked to end.
    pub draining: bool,
    /// What makes the pictures, once a worker has come.
    pub model: Option<String>,
    /// The workers.
    pub workers: Vec<WorkerState>,
}

/// How a worker stands.
#[derive(Debug, Clone, Serialize)]
pub struct WorkerState {
    /// Its name.
    pub name: String,
    /// Jobs that it holds.
    pub running: u64,
    /// Seconds since Redis last heard of it.
    pub seconds_ago: f64,
}

/// A queue, by its name in a Redis.
pub struct Queue {
    link: Link,
    name: String,
    scripts: Scripts,
    /// Where the search for lost jobs goes on.
    cursor: String,
}

struct Scripts {
    add: Script,
    claim: Script,
    renew: Script,
    give_back: Script,
    settle: Script,
    again: Script,
    retry: Script,
    leave: Script,
}

impl Queue {
    /// The queue `name` of the Redis at `url`. It is made if it is not there. Each call waits up to
    /// `patience` for a Redis that is away.
    ///
    /// # Errors
    /// An address that is none; a Redis that is away, refuses, or is older than 6.2.
    pub fn open(url: &str, name: &str, patience: Duration) -> Result<Self, Error> {
        let plain =
            |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.' | ':' | '{' | '}');
        if name.is_empty() || !name.chars().all(plain) {
            return Err(Error::Address(format!(
                "{name:?} is no name of a queue; use letters, digits, and - _ . : {{ }}"
            )));
        }
        let mut queue = Self {
            link: Link::new(url, patience)?,
            name: name.into(),
            scripts: Scripts {
                add: Script::new(include_str!("scripts/add.lua")),
                claim: Script::new(include_str!("scripts/claim.lua")),
                renew: Script::new(include_str!("scripts/renew.lua")),
                give_back: Script::new(include_str!("scripts/give_back.lua")),
                settle: Script::new(include_str!("scripts/settle.lua")),
                again: Script::new(include_str!("scripts/again.lua")),
                retry: Script::new(include_str!("scripts/retry.lua")),
                leave: Script::new(include_str!("scripts/leave.lua")),
            },
            cursor: "0-0".into(),
        };
        queue.check_version()?;
        queue.make_group()?;
        Ok(queue)
    }

    /// Where it is, without a password.
    pub fn address(&self) -> &str {
        self.link.address()
    }

    /// Its name.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// How often the connection was lost.
    pub fn losses(&self) -> u64 {
        self.link.losses
    }

    /// A key of Redis.
    fn key(&self, of: &str) -> String {
        format!("{}:{of}", self.name)
    }

    /// The answer of a script, over keys of the queue.
    fn invoke<T: FromRedisValue>(
        &mut self,
        script: fn(&Scripts) -> &Script,
        keys: &[&str],
        arguments: &[&str],
    ) -> Result<T, Error> {
        let keys: Vec<String> = keys.iter().map(|of| self.key(of)).collect();
        let script = script(&self.scripts);
        self.link
            .call(|c| script.key(&keys[..]).arg(arguments).invoke(c))
    }

    /// Refuses a Redis that lacks commands.
    fn check_version(&mut self) -> Result<(), Error> {
        let info: String = self.link.call(|c| cmd("INFO").arg("server").query(c))?;
        let version = info
            .lines()
            .find_map(|line| line.strip_prefix("redis_version:"))
            .unwrap_or_default();
        let mut numbers = version
            .split('.')
            .map_while(|part| part.parse::<u32>().ok());
        let version_is = (numbers.next(), numbers.next());
        if version_is < (Some(6), Some(2)) && version_is.0.is_some() {
            return Err(Error::Refused {
                address: self.address().into(),
                reason: format!(
                    "Redis {version} has no XAUTOCLAIM; a queue needs Redis 6.2 or newer, or Valkey"
                ),
            });
        }
        Ok(())
    }

    /// Makes the consumer group, if it is not there.
    fn make_group(&mut self) -> Result<(), Error> {
        let jobs = self.key("jobs");
        self.link.call(|c| {
            let made = cmd("XGROUP")
                .arg("CREATE")
                .arg(&jobs)
                .arg(GROUP)
                .arg("0")
                .arg("MKSTREAM")
                .query::<()>(c);
            match made {
                Err(error) if error.code() == Some("BUSYGROUP") => Ok(()),
                other => other,
            }
        })
    }

    /// Adds jobs, except those that are known already; how many were new.
    ///
    /// # Errors
    /// A Redis that is away or refuses. What was added before stays, and adding all again adds only
    /// the rest.
    pub fn add(&mut self, jobs: &[QueuedJob]) -> Result<u64, Error> {
        let mut added = 0;
        for chunk in jobs.chunks(CHUNK) {
            let texts: Vec<String> = chunk
                .iter()
                .flat_map(|job| [job.key(), job.json()])
                .collect();
            let texts: Vec<&str> = texts.iter().map(String::as_str).collect();
            let keys = ["jobs", "settled", "counts"];
            added += self.invoke::<u64>(|scripts| &scripts.add, &keys, &texts)?;
        }
        Ok(added)
    }

    /// Reports a line that is no prompt, and so no job; whether it was new.
    ///
    /// # Errors
    /// A Redis that is away or refuses.
    pub fn add_refused(&mut self, key: &str, report: &str) -> Result<bool, Error> {
        let (settled, counts) = (self.key("settled"), self.key("counts"));
        let new: bool = self
            .link
            .call(|c| cmd("HSETNX").arg(&settled).arg(key).arg(report).query(c))?;
        if new {
            for count in ["added", "failed"] {
                self.link
                    .call(|c| cmd("HINCRBY").arg(&counts).arg(count).arg(1).query::<()>(c))?;
            }
        }
        Ok(new)
    }

    /// Up to `most` jobs that wait, held by `worker` from now on; waits up to a second for the
    /// first.
    ///
    /// # Errors
    /// A Redis that is away or refuses.
    pub fn take(&mut self, worker: &str, most: usize) -> Result<Vec<Held>, Error> {
        type Entries = Vec<(String, HashMap<String, String>)>;
        let jobs = self.key("jobs");
        let taken = self.link.call(|c| {
            cmd("XREADGROUP")
                .arg("GROUP")
                .arg(GROUP)
                .arg(worker)
                .arg("COUNT")
                .arg(most)
                .arg("BLOCK")
                .arg(BLOCK.as_millis() as u64)
                .arg("STREAMS")
                .arg(&jobs)
                .arg(">")
                .query::<Option<Vec<(String, Entries)>>>(c)
        });
        let taken = match taken {
            // A Redis that came back without its data.
            Err(Error::Refused { reason, .. }) if reason.starts_with("NOGROUP") => {
                self.make_group()?;
                return Ok(vec![]);
            }
            other => other?,
        };
        let entries = taken.into_iter().flatten().flat_map(|(_, entries)| entries);
        Ok(entries.map(|(id, fields)| held(id, fields, 1)).collect())
    }

    /// A job whose worker has not renewed its lease for that time, held by `worker` from now on.
    /// The search goes through all held jobs in turn, some at each call.
    ///
    /// # Errors
    /// A Redis that is away or refuses.
    pub fn claim(&mut self, worker: &str, lease: Duration) -> Result<Option<Held>, Error> {
        type Found = (
            String,
            Option<String>,
            Option<HashMap<String, String>>,
            Option<u32>,
        );
        let lease = lease.as_millis().to_string();
        let cursor = std::mem::replace(&mut self.cursor, "0-0".into());
        let found = self.invoke::<Found>(
            |scripts| &scripts.claim,
            &["jobs"],
            &[GROUP, worker, &lease, &cursor],
        );
        let (cursor, id, fields, deliveries) = match found {
            Err(Error::Refused { reason, .. }) if reason.contains("NOGROUP") => {
                self.make_group()?;
                return Ok(None);
            }
            other => other?,
        };
        self.cursor = cursor;
        Ok(id.zip(fields).map(|(id, fields)| Held {
            taken_over: true,
            ..held(id, fields, deliveries.unwrap_or(1))
        }))
    }

    /// Renews the lease of jobs; those that another worker has taken over are not among the
    /// answer. Redis is waited for only shortly.
    ///
    /// # Errors
    /// A Redis that is away or refuses.
    pub fn renew(&mut self, worker: &str, ids: &[String]) -> Result<Vec<String>, Error> {
        let jobs = self.key("jobs");
        let script = &self.scripts.renew;
        self.link.call_within(SHORTLY, |c| {
            script.key(&jobs).arg(GROUP).arg(worker).arg(ids).invoke(c)
        })
    }

    /// Gives jobs back that were not begun or not finished: they wait again, behind all others.
    ///
    /// # Errors
    /// A Redis that is away or refuses; the jobs' leases then run out.
    pub fn give_back(&mut self, worker: &str, ids: &[String]) -> Result<u64, Error> {
        let mut arguments = vec![GROUP, worker];
        arguments.extend(ids.iter().map(String::as_str));
        self.invoke(|scripts| &scripts.give_back, &["jobs"], &arguments)
    }

    /// Settles a job with its line of the report; false if somebody has settled it before. One that
    /// failed becomes a dead letter.
    ///
    /// # Errors
    /// A Redis that is away or refuses; the job then stays held until its lease runs out.
    pub fn settle(&mut self, held: &Held, outcome: Outcome, report: &str) -> Result<bool, Error> {
        let letter = match outcome {
            Outcome::Failed => held.json.as_str(),
            Outcome::Done | Outcome::Skipped => "",
        };
        self.invoke(
            |scripts| &scripts.settle,
            &["jobs", "settled", "counts", "dead"],
            &[GROUP, &held.id, &held.key, outcome.name(), report, letter],
        )
    }

    /// Puts a job that failed behind all others, to be tried again.
    ///
    /// # Errors
    /// A Redis that is away or refuses; the job then stays held until its lease runs out.
    pub fn again(&mut self, held: &Held) -> Result<(), Error> {
        self.invoke(
            |scripts| &scripts.again,
            &["jobs", "settled"],
            &[
                GROUP,
                &held.id,
                &held.key,
                &held.json,
                &held.attempt.to_string(),
            ],
        )
    }

    /// Puts all dead letters back; how many there were.
    ///
    /// # Errors
    /// A Redis that is away or refuses.
    pub fn retry(&mut self) -> Result<u64, Error> {
        let (most, mut all) = (CHUNK.to_string(), 0);
        loop {
            let keys = ["jobs", "settled", "counts", "dead"];
            match self.invoke(|scripts| &scripts.retry, &keys, &[&most])? {
                0 => return Ok(all),
                some => all += some,
            }
        }
    }

    /// Asks all workers to end after what they compute, or takes that back.
    ///
    /// # Errors
    /// A Redis that is away or refuses.
    pub fn drain(&mut self, on: bool) -> Result<(), Error> {
        let key = self.key("draining");
        self.link.call(|c| match on {
            true => cmd("SET").arg(&key).arg(1).query::<()>(c),
            false => cmd("DEL").arg(&key).query::<()>(c),
        })
    }

    /// Whether workers are asked to end.
    ///
    /// # Errors
    /// A Redis that is away or refuses.
    pub fn is_draining(&mut self) -> Result<bool, Error> {
        let key = self.key("draining");
        self.link.call(|c| cmd("EXISTS").arg(&key).query(c))
    }

    /// Binds the queue to a model, in words that tell all that decides pictures besides jobs.
    ///
    /// # Errors
    /// The queue is bound to another.
    pub fn bind(&mut self, model: &str) -> Result<(), Error> {
        let key = self.key("model");
        let there: String = self.link.call(|c| {
            cmd("SET").arg(&key).arg(model).arg("NX").query::<()>(c)?;
            cmd("GET").arg(&key).query(c)
        })?;
        match there == model {
            true => Ok(()),
            false => Err(Error::OtherModel(format!(
                "the pictures of queue {} are made by {there}, and this worker has {model}; give it the same --model, --dtype and --upscale, or another queue by --name",
                self.name
            ))),
        }
    }

    /// How many jobs wait, and how many are held.
    ///
    /// # Errors
    /// A Redis that is away or refuses.
    pub fn lengths(&mut self) -> Result<(u64, u64), Error> {
        let jobs = self.key("jobs");
        self.link.call(|c| {
            let (length, pending): (u64, Vec<redis::Value>) = redis::pipe()
                .cmd("XLEN")
                .arg(&jobs)
                .cmd("XPENDING")
                .arg(&jobs)
                .arg(GROUP)
                .query(c)?;
            let held = pending.into_iter().next().unwrap_or(redis::Value::Int(0));
            let held: u64 = redis::from_redis_value(held)?;
            Ok((length.saturating_sub(held), held))
        })
    }

    /// How it stands.
    ///
    /// # Errors
    /// A Redis that is away or refuses.
    pub fn state(&mut self) -> Result<State, Error> {
        let (waiting, running) = self.lengths()?;
        let counts = self.key("counts");
        let counts: HashMap<String, u64> =
            self.link.call(|c| cmd("HGETALL").arg(&counts).query(c))?;
        let count = |of: &str| counts.get(of).copied().unwrap_or(0);
        let model = self.key("model");
        let jobs = self.key("jobs");
        let consumers: Vec<HashMap<String, redis::Value>> = self
            .link
            .call(|c| cmd("XINFO").arg("CONSUMERS").arg(&jobs).arg(GROUP).query(c))?;
        let number = |of: &HashMap<String, redis::Value>, name: &str| match of.get(name) {
            Some(redis::Value::Int(number)) => u64::try_from(*number).unwrap_or(0),
            _ => 0,
        };
        let worker = |of: &HashMap<String, redis::Value>| WorkerState {
            name: of
                .get("name")
                .and_then(|name| redis::from_redis_value(name.clone()).ok())
                .unwrap_or_default(),
            running: number(of, "pending"),
            seconds_ago: number(of, "idle") as f64 / 1000.0,
        };
        let mut workers: Vec<WorkerState> = consumers.iter().map(worker).collect();
        workers.sort_by(|a, b| a.name.cmp(&b.name));
        Ok(State {
            added: count("added"),
            waiting,
            running,
            done: count("done"),
            skipped: count("skipped"),
            failed: count("failed"),
            draining: self.is_draining()?,
            model: self.link.call(|c| cmd("GET").arg(&model).query(c))?,
            workers,
        })
    }

    /// The lines of the report of all settled jobs, in no order, each with the key of its job.
    ///
    /// # Errors
    /// A Redis that is away or refuses.
    pub fn settled(&mut self) -> Result<HashMap<String, String>, Error> {
        let settled = self.key("settled");
        let mut all = HashMap::new();
        let mut cursor = 0u64;
        loop {
            let (next, some): (u64, HashMap<String, String>) = self.link.call(|c| {
                cmd("HSCAN")
                    .arg(&settled)
                    .arg(cursor)
                    .arg("COUNT")
                    .arg(1000)
                    .query(c)
            })?;
            // A key may come twice while others are written: the map has it once.
            all.extend(some.into_iter().filter(|(_, line)| !line.is_empty()));
            if next == 0 {
                return Ok(all);
            }
            cursor = next;
        }
    }

    /// Forgets settled jobs: adding them again is new work. Dead letters among them can no longer
    /// be tried again.
    ///
    /// # Errors
    /// A Redis that is away or refuses.
    pub fn forget(&mut self, keys: &[String]) -> Result<(), Error> {
        let (settled, dead) = (self.key("settled"), self.key("dead"));
        for chunk in keys.chunks(CHUNK) {
            self.link.call(|c| {
                redis::pipe()
                    .cmd("HDEL")
                    .arg(&settled)
                    .arg(chunk)
                    .ignore()
                    .cmd("HDEL")
                    .arg(&dead)
                    .arg(chunk)
                    .ignore()
                    .query::<()>(c)
            })?;
        }
        // A queue without jobs is bound to no model and has no counts.
        let left: u64 = self.link.call(|c| cmd("HLEN").arg(&settled).query(c))?;
        if left == 0 {
            let rest = ["model", "counts"].map(|of| self.key(of));
            self.link.call(|c| cmd("DEL").arg(&rest).query::<()>(c))?;
        }
        Ok(())
    }

    /// Forgets a worker that holds nothing any more.
    ///
    /// # Errors
    /// A Redis that is away or refuses.
    pub fn leave(&mut self, worker: &str) -> Result<(), Error> {
        let long = LONG_GONE.as_millis().to_string();
        self.invoke(|scripts| &scripts.leave, &["jobs"], &[GROUP, worker, &long])
    }
}

fn held(id: String, mut fields: HashMap<String, String>, deliveries: u32) -> Held {
    let tries: u32 = fields
        .get("tries")
        .and_then(|tries| tries.parse().ok())
        .unwrap_or(0);
    Held {
        id,
        key: fields.remove("key").unwrap_or_default(),
        json: fields.remove("job").unwrap_or_default(),
        attempt: tries.saturating_add(deliveries),
        taken_over: false,
    }
}
