//! The page: a table of files that are part of the program, or with `--page` a folder, to work on
//! them. What the files say is what runs: comments and indentation stay here, and the modules are
//! sent as one, in the order in which they need each other.

use std::io::Write;
use std::path::PathBuf;

use axum::http::header::{
    ACCEPT_ENCODING, CACHE_CONTROL, CONTENT_ENCODING, ETAG, IF_NONE_MATCH, VARY,
};
use axum::http::{HeaderMap, HeaderValue, StatusCode};
use axum::response::{IntoResponse, Response};
use flate2::Compression;
use flate2::write::GzEncoder;
use flowinone_files::sha256_of;

use crate::http::answer::typed;
use crate::refusal::Refusal;

macro_rules! files {
    ($($name:literal),* $(,)?) => {
        /// The files, by name.
        const FILES: &[(&str, &[u8])] = &[$(($name, include_bytes!(concat!("../page/", $name)))),*];
    };
}

files!(
    "index.html",
    "style.css",
    "icon.svg",
    "scene.png",
    "words.js",
    "api.js",
    "doc.js",
    "copy.js",
    "marks.js",
    "stage.js",
    "gallery.js",
    "main.js",
);

/// The name under which all modules are sent.
const ALL_MODULES: &str = "main.js";

/// A file as it is sent.
struct File {
    name: &'static str,
    tag: String,
    plain: Vec<u8>,
    packed: Vec<u8>,
}

impl File {
    fn new(name: &'static str, plain: Vec<u8>) -> Self {
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

/// A module without what ties it to those that stand before it.
fn untied(module: &str) -> String {
    let mut text = String::with_capacity(module.len());
    for line in module.lines().filter(|line| !line.starts_with("import ")) {
        text += line.strip_prefix("export ").unwrap_or(line);
        text.push('\n');
    }
    text
}

/// All files as they are sent, of what a folder or the program holds.
fn files(read: impl Fn(&'static str, &'static [u8]) -> Vec<u8>) -> Vec<File> {
    let (mut sent, mut modules) = (vec![], String::new());
    for (name, bytes) in FILES {
        let bytes = read(name, bytes);
        match (std::str::from_utf8(&bytes), name.rsplit('.').next()) {
            (Ok(text), Some("js")) => modules += &untied(&lean(text)),
            (Ok(text), Some("css")) => sent.push(File::new(name, lean(text).into_bytes())),
            _ => sent.push(File::new(name, bytes)),
        }
    }
    sent.push(File::new(ALL_MODULES, modules.into_bytes()));
    sent
}

/// Where the files come from.
pub(crate) struct Page {
    folder: Option<PathBuf>,
    files: Vec<File>,
}

impl Page {
    pub(crate) fn new(folder: Option<PathBuf>) -> Self {
        Self {
            folder,
            files: files(|_, bytes| bytes.to_vec()),
        }
    }

    /// A file, packed if the browser takes that, or word that it is the same as before.
    pub(crate) fn answer(&self, name: &str, headers: &HeaderMap) -> Response {
        let fresh = self.folder.as_ref().map(|folder| {
            files(|name, bytes| std::fs::read(folder.join(name)).unwrap_or_else(|_| bytes.to_vec()))
        });
        let mut all = fresh.as_ref().unwrap_or(&self.files).iter();
        let Some(file) = all.find(|file| file.name == name) else {
            return Refusal::missing("the page has no such file").into_response();
        };
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
        assert!(all <= 25 << 10, "{all} bytes: {sent:?}");
    }

    #[test]
    fn only_comments_and_indentation_are_left_out() {
        let text = "// a\nlet b = 'x // y'; // c\n/** d */\n  /* e\n f */\n  let g = /** @type {h} */ (i);\n";
        assert_eq!(lean(text), "let b = 'x // y'; // c\nlet g =  (i);\n");
        for (name, bytes) in FILES.iter().filter(|(name, _)| name.ends_with(".js")) {
            let text = std::str::from_utf8(bytes).unwrap();
            let foreign = text
                .lines()
                .filter_map(|line| line.strip_prefix("import ")?.rsplit_once("'./"));
            let place = |name: &str| FILES.iter().position(|(other, _)| *other == name).unwrap();
            for (_, needed) in foreign {
                let needed = needed.trim_end_matches("';");
                assert!(place(needed) < place(name), "{name} stands before {needed}");
            }
            let open = text.lines().find(|line| line.matches('`').count() % 2 == 1);
            assert_eq!(open, None, "{name}: a string over several lines");
        }
    }
}
