//! What macOS puts next to files: `._NAME` and `.DS_Store`.

use std::path::Path;

/// Whether a file is one that macOS puts next to others: it is not what its name says.
pub fn is_companion(path: &Path) -> bool {
    let name = path.file_name().unwrap_or_default().as_encoded_bytes();
    name.starts_with(b"._") || name == b".DS_Store"
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_macos_writes_is_a_companion() {
        for (name, companion) in [
            ("a/._b.png", true),
            (".DS_Store", true),
            ("a/.b.png", false),
            ("_b.png", false),
            ("", false),
        ] {
            assert_eq!(is_companion(Path::new(name)), companion, "{name}");
        }
    }
}
