//! Pictures: what was sent, what was made, and how it was asked for.

use std::io::Cursor;
use std::path::Path as FilePath;

use axum::extract::{Path, Request, State};
use axum::http::header::CONTENT_DISPOSITION;
use axum::http::{HeaderValue, Method, StatusCode, Uri};
use axum::response::Response;
use axum::routing::{get, post};
use flowinone_image::{Filter, read_picture, resize, write_animation};
use image::codecs::jpeg::JpegEncoder;
use image::codecs::webp::WebPEncoder;
use image::{ImageFormat, RgbImage};
use serde::Deserialize;
use serde_json::json;

use super::answer::{forever, json};
use super::body;
use super::jobs::{found, no_job};
use crate::app::{App, Shared};
use crate::operation::Operation;
use crate::refusal::Refusal;
use crate::request::keep;
use crate::route::{Route, query};
use crate::store::State as JobState;

/// Side of thumbnails, in pixels.
const THUMBNAIL: u32 = 160;

pub(crate) fn routes() -> Vec<Route> {
    let binary = || json!({"type": "string", "format": "binary"});
    let upload = Operation::new("upload", "Send a picture that requests may name")
        .body("application/octet-stream", binary())
        .json(200, "How requests name it.", json!({
            "type": "object",
            "properties": {"picture": {"type": "string"}, "width": {"type": "integer"}, "height": {"type": "integer"}},
            "required": ["picture", "width", "height"],
        }));
    let download = |operation: Operation| {
        operation.query(
            "download",
            json!({"type": "boolean"}),
            "Whether a browser shall save it.",
        )
    };
    let sent = Operation::new("sent_picture", "A picture that was sent").answer(
        200,
        "Its bytes.",
        "image/*",
        binary(),
    );
    let picture = download(Operation::new(
        "picture",
        "The picture of a job; as PNG it holds its settings",
    ))
    .query(
        "format",
        json!({"type": "string", "enum": ["png", "jpeg", "webp"]}),
        "png if not said.",
    )
    .query(
        "quality",
        json!({"type": "integer", "minimum": 1, "maximum": 100}),
        "Of a JPEG; 90 if not said.",
    )
    .answer(200, "The picture.", "image/*", binary());
    let thumbnail = Operation::new("thumbnail", "The picture of a job, small, as JPEG").answer(
        200,
        "The picture.",
        "image/jpeg",
        binary(),
    );
    let motion = download(Operation::new(
        "motion",
        "All frames of a job as an animation",
    ))
    .query(
        "format",
        json!({"type": "string", "enum": ["webp", "gif", "apng"]}),
        "webp if not said.",
    )
    .answer(200, "The animation.", "image/*", binary());
    vec![
        Route::new(
            Method::POST,
            "/api/v1/pictures",
            post(upload_picture),
            upload,
        ),
        Route::new(
            Method::GET,
            "/api/v1/pictures/{sha256}",
            get(sent_picture),
            sent,
        ),
        Route::new(
            Method::GET,
            "/api/v1/jobs/{id}/picture",
            get(picture_of),
            picture,
        ),
        Route::new(
            Method::GET,
            "/api/v1/jobs/{id}/thumbnail",
            get(thumbnail_of),
            thumbnail,
        ),
        Route::new(
            Method::GET,
            "/api/v1/jobs/{id}/motion",
            get(motion_of),
            motion,
        ),
    ]
}

/// Encodings of single pictures.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, Default)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Format {
    /// Without loss, and with the settings inside.
    #[default]
    Png,
    /// Small.
    Jpeg,
    /// Without loss.
    Webp,
}

impl Format {
    pub(crate) fn media_type(self) -> &'static str {
        match self {
            Self::Png => "image/png",
            Self::Jpeg => "image/jpeg",
            Self::Webp => "image/webp",
        }
    }

    fn extension(self) -> &'static str {
        match self {
            Self::Png => "png",
            Self::Jpeg => "jpg",
            Self::Webp => "webp",
        }
    }

    /// A picture's file in this encoding; PNG as it is.
    ///
    /// # Errors
    /// A file that cannot be read.
    pub(crate) fn of_file(self, file: &FilePath, quality: u8) -> Result<Vec<u8>, Refusal> {
        let gone = |reason: String| Refusal::missing(format!("the picture is gone: {reason}"));
        match self {
            Self::Png => std::fs::read(file).map_err(|e| gone(e.to_string())),
            _ => {
                let picture = read_picture(file).map_err(|e| gone(e.to_string()))?;
                self.of(&picture, quality)
            }
        }
    }

    /// A picture in this encoding.
    ///
    /// # Errors
    /// None that is known of.
    pub(crate) fn of(self, picture: &RgbImage, quality: u8) -> Result<Vec<u8>, Refusal> {
        let mut bytes = Cursor::new(vec![]);
        let written = match self {
            Self::Png => picture.write_to(&mut bytes, ImageFormat::Png),
            Self::Jpeg => {
                picture.write_with_encoder(JpegEncoder::new_with_quality(&mut bytes, quality))
            }
            Self::Webp => picture.write_with_encoder(WebPEncoder::new_lossless(&mut bytes)),
        };
        written.map_err(|e| Refusal::internal("encoding", e.to_string()))?;
        Ok(bytes.into_inner())
    }
}

/// Kinds of animations.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, Default)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Motion {
    #[default]
    Webp,
    Gif,
    Apng,
}

impl Motion {
    fn media_type(self) -> &'static str {
        match self {
            Self::Webp => "image/webp",
            Self::Gif => "image/gif",
            Self::Apng => "image/apng",
        }
    }

    fn extension(self) -> &'static str {
        match self {
            Self::Webp => "webp",
            Self::Gif => "gif",
            Self::Apng => "apng",
        }
    }
}

/// The animation of a job, made of its frames when it is first asked for.
///
/// # Errors
/// A job without frames.
pub(crate) fn motion(app: &App, id: &str, kind: Motion) -> Result<Vec<u8>, Refusal> {
    let still = || Refusal::missing(format!("job {id} has no motion (any more)"));
    let asked = app.engine.asked(id)?.ok_or_else(|| no_job(id))?;
    let count = asked.frames.ok_or_else(still)?;
    let folder = app.engine.store.frames(id);
    let file = folder.join(format!("motion.{}", kind.extension()));
    if !file.exists() {
        let frames: Vec<_> = (1..=count)
            .map(|frame| folder.join(format!("{frame:04}.png")))
            .collect();
        write_animation(&file, frames.iter().map(read_picture), asked.rate())
            .map_err(|_| still())?;
    }
    std::fs::read(file).map_err(|_| still())
}

async fn upload_picture(State(app): State<Shared>, request: Request) -> Result<Response, Refusal> {
    let held = body::read(&app, request).await?;
    let keep = move |app: &App| keep(&app.engine, &held.bytes, app.config.most_pixels);
    let input = app.drawing(keep).await?;
    let [width, height] = input.size;
    let picture = format!("picture:{}", input.sha256);
    Ok(json(
        StatusCode::OK,
        &json!({"picture": picture, "width": width, "height": height}),
    ))
}

async fn sent_picture(
    State(app): State<Shared>,
    Path(sha256): Path<String>,
) -> Result<Response, Refusal> {
    let read = move |app: &App| {
        let input = app
            .engine
            .store
            .input(&sha256)
            .map_err(|e| app.engine.refused(&e))?;
        let input = input.ok_or_else(|| Refusal::missing("this picture is not here (any more)"))?;
        let bytes = std::fs::read(app.engine.store.input_file(&input));
        let bytes = bytes.map_err(|e| Refusal::missing(format!("the picture is gone: {e}")))?;
        let kind = match input.file.rsplit('.').next() {
            Some("png") => "image/png",
            Some("jpg") => "image/jpeg",
            Some("webp") => "image/webp",
            Some("gif") => "image/gif",
            Some("bmp") => "image/bmp",
            _ => "image/tiff",
        };
        Ok(forever(kind, bytes))
    };
    app.blocking(read).await
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct PictureQuery {
    #[serde(default)]
    format: Format,
    quality: Option<u8>,
    #[serde(default)]
    download: bool,
}

/// The job of an id, if it is done.
fn done(app: &App, id: &str) -> Result<(), Refusal> {
    let view = found(app, id)?;
    match view.state {
        JobState::Done => Ok(()),
        state => Err(Refusal::missing(format!(
            "the job is {}; it has no picture",
            state.name()
        ))),
    }
}

async fn picture_of(
    State(app): State<Shared>,
    Path(id): Path<String>,
    uri: Uri,
) -> Result<Response, Refusal> {
    let PictureQuery {
        format,
        quality,
        download,
    } = query(&uri)?;
    let quality = quality.unwrap_or(90);
    if !(1..=100).contains(&quality) {
        return Err(Refusal::field(
            "quality",
            format!("quality is {quality}; it must be 1 to 100"),
        ));
    }
    let read = move |app: &App| {
        done(app, &id)?;
        let bytes = format.of_file(&app.engine.store.picture(&id), quality)?;
        let mut response = forever(format.media_type(), bytes);
        if download {
            saved(app, &id, format.extension(), &mut response)?;
        }
        Ok(response)
    };
    app.drawing(read).await
}

/// Lets a browser save an answer under the name that the request gave, or its task and id.
fn saved(app: &App, id: &str, extension: &str, response: &mut Response) -> Result<(), Refusal> {
    let asked = app.engine.asked(id)?.ok_or_else(|| no_job(id))?;
    let plain = asked.name.as_deref().filter(|name| name.is_ascii());
    let name = plain.map_or_else(|| format!("{}-{}", asked.task(), &id[16..]), str::to_string);
    if let Ok(value) =
        HeaderValue::from_str(&format!("attachment; filename=\"{name}.{extension}\""))
    {
        response.headers_mut().insert(CONTENT_DISPOSITION, value);
    }
    Ok(())
}

async fn thumbnail_of(
    State(app): State<Shared>,
    Path(id): Path<String>,
) -> Result<Response, Refusal> {
    let read = move |app: &App| {
        done(app, &id)?;
        let gone =
            |e: flowinone_image::Error| Refusal::missing(format!("the picture is gone: {e}"));
        let picture = read_picture(app.engine.store.picture(&id)).map_err(gone)?;
        let longest = picture.width().max(picture.height());
        let small = match longest > THUMBNAIL {
            true => {
                let side = |extent: u32| (extent * THUMBNAIL / longest).max(1);
                resize(
                    &picture,
                    side(picture.width()),
                    side(picture.height()),
                    Filter::Bicubic,
                )
            }
            false => picture,
        };
        Ok(forever("image/jpeg", Format::Jpeg.of(&small, 85)?))
    };
    app.drawing(read).await
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct MotionQuery {
    #[serde(default)]
    format: Motion,
    #[serde(default)]
    download: bool,
}

async fn motion_of(
    State(app): State<Shared>,
    Path(id): Path<String>,
    uri: Uri,
) -> Result<Response, Refusal> {
    let MotionQuery { format, download } = query(&uri)?;
    let read = move |app: &App| {
        done(app, &id)?;
        let mut response = forever(format.media_type(), motion(app, &id, format)?);
        if download {
            saved(app, &id, format.extension(), &mut response)?;
        }
        Ok(response)
    };
    app.drawing(read).await
}
