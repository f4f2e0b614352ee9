//! VP-Bench's protocol: a vision model looks at prompt and result and gives four scores.
//!
//! Items are asked in parallel, each again after failures that may pass; every settled item goes
//! into a journal at once, and a second run asks only for what the journal lacks.

mod benchmark;
mod endpoint;
mod journal;
mod question;
mod report;
mod retry;
mod verdict;

use std::collections::BTreeMap;
use std::hash::{BuildHasher, Hasher, RandomState};
use std::path::Path;
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::mpsc;
use std::time::{Duration, Instant};

use flowinone_files::{sha256, sha256_of};

pub use benchmark::Prompt;
pub use endpoint::{Endpoint, Key};
pub use journal::{Asked, Entry, Outcome};
pub use question::Scenario;
pub use report::{Judgement, Subset, Tally};
pub use retry::Retry;
pub use verdict::Verdict;

use self::benchmark::{Benchmark, picture_file};
use self::endpoint::{Connection, Fault};
use self::journal::Journal;
use super::Error;
use flowinone_image::{decode_picture, read_picture};
use flowinone_prompts::Task;

/// How often a waiting thread looks whether it should stop.
const PULSE: Duration = Duration::from_millis(50);

/// A vision model that judges results.
#[derive(Debug, Clone)]
pub struct Judge {
    /// Where it is asked.
    pub endpoint: Endpoint,
    /// When it is asked again.
    pub retry: Retry,
    /// Requests under way at once.
    pub parallel: usize,
}

/// How a run ended.
#[derive(Debug, Clone, PartialEq)]
pub struct Judged {
    /// What the judge has said, in this run and before.
    pub judgement: Judgement,
    /// Items that were not reached because someone asked to stop.
    pub unreached: usize,
}

impl Judge {
    /// Judges the results of a benchmark's subsets, `tasks`, and keeps the journal at `journal`.
    /// `stop` is asked often; `see` gets every item that is settled in this run.
    ///
    /// # Errors
    /// A benchmark or journal that cannot be read, and an endpoint that cannot be reached or
    /// refuses everything: what was settled before stays in the journal.
    pub fn run(
        &self,
        benchmark: &Path,
        results: &Path,
        tasks: &[Task],
        journal: &Path,
        stop: impl Fn() -> bool + Sync,
        mut see: impl FnMut(&Entry),
    ) -> Result<Judged, Error> {
        let Benchmark { prompts, left_out } = benchmark::open(benchmark, results, tasks)?;
        let mut asked = vec![];
        for prompt in &prompts {
            asked.push(match &prompt.result {
                Some(result) => Some(self.asked(prompt, result)?),
                None => None,
            });
        }
        let (mut journal, entries) = Journal::open(journal)?;
        let mut settled: BTreeMap<Asked, Entry> = BTreeMap::new();
        for entry in entries {
            settled.insert(entry.question.clone(), entry); // the last word counts
        }
        let judged = |asked: &Asked| settled.get(asked).is_some_and(|e| e.verdict().is_some());
        let open: Vec<(&Prompt, &Asked)> = prompts
            .iter()
            .zip(&asked)
            .filter_map(|(prompt, asked)| Some((prompt, asked.as_ref()?)))
            .filter(|(_, asked)| !judged(asked))
            .collect();
        let new = self.ask_all(&open, &stop, |entry| {
            journal.add(entry)?;
            see(entry);
            Ok(())
        })?;
        let unreached = open.len() - new.len();
        for entry in new {
            settled.insert(entry.question.clone(), entry);
        }
        let with_entries = prompts.into_iter().zip(asked).map(|(prompt, asked)| {
            let entry = asked.and_then(|asked| settled.get(&asked).cloned());
            (prompt, entry)
        });
        let with_entries: Vec<_> = with_entries.collect();
        Ok(Judged {
            judgement: Judgement {
                left_out,
                ..Judgement::of(&self.endpoint.model, &with_entries)
            },
            unreached,
        })
    }

    fn asked(&self, prompt: &Prompt, result: &Path) -> Result<Asked, Error> {
        Ok(Asked {
            subset: prompt.task.benchmark_name().into(),
            name: prompt.name.clone(),
            model: self.endpoint.model.clone(),
            instruction: prompt.instruction.clone(),
            prompt_sha256: sha256_of(&picture_file(&prompt.picture)?),
            result_sha256: sha256(result).map_err(|e| Error::Picture(e.into()))?,
        })
    }

    /// Asks about all items on a few threads; entries are kept by the calling thread alone.
    fn ask_all(
        &self,
        open: &[(&Prompt, &Asked)],
        stop: &(impl Fn() -> bool + Sync),
        mut keep: impl FnMut(&Entry) -> Result<(), Error>,
    ) -> Result<Vec<Entry>, Error> {
        let connection = Connection::new(&self.endpoint);
        let (next, halt) = (AtomicUsize::new(0), AtomicBool::new(false));
        let refused: Mutex<Option<String>> = Mutex::new(None);
        let stopped = || halt.load(Ordering::Relaxed) || stop();
        let (sender, receiver) = mpsc::channel::<Entry>();
        let work = |sender: mpsc::Sender<Entry>| {
            while !stopped() {
                let Some((prompt, asked)) = open.get(next.fetch_add(1, Ordering::Relaxed)) else {
                    return;
                };
                match self.settle(&connection, prompt, asked, &stopped) {
                    End::Settled(entry) => {
                        if sender.send(entry).is_err() {
                            return; // the journal cannot be written
                        }
                    }
                    End::Stopped => return,
                    End::Refused(reason) => {
                        halt.store(true, Ordering::Relaxed);
                        let mut refused = refused.lock().expect("no thread panics with it");
                        refused.get_or_insert(reason);
                        return;
                    }
                }
            }
        };
        let mut entries = vec![];
        let kept = std::thread::scope(|scope| {
            for _ in 0..self.parallel.clamp(1, open.len().max(1)) {
                let (sender, work) = (sender.clone(), &work);
                scope.spawn(move || work(sender));
            }
            drop(sender);
            for entry in &receiver {
                if let Err(error) = keep(&entry) {
                    halt.store(true, Ordering::Relaxed);
                    return Err(error);
                }
                entries.push(entry);
            }
            Ok(())
        });
        kept?;
        match refused.into_inner().expect("no thread panics with it") {
            Some(reason) => Err(Error::Endpoint {
                url: connection.url().into(),
                reason,
            }),
            None => Ok(entries),
        }
    }

    /// Asks about one item until there is a verdict, tries run out, or someone asks to stop.
    fn settle(
        &self,
        connection: &Connection,
        prompt: &Prompt,
        asked: &Asked,
        stopped: &impl Fn() -> bool,
    ) -> End {
        let settled = |tries, outcome| {
            End::Settled(Entry {
                question: asked.clone(),
                tries,
                outcome,
            })
        };
        let body = match self.body(prompt) {
            Ok(body) => body,
            Err(reason) => return settled(0, Outcome::Error(reason)),
        };
        for number in 0.. {
            let last = number + 1 >= self.retry.tries;
            let wait = match connection.ask(&body) {
                Ok(verdict) => return settled(number + 1, Outcome::Verdict(verdict)),
                Err(Fault::All { reason }) => return End::Refused(reason),
                Err(Fault::Unreachable { reason }) if last => return End::Refused(reason),
                Err(Fault::Item { reason }) => return settled(number + 1, Outcome::Error(reason)),
                Err(Fault::Passing { reason, .. }) if last => {
                    return settled(number + 1, Outcome::Error(reason));
                }
                Err(Fault::Passing { wait, .. }) => wait,
                Err(Fault::Unreachable { .. }) => None,
            };
            let end = Instant::now() + self.retry.wait(number, chance(), wait);
            while let Some(rest) = end.checked_duration_since(Instant::now()) {
                if stopped() {
                    return End::Stopped;
                }
                std::thread::sleep(rest.min(PULSE));
            }
        }
        End::Stopped
    }

    fn body(&self, prompt: &Prompt) -> Result<serde_json::Value, String> {
        let file = &prompt.picture;
        let bytes = picture_file(file).map_err(|e| e.to_string())?;
        let canvas = decode_picture(&bytes)
            .map_err(|reason| flowinone_image::Error::picture(file, reason).to_string())?;
        let result = prompt.result.as_ref().ok_or("there is no result")?;
        let result = read_picture(result).map_err(|e| e.to_string())?;
        question::question(
            &self.endpoint.model,
            prompt.task,
            prompt.instruction.as_deref(),
            &canvas,
            &result,
        )
    }
}

/// How the work on one item ended.
enum End {
    Settled(Entry),
    Stopped,
    /// Nothing will be answered at this endpoint.
    Refused(String),
}

/// A number in [0, 1) that differs from process to process and call to call; it only spreads waits.
fn chance() -> f64 {
    let random = RandomState::new().build_hasher().finish();
    (random >> 11) as f64 / (1u64 << 53) as f64
}
