//! Ctrl-C: the first asks for an orderly end after the current step, the second ends at once.

use std::sync::atomic::{AtomicBool, Ordering};

static ASKED: AtomicBool = AtomicBool::new(false);

/// Starts to listen. Files are written atomically, so that even the second Ctrl-C leaves none by
/// halves.
pub(crate) fn listen() {
    let handler = || {
        if ASKED.swap(true, Ordering::Relaxed) {
            std::process::exit(130);
        }
        eprintln!("\nstopping after this step; Ctrl-C again to stop at once");
    };
    // Without a handler Ctrl-C simply ends the process, which is safe too.
    let _ = ctrlc::set_handler(handler);
}

/// Set once the person at the keyboard has asked to stop.
#[cfg(feature = "train")]
pub(crate) fn flag() -> &'static AtomicBool {
    &ASKED
}

/// Whether the person at the keyboard has asked to stop.
pub(crate) fn asked() -> bool {
    ASKED.load(Ordering::Relaxed)
}
