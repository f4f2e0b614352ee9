//! Signing in: a page cannot send a token with its pictures and events, so the token is exchanged
//! once for a cookie that no script can read.

use axum::extract::{Request, State};
use axum::http::header::SET_COOKIE;
use axum::http::{HeaderValue, Method, StatusCode};
use axum::response::{IntoResponse, Response};
use axum::routing::post;
use serde_json::json;

use super::body;
use crate::access::COOKIE_NAME;
use crate::app::Shared;
use crate::operation::Operation;
use crate::refusal::Refusal;
use crate::route::Route;

pub(crate) fn routes() -> Vec<Route> {
    let operation = Operation::new("login", "Exchange the token for a cookie, for pages")
        .body("application/json", json!({"type": "object", "properties": {"token": {"type": "string"}}, "required": ["token"]}))
        .empty(204, "Signed in; the cookie is set if the server wants a token at all.");
    vec![Route::new(Method::POST, "/login", post(login), operation)]
}

async fn login(State(app): State<Shared>, request: Request) -> Result<Response, Refusal> {
    let request = body::read(&app, request).await?.json()?;
    let Some(token) = request["token"].as_str() else {
        return Err(Refusal::field("token", "say the \"token\""));
    };
    let mut response = StatusCode::NO_CONTENT.into_response();
    if !app.access.is_closed() {
        return Ok(response);
    }
    let cookie = app.access.cookie(token).ok_or_else(Refusal::unauthorised)?;
    let secure = match &app.config.public_url {
        Some(url) if url.starts_with("https:") => "; Secure",
        _ => "",
    };
    let cookie = format!(
        "{COOKIE_NAME}={cookie}; Path=/; HttpOnly; SameSite=Strict; Max-Age=31536000{secure}"
    );
    if let Ok(cookie) = HeaderValue::from_str(&cookie) {
        response.headers_mut().insert(SET_COOKIE, cookie);
    }
    Ok(response)
}
