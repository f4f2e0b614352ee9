//! One line of the table of routes.

use axum::http::{Method, Uri};
use axum::routing::MethodRouter;
use serde::de::DeserializeOwned;

use crate::app::Shared;
use crate::operation::Operation;
use crate::refusal::Refusal;

/// A path with a method, what answers it, and how the document describes it.
pub(crate) struct Route {
    pub(crate) method: Method,
    pub(crate) path: &'static str,
    pub(crate) handler: MethodRouter<Shared>,
    pub(crate) operation: Operation,
}

impl Route {
    pub(crate) fn new(
        method: Method,
        path: &'static str,
        handler: MethodRouter<Shared>,
        operation: Operation,
    ) -> Self {
        Self {
            method,
            path,
            handler,
            operation,
        }
    }
}

/// What stands behind the question mark; unknown names are refused.
pub(crate) fn query<T: DeserializeOwned>(uri: &Uri) -> Result<T, Refusal> {
    let read = axum::extract::Query::<T>::try_from_uri(uri);
    let read = read.map_err(|e| Refusal::invalid("invalid_query", e.body_text()))?;
    Ok(read.0)
}
