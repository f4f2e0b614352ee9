//! What every request passes: names by which the server may be called, pages that may call it, the
//! token; and what every answer gets: an id, headers, a line of the log, metrics.

use std::net::IpAddr;
use std::sync::Arc;
use std::time::Instant;

use axum::extract::{MatchedPath, Request, State};
use axum::http::header::{
    ACCESS_CONTROL_ALLOW_HEADERS, ACCESS_CONTROL_ALLOW_METHODS, ACCESS_CONTROL_ALLOW_ORIGIN,
    AUTHORIZATION, COOKIE, HOST, ORIGIN, VARY,
};
use axum::http::{HeaderMap, HeaderName, HeaderValue, Method, StatusCode};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use serde_json::json;
use sha2::{Digest, Sha256};
use subtle::ConstantTimeEq;

use super::Shared;
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

    fn knows(&self, headers: &HeaderMap) -> bool {
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
    fn check_host(&self, headers: &HeaderMap) -> Result<(), Refusal> {
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
    fn check_origin(&self, method: &Method, headers: &HeaderMap) -> Result<(), Refusal> {
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

    fn allows(&self, origin: &str) -> bool {
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

/// What is answered without a token: the page, and whether the server lives.
fn is_open(path: &str) -> bool {
    path == "/"
        || path == "/login"
        || path.starts_with("/page/")
        || path.starts_with("/health/")
        || path == "/favicon.ico"
}

/// The layer around all routes.
pub(crate) async fn guard(State(app): State<Shared>, request: Request, next: Next) -> Response {
    let begin = Instant::now();
    let method = request.method().clone();
    let known = matches!(
        method.as_str(),
        "GET" | "POST" | "PUT" | "DELETE" | "HEAD" | "OPTIONS" | "PATCH"
    );
    let method_name = if known {
        method.as_str().to_string()
    } else {
        "other".into()
    };
    let route = request
        .extensions()
        .get::<MatchedPath>()
        .map_or("none", MatchedPath::as_str)
        .to_string();
    let id = request_id(request.headers());
    let origin = request.headers().get(ORIGIN).cloned();
    app.metrics.add("http_requests_in_flight", &[], 1.0);
    let allowed = app
        .access
        .check_host(request.headers())
        .and_then(|()| app.access.check_origin(&method, request.headers()));
    let path = request.uri().path().to_string();
    let mut response = match allowed {
        Err(refusal) => {
            app.engine.rejected(refusal.code);
            refusal.into_response()
        }
        Ok(()) if method == Method::OPTIONS => StatusCode::NO_CONTENT.into_response(),
        Ok(()) if !is_open(&path) && !app.access.knows(request.headers()) => {
            app.engine.rejected("token");
            Refusal::unauthorised().into_response()
        }
        Ok(()) => next.run(request).await,
    };
    app.metrics.add("http_requests_in_flight", &[], -1.0);
    let seconds = begin.elapsed().as_secs_f64();
    let status = response.status().as_u16().to_string();
    let labels = [
        ("method", method_name.as_str()),
        ("route", &route),
        ("status", &status),
    ];
    app.metrics.add("http_requests_total", &labels, 1.0);
    app.metrics
        .observe("http_request_duration_seconds", &labels[..2], seconds);
    if !path.starts_with("/health/") && path != "/metrics" {
        app.log.line(
            "request",
            json!({"id": id, "method": method_name, "route": route, "status": response.status().as_u16(), "seconds": seconds}),
        );
    }
    finish(&app, response.headers_mut(), &id, origin.as_ref());
    response
}

/// The headers of every answer.
fn finish(app: &Shared, headers: &mut HeaderMap, id: &str, origin: Option<&HeaderValue>) {
    for (name, value) in [
        ("x-content-type-options", "nosniff"),
        ("referrer-policy", "no-referrer"),
        ("cross-origin-resource-policy", "same-origin"),
        (
            "content-security-policy",
            "default-src 'self'; img-src 'self' blob: data:; frame-ancestors 'none'; base-uri 'none'; form-action 'none'",
        ),
    ] {
        headers.insert(
            HeaderName::from_static(name),
            HeaderValue::from_static(value),
        );
    }
    if let Ok(id) = HeaderValue::from_str(id) {
        headers.insert(HeaderName::from_static("x-request-id"), id);
    }
    if let Some(origin) = origin
        && origin
            .to_str()
            .is_ok_and(|origin| app.access.allows(origin))
    {
        headers.insert(ACCESS_CONTROL_ALLOW_ORIGIN, origin.clone());
        headers.insert(VARY, HeaderValue::from_static("origin"));
        headers.insert(
            ACCESS_CONTROL_ALLOW_METHODS,
            HeaderValue::from_static("GET, POST, DELETE"),
        );
        let names = HeaderValue::from_static("authorization, content-type, idempotency-key");
        headers.insert(ACCESS_CONTROL_ALLOW_HEADERS, names);
        headers.insert(
            "cross-origin-resource-policy",
            HeaderValue::from_static("cross-origin"),
        );
    }
}

/// The id that a proxy gave a request, if it is a plain one, or a new one.
fn request_id(headers: &HeaderMap) -> String {
    let given = headers
        .get("x-request-id")
        .and_then(|value| value.to_str().ok());
    let plain = |id: &&str| {
        (1..=64).contains(&id.len())
            && id
                .bytes()
                .all(|b| b.is_ascii_alphanumeric() || b"-_.".contains(&b))
    };
    given
        .filter(plain)
        .map_or_else(|| format!("req_{}", crate::id::new()), str::to_string)
}

/// Shares the access rules.
pub(crate) fn access(app: &Shared) -> &Access {
    &Arc::as_ref(app).access
}
