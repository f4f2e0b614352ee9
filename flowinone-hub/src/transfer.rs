//! A file to the disk: `NAME.part` grows, through as many requests as it takes, and becomes `NAME`
//! when its size and its SHA-256 are right.

use std::path::{Path, PathBuf};
use std::thread::sleep;

use flowinone_files::sha256;

use crate::client::{Client, Reply};
use crate::part::{Part, Stop, part};
use crate::refusal::Fault;
use crate::reply::{content_range, header};
use crate::{Error, Event, Patience};

/// How often a file is fetched from its beginning because its digest was wrong.
const WHOLE_TRIES: u32 = 2;

/// What is fetched, and how.
pub(crate) struct Transfer<'a> {
    pub(crate) client: &'a Client,
    pub(crate) patience: &'a Patience,
    pub(crate) address: &'a str,
    pub(crate) name: &'a str,
    pub(crate) bytes: u64,
    pub(crate) sha256: &'a str,
}

/// Whether the server can be asked for a part of the file.
#[derive(Clone, Copy, PartialEq)]
enum Ranges {
    Asked,
    Ignored,
}

impl Transfer<'_> {
    /// Fetches the file into a folder.
    pub(crate) fn run(
        &self,
        folder: &Path,
        see: &mut dyn FnMut(Event<'_>),
    ) -> Result<PathBuf, Error> {
        let target = folder.join(self.name);
        let path = part(folder, self.sha256);
        for whole in 0.. {
            let (name, total) = (self.name, self.bytes);
            let checking = |done| see(Event::Checking { name, done, total });
            let mut part = Part::open(&path, total, checking)?;
            let resumed = part.length() > 0;
            self.fill(&mut part, see)?;
            let found = match part.finish(&target, self.sha256)? {
                Ok(()) => return Ok(target),
                Err(found) => found,
            };
            // Bytes of an earlier run may be the wrong ones.
            if !resumed && whole + 1 >= WHOLE_TRIES {
                return Err(Error::Content {
                    path: target,
                    reason: format!(
                        "the server sends other bytes: their SHA-256 is {found}, expected {}; nothing was kept",
                        self.sha256
                    ),
                });
            }
            let reason = "the bytes that came are not those of the file; it is fetched again";
            let wait = self.patience.first;
            see(Event::Waiting { name, reason, wait });
            sleep(wait);
        }
        unreachable!("the loop ends by itself")
    }

    /// Adds bytes until all are there.
    fn fill(&self, part: &mut Part, see: &mut dyn FnMut(Event<'_>)) -> Result<(), Error> {
        let mut failures = 0;
        let mut ranges = Ranges::Asked;
        while part.length() < self.bytes {
            let before = part.length();
            let fault = match self.receive(part, &mut ranges, see) {
                Ok(()) => continue,
                Err(fault) => fault,
            };
            if part.length() > before {
                failures = 0;
            }
            let wait = pause(
                self.patience,
                self.address,
                failures,
                fault,
                |reason, wait| {
                    see(Event::Waiting {
                        name: self.name,
                        reason,
                        wait,
                    });
                },
            )?;
            sleep(wait);
            failures += 1;
        }
        Ok(())
    }

    /// One request, and what comes of it.
    fn receive(
        &self,
        part: &mut Part,
        ranges: &mut Ranges,
        see: &mut dyn FnMut(Event<'_>),
    ) -> Result<(), Fault> {
        let from = match ranges {
            Ranges::Asked => part.length(),
            Ranges::Ignored => 0,
        };
        let reply = match self.client.get(self.address, from) {
            // What is here is not the beginning of what is there.
            Err(Fault::Range(_)) if from > 0 => {
                *ranges = Ranges::Ignored;
                part.restart().map_err(Error::from)?;
                return Err(Fault::passing("HTTP 416: it is fetched from the beginning"));
            }
            other => other?,
        };
        self.check(&reply)?;
        match (reply.status, header(&reply.headers, "content-range")) {
            (206, range) => {
                let range = range.and_then(content_range);
                let (first, total) = range.unwrap_or((u64::MAX, None));
                if first != from || total.is_some_and(|total| total != self.bytes) {
                    *ranges = Ranges::Ignored;
                    let reason = "it sends other bytes than were asked for; it is fetched from the beginning";
                    return Err(Fault::passing(reason));
                }
            }
            _ => {
                let length = header(&reply.headers, "content-length");
                let length = length.and_then(|length| length.trim().parse::<u64>().ok());
                if let Some(length) = length.filter(|length| *length != self.bytes) {
                    let reason = format!(
                        "it has {length} bytes, expected {}: another file, or a page in its place",
                        self.bytes
                    );
                    return Err(Fault::last(self.address, reason));
                }
            }
        }
        // A whole file comes, whatever is here.
        if from == 0 || reply.status != 206 {
            part.restart().map_err(Error::from)?;
        }
        self.copy(reply, part, see)
    }

    /// What the Hub says of the file must be what is expected of it.
    fn check(&self, reply: &Reply) -> Result<(), Fault> {
        let other = |what: &str, there: String, expected: String| {
            let reason = format!(
                "the Hub has another file there: its {what} is {there}, expected {expected}; if it was replaced, --revision names the one to take"
            );
            Err(Fault::last(self.address, reason))
        };
        match (&reply.facts.sha256, reply.facts.bytes) {
            (Some(there), _) if *there != self.sha256 => {
                other("SHA-256", there.clone(), self.sha256.into())
            }
            (_, Some(there)) if there != self.bytes => {
                other("size", there.to_string(), self.bytes.to_string())
            }
            _ => Ok(()),
        }
    }

    fn copy(
        &self,
        mut reply: Reply,
        part: &mut Part,
        see: &mut dyn FnMut(Event<'_>),
    ) -> Result<(), Fault> {
        let mut reader = reply.body.as_reader();
        loop {
            match part.take(&mut reader, self.bytes) {
                Ok(()) => {}
                Err(Stop::End) if part.length() == self.bytes => return Ok(()),
                Err(Stop::End) => {
                    return Err(Fault::passing(format!(
                        "it ended after {} of {} bytes",
                        part.length(),
                        self.bytes
                    )));
                }
                Err(Stop::Read(error)) => {
                    return Err(Fault::passing(format!("it broke off: {error}")));
                }
                Err(Stop::TooMany) => {
                    let reason = format!("it sends more than the {} bytes of the file", self.bytes);
                    return Err(Fault::last(self.address, reason));
                }
                Err(Stop::Write(error)) => return Err(Fault::Final(error.into())),
            }
            see(Event::Received {
                name: self.name,
                done: part.length(),
                total: self.bytes,
            });
        }
    }
}

/// The wait after a failure, which is told; or the error if it was one too many.
pub(crate) fn pause(
    patience: &Patience,
    address: &str,
    failures: u32,
    fault: Fault,
    tell: impl FnOnce(&str, std::time::Duration),
) -> Result<std::time::Duration, Error> {
    let (reason, asked) = match fault {
        Fault::Final(error) | Fault::Range(error) => return Err(error),
        Fault::Passing { reason, wait } => (reason, wait),
    };
    if failures + 1 >= patience.tries {
        let tries = match patience.tries {
            1 => String::new(),
            tries => format!(" after {tries} tries"),
        };
        let reason =
            format!("{reason}; given up{tries}; what came is kept, and the same command goes on");
        return Err(Error::server(address, reason));
    }
    let Some(wait) = patience.wait(failures, asked) else {
        let seconds = asked.unwrap_or_default().as_secs();
        let reason = format!(
            "{reason}; it asks to wait {seconds} seconds: run the same command then, which goes on"
        );
        return Err(Error::server(address, reason));
    };
    tell(&reason, wait);
    Ok(wait)
}

/// Whether a file is there with that size and digest.
pub(crate) fn is_there(
    path: &Path,
    bytes: u64,
    digest: &str,
    see: &mut dyn FnMut(Event<'_>),
) -> Result<bool, Error> {
    if !std::fs::metadata(path).is_ok_and(|there| there.is_file() && there.len() == bytes) {
        return Ok(false);
    }
    let name = path.file_name().unwrap_or_default().to_string_lossy();
    see(Event::Checking {
        name: &name,
        done: 0,
        total: bytes,
    });
    Ok(sha256(path)? == digest)
}
