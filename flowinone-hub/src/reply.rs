//! What the headers of an answer say about a file.

use ureq::http::HeaderMap;

use crate::repository::is_sha256;

/// What a server says a file is. The Hub says it of the file itself, before it redirects to where
/// the bytes are.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Facts {
    /// SHA-256 of a large file (`X-Linked-Etag`).
    pub sha256: Option<String>,
    /// Bytes of a large file (`X-Linked-Size`).
    pub bytes: Option<u64>,
    /// The commit that a branch or tag stands for (`X-Repo-Commit`).
    pub commit: Option<String>,
}

impl Facts {
    /// Takes over what the headers say; what was said before stays.
    pub(crate) fn add(&mut self, headers: &HeaderMap) {
        let linked = header(headers, "x-linked-etag").map(unquoted);
        let linked = linked.filter(|etag| is_sha256(etag));
        let sha256 = linked.map(str::to_ascii_lowercase);
        self.sha256 = self.sha256.take().or(sha256);
        let size = header(headers, "x-linked-size").and_then(|size| size.trim().parse().ok());
        self.bytes = self.bytes.or(size);
        let commit = header(headers, "x-repo-commit").map(str::trim);
        let commit = commit
            .filter(|commit| is_commit(commit))
            .map(str::to_string);
        self.commit = self.commit.take().or(commit);
    }
}

/// Whether a text is the name of a commit: 40 hexadecimal digits.
pub(crate) fn is_commit(text: &str) -> bool {
    text.len() == 40 && text.bytes().all(|byte| byte.is_ascii_hexdigit())
}

/// The text of a header.
pub(crate) fn header<'a>(headers: &'a HeaderMap, name: &str) -> Option<&'a str> {
    headers.get(name)?.to_str().ok()
}

/// An entity tag without its quotes.
fn unquoted(etag: &str) -> &str {
    etag.trim().trim_start_matches("W/").trim_matches('"')
}

/// First byte and size of the file in a `Content-Range`, such as `bytes 5-9/10`; no size for `*`.
pub(crate) fn content_range(text: &str) -> Option<(u64, Option<u64>)> {
    let (range, total) = text.trim().strip_prefix("bytes ")?.split_once('/')?;
    let (first, last) = range.split_once('-')?;
    let (first, last): (u64, u64) = (first.trim().parse().ok()?, last.trim().parse().ok()?);
    let total = match total.trim() {
        "*" => None,
        digits => Some(digits.parse().ok()?),
    };
    (first <= last && total.is_none_or(|total: u64| last < total)).then_some((first, total))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn headers_of_the_hub_are_read_and_nonsense_is_not() {
        let digest = "AB".repeat(32);
        let mut headers = HeaderMap::new();
        for (name, value) in [
            ("x-linked-etag", format!("\"{digest}\"")),
            ("x-linked-size", "12".into()),
            ("x-repo-commit", "0".repeat(40)),
        ] {
            headers.insert(name, value.parse().unwrap());
        }
        let mut facts = Facts::default();
        facts.add(&headers);
        assert_eq!(facts.sha256, Some("ab".repeat(32)));
        assert_eq!(
            (facts.bytes, facts.commit.clone()),
            (Some(12), Some("0".repeat(40)))
        );
        let mut other = HeaderMap::new();
        other.insert("x-linked-etag", "\"0123\"".parse().unwrap());
        other.insert("x-linked-size", "-1".parse().unwrap());
        let before = facts.clone();
        facts.add(&other);
        assert_eq!(facts, before);
        let mut nothing = Facts::default();
        nothing.add(&other);
        assert_eq!(nothing, Facts::default());
    }

    #[test]
    fn ranges_are_read_and_contradictions_are_not() {
        assert_eq!(content_range("bytes 5-9/10"), Some((5, Some(10))));
        assert_eq!(content_range("bytes 5-9/*"), Some((5, None)));
        for bad in [
            "",
            "bytes */10",
            "bytes 9-5/10",
            "bytes 5-10/10",
            "items 0-1/2",
            "bytes 0-/2",
        ] {
            assert_eq!(content_range(bad), None, "{bad}");
        }
    }
}
