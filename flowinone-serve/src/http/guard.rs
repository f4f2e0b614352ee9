//! What every request passes: names by which the server may be called, pages that may call it, the
//! token; and what every answer gets: an id, headers, a line of the log, metrics.

use std::time::Instant;

use axum::extract::{MatchedPath, Request, State};
use axum::http::header::{
    ACCESS_CONTROL_ALLOW_HEADERS, ACCESS_CONTROL_ALLOW_METHODS, ACCESS_CONTROL_ALLOW_ORIGIN,
    ORIGIN, VARY,
};
use axum::http::{HeaderMap, HeaderName, HeaderValue, Method, StatusCode};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use serde_json::json;

use crate::app::Shared;
use crate::refusal::Refusal;

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
