//! What a run tells on the side, while it goes: on the standard error, if that takes it.

/// Tells something, as `eprintln!` does; a standard error that is closed or full is no reason to
/// stop.
macro_rules! tell {
    ($($text:tt)*) => {{
        use std::io::Write;
        let _ = writeln!(std::io::stderr().lock(), $($text)*);
    }};
}
