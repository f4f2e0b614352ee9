//! A server's no, in words with what to do.

use std::time::Duration;

use ureq::http::HeaderMap;

use crate::Error;
use crate::address::shown;
use crate::reply::header;

/// Most characters of a server's own words in a message.
const MOST_WORDS: usize = 300;

/// Why a request brought nothing.
#[derive(Debug)]
pub(crate) enum Fault {
    /// Another try may do better, after the wait that the server asks for, if it does.
    Passing {
        reason: String,
        wait: Option<Duration>,
    },
    /// The server has not the bytes from there on.
    Range(Error),
    /// It will fail again.
    Final(Error),
}

impl Fault {
    pub(crate) fn passing(reason: impl Into<String>) -> Self {
        Self::Passing {
            reason: reason.into(),
            wait: None,
        }
    }

    pub(crate) fn last(address: &str, reason: impl Into<String>) -> Self {
        Self::Final(Error::server(address, reason))
    }
}

impl From<Error> for Fault {
    fn from(error: Error) -> Self {
        Self::Final(error)
    }
}

/// A request that was refused.
pub(crate) struct Refusal<'a> {
    pub(crate) address: &'a str,
    pub(crate) status: u16,
    pub(crate) headers: &'a HeaderMap,
    /// The beginning of what the server says.
    pub(crate) body: &'a str,
    /// Whether the endpoint itself refuses, not a server that it redirected to.
    pub(crate) by_hub: bool,
    /// Whether a token was sent.
    pub(crate) with_token: bool,
}

impl Refusal<'_> {
    /// What it means for the next try.
    pub(crate) fn fault(&self) -> Fault {
        let wait = header(self.headers, "retry-after").and_then(retry_after);
        let status = self.status;
        let words = self.words();
        match status {
            429 => Fault::Passing {
                reason: format!(
                    "HTTP 429, too many requests: wait, or set HF_TOKEN, which raises the limit{words}"
                ),
                wait,
            },
            408 | 425 | 500..=599 => Fault::Passing {
                reason: format!("HTTP {status}{words}"),
                wait,
            },
            // The address that it redirected to holds for a time only: the next try gets another.
            401 | 403 | 404 | 410 if !self.by_hub => {
                Fault::passing(format!("HTTP {status} where it redirected to{words}"))
            }
            416 => Fault::Range(Error::server(self.address, self.reason())),
            _ => Fault::last(self.address, self.reason()),
        }
    }

    fn reason(&self) -> String {
        let code = header(self.headers, "x-error-code").unwrap_or_default();
        let page = self.page();
        let gated = format!(
            "its authors ask to accept conditions first: do so on {page}, then set HF_TOKEN to a token of the same account"
        );
        let words = self.words();
        let advice = match (self.status, code) {
            (401 | 403, "GatedRepo") => gated,
            (401, _) if self.with_token => format!(
                "the token in HF_TOKEN is not accepted there, or {page} is not its to read: make one at the Hub's page settings/tokens"
            ),
            (401, _) => format!(
                "{page} is not there, or is not for everybody: check its name, or set HF_TOKEN to a token of an account that may read it"
            ),
            (403, _) if self.with_token => format!(
                "the token in HF_TOKEN may not read this; if {page} asks to accept conditions, do so there, and give the token the right to read"
            ),
            (403, _) => format!("{gated} (or it is private)"),
            (404, "EntryNotFound") => {
                format!("there is no such file; {page} lists those there are")
            }
            (404, "RevisionNotFound") => {
                format!("there is no such revision; {page} lists branches and commits")
            }
            (404, "RepoNotFound") => format!("there is no {page}: check its name"),
            (404, _) => "there is no such file: check the name and the revision".into(),
            (416, _) => "it has not the bytes that were asked for".into(),
            _ => "it cannot be had".into(),
        };
        format!("HTTP {}: {advice}{words}", self.status)
    }

    /// The page of the repository that the address belongs to.
    fn page(&self) -> String {
        let address = shown(self.address);
        let plain = address.replacen("/api/models/", "/", 1);
        let plain = plain.replacen("/api/datasets/", "/datasets/", 1);
        let end = plain.find("/resolve/").or_else(|| plain.find("/revision/"));
        plain[..end.unwrap_or(plain.len())].to_string()
    }

    fn words(&self) -> String {
        let said = header(self.headers, "x-error-message").unwrap_or(self.body);
        let page = said.trim_start().to_ascii_lowercase();
        if page.starts_with("<!doctype") || page.starts_with("<html") {
            return String::new();
        }
        let line = said.split_whitespace().collect::<Vec<_>>().join(" ");
        match line.char_indices().nth(MOST_WORDS) {
            _ if line.is_empty() => String::new(),
            Some((end, _)) => format!(" ({}…)", &line[..end]),
            None => format!(" ({line})"),
        }
    }
}

/// The seconds that a `Retry-After` asks for; a date is not read, and waited for as usual.
fn retry_after(header: &str) -> Option<Duration> {
    header.trim().parse().ok().map(Duration::from_secs)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn refused(status: u16, code: &str, with_token: bool, by_hub: bool) -> Fault {
        let mut headers = HeaderMap::new();
        headers.insert("x-error-code", code.parse().unwrap());
        headers.insert("retry-after", "7".parse().unwrap());
        let refusal = Refusal {
            address: "https://hub.example/a/b/resolve/main/w.bin?sig=secret",
            status,
            headers: &headers,
            body: "no",
            by_hub,
            with_token,
        };
        refusal.fault()
    }

    #[test]
    fn what_to_do_is_said() {
        for (status, code, token, words) in [
            (401, "", false, "check its name"),
            (401, "", true, "not accepted"),
            (
                401,
                "GatedRepo",
                false,
                "accept conditions first: do so on https://hub.example/a/b,",
            ),
            (403, "", false, "accept conditions"),
            (403, "", true, "may not read"),
            (404, "EntryNotFound", false, "no such file"),
            (404, "RevisionNotFound", false, "no such revision"),
            (404, "RepoNotFound", false, "no https://hub.example/a/b"),
            (416, "", false, "HTTP 416"),
        ] {
            let (Fault::Final(error) | Fault::Range(error)) = refused(status, code, token, true)
            else {
                panic!("{status} {code} will fail again");
            };
            let text = error.to_string();
            assert!(text.contains(words) && !text.contains("secret"), "{text}");
        }
        for status in [429, 500, 503] {
            let Fault::Passing { wait, .. } = refused(status, "", false, true) else {
                panic!("{status} may pass");
            };
            assert_eq!(wait, Some(Duration::from_secs(7)));
        }
        assert!(matches!(
            refused(403, "", false, false),
            Fault::Passing { .. }
        ));
    }
}
