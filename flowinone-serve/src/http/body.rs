//! Bodies of requests: bounded in size, in time, and all together in memory.

use std::sync::Arc;
use std::time::Duration;

use axum::body::Bytes;
use axum::extract::{FromRequest, Multipart, Request};
use axum::http::HeaderMap;
use axum::http::header::{CONTENT_LENGTH, CONTENT_TYPE};
use http_body_util::{BodyExt, LengthLimitError, Limited};
use serde_json::{Map, Value};
use tokio::sync::OwnedSemaphorePermit;
use tokio::time::timeout;

use crate::app::Shared;
use crate::refusal::Refusal;
use crate::request::Parts;

/// Most parts of a multipart body.
const MOST_PARTS: usize = 32;

/// A body, with its share of the memory.
pub(crate) struct Held {
    pub(crate) bytes: Bytes,
    pub(crate) headers: HeaderMap,
    _memory: OwnedSemaphorePermit,
}

/// The whole body of a request.
///
/// # Errors
/// A body that is too large or too slow, or memory that is full of others.
pub(crate) async fn read(app: &Shared, request: Request) -> Result<Held, Refusal> {
    let most = app.config.most_body;
    let too_large =
        || Refusal::too_large(format!("the body is larger than {most} bytes (--max-body)"));
    let (head, body) = request.into_parts();
    let told = head
        .headers
        .get(CONTENT_LENGTH)
        .and_then(|value| value.to_str().ok()?.parse::<u64>().ok());
    if told.is_some_and(|told| told > most as u64) {
        return Err(too_large());
    }
    // A body that does not tell its length may be as large as any.
    let share = (told.unwrap_or(most as u64) >> 10) as u32 + 1;
    let patience = app.config.patience;
    let memory = timeout(patience, Arc::clone(&app.memory).acquire_many_owned(share)).await;
    let Ok(Ok(memory)) = memory else {
        app.engine.rejected("memory");
        return Err(Refusal::full(
            "busy",
            "too many large bodies arrive at a time",
            5,
        ));
    };
    let collected = timeout(patience, Limited::new(body, most).collect()).await;
    let collected = collected.map_err(|_| slow(app, patience))?;
    let bytes = collected.map_err(|e| match e.is::<LengthLimitError>() {
        true => too_large(),
        false => Refusal::invalid("incomplete_body", format!("the body broke off: {e}")),
    })?;
    Ok(Held {
        bytes: bytes.to_bytes(),
        headers: head.headers,
        _memory: memory,
    })
}

fn slow(app: &Shared, patience: Duration) -> Refusal {
    app.engine.rejected("slow_body");
    Refusal::slow(patience.as_secs())
}

impl Held {
    /// The type that the body says it has, without parameters, in lower case.
    pub(crate) fn kind(&self) -> String {
        let kind = self
            .headers
            .get(CONTENT_TYPE)
            .and_then(|value| value.to_str().ok());
        let kind = kind.unwrap_or("").split(';').next().unwrap_or("");
        kind.trim().to_ascii_lowercase()
    }

    /// The body as one JSON value.
    ///
    /// # Errors
    /// Another type, or no JSON.
    pub(crate) fn json(&self) -> Result<Value, Refusal> {
        match self.kind().as_str() {
            "application/json" => serde_json::from_slice(&self.bytes)
                .map_err(|e| Refusal::invalid("invalid_json", format!("the body is no JSON: {e}"))),
            other => Err(Refusal::media(format!(
                "the body is {other:?}; expected application/json"
            ))),
        }
    }

    /// The fields and files of a multipart body. A part with a file name is a file, and so is one
    /// that is no text. Of fields that end in `[]`, all values are kept as a list.
    ///
    /// # Errors
    /// Another type, a damaged body, or too many parts.
    pub(crate) async fn form(
        self,
    ) -> Result<(Map<String, Value>, Vec<(String, Vec<u8>)>, Self), Refusal> {
        let kind = self.kind();
        if kind != "multipart/form-data" {
            return Err(Refusal::media(format!(
                "the body is {kind:?}; expected multipart/form-data"
            )));
        }
        let mut request = Request::new(self.bytes.clone().into());
        *request.headers_mut() = self.headers.clone();
        let damaged = |reason: String| Refusal::invalid("invalid_multipart", reason);
        let form = Multipart::from_request(request, &()).await;
        let mut form = form.map_err(|e| damaged(e.body_text()))?;
        let (mut fields, mut files) = (Map::new(), vec![]);
        let mut parts = 0;
        while let Some(part) = form
            .next_field()
            .await
            .map_err(|e| damaged(e.body_text()))?
        {
            parts += 1;
            if parts > MOST_PARTS {
                return Err(Refusal::too_large(format!(
                    "the body has more than {MOST_PARTS} parts"
                )));
            }
            let name = part.name().unwrap_or("").to_string();
            let is_file = part.file_name().is_some();
            let bytes = part.bytes().await.map_err(|e| damaged(e.body_text()))?;
            match (is_file, String::from_utf8(bytes.to_vec())) {
                (false, Ok(text)) => {
                    if fields.insert(name.clone(), Value::String(text)).is_some() {
                        return Err(Refusal::field(
                            name.clone(),
                            format!("{name} is given twice"),
                        ));
                    }
                }
                _ => files.push((name, bytes.to_vec())),
            }
        }
        Ok((fields, files, self))
    }

    /// A request of the server's own API: JSON, or a multipart body with the JSON in its part `job`
    /// and pictures in the others.
    ///
    /// # Errors
    /// As [`json`](Self::json) and [`form`](Self::form).
    pub(crate) async fn request(self) -> Result<(Value, Parts, Self), Refusal> {
        if self.kind() != "multipart/form-data" {
            return Ok((self.json()?, Parts::new(), self));
        }
        let (mut fields, files, held) = self.form().await?;
        let Some(Value::String(job)) = fields.remove("job") else {
            return Err(Refusal::field(
                "job",
                "the part \"job\" holds the request as JSON",
            ));
        };
        if let Some(name) = fields.keys().next() {
            return Err(Refusal::field(
                name,
                format!("{name} is no part of a request; pictures are sent as files"),
            ));
        }
        let request = serde_json::from_str(&job).map_err(|e| {
            Refusal::invalid("invalid_json", format!("the part \"job\" is no JSON: {e}")).at("job")
        })?;
        Ok((request, files.into_iter().collect(), held))
    }
}
