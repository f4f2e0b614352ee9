//! A reader of another's, run so that damage which drives it into a panic is an error as well.

use std::any::Any;
use std::cell::Cell;
use std::panic::{AssertUnwindSafe, catch_unwind, set_hook, take_hook};
use std::path::Path;
use std::sync::Once;

use parquet::errors::ParquetError;

use crate::Error;

thread_local! {
    /// Whether a panic of this thread is expected, and told as an error.
    static QUIET: Cell<bool> = const { Cell::new(false) };
}
static HOOK: Once = Once::new();

/// Runs a reader; its error names the file.
pub(crate) fn guarded<T>(
    path: &Path,
    read: impl FnOnce() -> Result<T, ParquetError>,
) -> Result<T, Error> {
    let reason = match quietly(read) {
        Ok(Ok(value)) => return Ok(value),
        Ok(Err(ParquetError::General(reason) | ParquetError::NYI(reason))) => reason,
        Ok(Err(error)) => error.to_string(),
        Err(panic) => panicked(&*panic),
    };
    const CODEC: &str = "Disabled feature at compile time: ";
    let reason = match reason.strip_prefix(CODEC) {
        Some(codec) => {
            format!("it is compressed by {codec}, which is not read; write it again with Snappy")
        }
        None => format!("it cannot be read: {reason}; download it again"),
    };
    Err(Error::table(path, reason))
}

/// Catches a panic without its message on the standard error.
fn quietly<T>(run: impl FnOnce() -> T) -> std::thread::Result<T> {
    HOOK.call_once(|| {
        let loud = take_hook();
        set_hook(Box::new(move |panic| {
            if !QUIET.get() {
                loud(panic);
            }
        }));
    });
    let before = QUIET.replace(true);
    let result = catch_unwind(AssertUnwindSafe(run));
    QUIET.set(before);
    result
}

fn panicked(panic: &(dyn Any + Send)) -> String {
    let text = panic.downcast_ref::<String>().map(String::as_str);
    let text = text.or_else(|| panic.downcast_ref::<&str>().copied());
    format!(
        "damaged ({})",
        text.unwrap_or("its sizes contradict each other")
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_panic_is_an_error_that_names_the_file() {
        let file = Path::new("x.parquet");
        let text = guarded(file, || -> Result<(), _> { panic!("index {}", 7) });
        let text = text.unwrap_err().to_string();
        assert!(
            text.contains("x.parquet") && text.contains("index 7"),
            "{text}"
        );
        assert!(!QUIET.get());
        assert_eq!(guarded(file, || Ok(5)).unwrap(), 5);
    }
}
