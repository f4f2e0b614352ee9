//! Work that is watched: how much of it is done, and whether it shall go on, asked before each
//! convolution.

use crate::Error;

/// Progress of some work, and the wish to stop it.
pub struct Watch<'a> {
    look: &'a mut dyn FnMut(f64) -> bool,
    done: f64,
    whole: f64,
}

impl<'a> Watch<'a> {
    /// Tells `look` the share of the work that is done, 0 to 1, and stops when it returns false.
    pub fn new(look: &'a mut dyn FnMut(f64) -> bool) -> Self {
        Self {
            look,
            done: 0.0,
            whole: 0.0,
        }
    }

    /// Adds work to come, in multiply-adds.
    pub(crate) fn expect(&mut self, work: f64) {
        self.whole += work;
    }

    /// Before a piece of work.
    ///
    /// # Errors
    /// [`Error::Stopped`] if it shall not be done.
    pub(crate) fn begin(&mut self, work: f64) -> Result<(), Error> {
        let share = (self.done / self.whole.max(1.0)).min(1.0);
        self.done += work;
        match (self.look)(share) {
            true => Ok(()),
            false => Err(Error::Stopped),
        }
    }
}
