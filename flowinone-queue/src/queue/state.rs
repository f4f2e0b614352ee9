//! How a queue stands, and what was reported.

use std::collections::HashMap;

use redis::cmd;
use serde::Serialize;

use super::{CHUNK, GROUP, Queue};
use crate::Error;

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

impl Queue {
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
}
