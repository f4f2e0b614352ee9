//! What the judge is shown and asked: the prompt picture, its words, the result, and four criteria.
//!
//! The two scenarios, the criteria, the keys of the answer, temperature and length are those of
//! VP-Bench; the wording is ours.

use std::io::Cursor;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use image::codecs::jpeg::JpegEncoder;
use image::{ImageFormat, RgbImage};
use serde_json::{Value, json};

use flowinone_prompts::Task;

/// Quality at which prompts are sent, as in VP-Bench.
const QUALITY: u8 = 95;

/// How a subset is judged.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Scenario {
    /// A picture made from words on a canvas: the canvas itself does not matter.
    Generation,
    /// A picture that was changed: everything else in it matters.
    Editing,
}

impl Scenario {
    /// The scenario of a task: editing for all that keep their input's structure.
    pub fn of(task: Task) -> Self {
        match task.keeps_structure() {
            true => Self::Editing,
            false => Self::Generation,
        }
    }

    /// VP-Bench's letter for it.
    pub fn letter(self) -> char {
        match self {
            Self::Generation => 'A',
            Self::Editing => 'B',
        }
    }

    fn introduction(self) -> &'static str {
        match self {
            Self::Generation => {
                "You judge pictures made by an image model. This one was made from words alone. \
                 The first picture is a canvas that shows these words; it is here for reference, \
                 do not judge by its look. The second picture is the result."
            }
            Self::Editing => {
                "You judge pictures changed by an image model. The first picture carries an \
                 instruction: words and visual marks (boxes, arrows, lines, drawings) laid over it. \
                 The second picture is the result. The instruction's words were read for you and \
                 follow below; that words and marks vanish is part of the task, not a loss of content."
            }
        }
    }

    fn criteria(self) -> &'static str {
        match self {
            Self::Generation => {
                "Give four scores, whole numbers from 1 (bad) to 5 (very good):\n\
                 - fidelity_score, instruction fidelity: do the named things appear, with their \
                 colours, materials, kinds and actions? A result that has nothing to do with the words \
                 gets a low score.\n\
                 - consistency_score, content consistency: is the canvas clean, the subject clear, and \
                 nothing there that was not asked for? Anything that is not chaotic may score high.\n\
                 - realism_score, visual realism: is it natural, without artifacts, blur, jagged \
                 edges or distorted limbs?\n\
                 - spatial_score, spatial precision: 5 if the subject is whole and inside the frame."
            }
            Self::Editing => {
                "Give four scores, whole numbers from 1 (bad) to 5 (very good):\n\
                 - fidelity_score, instruction fidelity: is what was asked done, with the right \
                 things, colours, materials and actions? A result that has nothing to do with the \
                 instruction gets a low score.\n\
                 - consistency_score, content consistency: are background, light and uninvolved things \
                 kept as they were, and are the instruction's words and all marks gone? Changes \
                 elsewhere, or words or marks that are left, get a low score. Lettering that belongs \
                 to the scene itself does not count.\n\
                 - realism_score, visual realism: is it natural, without artifacts, blur, jagged \
                 edges or distorted limbs, and does the change blend in?\n\
                 - spatial_score, spatial precision: does the change keep to the marks, filling but not \
                 leaving them, follow the direction of arrows and paths, and concern the thing that is \
                 pointed at?"
            }
        }
    }
}

const FORM: &str = "Answer with this JSON object and nothing else:\n\
    {\"analysis\": \"one or two sentences\", \"fidelity_score\": 0, \"consistency_score\": 0, \
    \"realism_score\": 0, \"spatial_score\": 0}";

/// The body of a chat-completions request about one result.
///
/// # Errors
/// A sentence that says which picture cannot be encoded.
pub(crate) fn question(
    model: &str,
    task: Task,
    instruction: Option<&str>,
    prompt: &RgbImage,
    result: &RgbImage,
) -> Result<Value, String> {
    let scenario = Scenario::of(task);
    let words = match instruction {
        Some(words) => format!("Instruction: {words}"),
        None => "Instruction: read it in the first picture.".into(),
    };
    let text = |text: &str| json!({"type": "text", "text": text});
    let picture =
        |url: String| json!({"type": "image_url", "image_url": {"url": url, "detail": "high"}});
    let mut jpeg = vec![];
    let encoded = prompt.write_with_encoder(JpegEncoder::new_with_quality(&mut jpeg, QUALITY));
    encoded.map_err(|e| format!("the prompt cannot be encoded: {e}"))?;
    let mut png = Cursor::new(vec![]);
    let encoded = result.write_to(&mut png, ImageFormat::Png);
    encoded.map_err(|e| format!("the result cannot be encoded: {e}"))?;
    let url =
        |kind: &str, bytes: &[u8]| format!("data:image/{kind};base64,{}", STANDARD.encode(bytes));
    Ok(json!({
        "model": model,
        "temperature": 0.2,
        "max_tokens": 4096,
        "messages": [{"role": "user", "content": [
            text(scenario.introduction()),
            text("First picture:"),
            picture(url("jpeg", &jpeg)),
            text(&words),
            text("Second picture, the result:"),
            picture(url("png", png.get_ref())),
            text(scenario.criteria()),
            text(FORM),
        ]}],
    }))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_pictures_and_the_words_are_sent_in_order() {
        let (prompt, result) = (RgbImage::new(8, 8), RgbImage::new(6, 6));
        let ask = |task, words| question("eye", task, words, &prompt, &result).unwrap();
        let body = ask(Task::Force, Some("push the \"cat\""));
        assert_eq!(body["model"], "eye");
        let parts = body["messages"][0]["content"].as_array().unwrap();
        let words: Vec<&str> = parts.iter().filter_map(|p| p["text"].as_str()).collect();
        assert!(words[2].contains("push the \"cat\""));
        assert!(words.last().unwrap().contains("spatial_score"));
        let urls: Vec<&str> = parts
            .iter()
            .filter_map(|part| part["image_url"]["url"].as_str())
            .collect();
        let bytes = |url: &str| STANDARD.decode(url.split_once(',').unwrap().1).unwrap();
        assert!(urls[0].starts_with("data:image/jpeg;"));
        let back = flowinone_image::decode_picture(&bytes(urls[0])).unwrap();
        assert_eq!(back.dimensions(), (8, 8));
        assert!(urls[1].starts_with("data:image/png;"));
        assert_eq!(
            flowinone_image::decode_picture(&bytes(urls[1])).unwrap(),
            result
        );
        // Where nothing is kept, the canvas is not judged.
        let made = ask(Task::ClassToImage, None).to_string();
        assert!(made.contains("for reference") && made.contains("read it in"));
        assert!(!body.to_string().contains("for reference"));
    }
}
