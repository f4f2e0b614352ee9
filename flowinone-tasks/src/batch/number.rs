//! Numbers of items: from what a picture is called, so that pictures added later leave the others
//! as they were.

use std::path::Path;

use flowinone_files::sha256_of;

/// The item number of a path below an input or output directory.
pub fn number(below: &Path) -> u64 {
    let parts: Vec<_> = below.iter().map(|part| part.to_string_lossy()).collect();
    number_of_digest(&sha256_of(parts.join("/").as_bytes()))
}

/// An item number: 53 bits of a SHA-256, which every JSON reader keeps exactly.
pub(super) fn number_of_digest(digest: &str) -> u64 {
    u64::from_str_radix(&digest[..16], 16).map_or(0, |bits| bits >> 11)
}
