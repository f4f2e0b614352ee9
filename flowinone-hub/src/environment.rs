//! What people have set for the Hub's own tools, under the same names.

use std::fmt;
use std::path::{Path, PathBuf};

use crate::Error;
use crate::address::origin;
use crate::cache::Cache;

/// Where the Hub is if nothing else is said.
const ENDPOINT: &str = "https://huggingface.co";
/// Variables that name a proxy.
const PROXIES: [&str; 6] = [
    "ALL_PROXY",
    "all_proxy",
    "HTTPS_PROXY",
    "https_proxy",
    "HTTP_PROXY",
    "http_proxy",
];
/// Longest file of a token, in bytes.
const LONGEST_TOKEN: u64 = 4096;

/// A token that is sent to the endpoint, and neither printed nor written.
#[derive(Clone)]
pub struct Token(String);

impl Token {
    /// Takes a token as it is.
    pub fn new(token: impl Into<String>) -> Self {
        Self(token.into())
    }

    pub(crate) fn header(&self) -> String {
        format!("Bearer {}", self.0)
    }

    /// A text of a server without the token in it.
    pub(crate) fn hidden(&self, text: &str) -> String {
        text.replace(&self.0, "[token]")
    }
}

impl fmt::Debug for Token {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Token(…)")
    }
}

/// Where the Hub is, who asks, and what is here already.
#[derive(Debug, Clone)]
pub struct Environment {
    /// Address of the Hub, without a slash at its end.
    pub endpoint: String,
    /// Who asks, if anyone in particular.
    pub token: Option<Token>,
    /// Whether the network is not to be used.
    pub offline: bool,
    /// The folder in which the Hub's own tools keep files, if there can be one.
    pub cache: Option<PathBuf>,
}

impl Environment {
    /// Reads `HF_ENDPOINT`, `HF_TOKEN` (or the file `HF_TOKEN_PATH`, or `token` in `HF_HOME`),
    /// `HF_HUB_DISABLE_IMPLICIT_TOKEN`, `HF_HUB_OFFLINE` and `HF_HUB_CACHE`.
    ///
    /// # Errors
    /// An endpoint or a proxy that is no address, or a token that cannot be read or sent.
    pub fn read() -> Result<Self, Error> {
        proxy()?;
        Self::of(
            &|name| {
                std::env::var(name)
                    .ok()
                    .filter(|value| !value.trim().is_empty())
            },
            std::env::home_dir(),
        )
    }

    fn of(variable: &dyn Fn(&str) -> Option<String>, home: Option<PathBuf>) -> Result<Self, Error> {
        let endpoint = variable("HF_ENDPOINT").unwrap_or_else(|| ENDPOINT.into());
        let endpoint = endpoint.trim().trim_end_matches('/').to_string();
        origin(&endpoint).map_err(|reason| Error::Setting(format!("HF_ENDPOINT: {reason}")))?;
        let on = |name| {
            let value = variable(name).unwrap_or_default().to_ascii_lowercase();
            ["1", "on", "yes", "true"].contains(&value.trim())
        };
        let folder = |name| variable(name).map(PathBuf::from);
        let caches = folder("XDG_CACHE_HOME").or_else(|| Some(home?.join(".cache")));
        let own = folder("HF_HOME").or_else(|| Some(caches?.join("huggingface")));
        let token = match on("HF_HUB_DISABLE_IMPLICIT_TOKEN") {
            true => None,
            false => match variable("HF_TOKEN").or_else(|| variable("HUGGING_FACE_HUB_TOKEN")) {
                Some(token) => Some(checked(&token, "HF_TOKEN")?),
                None => {
                    let named = folder("HF_TOKEN_PATH");
                    let usual = || Some(own.as_ref()?.join("token"));
                    named
                        .or_else(usual)
                        .map_or(Ok(None), |file| in_file(&file))?
                }
            },
        };
        let cache = folder("HF_HUB_CACHE").or_else(|| folder("HUGGINGFACE_HUB_CACHE"));
        Ok(Self {
            endpoint,
            token,
            offline: on("HF_HUB_OFFLINE"),
            cache: cache.or_else(|| Some(own?.join("hub"))),
        })
    }

    pub(crate) fn cache(&self) -> Cache {
        Cache::new(self.cache.clone())
    }
}

/// Whether the proxy that is set, if one is, can be used: otherwise it would be passed by.
fn proxy() -> Result<(), Error> {
    let set = |name: &&&str| std::env::var_os(name).is_some_and(|value| !value.is_empty());
    let Some(name) = PROXIES.iter().find(set) else {
        return Ok(());
    };
    match ureq::Proxy::try_from_env() {
        Some(_) => Ok(()),
        None => Err(Error::Setting(format!(
            "{name} is no address of a proxy, such as http://proxy.example:3128"
        ))),
    }
}

/// The token of a file; none if there is no such file, or an empty one.
fn in_file(file: &Path) -> Result<Option<Token>, Error> {
    let Ok(there) = std::fs::metadata(file) else {
        return Ok(None);
    };
    let place = format!("the token in {}", file.display());
    if there.len() > LONGEST_TOKEN {
        return Err(Error::Setting(format!("{place} is too long to be one")));
    }
    let text = std::fs::read(file).map_err(flowinone_files::Error::of("read", file))?;
    let text = flowinone_files::text_of(text)
        .map_err(|reason| Error::Setting(format!("{place} cannot be read: {reason}")))?;
    match text.trim() {
        "" => Ok(None),
        token => checked(token, &place).map(Some),
    }
}

/// A token that can stand in a header.
fn checked(token: &str, place: &str) -> Result<Token, Error> {
    let token = token.trim();
    match token.bytes().all(|byte| byte.is_ascii_graphic()) {
        true => Ok(Token::new(token)),
        false => Err(Error::Setting(format!(
            "{place} is no token: it holds blanks or signs that cannot be sent"
        ))),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn environment(set: &[(&str, &str)], home: &Path) -> Result<Environment, Error> {
        let set: Vec<(String, String)> = set
            .iter()
            .map(|(name, value)| (name.to_string(), value.to_string()))
            .collect();
        let variable = move |name: &str| {
            let found = set.iter().find(|(other, _)| other == name);
            found.map(|(_, value)| value.clone())
        };
        Environment::of(&variable, Some(home.to_path_buf()))
    }

    fn token(environment: &Environment) -> Option<String> {
        environment.token.as_ref().map(Token::header)
    }

    #[test]
    fn the_hubs_own_variables_are_heard() {
        let home = tempfile::tempdir().unwrap();
        let plain = environment(&[], home.path()).unwrap();
        assert_eq!(plain.endpoint, "https://huggingface.co");
        assert!(plain.token.is_none() && !plain.offline);
        let cache = home.path().join(".cache/huggingface/hub");
        assert_eq!(plain.cache, Some(cache));

        let own = home.path().join(".cache/huggingface");
        std::fs::create_dir_all(&own).unwrap();
        std::fs::write(own.join("token"), "hf_file\n").unwrap();
        let of = |set: &[(&str, &str)]| environment(set, home.path()).unwrap();
        assert_eq!(token(&of(&[])).unwrap(), "Bearer hf_file");
        assert_eq!(
            token(&of(&[("HF_TOKEN", " hf_set ")])).unwrap(),
            "Bearer hf_set"
        );
        let off = ("HF_HUB_DISABLE_IMPLICIT_TOKEN", "1");
        assert_eq!(token(&of(&[off, ("HF_TOKEN", "hf_set")])), None);
        let elsewhere = own.join("other");
        std::fs::write(&elsewhere, "hf_other").unwrap();
        let path = elsewhere.display().to_string();
        assert_eq!(
            token(&of(&[("HF_TOKEN_PATH", &path)])).unwrap(),
            "Bearer hf_other"
        );

        let set = of(&[
            ("HF_ENDPOINT", "http://mirror.example:8080/"),
            ("HF_HUB_OFFLINE", "TRUE"),
            ("HF_HOME", "/h"),
        ]);
        assert_eq!(set.endpoint, "http://mirror.example:8080");
        assert!(set.offline && set.token.is_none());
        assert_eq!(set.cache, Some("/h/hub".into()));
        let set = of(&[("HF_HUB_CACHE", "/c"), ("XDG_CACHE_HOME", "/x")]);
        assert_eq!(set.cache, Some("/c".into()));
        assert_eq!(
            of(&[("XDG_CACHE_HOME", "/x")]).cache,
            Some("/x/huggingface/hub".into())
        );
    }

    #[test]
    fn what_cannot_be_used_is_told_without_the_token() {
        let home = tempfile::tempdir().unwrap();
        for (name, value) in [("HF_ENDPOINT", "mirror"), ("HF_TOKEN", "hf_a b\nc")] {
            let text = environment(&[(name, value)], home.path())
                .unwrap_err()
                .to_string();
            assert!(text.contains(name) && !text.contains("hf_a"), "{text}");
        }
        assert_eq!(format!("{:?}", Token::new("hf_a")), "Token(…)");
    }
}
