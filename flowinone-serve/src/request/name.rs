//! Names of files as a client may choose them for its own pictures.

/// Longest name, in characters.
const LONGEST: usize = 120;

/// Whether a text is a plain name: no path, nothing that a header or a shell would misread.
pub(crate) fn is_name(text: &str) -> bool {
    let plain = |c: char| c.is_alphanumeric() || " -_.".contains(c);
    !text.is_empty()
        && text.chars().count() <= LONGEST
        && text.chars().all(plain)
        && !text.starts_with('.')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_is_no_path() {
        for good in ["cat-1", "grün 2.png", "猫"] {
            assert!(is_name(good), "{good}");
        }
        for bad in [
            "",
            "..",
            "../a",
            "a/b",
            "a\\b",
            "a\"b",
            "a\r\nb",
            ".bashrc",
            &"a".repeat(121),
        ] {
            assert!(!is_name(bad), "{bad:?}");
        }
    }
}
