//! Names of jobs: 10 characters of time and 16 of chance in Crockford's base 32, so that they sort
//! by age and none can be guessed.
//!
//! `id = base32(milliseconds << 80 | random)`, as ULID has it, in lower case.

use std::time::{SystemTime, UNIX_EPOCH};

const ALPHABET: &[u8; 32] = b"0123456789abcdefghjkmnpqrstvwxyz";
/// Length of an id.
const LENGTH: usize = 26;

/// A new id.
pub(crate) fn new() -> String {
    let chance = u128::from(random()) << 64 | u128::from(random());
    let value = u128::from(now()) << 80 | chance >> 48;
    let digit = |place: usize| ALPHABET[(value >> (5 * (LENGTH - 1 - place)) & 31) as usize];
    (0..LENGTH).map(|place| char::from(digit(place))).collect()
}

/// Whether a text has the form of an id.
pub(crate) fn is_id(text: &str) -> bool {
    text.len() == LENGTH && text.bytes().all(|byte| ALPHABET.contains(&byte))
}

/// 64 bits of the system's chance. A system that gave some at the start gives more.
pub(crate) fn random() -> u64 {
    getrandom::u64().expect("the system gave chance when the server started")
}

/// Whether the system gives chance at all; without it no id could be made.
pub(crate) fn check() -> Result<(), String> {
    getrandom::u64().map(drop).map_err(|e| e.to_string())
}

/// Milliseconds since 1970.
pub(crate) fn now() -> u64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH);
    since.map_or(0, |time| time.as_millis() as u64)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_sort_by_age_and_are_told_from_paths() {
        let first = new();
        std::thread::sleep(std::time::Duration::from_millis(2));
        let second = new();
        assert!(first < second, "{first} {second}");
        assert!(is_id(&first) && first != new());
        for no in [
            "",
            "..",
            "../../etc/passwd",
            &first[1..],
            &first.to_uppercase(),
        ] {
            assert!(!is_id(no), "{no}");
        }
    }
}
