//! Batches made ahead on another thread, in as many equal parts as there are devices, each with the
//! position of the data after it.

use std::sync::mpsc::{Receiver, sync_channel};
use std::thread;

use flowinone_data::{Example, MixPosition, Mixer};

use crate::Error;

/// Batches that wait, at most.
const AHEAD: usize = 3;

type Made<B> = Result<(Vec<B>, MixPosition), Error>;

/// A stream of batches.
pub struct Loader<B> {
    batches: Receiver<Made<B>>,
}

impl<B: Send + 'static> Loader<B> {
    /// Starts to make batches of what `mixer` gives, each in `parts` parts, which must divide it.
    pub fn start(
        mut mixer: Mixer,
        parts: usize,
        batcher: impl Fn(Vec<Example>) -> Result<B, Error> + Send + 'static,
    ) -> Self {
        let make = move |mut examples: Vec<Example>| {
            let each = examples.len() / parts;
            let mut part = || batcher(examples.drain(..each).collect());
            (0..parts)
                .map(|_| part())
                .collect::<Result<Vec<B>, Error>>()
        };
        let (send, batches) = sync_channel(AHEAD);
        thread::spawn(move || {
            loop {
                let made = match mixer.batch() {
                    Ok(Some(examples)) => make(examples).map(|parts| (parts, mixer.position())),
                    Ok(None) => return, // a source has ended: the receiver sees a closed channel
                    Err(error) => Err(error.into()),
                };
                let ended = made.is_err();
                if send.send(made).is_err() || ended {
                    return;
                }
            }
        });
        Self { batches }
    }

    /// The parts of the next batch, and where the data stands after it; `None` once a source has
    /// ended.
    ///
    /// # Errors
    /// As those of the data and of the batcher.
    pub fn next(&self) -> Result<Option<(Vec<B>, MixPosition)>, Error> {
        self.batches.recv().ok().transpose()
    }
}
