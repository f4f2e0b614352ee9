//! The log: one JSON object a line. It never holds what a prompt says, unless asked.

use serde_json::{Map, Value, json};

use crate::id::now;

/// Where lines go.
pub type Sink = Box<dyn Fn(&str) + Send + Sync>;

/// Writes lines of the log.
pub(crate) struct Log {
    sink: Sink,
    prompts: bool,
}

impl Log {
    pub(crate) fn new(sink: Sink, prompts: bool) -> Self {
        Self { sink, prompts }
    }

    /// A line: `{"time", "event", ..fields}`; fields that are null are left out.
    pub(crate) fn line(&self, event: &str, fields: Value) {
        let mut line = Map::new();
        line.insert("time".into(), json!(now() as f64 / 1000.0));
        line.insert("event".into(), event.into());
        if let Value::Object(fields) = fields {
            let told = fields
                .into_iter()
                .filter(|(name, value)| !value.is_null() && (name != "prompt" || self.prompts));
            line.extend(told);
        }
        (self.sink)(&Value::Object(line).to_string());
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::{Arc, Mutex};

    #[test]
    fn a_prompt_is_told_only_if_asked() {
        for prompts in [false, true] {
            let lines = Arc::new(Mutex::new(vec![]));
            let to = Arc::clone(&lines);
            let sink = Box::new(move |line: &str| to.lock().unwrap().push(line.to_string()));
            let log = Log::new(sink, prompts);
            log.line(
                "accepted",
                json!({"job": "1", "prompt": "secret", "error": null}),
            );
            let line = lines.lock().unwrap().remove(0);
            assert_eq!(line.contains("secret"), prompts, "{line}");
            assert!(
                line.contains("\"job\":\"1\"") && !line.contains("error"),
                "{line}"
            );
        }
    }
}
