//! Fields of a request, taken one by one; what is left at the end is unknown and refused by name.
//!
//! Forms say everything as text, so there `"2"` is a number and `"true"` a truth.

use serde_json::{Map, Value};

use crate::refusal::Refusal;

/// The fields of a request.
pub(super) struct Fields {
    map: Map<String, Value>,
    /// Whether they come from a form.
    form: bool,
}

impl Fields {
    /// Of a JSON body.
    pub(super) fn of_json(value: Value) -> Result<Self, Refusal> {
        match value {
            Value::Object(map) => Ok(Self { map, form: false }),
            _ => Err(Refusal::invalid(
                "invalid_json",
                "a request is one JSON object",
            )),
        }
    }

    /// Of a form.
    pub(super) fn of_form(map: Map<String, Value>) -> Self {
        Self { map, form: true }
    }

    fn take(&mut self, name: &str) -> Option<Value> {
        self.map.remove(name).filter(|value| !value.is_null())
    }

    /// A text.
    pub(super) fn text(&mut self, name: &str) -> Result<Option<String>, Refusal> {
        match self.take(name) {
            None => Ok(None),
            Some(Value::String(text)) => Ok(Some(text)),
            Some(other) => Err(wrong(name, &other, "a text")),
        }
    }

    /// One of some words.
    pub(super) fn word(&mut self, name: &str, words: &[&str]) -> Result<Option<String>, Refusal> {
        let Some(text) = self.text(name)? else {
            return Ok(None);
        };
        match words.contains(&text.as_str()) {
            true => Ok(Some(text)),
            false => Err(Refusal::field(
                name,
                format!("{name} {text:?} is none of {}", words.join(", ")),
            )),
        }
    }

    /// A number.
    pub(super) fn number(&mut self, name: &str) -> Result<Option<f64>, Refusal> {
        match self.take(name) {
            None => Ok(None),
            Some(Value::String(text)) if self.form => match text.trim().parse::<f64>() {
                Ok(number) if number.is_finite() => Ok(Some(number)),
                _ => Err(wrong(name, &text.into(), "a number")),
            },
            Some(value) => value
                .as_f64()
                .map(Some)
                .ok_or_else(|| wrong(name, &value, "a number")),
        }
    }

    /// A whole number within bounds.
    pub(super) fn whole(
        &mut self,
        name: &str,
        least: u64,
        most: u64,
    ) -> Result<Option<u64>, Refusal> {
        let Some(number) = self.number(name)? else {
            return Ok(None);
        };
        match number.fract() == 0.0 && (least as f64..=most as f64).contains(&number) {
            true => Ok(Some(number as u64)),
            false => Err(Refusal::field(
                name,
                format!("{name} is {number}; it must be a whole number from {least} to {most}"),
            )),
        }
    }

    /// A truth.
    pub(super) fn truth(&mut self, name: &str) -> Result<Option<bool>, Refusal> {
        match self.take(name) {
            None => Ok(None),
            Some(Value::Bool(truth)) => Ok(Some(truth)),
            Some(Value::String(text)) if self.form && text == "true" => Ok(Some(true)),
            Some(Value::String(text)) if self.form && text == "false" => Ok(Some(false)),
            Some(other) => Err(wrong(name, &other, "true or false")),
        }
    }

    /// An object, or the same as JSON in a text.
    pub(super) fn object(&mut self, name: &str) -> Result<Map<String, Value>, Refusal> {
        let value = match self.take(name) {
            None => return Ok(Map::new()),
            Some(Value::String(text)) => serde_json::from_str(&text)
                .map_err(|e| Refusal::field(name, format!("{name} is no JSON: {e}")))?,
            Some(value) => value,
        };
        match value {
            Value::Object(map) => Ok(map),
            other => Err(wrong(name, &other, "an object")),
        }
    }

    /// A value of any kind.
    pub(super) fn any(&mut self, name: &str) -> Option<Value> {
        self.take(name)
    }

    /// Refuses a field for a reason, if it is there.
    pub(super) fn refuse(&mut self, name: &str, reason: &str) -> Result<(), Refusal> {
        match self.take(name) {
            Some(_) => Err(Refusal::field(name, reason)),
            None => Ok(()),
        }
    }

    /// Nothing is left, or what is left is unknown.
    pub(super) fn finish(self) -> Result<(), Refusal> {
        match self.map.into_iter().find(|(_, value)| !value.is_null()) {
            None => Ok(()),
            Some((name, _)) => {
                let message =
                    format!("unknown parameter {name:?}; what is ours goes into \"flowinone\"");
                Err(Refusal::invalid("unknown_parameter", message).at(name))
            }
        }
    }
}

fn wrong(name: &str, value: &Value, expected: &str) -> Refusal {
    let shown: String = value.to_string().chars().take(40).collect();
    Refusal::field(name, format!("{name} is {shown}, expected {expected}"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn unknown_fields_are_refused_by_name() {
        let mut fields = Fields::of_json(json!({"n": 2, "colour": "red", "user": null})).unwrap();
        assert_eq!(fields.whole("n", 1, 10).unwrap(), Some(2));
        let refused = fields.finish().unwrap_err();
        assert_eq!(
            (refused.code, refused.param.as_deref()),
            ("unknown_parameter", Some("colour"))
        );
    }

    #[test]
    fn forms_say_numbers_and_truths_as_text_and_json_does_not() {
        let map = json!({"n": "2", "stream": "true"});
        let Value::Object(form) = map.clone() else {
            unreachable!()
        };
        let mut form = Fields::of_form(form);
        assert_eq!(form.whole("n", 1, 10).unwrap(), Some(2));
        assert_eq!(form.truth("stream").unwrap(), Some(true));
        let mut body = Fields::of_json(map).unwrap();
        assert!(body.whole("n", 1, 10).is_err() && body.truth("stream").is_err());
    }

    #[test]
    fn numbers_outside_their_range_are_named() {
        for bad in [json!(0), json!(11), json!(1.5), json!("x")] {
            let refused = Fields::of_json(json!({"n": bad}))
                .unwrap()
                .whole("n", 1, 10)
                .unwrap_err();
            assert_eq!(refused.param.as_deref(), Some("n"));
        }
    }
}
