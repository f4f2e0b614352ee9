//! The page: a table of files that are part of the program, or with `--page` a folder, to work on
//! them. What the files say is what runs: only comments and indentation stay here, and the rest is
//! sent compressed.

use std::io::Write;
use std::path::PathBuf;

use axum::Router;
use axum::extract::{Path, State};
use axum::http::header::{
    ACCEPT_ENCODING, CACHE_CONTROL, CONTENT_ENCODING, ETAG, IF_NONE_MATCH, VARY,
};
use axum::http::{HeaderMap, HeaderValue, StatusCode};
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use flate2::Compression;
use flate2::write::GzEncoder;
use flowinone_files::sha256_of;

use super::Shared;
use super::answer::typed;
use crate::refusal::Refusal;

macro_rules! files {
    ($($name:literal),* $(,)?) => {
        /// The files, by name.
        const FILES: &[(&str, &[u8])] = &[$(($name, include_bytes!(concat!("../../page/", $name)))),*];
    };
}

files!(
    "index.html",
    "style.css",
    "icon.svg",
    "scene.png",
    "main.js",
    "api.js",
    "copy.js",
    "doc.js",
    "gallery.js",
    "marks.js",
    "stage.js",
    "words.js",
);

/// A file as it is sent.
struct File {
    name: &'static str,
    tag: String,
    plain: Vec<u8>,
    packed: Vec<u8>,
}

impl File {
    fn new(name: &'static str, bytes: &[u8]) -> Self {
        let plain = match std::str::from_utf8(bytes) {
            Ok(text) if name.ends_with(".js") || name.ends_with(".css") => lean(text).into_bytes(),
            _ => bytes.to_vec(),
        };
        let mut packer = GzEncoder::new(vec![], Compression::best());
        // Memory takes whatever is written to it.
        let packed = packer.write_all(&plain).and_then(|()| packer.finish());
        Self {
            name,
            tag: format!("\"{}\"", &sha256_of(&plain)[..32]),
            packed: packed.unwrap_or_default(),
            plain,
        }
    }
}

/// A script or style without its comments and indentation. No string of ours holds the beginning
/// of a comment, and none goes over several lines.
fn lean(text: &str) -> String {
    let mut rest = text;
    let mut bare = String::with_capacity(text.len());
    while let Some((before, comment)) = rest.split_once("/*") {
        bare += before;
        rest = comment.split_once("*/").map_or("", |(_, after)| after);
    }
    bare += rest;
    let lines = bare.lines().map(str::trim);
    let kept: Vec<&str> = lines
        .filter(|line| !line.is_empty() && !line.starts_with("//"))
        .collect();
    kept.join("\n") + "\n"
}

/// Where the files come from.
pub(super) struct Page {
    folder: Option<PathBuf>,
    files: Vec<File>,
}

impl Page {
    pub(super) fn new(folder: Option<PathBuf>) -> Self {
        let files = FILES.iter().map(|(name, bytes)| File::new(name, bytes));
        Self {
            folder,
            files: files.collect(),
        }
    }

    fn answer(&self, name: &str, headers: &HeaderMap) -> Response {
        let Some(known) = self.files.iter().find(|file| file.name == name) else {
            return Refusal::missing("the page has no such file").into_response();
        };
        let fresh = self.folder.as_ref().and_then(|folder| {
            let bytes = std::fs::read(folder.join(known.name)).ok()?;
            Some(File::new(known.name, &bytes))
        });
        let file = fresh.as_ref().unwrap_or(known);
        let kind = match name.rsplit('.').next() {
            Some("html") => "text/html; charset=utf-8",
            Some("css") => "text/css; charset=utf-8",
            Some("svg") => "image/svg+xml",
            Some("png") => "image/png",
            _ => "text/javascript; charset=utf-8",
        };
        let header = |name| {
            headers
                .get(name)
                .and_then(|value: &HeaderValue| value.to_str().ok())
        };
        let same = header(IF_NONE_MATCH).is_some_and(|known| known.contains(&file.tag));
        let packs = header(ACCEPT_ENCODING).is_some_and(|known| known.contains("gzip"));
        let mut response = match (same, packs) {
            (true, _) => StatusCode::NOT_MODIFIED.into_response(),
            (false, true) => typed(StatusCode::OK, kind, file.packed.clone().into()),
            (false, false) => typed(StatusCode::OK, kind, file.plain.clone().into()),
        };
        let headers = response.headers_mut();
        if packs && !same {
            headers.insert(CONTENT_ENCODING, HeaderValue::from_static("gzip"));
        }
        headers.insert(VARY, HeaderValue::from_static("accept-encoding"));
        // Asked for anew each time, so that a new program has its own page.
        headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-cache"));
        if let Ok(tag) = HeaderValue::from_str(&file.tag) {
            headers.insert(ETAG, tag);
        }
        response
    }
}

/// The router with the page's files.
pub(super) fn add(router: Router<Shared>) -> Router<Shared> {
    router
        .route(
            "/",
            get(async |State(app): State<Shared>, headers: HeaderMap| {
                app.page.answer("index.html", &headers)
            }),
        )
        .route(
            "/page/{name}",
            get(
                async |State(app): State<Shared>, Path(name): Path<String>, headers: HeaderMap| {
                    app.page.answer(&name, &headers)
                },
            ),
        )
        .route(
            "/favicon.ico",
            get(async |State(app): State<Shared>, headers: HeaderMap| {
                app.page.answer("icon.svg", &headers)
            }),
        )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_page_is_small() {
        let page = Page::new(None);
        let sent: Vec<(&str, usize)> = page
            .files
            .iter()
            .map(|file| (file.name, file.packed.len()))
            .collect();
        let all: usize = sent.iter().map(|(_, bytes)| bytes).sum();
        assert!(all <= 27_000, "{all} bytes: {sent:?}");
    }

    #[test]
    fn only_comments_and_indentation_are_left_out() {
        let text = "// a\nlet b = 'x // y'; // c\n/** d */\n  /* e\n f */\n  let g = /** @type {h} */ (i);\n";
        assert_eq!(lean(text), "let b = 'x // y'; // c\nlet g =  (i);\n");
        for (name, bytes) in FILES.iter().filter(|(name, _)| name.ends_with(".js")) {
            let text = std::str::from_utf8(bytes).unwrap();
            let open = text.lines().find(|line| line.matches('`').count() % 2 == 1);
            assert_eq!(open, None, "{name}: a string over several lines");
        }
    }
}
