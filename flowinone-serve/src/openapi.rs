//! The OpenAPI document: made of the same table as the router, so that no route is missing.

mod schemas;

use serde_json::{Map, Value, json};

use crate::route::Route;

/// The document of routes.
pub(crate) fn document<'a>(routes: impl IntoIterator<Item = &'a Route>) -> Value {
    let mut paths = Map::new();
    for route in routes {
        let methods = paths.entry(route.path).or_insert_with(|| json!({}));
        methods[route.method.as_str().to_ascii_lowercase()] =
            route.operation.clone().document(route.path);
    }
    json!({
        "openapi": "3.1.0",
        "info": {
            "title": "FlowInOne",
            "version": env!("CARGO_PKG_VERSION"),
            "description": "Every instruction is a picture: OpenAI's Images API, and one that says all of it.",
            "license": {"name": "MIT OR Apache-2.0", "identifier": "MIT OR Apache-2.0"},
        },
        "servers": [{"url": "/"}],
        "security": [{}, {"token": []}],
        "paths": paths,
        "components": {
            "securitySchemes": {"token": {"type": "http", "scheme": "bearer"}},
            "schemas": schemas::all(),
        },
    })
}
