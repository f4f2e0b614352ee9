//! What the document says of bodies: requests of ours, one form a task, jobs, errors, and OpenAI's.

use flowinone_prompts::Task;
use serde_json::{Map, Value, json};

use crate::operation::reference;

/// All schemas by name.
pub(super) fn all() -> Map<String, Value> {
    let mut all = Map::new();
    for (name, schema) in shared() {
        all.insert(name.into(), schema);
    }
    for task in Task::ALL {
        all.insert(name_of(task), request(task));
    }
    let forms: Vec<Value> = Task::ALL.map(|task| reference(&name_of(task))).into();
    all.insert("JobRequest".into(), json!({"oneOf": forms}));
    all
}

fn name_of(task: Task) -> String {
    let words = task.name().split('-');
    let capital = |word: &str| word[..1].to_ascii_uppercase() + &word[1..];
    words.map(capital).collect::<String>() + "Request"
}

/// The request of a task: what its prompt says, and what every request may say.
fn request(task: Task) -> Value {
    let mut properties = Map::new();
    properties.insert("task".into(), json!({"const": task.name()}));
    let text = json!({"type": "string", "minLength": 1});
    let picture = || reference("Picture");
    let list =
        |of: &str| json!({"type": "array", "items": reference(of), "minItems": 1, "maxItems": 64});
    let own: Vec<(&str, Value, bool)> = match task {
        Task::ClassToImage => vec![
            ("name", text, true),
            ("canvas", json!({"type": "object"}), false),
        ],
        Task::TextToImage => vec![
            ("text", text, true),
            ("canvas", json!({"type": "object"}), false),
        ],
        Task::TextInImage => vec![
            ("picture", picture(), true),
            ("instruction", text, true),
            ("style", json!({"type": "object"}), false),
        ],
        Task::TextBox => vec![
            ("picture", picture(), true),
            ("box", reference("Region"), true),
            ("text", text, true),
            ("style", json!({"type": "object"}), false),
        ],
        Task::VisualMarker => vec![
            ("picture", picture(), true),
            ("marks", list("Mark"), true),
            ("instruction", text, true),
            ("colour", reference("Colour"), false),
            ("width", json!({"type": "number"}), false),
            ("style", json!({"type": "object"}), false),
        ],
        Task::Doodle => vec![
            ("picture", picture(), true),
            ("drawings", list("Drawing"), true),
            ("instruction", json!({"type": ["string", "null"]}), false),
            ("pen", json!({"type": "object"}), false),
            ("style", json!({"type": "object"}), false),
        ],
        Task::Force => vec![
            ("picture", picture(), true),
            ("arrows", list("Push"), true),
            ("until", json!({"type": "number"}), false),
            ("instruction", json!({"type": "string"}), false),
            ("colour", reference("Colour"), false),
            ("width", json!({"type": "number"}), false),
            ("style", json!({"type": "object"}), false),
        ],
        Task::Trajectory => vec![
            ("picture", picture(), true),
            ("paths", list("Track"), true),
            ("instruction", json!({"type": "string"}), false),
            ("colour", reference("Colour"), false),
            ("width", json!({"type": "number"}), false),
            ("style", json!({"type": "object"}), false),
        ],
    };
    let mut required = vec!["task"];
    required.extend(
        own.iter()
            .filter(|(_, _, needed)| *needed)
            .map(|(name, ..)| *name),
    );
    let required = json!(required);
    properties.extend(
        own.into_iter()
            .map(|(name, schema, _)| (name.to_string(), schema)),
    );
    let whole =
        |least: u64, most: u64| json!({"type": "integer", "minimum": least, "maximum": most});
    properties.insert("seed".into(), json!({"type": "integer", "minimum": 0}));
    properties.insert("item".into(), json!({"type": "integer", "minimum": 0}));
    properties.insert("side".into(), whole(16, 1024));
    properties.insert("settings".into(), reference("Settings"));
    properties.insert("frames".into(), json!({"type": "integer", "minimum": 2}));
    properties.insert(
        "frame_rate".into(),
        json!({"type": "number", "minimum": 0.1, "maximum": 100}),
    );
    properties.insert(
        "partial".into(),
        whole(0, crate::request::MOST_PARTIAL.into()),
    );
    properties.insert(
        "output".into(),
        json!({"type": "string", "description": "Name of the picture when it is saved."}),
    );
    json!({"type": "object", "properties": properties, "required": required, "additionalProperties": false})
}

fn shared() -> Vec<(&'static str, Value)> {
    let number = json!({"type": ["number", "null"]});
    let whole = json!({"type": ["integer", "null"]});
    let object = |properties: Value, required: Value| json!({"type": "object", "properties": properties, "required": required, "additionalProperties": false});
    vec![
        (
            "Coordinate",
            json!({
                "description": "Pixels of the picture as given (120, \"120px\"), or a fraction of its width or height (0.25, \"25%\"). 1.0 could be either and is refused.",
                "anyOf": [{"type": "number"}, {"type": "string", "pattern": "^-?[0-9]+(\\.[0-9]+)?(px|%)?$"}],
            }),
        ),
        (
            "Point",
            json!({"type": "array", "items": reference("Coordinate"), "minItems": 2, "maxItems": 2}),
        ),
        (
            "Region",
            json!({
                "description": "x, y, width, height", "type": "array", "items": reference("Coordinate"), "minItems": 4, "maxItems": 4,
            }),
        ),
        (
            "Colour",
            json!({"type": "string", "pattern": "^#[0-9a-fA-F]{6}$"}),
        ),
        (
            "Picture",
            json!({
                "description": "A data URL, picture:SHA256 of an upload, job:ID, the name of a part of the same body, or an empty canvas. Never a path.",
                "anyOf": [
                    {"type": "string"},
                    object(json!({"plain": reference("Colour")}), json!(["plain"])),
                    object(json!({"gradient": object(json!({"top": reference("Colour"), "foot": reference("Colour")}), json!(["top", "foot"]))}), json!(["gradient"])),
                ],
            }),
        ),
        (
            "Mark",
            json!({"oneOf": [
                object(json!({"arrow": object(json!({"from": reference("Point"), "to": reference("Point")}), json!(["from", "to"]))}), json!(["arrow"])),
                object(json!({"circle": object(json!({"centre": reference("Point"), "radius": reference("Coordinate")}), json!(["centre", "radius"]))}), json!(["circle"])),
                object(json!({"cross": object(json!({"centre": reference("Point"), "size": reference("Coordinate")}), json!(["centre", "size"]))}), json!(["cross"])),
                object(json!({"scribble": object(json!({"points": {"type": "array", "items": reference("Point"), "minItems": 2}}), json!(["points"]))}), json!(["scribble"])),
                object(json!({"highlight": object(json!({"region": reference("Region")}), json!(["region"]))}), json!(["highlight"])),
            ]}),
        ),
        (
            "Stroke",
            object(
                json!({
                    "points": {"type": "array", "items": reference("Point"), "minItems": 1},
                    "closed": {"type": "boolean"}, "smooth": {"type": "boolean"},
                    "colour": reference("Colour"), "width": {"type": "number"},
                }),
                json!(["points"]),
            ),
        ),
        (
            "Drawing",
            json!({"oneOf": [
                object(json!({"strokes": {"type": "array", "items": reference("Stroke"), "minItems": 1}}), json!(["strokes"])),
                object(json!({"picture": reference("Picture")}), json!(["picture"])),
            ]}),
        ),
        (
            "Push",
            json!({"oneOf": [
                object(json!({"at": object(json!({"from": reference("Point"), "to": reference("Point")}), json!(["from", "to"]))}), json!(["at"])),
                object(json!({"global": object(json!({"angle": {"type": "number"}, "strength": {"type": "number", "minimum": 0.05, "maximum": 1}}), json!(["angle", "strength"]))}), json!(["global"])),
            ]}),
        ),
        (
            "Track",
            object(
                json!({
                    "points": {"type": "array", "items": reference("Point"), "minItems": 2},
                    "smooth": {"type": "boolean"}, "until": {"type": "number"},
                }),
                json!(["points"]),
            ),
        ),
        (
            "Settings",
            json!({
                "description": "What differs from the model's defaults.",
                "type": "object",
                "properties": {
                    "fast": {"type": "boolean"},
                    "steps": {"type": ["integer", "null"], "minimum": 1},
                    "guidance": number, "guidance_rule": {"type": ["string", "null"]},
                    "solver": {"type": ["string", "null"]}, "grid": {"type": ["string", "null"]},
                    "noise": number, "adaptive_guidance": number, "step_cache": number, "first_block_cache": number,
                },
                "additionalProperties": false,
            }),
        ),
        (
            "Error",
            json!({
                "type": "object",
                "properties": {"error": {
                    "type": "object",
                    "properties": {
                        "message": {"type": "string"}, "type": {"type": "string"},
                        "param": {"type": ["string", "null"]}, "code": {"type": ["string", "null"]},
                    },
                    "required": ["message", "type", "param", "code"],
                }},
                "required": ["error"],
            }),
        ),
        (
            "Job",
            json!({
                "type": "object",
                "properties": {
                    "id": {"type": "string"}, "task": {"enum": Task::ALL.map(Task::name)},
                    "state": {"enum": ["queued", "running", "done", "failed", "cancelled"]},
                    "created": {"type": "integer", "description": "Milliseconds since 1970."},
                    "started": whole, "finished": whole, "position": whole,
                    "step": whole, "steps": whole, "share": number, "upscaled": number, "seconds_left": number,
                    "width": whole, "height": whole, "frames": whole,
                    "error": {"type": ["object", "null"]}, "request": {"type": "object"}, "links": {"type": "object"},
                },
                "required": ["id", "task", "state", "created", "request", "links"],
            }),
        ),
        (
            "Model",
            json!({
                "type": "object",
                "properties": {"id": {"type": "string"}, "object": {"const": "model"}, "created": {"type": "integer"}, "owned_by": {"type": "string"}},
                "required": ["id", "object", "created", "owned_by"],
            }),
        ),
        (
            "Images",
            json!({
                "type": "object",
                "properties": {
                    "created": {"type": "integer"},
                    "data": {"type": "array", "items": {"type": "object"}},
                    "output_format": {"type": "string"}, "size": {"type": "string"}, "quality": {"type": "string"}, "background": {"type": "string"},
                    "usage": {"type": "object"},
                },
                "required": ["created", "data", "output_format", "size", "quality", "background", "usage"],
            }),
        ),
        (
            "ImagesRequest",
            json!({
                "type": "object",
                "properties": {
                    "prompt": {"type": "string", "maxLength": 32000},
                    "model": {"type": ["string", "null"]},
                    "n": {"type": ["integer", "null"], "minimum": 1, "maximum": 10},
                    "size": {"type": ["string", "null"]},
                    "quality": {"type": ["string", "null"], "enum": ["low", "medium", "high", "xhigh", "max", "auto", "standard", "hd", null]},
                    "output_format": {"type": ["string", "null"], "enum": ["png", "jpeg", "webp", "gif", null]},
                    "output_compression": {"type": ["integer", "null"], "minimum": 0, "maximum": 100},
                    "frame_count": {"type": ["integer", "null"], "minimum": 2, "maximum": 16},
                    "frame_duration_ms": {"type": ["integer", "null"], "minimum": 10, "maximum": 10000},
                    "stream": {"type": ["boolean", "null"]},
                    "partial_images": {"type": ["integer", "null"], "minimum": 0, "maximum": 3},
                    "background": {"type": ["string", "null"], "enum": ["opaque", "auto", null]},
                    "response_format": {"type": ["string", "null"], "enum": ["b64_json", "url", null]},
                    "seed": {"type": ["integer", "null"], "minimum": 0},
                    "steps": {"type": ["integer", "null"], "minimum": 1},
                    "guidance": {"type": ["number", "null"]},
                    "images": {"type": "array", "description": "Edits only: [{\"image_url\": \"data:..\"}]."},
                    "flowinone": {"type": "object", "description": "Our own words: task, marks, settings, as of POST /api/v1/jobs."},
                    "user": {"type": ["string", "null"], "description": "No effect."},
                    "safety_identifier": {"type": ["string", "null"], "description": "No effect."},
                    "moderation": {"type": ["string", "null"], "description": "No effect."},
                    "style": {"type": ["string", "null"], "description": "No effect."},
                    "input_fidelity": {"type": ["string", "null"], "description": "No effect."},
                },
                "required": ["prompt"],
            }),
        ),
    ]
}

#[cfg(test)]
mod tests {
    use super::*;
    use flowinone_prompts::{
        ClassToImage, Doodle, Force, Prompt, Region, TextBox, TextInImage, TextToImage, Trajectory,
        VisualMarker,
    };

    #[test]
    fn the_schema_of_each_task_has_the_fields_of_its_prompt() {
        let prompts: [Prompt; 8] = [
            ClassToImage::new("a").into(),
            TextToImage::new("a").into(),
            TextInImage::new("a", "b").into(),
            TextBox::new("a", Region::pixels(1.0, 1.0, 2.0, 2.0), "b").into(),
            VisualMarker::new("a", "b").into(),
            Doodle::new("a").into(),
            Force::new("a").until(0.5).into(),
            Trajectory::new("a").into(),
        ];
        let everywhere = [
            "seed",
            "item",
            "side",
            "settings",
            "frames",
            "frame_rate",
            "partial",
            "output",
        ];
        for (task, prompt) in Task::ALL.into_iter().zip(prompts) {
            let schema = request(task);
            let said = schema["properties"].as_object().unwrap();
            let mut said: Vec<&str> = said
                .keys()
                .map(String::as_str)
                .filter(|name| !everywhere.contains(name))
                .collect();
            let value = serde_json::to_value(&prompt).unwrap();
            let mut fields: Vec<&str> = value
                .as_object()
                .unwrap()
                .keys()
                .map(String::as_str)
                .collect();
            said.sort_unstable();
            fields.sort_unstable();
            assert_eq!(said, fields, "{task}");
        }
    }

    #[test]
    fn every_reference_leads_somewhere() {
        let document = crate::server::document();
        let text = document.to_string();
        for part in text.split("#/components/schemas/").skip(1) {
            let name = part.split('"').next().unwrap();
            assert!(
                document["components"]["schemas"][name].is_object(),
                "{name}"
            );
        }
    }
}
