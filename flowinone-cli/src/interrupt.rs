//! Ctrl-C. Of work that can stop in order, the first asks for that after the current step, and the
//! second ends at once; all other work ends at once. What was begun and not finished is removed.

use std::process::exit;
use std::sync::atomic::{AtomicBool, Ordering};

static ASKED: AtomicBool = AtomicBool::new(false);
static ORDERLY: AtomicBool = AtomicBool::new(false);

/// Starts to hear Ctrl-C; until [`listen`] it ends the program.
pub(crate) fn install() {
    let handler = || {
        if !ORDERLY.load(Ordering::Relaxed) || ASKED.swap(true, Ordering::Relaxed) {
            flowinone_files::abandon();
            exit(130);
        }
        tell!("\nstopping after this step; Ctrl-C again to stop at once");
    };
    // Without a handler Ctrl-C simply ends the process; what it leaves the next run removes.
    let _ = ctrlc::set_handler(handler);
}

/// From now on the work looks whether it was [`asked`] to stop.
pub(crate) fn listen() {
    ORDERLY.store(true, Ordering::Relaxed);
}

/// Whether the person at the keyboard has asked to stop.
pub(crate) fn asked() -> bool {
    ASKED.load(Ordering::Relaxed)
}
