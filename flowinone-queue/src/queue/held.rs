//! What one worker does with jobs: it takes them, keeps them, and settles them or gives them back.

use std::collections::HashMap;
use std::time::Duration;

use redis::cmd;

use super::{BLOCK, GROUP, Held, LONG_GONE, Outcome, Queue, SHORTLY};
use crate::Error;

impl Queue {
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
