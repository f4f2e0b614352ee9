//! How much room there is.

use std::path::Path;

/// Bytes that may be written where a path lies or will lie; `None` if the system does not say.
pub fn available(path: impl AsRef<Path>) -> Option<u64> {
    let path = std::path::absolute(path).ok()?;
    let there = path.ancestors().find(|folder| folder.exists())?;
    fs4::available_space(there).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn room_is_that_of_the_disk_also_below_what_is_not_there_yet() {
        let folder = tempfile::tempdir().unwrap();
        let here = available(folder.path()).unwrap();
        assert!(here > 0);
        assert!(available(folder.path().join("a/b")).unwrap() > 0);
    }
}
