//! Iconify JSON: a file of many named drawings, each the body of an SVG.
//!
//! `{"prefix", "width", "height", "icons": {name: {"body", ...}}, "aliases": {name: {"parent", ...}}}`;
//! numbers missing at an icon come from the top, then from the format's defaults (0 and 16).

use std::collections::BTreeMap;

use serde::Deserialize;

use super::Error;

/// Most icons in one file.
const MAX_ICONS: usize = 50_000;
/// Longest body of one icon, in bytes.
const MAX_BODY: usize = 256 << 10;
/// Most `<use>` elements of one icon: nested ones multiply.
const MAX_USES: usize = 32;
/// Most filters of one icon.
const MAX_FILTERS: usize = 64;
/// Longest side of an icon in its own units.
const MAX_VIEW: f32 = 4096.0;
/// Longest chain of aliases.
const MAX_ALIASES: usize = 8;

#[derive(Deserialize)]
struct File {
    prefix: String,
    icons: BTreeMap<String, Entry>,
    #[serde(default)]
    aliases: BTreeMap<String, Entry>,
    #[serde(flatten)]
    view: View,
}

#[derive(Deserialize)]
struct Entry {
    body: Option<String>,
    parent: Option<String>,
    #[serde(default)]
    hidden: bool,
    #[serde(default)]
    rotate: u8,
    #[serde(default, rename = "hFlip")]
    flip_across: bool,
    #[serde(default, rename = "vFlip")]
    flip_down: bool,
    #[serde(flatten)]
    view: View,
}

#[derive(Deserialize, Clone, Copy)]
struct View {
    left: Option<f32>,
    top: Option<f32>,
    width: Option<f32>,
    height: Option<f32>,
}

impl View {
    fn or(self, other: Self) -> Self {
        Self {
            left: self.left.or(other.left),
            top: self.top.or(other.top),
            width: self.width.or(other.width),
            height: self.height.or(other.height),
        }
    }
}

/// The drawings of a file: its prefix, and each name with a complete SVG document.
///
/// Aliases are resolved; hidden icons and aliases of them are left out.
pub(crate) fn parse(
    json: &[u8],
    from: &str,
    outline: bool,
) -> Result<(String, BTreeMap<String, String>), Error> {
    let bad = |reason: String| Error::icons(from, reason);
    let text = flowinone_files::text_of(json.to_vec()).map_err(bad)?;
    let file: File =
        serde_json::from_str(&text).map_err(|e| bad(format!("it is no iconify JSON file: {e}")))?;
    let count = file.icons.len() + file.aliases.len();
    if count > MAX_ICONS {
        return Err(bad(format!("it has {count} icons, more than {MAX_ICONS}")));
    }
    let mut documents = BTreeMap::new();
    for name in file.icons.keys().chain(file.aliases.keys()) {
        let document = document(&file, name, outline);
        let document = document.map_err(|reason| bad(format!("{name:?}: {reason}")))?;
        documents.extend(document.map(|text| (name.clone(), text)));
    }
    if documents.is_empty() {
        return Err(bad("it has no visible icon".into()));
    }
    Ok((file.prefix, documents))
}

/// The SVG document of one icon, `None` if it is hidden.
fn document(file: &File, name: &str, outline: bool) -> Result<Option<String>, String> {
    let none = View {
        left: None,
        top: None,
        width: None,
        height: None,
    };
    let (mut view, mut across, mut down, mut turns) = (none, false, false, 0u32);
    let mut current = name;
    for _ in 0..=MAX_ALIASES {
        let icon = file.icons.get(current);
        let entry = icon
            .or_else(|| file.aliases.get(current))
            .ok_or_else(|| format!("its parent {current:?} is missing"))?;
        if entry.hidden {
            return Ok(None);
        }
        view = view.or(entry.view);
        across ^= entry.flip_across;
        down ^= entry.flip_down;
        turns += u32::from(entry.rotate % 4);
        if let Some(body) = &entry.body {
            check(body)?;
            return wrap(body, view.or(file.view), across, down, turns % 4, outline).map(Some);
        }
        current = entry
            .parent
            .as_deref()
            .ok_or("it has neither body nor parent")?;
    }
    Err(format!("more than {MAX_ALIASES} aliases in a row"))
}

/// Refuses what could fetch, run, or explode.
fn check(body: &str) -> Result<(), String> {
    if body.len() > MAX_BODY {
        return Err(format!("{} bytes, more than {MAX_BODY}", body.len()));
    }
    let lower = body.to_ascii_lowercase();
    for refused in [
        "<image",
        "<feimage",
        "<script",
        "<foreignobject",
        "<style",
        "<!",
        "<?",
    ] {
        if lower.contains(refused) {
            return Err(format!("it contains {refused:?}, which is not drawn here"));
        }
    }
    for reference in ["href=", "url("] {
        for (at, _) in lower.match_indices(reference) {
            let target = lower[at + reference.len()..].trim_start_matches(['"', '\'', ' ']);
            if !target.starts_with('#') {
                let target: String = target.chars().take(40).collect();
                return Err(format!("it refers to {target:?} outside of itself"));
            }
        }
    }
    for (element, most) in [("<use", MAX_USES), ("<filter", MAX_FILTERS)] {
        let count = lower.matches(element).count();
        if count > most {
            return Err(format!("{count} times {element:?}, more than {most}"));
        }
    }
    Ok(())
}

/// A complete document: the view box, and the flips and quarter turns of aliases.
fn wrap(
    body: &str,
    view: View,
    across: bool,
    down: bool,
    turns: u32,
    outline: bool,
) -> Result<String, String> {
    let (left, top) = (view.left.unwrap_or(0.0), view.top.unwrap_or(0.0));
    let (width, height) = (view.width.unwrap_or(16.0), view.height.unwrap_or(16.0));
    let sensible = |v: f32| v > 0.0 && v <= MAX_VIEW;
    if !(sensible(width) && sensible(height) && left.abs() <= MAX_VIEW && top.abs() <= MAX_VIEW) {
        return Err(format!("a view box of {left} {top} {width} {height}"));
    }
    let (x, y) = (left + width / 2.0, top + height / 2.0);
    let (sx, sy) = (if across { -1 } else { 1 }, if down { -1 } else { 1 });
    let angle = turns * 90;
    // A body without strokes of its own gets dark contours.
    let stroke = match outline {
        true => format!(
            " stroke=\"#2a2622\" stroke-linejoin=\"round\" stroke-width=\"{}\"",
            width / 30.0
        ),
        false => String::new(),
    };
    Ok(format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" xmlns:xlink=\"http://www.w3.org/1999/xlink\" \
         width=\"{width}\" height=\"{height}\" viewBox=\"{left} {top} {width} {height}\">\
         <g transform=\"translate({x} {y}) rotate({angle}) scale({sx} {sy}) translate({mx} {my})\"{stroke}>\
         {body}</g></svg>",
        mx = -x,
        my = -y,
    ))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn one(body: &str) -> Result<(String, BTreeMap<String, String>), Error> {
        let json = serde_json::json!({"prefix": "t", "icons": {"a": {"body": body}}});
        parse(json.to_string().as_bytes(), "test.json", false)
    }

    #[test]
    fn aliases_are_resolved_and_hidden_icons_left_out() {
        let json = br#"{"prefix": "t", "width": 10, "icons": {
            "a": {"body": "<path/>", "height": 8}, "b": {"body": "<path/>", "hidden": true}},
            "aliases": {"c": {"parent": "d", "hFlip": true}, "d": {"parent": "a", "rotate": 1},
            "e": {"parent": "b"}}}"#;
        let (prefix, icons) = parse(json, "test.json", false).unwrap();
        assert_eq!(prefix, "t");
        assert!(icons.keys().eq(["a", "c", "d"]));
        assert!(icons["a"].contains("viewBox=\"0 0 10 8\"") && icons["a"].contains("scale(1 1)"));
        assert!(
            icons["c"].contains("rotate(90) scale(-1 1)"),
            "{}",
            icons["c"]
        );
    }

    #[test]
    fn endless_aliases_and_missing_parents_are_errors() {
        for (aliases, reason) in [
            (
                r#"{"b": {"parent": "c"}, "c": {"parent": "b"}}"#,
                "aliases in a row",
            ),
            (r#"{"b": {"parent": "z"}}"#, "\"z\" is missing"),
        ] {
            let json = format!(
                r#"{{"prefix": "t", "icons": {{"a": {{"body": ""}}}}, "aliases": {aliases}}}"#
            );
            let text = parse(json.as_bytes(), "test.json", false).unwrap_err();
            let text = text.to_string();
            assert!(
                text.contains(reason) && text.contains("test.json"),
                "{text}"
            );
        }
    }

    #[test]
    fn nothing_is_fetched_and_nothing_explodes() {
        for (body, reason) in [
            ("<image href='http://x/y.png'/>".to_string(), "<image"),
            (
                "<use href='file:///etc/passwd#a'/>".into(),
                "file:///etc/passwd",
            ),
            ("<path fill='url(http://x/y#z)'/>".into(), "http://x/y#z"),
            ("<style>@import 'x'</style>".into(), "<style"),
            ("<!DOCTYPE a [<!ENTITY b 'c'>]>".into(), "<!"),
            ("<use href='#a'/>".repeat(33), "33 times"),
            (" ".repeat(MAX_BODY + 1), "bytes"),
        ] {
            let text = one(&body).unwrap_err().to_string();
            assert!(text.contains(reason) && text.contains("\"a\""), "{text}");
        }
        assert!(one("<use href='#a'/><path fill='url(#b)'/>").is_ok());
        let json = r#"{"prefix": "t", "icons": {"a": {"body": "", "width": 1e30}}}"#;
        assert!(parse(json.as_bytes(), "t", false).is_err());
    }
}
