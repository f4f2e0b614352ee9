//! Shards as a stream: a new order of the shards for each pass, then a shuffle buffer.
//!
//! A pass gives every sample of the reader's shards exactly once. What is needed to go on exactly
//! is small: the place in the current shard, and the places of the samples in the buffer, which are
//! read again.

use std::collections::HashMap;
use std::path::PathBuf;

use super::damage::Damage;
use super::draw::{hash, permutation, scramble};
use super::position::foreign;
use super::shard::Shard;
use super::{Error, Example, Position, Sample, StreamConfig};

/// Passes over a set of shards.
pub struct ShardStream {
    name: String,
    shards: Vec<PathBuf>,
    config: StreamConfig,
    epoch: u64,
    /// The shards of this pass, by number.
    order: Vec<usize>,
    turn: usize,
    open: Option<Shard>,
    /// Where to begin in the shard of this turn.
    offset: u64,
    buffer: Vec<Held>,
    draws: u64,
    given: u64,
    damage: Damage,
}

/// A sample in the buffer, and where it came from.
struct Held {
    shard: usize,
    offset: u64,
    sample: Sample,
}

impl ShardStream {
    /// Opens shards under a common name.
    ///
    /// # Errors
    /// Fewer shards than parts, an empty buffer, or a tolerance that is no share.
    pub fn open(name: String, shards: Vec<PathBuf>, config: StreamConfig) -> Result<Self, Error> {
        let parts = config.part.of;
        if (shards.len() as u64) < parts {
            return Err(Error::Config(format!(
                "{name} has {} shards, too few for {parts} readers; write more and smaller shards",
                shards.len()
            )));
        }
        if config.buffer == 0 || !(0.0..=1.0).contains(&config.tolerance) {
            return Err(Error::Config(format!(
                "a shuffle buffer of {} and a tolerance of {}; expected 1 or more, and 0 to 1",
                config.buffer, config.tolerance
            )));
        }
        let mut stream = Self {
            name,
            shards,
            config,
            epoch: 0,
            order: vec![],
            turn: 0,
            open: None,
            offset: 0,
            buffer: vec![],
            draws: 0,
            given: 0,
            damage: Damage::default(),
        };
        stream.begin(0);
        Ok(stream)
    }

    pub(crate) fn name(&self) -> &str {
        &self.name
    }

    pub(crate) fn damage(&self) -> &Damage {
        &self.damage
    }

    fn begin(&mut self, epoch: u64) {
        let order = permutation(self.shards.len(), self.config.seed, epoch);
        let mine = order.into_iter().enumerate();
        let mine = mine.filter(|(turn, _)| self.config.part.holds(*turn));
        self.order = mine.map(|(_, shard)| shard).collect();
        (self.epoch, self.turn, self.offset, self.given) = (epoch, 0, 0, 0);
    }

    pub(crate) fn next_example(&mut self) -> Result<Option<Example>, Error> {
        loop {
            if self.config.epochs.is_some_and(|most| self.epoch >= most) {
                return Ok(None);
            }
            while self.buffer.len() < self.config.buffer {
                match self.read()? {
                    Some(held) => self.buffer.push(held),
                    None => break,
                }
            }
            if self.buffer.is_empty() {
                if self.given == 0 {
                    let reason = format!("a whole pass over {} has no usable sample", self.name);
                    return Err(Error::Config(reason));
                }
                self.begin(self.epoch + 1);
                self.check(self.epoch == 1)?;
                continue;
            }
            let key = scramble(self.config.seed, self.config.part.index);
            let chosen = scramble(key, self.draws) % self.buffer.len() as u64;
            self.draws += 1;
            let held = self.buffer.swap_remove(chosen as usize);
            match held.sample.decode(&self.name) {
                Ok(example) => {
                    self.given += 1;
                    return Ok(Some(example));
                }
                Err(reason) => self.bad_sample(held.shard, &held.sample.key, &reason)?,
            }
        }
    }

    /// The next sample of the pass, in the order of the shards.
    fn read(&mut self) -> Result<Option<Held>, Error> {
        while let Some(&shard) = self.order.get(self.turn) {
            let next = match &mut self.open {
                Some(open) => open.next(),
                None => Shard::open(&self.shards[shard], self.offset).and_then(|mut open| {
                    let found = open.next();
                    self.open = Some(open);
                    found
                }),
            };
            let found = match next {
                Ok(Some(found)) => {
                    self.offset = self.open.as_ref().map_or(0, Shard::offset);
                    found
                }
                end => {
                    (self.open, self.offset) = (None, 0);
                    self.turn += 1;
                    if let Err(reason) = end {
                        let path = self.shards[shard].display().to_string();
                        let new = self.damage.shard(&path, format!("{path}: {reason}"));
                        self.check(new)?;
                    }
                    continue;
                }
            };
            self.damage.seen += u64::from(self.epoch == 0);
            match found.sample {
                Ok(sample) => {
                    return Ok(Some(Held {
                        shard,
                        offset: found.offset,
                        sample,
                    }));
                }
                Err(reason) => self.bad_sample(shard, &found.key, &reason)?,
            }
        }
        Ok(None)
    }

    fn bad_sample(&mut self, shard: usize, key: &str, reason: &str) -> Result<(), Error> {
        let place = format!("{}, {key}", self.shards[shard].display());
        let new = self.damage.sample(&place, format!("{place}: {reason}"));
        self.check(new)
    }

    /// How many samples there are is known at the end of the first pass; of shards always, and with
    /// no tolerance the first is too many.
    fn check(&self, new: bool) -> Result<(), Error> {
        let Self { damage, config, .. } = self;
        if !new {
            return Ok(()); // known from another pass
        }
        let shards = self.order.len() as u64;
        let samples = match self.epoch > 0 || config.tolerance == 0.0 {
            true => damage.seen,
            false => u64::MAX,
        };
        damage.check(&self.name, samples, shards, config.tolerance)
    }

    fn fingerprint(&self) -> u64 {
        let config = serde_json::to_string(&self.config).expect("plain data");
        let names = self.shards.iter().filter_map(|path| path.file_name());
        let names: Vec<String> = names.map(|n| n.to_string_lossy().into_owned()).collect();
        let words: Vec<&str> = names.iter().map(String::as_str).chain([&*config]).collect();
        hash(&words)
    }

    pub(crate) fn position(&self) -> Position {
        Position::Shards {
            fingerprint: self.fingerprint(),
            epoch: self.epoch,
            turn: self.turn,
            offset: self.offset,
            draws: self.draws,
            given: self.given,
            buffer: self.buffer.iter().map(|h| (h.shard, h.offset)).collect(),
            damage: self.damage.clone(),
        }
    }

    pub(crate) fn resume(&mut self, position: Position) -> Result<(), Error> {
        let Position::Shards {
            fingerprint,
            epoch,
            turn,
            offset,
            draws,
            given,
            buffer,
            damage,
        } = position
        else {
            return Err(foreign(&self.name));
        };
        if fingerprint != self.fingerprint() {
            return Err(foreign(&self.name));
        }
        let mut open: HashMap<usize, Shard> = HashMap::new();
        let mut refilled = vec![];
        for (shard, offset) in buffer {
            let changed = |reason: String| {
                let path = self.shards.get(shard).map(|p| p.display().to_string());
                let path = path.unwrap_or_else(|| format!("shard {shard}"));
                Error::Resume(format!("{path} has changed at byte {offset}: {reason}"))
            };
            let file = match open.remove(&shard) {
                Some(file) => Ok(file),
                None => match self.shards.get(shard) {
                    Some(path) => Shard::open(path, offset),
                    None => Err("there are fewer shards".into()),
                },
            };
            let mut file = file.map_err(changed)?;
            file.seek(offset);
            let found = file.next().map_err(changed)?;
            let found = found.ok_or_else(|| changed("it ends there".into()))?;
            let sample = found.sample.map_err(changed)?;
            open.insert(shard, file);
            refilled.push(Held {
                shard,
                offset,
                sample,
            });
        }
        self.begin(epoch);
        (self.turn, self.offset, self.open) = (turn, offset, None);
        (self.draws, self.given, self.damage) = (draws, given, damage);
        self.buffer = refilled;
        Ok(())
    }
}
