//! The pictures of an edit, and what follows from them: a mask becomes a box, a markup marks.

use flowinone_image::decode_picture;
use flowinone_prompts::{Prompt, Task, VisualMarker};
use serde_json::{Map, Value, json};

use super::fields::Fields;
use super::mask;
use super::wanted::Wanted;
use crate::app::App;
use crate::refusal::Refusal;
use crate::request::{Parts, keep};
use crate::wire::of_data_url;

/// The pictures of an edit.
#[derive(Debug, Default)]
pub(super) struct Pictures {
    images: Vec<Vec<u8>>,
    mask: Option<Vec<u8>>,
    markup: Option<Vec<u8>>,
}

impl Pictures {
    /// Of the files of a form; clients call them by several names.
    pub(super) fn of_files(files: Vec<(String, Vec<u8>)>) -> Result<Self, Refusal> {
        let mut pictures = Self::default();
        for (name, bytes) in files {
            match name.as_str() {
                "image" | "image[]" | "images" | "images[]" => pictures.images.push(bytes),
                "mask" => pictures.mask = Some(bytes),
                "markup" => pictures.markup = Some(bytes),
                _ => {
                    let message =
                        format!("unknown parameter {name:?}; pictures are image, mask and markup");
                    return Err(Refusal::invalid("unknown_parameter", message).at(name));
                }
            }
        }
        Ok(pictures)
    }

    /// Of a JSON body: `images: [{"image_url": "data:.."}]`, and `mask` likewise.
    pub(super) fn of_json(fields: &mut Fields) -> Result<Self, Refusal> {
        let one = |name: &str, value: &Value| {
            let url = value.as_str().or_else(|| value["image_url"].as_str());
            let bytes = url.and_then(of_data_url);
            let bytes = bytes.ok_or_else(|| Refusal::field(name, format!("{name} is sent as {{\"image_url\": \"data:image/png;base64,..\"}}; nothing is fetched from elsewhere")))?;
            bytes.map_err(|reason| Refusal::field(name, reason))
        };
        let mut pictures = Self::default();
        for name in ["image", "images"] {
            match fields.any(name) {
                None => {}
                Some(Value::Array(list)) => {
                    for value in &list {
                        pictures.images.push(one(name, value)?);
                    }
                }
                Some(value) => pictures.images.push(one(name, &value)?),
            }
        }
        for (name, place) in [
            ("mask", &mut pictures.mask),
            ("markup", &mut pictures.markup),
        ] {
            if let Some(value) = fields.any(name) {
                *place = Some(one(name, &value)?);
            }
        }
        Ok(pictures)
    }
}

/// The requests of our own that an edit stands for, and the picture that they name.
pub(super) fn guided(
    app: &App,
    wanted: &Wanted,
    pictures: Pictures,
) -> Result<(Vec<Value>, Parts), Refusal> {
    let Pictures {
        mut images,
        mask,
        markup,
    } = pictures;
    if images.len() > 1 {
        return Err(Refusal::field(
            "image",
            "the tasks of this model take one picture; send one",
        ));
    }
    let image = images
        .pop()
        .ok_or_else(|| Refusal::field("image", "image is missing"))?;
    if mask.is_some() && markup.is_some() {
        return Err(Refusal::field(
            "markup",
            "mask and markup are two ways to say where; send one",
        ));
    }
    if mask.is_some() && wanted.motion.is_some() {
        return Err(Refusal::field("mask", "a GIF takes no mask"));
    }
    let otherwise = if mask.is_some() {
        Task::TextBox
    } else {
        Task::TextInImage
    };
    let task = wanted.task(otherwise)?;
    // Checked by its header before it is decoded.
    let stored =
        keep(&app.engine, &image, app.config.most_pixels).map_err(|refusal| refusal.at("image"))?;
    let [width, height] = stored.size;
    let mut more = Map::new();
    let mut image = image;
    if let Some(mask) = mask {
        let region = mask::bounds(&mask, (width, height))?;
        more.insert(
            "box".into(),
            json!(region.map(|pixels| format!("{pixels}px"))),
        );
    }
    if let Some(markup) = markup {
        let picture = decode_picture(&image).map_err(|reason| Refusal::field("image", reason))?;
        image = mask::marked(&picture, &markup)?;
        if task == Task::TextInImage {
            // The words of a marked picture stand where those of markers do.
            let marker = Prompt::from(VisualMarker::new(std::path::Path::new(""), ""));
            if let Prompt::VisualMarker(marker) = app.engine.info.config.prompts.applied(marker) {
                more.insert("style".into(), json!(marker.style));
            }
        }
    }
    more.insert("picture".into(), "image".into());
    Ok((
        wanted.requests(task, more),
        Parts::from([("image".into(), image)]),
    ))
}
