//! Who may ask: names by which the server may be called, pages that may call it, the token.

use std::net::IpAddr;

use axum::http::header::{AUTHORIZATION, COOKIE, HOST, ORIGIN};
use axum::http::{HeaderMap, HeaderName, Method};
use sha2::{Digest, Sha256};
use subtle::ConstantTimeEq;

use crate::config::{Config, Listen};
use crate::refusal::Refusal;

/// Name of the cookie that stands for the token.
pub(crate) const COOKIE_NAME: &str = "flowinone";

/// Who may ask.
pub(crate) struct Access {
    /// Any name will do: the server listens on a unix socket.
    any_host: bool,
    /// Names besides addresses and `localhost`, in lower case.
    hosts: Vec<String>,
    origins: Vec<String>,
    /// Digest of the token, and the cookie that stands for it.
    token: Option<([u8; 32], String)>,
}

impl Access {
    pub(crate) fn new(config: &Config) -> Self {
        let public = config
            .public_url
            .iter()
            .filter_map(|url| host_of(url.split("://").nth(1)?.split('/').next()?));
        let names = config.host_names.iter().map(String::as_str).chain(public);
        let cookie = |token: &str| {
            flowinone_files::sha256_of(format!("flowinone cookie {token}").as_bytes())
        };
        Self {
            any_host: matches!(config.listen, Listen::Unix(_)),
            hosts: names.map(str::to_ascii_lowercase).collect(),
            origins: config
                .origins
                .iter()
                .map(|origin| origin.trim_end_matches('/').to_string())
                .collect(),
            token: config
                .token
                .as_deref()
                .map(|token| (Sha256::digest(token).into(), cookie(token))),
        }
    }

    /// Whether a token is wanted at all.
    pub(crate) fn is_closed(&self) -> bool {
        self.token.is_some()
    }

    /// The cookie for a token, if it is the right one.
    pub(crate) fn cookie(&self, token: &str) -> Option<&str> {
        let (digest, cookie) = self.token.as_ref()?;
        let given: [u8; 32] = Sha256::digest(token).into();
        bool::from(given.ct_eq(digest)).then_some(cookie)
    }

    /// Whether a request shows the token, or none is wanted.
    pub(crate) fn knows(&self, headers: &HeaderMap) -> bool {
        let Some((_, cookie)) = &self.token else {
            return true;
        };
        let text = |name: HeaderName| headers.get(name).and_then(|value| value.to_str().ok());
        let bearer = text(AUTHORIZATION).and_then(|value| {
            let (scheme, token) = value.split_once(' ')?;
            scheme.eq_ignore_ascii_case("bearer").then(|| token.trim())
        });
        if let Some(token) = bearer {
            return self.cookie(token).is_some();
        }
        let cookies = text(COOKIE).unwrap_or("").split(';');
        let mut ours =
            cookies.filter_map(|pair| pair.trim().strip_prefix(COOKIE_NAME)?.strip_prefix('='));
        ours.any(|value| bool::from(value.as_bytes().ct_eq(cookie.as_bytes())))
    }

    /// Names that another page's domain cannot be made to resolve to: addresses, `localhost`, and
    /// what the server was told.
    pub(crate) fn check_host(&self, headers: &HeaderMap) -> Result<(), Refusal> {
        let Some(host) = headers.get(HOST) else {
            return Ok(()); // browsers always say one
        };
        let name = host
            .to_str()
            .ok()
            .and_then(host_of)
            .unwrap_or("")
            .to_ascii_lowercase();
        let bare = name.trim_start_matches('[').trim_end_matches(']');
        let local =
            bare.parse::<IpAddr>().is_ok() || name == "localhost" || name.ends_with(".localhost");
        match self.any_host || local || self.hosts.contains(&name) {
            true => Ok(()),
            false => Err(Refusal::forbidden(
                "host",
                format!(
                    "this server is not called {name:?}; start it with --host-name {name} if it shall be"
                ),
            )),
        }
    }

    /// Requests that change something come from our own page, from a listed one, or from no page.
    pub(crate) fn check_origin(&self, method: &Method, headers: &HeaderMap) -> Result<(), Refusal> {
        let safe = matches!(*method, Method::GET | Method::HEAD | Method::OPTIONS);
        let Some(origin) = headers.get(ORIGIN).filter(|_| !safe) else {
            return Ok(());
        };
        let origin = origin.to_str().unwrap_or("");
        let own = headers.get(HOST).and_then(|host| host.to_str().ok());
        let same = origin
            .split_once("://")
            .is_some_and(|(_, authority)| Some(authority) == own);
        match same || self.allows(origin) {
            true => Ok(()),
            false => Err(Refusal::forbidden(
                "origin",
                format!(
                    "pages of {origin:?} may not use this server; start it with --origin {origin} if they shall"
                ),
            )),
        }
    }

    /// Whether pages of an origin may call.
    pub(crate) fn allows(&self, origin: &str) -> bool {
        self.origins.iter().any(|listed| listed == origin)
    }
}

/// The host of `HOST:PORT`.
fn host_of(authority: &str) -> Option<&str> {
    match authority.rsplit_once(':') {
        Some((host, port)) if port.bytes().all(|b| b.is_ascii_digit()) => Some(host),
        _ => Some(authority),
    }
}
