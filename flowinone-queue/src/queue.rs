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

mod held;
mod state;

use std::time::Duration;

use redis::{FromRedisValue, Script, cmd};
use serde::Serialize;

use crate::link::Link;
use crate::{Error, QueuedJob};

pub use state::{State, WorkerState};

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
}
