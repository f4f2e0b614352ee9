//! Why a request is refused, in the form that clients of the OpenAI API read:
//! `{"error": {"message", "type", "param", "code"}}`.

use serde::Serialize;

/// A request that is not carried out.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub(crate) struct Refusal {
    /// What is wrong, and what to do.
    pub(crate) message: String,
    /// The family of the error.
    #[serde(rename = "type")]
    pub(crate) kind: &'static str,
    /// The field that is wrong.
    pub(crate) param: Option<String>,
    /// A name for programs.
    pub(crate) code: &'static str,
    /// The HTTP status.
    #[serde(skip)]
    pub(crate) status: u16,
    /// Seconds after which it may be tried again.
    #[serde(skip)]
    pub(crate) retry_after: Option<u32>,
    /// Whether trying again is of no use although the status may say so.
    #[serde(skip)]
    pub(crate) hopeless: bool,
}

impl Refusal {
    fn new(status: u16, kind: &'static str, code: &'static str, message: String) -> Self {
        Self {
            message,
            kind,
            param: None,
            code,
            status,
            retry_after: None,
            hopeless: false,
        }
    }

    /// A request that says something wrong.
    pub(crate) fn invalid(code: &'static str, message: impl Into<String>) -> Self {
        Self::new(400, "invalid_request_error", code, message.into())
    }

    /// A field with a wrong value.
    pub(crate) fn field(name: impl Into<String>, message: impl Into<String>) -> Self {
        Self::invalid("invalid_value", message).at(name)
    }

    /// The same about a field.
    pub(crate) fn at(self, name: impl Into<String>) -> Self {
        Self {
            param: Some(name.into()),
            ..self
        }
    }

    /// Something that is not there.
    pub(crate) fn missing(what: impl Into<String>) -> Self {
        Self::new(404, "invalid_request_error", "not_found", what.into())
    }

    /// A model that is not loaded.
    pub(crate) fn no_model(name: &str, loaded: &str) -> Self {
        let message = format!("model {name:?} is not loaded; this server has {loaded:?}");
        Self::new(404, "invalid_request_error", "model_not_found", message).at("model")
    }

    /// A method that a path does not have.
    pub(crate) fn method() -> Self {
        let message = "the path exists, but not with this method; /openapi.json lists both";
        Self::new(
            405,
            "invalid_request_error",
            "method_not_allowed",
            message.into(),
        )
    }

    /// A request that is too large.
    pub(crate) fn too_large(message: impl Into<String>) -> Self {
        Self::new(413, "invalid_request_error", "too_large", message.into())
    }

    /// A body of a kind that is not read.
    pub(crate) fn media(message: impl Into<String>) -> Self {
        Self::new(
            415,
            "invalid_request_error",
            "unsupported_media_type",
            message.into(),
        )
    }

    /// No token, or a wrong one.
    pub(crate) fn unauthorised() -> Self {
        let message = "this server wants a token: send `Authorization: Bearer TOKEN`, or open its page and sign in";
        Self::new(
            401,
            "authentication_error",
            "invalid_api_key",
            message.into(),
        )
    }

    /// A request from where none is taken.
    pub(crate) fn forbidden(code: &'static str, message: impl Into<String>) -> Self {
        Self::new(403, "permission_error", code, message.into())
    }

    /// A body that came too slowly.
    pub(crate) fn slow(seconds: u64) -> Self {
        let message = format!("the body did not arrive within {seconds} s");
        let refusal = Self::new(408, "invalid_request_error", "slow_body", message);
        Self {
            hopeless: true,
            ..refusal
        }
    }

    /// A queue, or the memory for bodies, that is full.
    pub(crate) fn full(code: &'static str, message: impl Into<String>, after: u32) -> Self {
        Self {
            retry_after: Some(after.clamp(1, 120)),
            ..Self::new(429, "rate_limit_error", code, message.into())
        }
    }

    /// A server that is about to end, or not ready yet.
    pub(crate) fn unavailable(code: &'static str, message: impl Into<String>) -> Self {
        Self {
            retry_after: Some(5),
            ..Self::new(503, "server_error", code, message.into())
        }
    }

    /// A disk that is full.
    pub(crate) fn disk(message: impl Into<String>) -> Self {
        Self {
            hopeless: true,
            ..Self::new(507, "server_error", "disk_full", message.into())
        }
    }

    /// Something went wrong here; making the same again would fail the same way.
    pub(crate) fn internal(code: &'static str, message: impl Into<String>) -> Self {
        Self {
            hopeless: true,
            ..Self::new(500, "server_error", code, message.into())
        }
    }

    /// A job that was cancelled: no conflict, or clients would make it again.
    pub(crate) fn cancelled() -> Self {
        Self {
            hopeless: true,
            ..Self::invalid("job_cancelled", "the job was cancelled")
        }
    }
}
