//! An OpenAI-compatible vision endpoint: one request, and what its failure means for the next.

use std::fmt;
use std::io::ErrorKind;
use std::time::{Duration, SystemTime};

use serde::Deserialize;
use serde_json::Value;
use ureq::Agent;

use super::retry::retry_after;
use super::verdict::Verdict;

/// Largest answer that is read, in bytes.
const MAX_ANSWER: u64 = 4 << 20;
/// Most characters of a server's words in a message.
const MOST_WORDS: usize = 300;

/// A key that is sent to the endpoint, and neither printed nor written.
#[derive(Clone)]
pub struct Key(String);

impl Key {
    /// Takes a key as it is.
    pub fn new(key: impl Into<String>) -> Self {
        Self(key.into())
    }
}

impl fmt::Debug for Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Key(…)")
    }
}

/// Where and as whom to ask.
#[derive(Debug, Clone)]
pub struct Endpoint {
    /// The address, such as `https://api.openai.com/v1`; `/chat/completions` is added if it is
    /// missing.
    pub url: String,
    /// The model's name there.
    pub model: String,
    /// The key; none for a server that asks for none.
    pub key: Option<Key>,
    /// The longest time that one request may take.
    pub timeout: Duration,
}

/// Why a try gave no verdict.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Fault {
    /// Another try may do better, after the wait that the server asks for, if it does.
    Passing {
        reason: String,
        wait: Option<Duration>,
    },
    /// As [`Passing`](Self::Passing), but nothing was there to answer: no item does better.
    Unreachable { reason: String },
    /// This item will fail again.
    Item { reason: String },
    /// Every item will fail.
    All { reason: String },
}

/// An open connection.
pub(crate) struct Connection {
    agent: Agent,
    url: String,
    key: Option<Key>,
}

#[derive(Deserialize)]
struct Answer {
    choices: Vec<Choice>,
}

#[derive(Deserialize)]
struct Choice {
    message: Message,
}

#[derive(Deserialize)]
struct Message {
    content: Option<String>,
}

impl Connection {
    pub(crate) fn new(endpoint: &Endpoint) -> Self {
        let url = endpoint.url.trim_end_matches('/');
        let mut config = Agent::config_builder();
        if local(url) {
            config = config.proxy(None); // a proxy does not see this machine
        }
        let config = config
            .timeout_global(Some(endpoint.timeout))
            .http_status_as_error(false)
            // A key must not follow a redirection to someone else.
            .max_redirects(0)
            .max_redirects_will_error(false)
            .build();
        let url = match url.ends_with("/chat/completions") {
            true => url.to_string(),
            false => format!("{url}/chat/completions"),
        };
        Self {
            agent: config.new_agent(),
            url,
            key: endpoint.key.clone(),
        }
    }

    /// Where requests go.
    pub(crate) fn url(&self) -> &str {
        &self.url
    }

    /// Asks once.
    pub(crate) fn ask(&self, body: &Value) -> Result<Verdict, Fault> {
        let mut request = self.agent.post(&self.url);
        if let Some(Key(key)) = &self.key {
            request = request.header("Authorization", format!("Bearer {key}"));
        }
        let mut response = request.send_json(body).map_err(|e| self.unsent(&e))?;
        let status = response.status().as_u16();
        let header = response.headers().get("retry-after");
        let wait = header.and_then(|value| retry_after(value.to_str().ok()?, SystemTime::now()));
        let body = response.body_mut().with_config().limit(MAX_ANSWER);
        let text = body.lossy_utf8(true).read_to_string();
        if status != 200 {
            let words = text.unwrap_or_default();
            let reason = format!("HTTP {status}: {}", self.excerpt(&words));
            return Err(match status {
                408 | 409 | 425 | 429 | 500..=599 => Fault::Passing { reason, wait },
                400 | 413 | 415 | 422 => Fault::Item { reason },
                _ => Fault::All { reason },
            });
        }
        let text = text.map_err(|e| self.unsent(&e))?;
        let unusable = |reason: String| Fault::Passing { reason, wait: None };
        let answer: Answer = serde_json::from_str(&text)
            .map_err(|e| unusable(format!("no chat completion ({e}): {}", self.excerpt(&text))))?;
        let content = answer.choices.into_iter().next();
        let content = content.and_then(|choice| choice.message.content);
        let content = content.ok_or_else(|| unusable("an answer without words".into()))?;
        Verdict::parse(&content)
            .map_err(|reason| unusable(format!("{reason}: {}", self.excerpt(&content))))
    }

    /// A request that brought no answer.
    fn unsent(&self, error: &ureq::Error) -> Fault {
        use ureq::Error;
        let reason = self.excerpt(&error.to_string());
        match error {
            Error::BadUri(_)
            | Error::Http(_)
            | Error::Tls(_)
            | Error::TlsRequired
            | Error::InvalidProxyUrl => Fault::All { reason },
            Error::HostNotFound | Error::ConnectionFailed => Fault::Unreachable { reason },
            Error::Io(io) if io.kind() == ErrorKind::ConnectionRefused => {
                Fault::Unreachable { reason }
            }
            _ => Fault::Passing { reason, wait: None },
        }
    }

    /// The beginning of what a server says, on one line, without the key.
    fn excerpt(&self, text: &str) -> String {
        let text = match &self.key {
            Some(Key(key)) if !key.is_empty() => text.replace(key, "[key]"),
            _ => text.into(),
        };
        let line = text.split_whitespace().collect::<Vec<_>>().join(" ");
        match line.char_indices().nth(MOST_WORDS) {
            Some((end, _)) => format!("{}…", &line[..end]),
            None => line,
        }
    }
}

/// Whether an address is that of this machine.
fn local(url: &str) -> bool {
    let rest = url.split_once("://").map_or(url, |(_, rest)| rest);
    let host = rest.split('/').next().unwrap_or_default();
    let named = |name: &str| host == name || host.starts_with(&format!("{name}:"));
    named("localhost") || named("[::1]") || host.starts_with("127.")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn connection(url: &str) -> Connection {
        Connection::new(&Endpoint {
            url: url.into(),
            model: "eye".into(),
            key: Some(Key::new("sk-secret")),
            timeout: Duration::from_secs(1),
        })
    }

    #[test]
    fn the_path_is_added_once() {
        for url in [
            "http://a/v1",
            "http://a/v1/",
            "http://a/v1/chat/completions",
        ] {
            assert_eq!(connection(url).url(), "http://a/v1/chat/completions");
        }
    }

    #[test]
    fn this_machine_is_asked_without_a_proxy() {
        for here in [
            "http://localhost",
            "http://127.0.0.1:80/v1",
            "http://[::1]:80/v1",
        ] {
            assert!(local(here), "{here}");
        }
        for there in [
            "http://localhost.example/v1",
            "https://api.example/127.0.0.1",
        ] {
            assert!(!local(there), "{there}");
        }
    }

    #[test]
    fn keys_are_never_shown() {
        let connection = connection("http://a");
        assert_eq!(connection.excerpt("bad key\n sk-secret!"), "bad key [key]!");
        assert_eq!(format!("{:?}", connection.key), "Some(Key(…))");
        assert_eq!(connection.excerpt(&"x".repeat(999)).chars().count(), 301);
    }
}
