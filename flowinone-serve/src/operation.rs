//! What a route does, as the OpenAPI document says it.

use serde_json::{Map, Value, json};

/// A schema of the document by its name.
pub(crate) fn reference(name: &str) -> Value {
    json!({"$ref": format!("#/components/schemas/{name}")})
}

/// What a route does, as the document says it.
#[derive(Debug, Clone)]
pub(crate) struct Operation {
    id: &'static str,
    summary: &'static str,
    parameters: Vec<Value>,
    bodies: Map<String, Value>,
    answers: Map<String, Value>,
}

impl Operation {
    pub(crate) fn new(id: &'static str, summary: &'static str) -> Self {
        Self {
            id,
            summary,
            parameters: vec![],
            bodies: Map::new(),
            answers: Map::new(),
        }
    }

    /// With a value behind the question mark.
    pub(crate) fn query(self, name: &str, schema: Value, description: &str) -> Self {
        self.parameter("query", name, schema, description)
    }

    /// With a header.
    pub(crate) fn header(self, name: &str, description: &str) -> Self {
        let schema = json!({"type": "string", "minLength": 1, "maxLength": 255, "pattern": "^[A-Za-z0-9_-]+$"});
        self.parameter("header", name, schema, description)
    }

    fn parameter(mut self, place: &str, name: &str, schema: Value, description: &str) -> Self {
        self.parameters
            .push(json!({"in": place, "name": name, "schema": schema, "description": description}));
        self
    }

    /// With a body of a type.
    pub(crate) fn body(mut self, kind: &str, schema: Value) -> Self {
        self.bodies.insert(kind.into(), json!({"schema": schema}));
        self
    }

    /// With an answer of a type.
    pub(crate) fn answer(
        mut self,
        status: u16,
        description: &str,
        kind: &str,
        schema: Value,
    ) -> Self {
        let answer = self
            .answers
            .entry(status.to_string())
            .or_insert_with(|| json!({"content": {}}));
        answer["description"] = description.into();
        answer["content"][kind] = json!({"schema": schema});
        self
    }

    /// With an answer in JSON.
    pub(crate) fn json(self, status: u16, description: &str, schema: Value) -> Self {
        self.answer(status, description, "application/json", schema)
    }

    /// With an answer without content.
    pub(crate) fn empty(mut self, status: u16, description: &str) -> Self {
        self.answers
            .insert(status.to_string(), json!({"description": description}));
        self
    }

    /// The operation at a path, whose parameters are named in braces.
    pub(crate) fn document(mut self, path: &str) -> Value {
        for part in path.split('/') {
            if let Some(name) = part
                .strip_prefix('{')
                .and_then(|part| part.strip_suffix('}'))
            {
                self.parameters.push(json!({
                    "in": "path", "name": name, "required": true, "schema": {"type": "string"},
                }));
            }
        }
        self.answers.insert(
            "default".into(),
            json!({
                "description": "A refusal; the status and the code say which.",
                "content": {"application/json": {"schema": reference("Error")}},
            }),
        );
        let mut document = json!({
            "operationId": self.id,
            "summary": self.summary,
            "parameters": self.parameters,
            "responses": self.answers,
        });
        if !self.bodies.is_empty() {
            document["requestBody"] = json!({"required": true, "content": self.bodies});
        }
        document
    }
}
