//! One table of routes, from which both the router and `/openapi.json` are made.

use std::sync::Arc;

use axum::Router;
use axum::http::{Method, StatusCode};
use axum::middleware::from_fn_with_state;
use axum::routing::{MethodRouter, get};
use serde_json::json;

use crate::app::Shared;
use crate::http::answer;
use crate::http::{capabilities, events, guard, health, jobs, login, page, pictures, prompts};
use crate::operation::Operation;
use crate::refusal::Refusal;
use crate::route::Route;
use crate::{openai, openapi};

/// All routes that are documented: everything but the page itself.
pub(crate) fn routes() -> Vec<Route> {
    let mut all = vec![];
    all.extend(openai::routes());
    all.extend(jobs::routes());
    all.extend(events::routes());
    all.extend(pictures::routes());
    all.extend(prompts::routes());
    all.extend(capabilities::routes());
    all.extend(health::routes());
    all.extend(login::routes());
    all.push(document(&all));
    all
}

/// The route of the document, which lists itself as well.
fn document(others: &[Route]) -> Route {
    let operation = Operation::new("openapi", "This document").json(
        200,
        "The document.",
        json!({"type": "object"}),
    );
    let route = |handler| Route::new(Method::GET, "/openapi.json", handler, operation.clone());
    let described = route(MethodRouter::new());
    let document = openapi::document(others.iter().chain([&described]));
    let document = Arc::new(document);
    route(get(async move || answer::json(StatusCode::OK, &*document)))
}

/// The router over all routes.
pub(crate) fn router(app: &Shared) -> Router {
    let mut router = Router::new();
    for route in routes() {
        router = router.route(route.path, route.handler);
    }
    router = page::add(router);
    router
        .fallback(async || {
            Refusal::missing("there is nothing at this path; /openapi.json lists what there is")
        })
        .method_not_allowed_fallback(async || Refusal::method())
        .layer(from_fn_with_state(Arc::clone(app), guard::guard))
        .layer(axum::extract::DefaultBodyLimit::disable()) // see `body`
        .with_state(Arc::clone(app))
}
