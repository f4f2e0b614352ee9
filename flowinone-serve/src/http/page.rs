//! Where the page lies.

use axum::Router;
use axum::extract::{Path, State};
use axum::http::HeaderMap;
use axum::routing::get;

use crate::app::Shared;

/// The router with the page's files.
pub(crate) fn add(router: Router<Shared>) -> Router<Shared> {
    router
        .route(
            "/",
            get(async |State(app): State<Shared>, headers: HeaderMap| {
                app.page.answer("index.html", &headers)
            }),
        )
        .route(
            "/page/{name}",
            get(
                async |State(app): State<Shared>, Path(name): Path<String>, headers: HeaderMap| {
                    app.page.answer(&name, &headers)
                },
            ),
        )
        .route(
            "/favicon.ico",
            get(async |State(app): State<Shared>, headers: HeaderMap| {
                app.page.answer("icon.svg", &headers)
            }),
        )
}
