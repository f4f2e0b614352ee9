//! Lines out of an SVG file. Nothing that it refers to is ever fetched, and its size, nesting and
//! number of elements (with every `use` counted as what it shows) are limited before it is drawn.

use std::collections::HashMap;
use std::path::Path;

use roxmltree::{Document, Node, ParsingOptions};
use tiny_skia::Transform;
use usvg::{Group, ImageHrefResolver, Options, Paint, Tree};

use super::frame::REFERENCE_SIDE;
use super::strokes::{Line, check_count};
use super::{Colour, Frame, PromptError};

/// Largest file, in bytes.
const MOST_BYTES: u64 = 2 << 20;
/// Most elements, with every `use` counted as what it shows.
const MOST_ELEMENTS: u32 = 20_000;
/// Deepest nesting.
const DEEPEST: u32 = 64;
/// Longest style surface, in bytes.
const LONGEST_SHEET: usize = 16 << 10;
/// Most points of all lines.
const MOST_POINTS: usize = 200_000;

const SVG: &str = "http://www.w3.org/2000/svg";

/// What may stand in a drawing of lines.
const ELEMENTS: [&str; 19] = [
    "svg",
    "g",
    "defs",
    "symbol",
    "use",
    "a",
    "path",
    "line",
    "polyline",
    "polygon",
    "rect",
    "circle",
    "ellipse",
    "title",
    "desc",
    "metadata",
    "style",
    "linearGradient",
    "radialGradient",
];

/// Reads the lines of an SVG file, laid over a canvas of `frame`'s proportions.
pub(crate) fn read(path: &Path, frame: &Frame) -> Result<Vec<Line>, PromptError> {
    let unreadable = || flowinone_files::Error::of("read", path);
    let size = std::fs::metadata(path).map_err(unreadable())?.len();
    if size > MOST_BYTES {
        return Err(PromptError::Drawing(format!(
            "{} has {size} bytes, more than the {MOST_BYTES} allowed; simplify it",
            path.display()
        )));
    }
    let bytes = std::fs::read(path).map_err(unreadable())?;
    lines(&bytes, frame)
        .map_err(|reason| PromptError::Drawing(format!("{}: {reason}", path.display())))
}

/// As [`read`], from the bytes of a file; the error is the reason alone.
fn lines(bytes: &[u8], frame: &Frame) -> Result<Vec<Line>, String> {
    let text = &flowinone_files::text_of(bytes.to_vec())?;
    if text.contains("<!ENTITY") {
        return Err("it declares entities; remove them".into());
    }
    shallow(text)?;
    let options = ParsingOptions {
        allow_dtd: true,
        nodes_limit: 4 * MOST_ELEMENTS,
        ..ParsingOptions::default()
    };
    let document = Document::parse_with_options(text, options).map_err(|e| e.to_string())?;
    check(&document)?;
    let options = Options {
        image_href_resolver: ImageHrefResolver {
            resolve_data: Box::new(|_, _, _| None),
            resolve_string: Box::new(|_, _| None),
        },
        ..Options::default()
    };
    let tree = Tree::from_xmltree(&document, &options).map_err(|e| e.to_string())?;
    let size = [tree.size().width(), tree.size().height()].map(f64::from);
    let own = fitting("drawing", size, frame)?;
    let scale = (REFERENCE_SIDE / size[0].min(size[1])) as f32;
    let [x, y] = own
        .place("drawing", super::Point::pixels(0.0, 0.0))
        .map_err(|e| e.to_string())?
        .map(|offset| offset as f32);
    let mut lines = vec![];
    collect(
        tree.root(),
        Transform::from_row(scale, 0.0, 0.0, scale, x, y),
        &mut lines,
    );
    check_count(lines.len()).map_err(|e| e.to_string())?;
    let points: usize = lines.iter().map(|line| line.path.points().len()).sum();
    match points <= MOST_POINTS {
        true => Ok(lines),
        false => Err(format!(
            "its lines have {points} points, more than the {MOST_POINTS} allowed; simplify it"
        )),
    }
}

/// The frame of a drawing that lies over the picture of `frame`, or is square and lies over the
/// canvas.
pub(crate) fn fitting(what: &str, size: [f64; 2], frame: &Frame) -> Result<Frame, String> {
    let own = Frame::of(size);
    let near = |a: f64, b: f64| (a / b - 1.0).abs() < 0.01;
    match near(own.proportions(), frame.proportions()) || near(own.proportions(), 1.0) {
        true => Ok(own),
        false => Err(format!(
            "the {what} of {} x {} has neither the proportions of the picture nor is it square; give it the picture's size",
            size[0], size[1]
        )),
    }
}

fn collect(group: &Group, to_canvas: Transform, lines: &mut Vec<Line>) {
    for node in group.children() {
        match node {
            usvg::Node::Group(group) => collect(group, to_canvas, lines),
            usvg::Node::Path(path) if path.is_visible() => {
                if path.stroke().is_none() && path.fill().is_none() {
                    continue;
                }
                let transform = to_canvas.pre_concat(path.abs_transform());
                let Some(outline) = path.data().clone().transform(transform) else {
                    continue;
                };
                // Black is what every program draws with unless told otherwise: the doodle's pen.
                let colour = path.stroke().and_then(|stroke| match stroke.paint() {
                    Paint::Color(c) => Some(Colour([c.red, c.green, c.blue])),
                    _ => None,
                });
                let colour = colour.filter(|&colour| colour != Colour::BLACK);
                let (sx, sy) = transform.get_scale();
                let grown = (sx * sy).abs().sqrt();
                let width = path
                    .stroke()
                    .map(|s| (s.width().get() * grown).clamp(0.5, 40.0));
                lines.push(Line {
                    path: outline,
                    colour,
                    width: width.filter(|_| colour.is_some()),
                });
            }
            _ => {}
        }
    }
}

/// Counts open elements in the text itself, before any parser follows them down.
fn shallow(text: &str) -> Result<(), String> {
    let mut depth = 0u32;
    for (at, _) in text.match_indices('<') {
        let rest = &text[at + 1..];
        match rest.bytes().next() {
            Some(b'/') => depth = depth.saturating_sub(1),
            Some(b'!' | b'?') | None => {}
            Some(_) => {
                let tag = &rest[..rest.find('>').unwrap_or(rest.len())];
                depth += u32::from(!tag.ends_with('/'));
            }
        }
        if depth > 4 * DEEPEST {
            return Err(too_deep());
        }
    }
    Ok(())
}

fn too_deep() -> String {
    format!(
        "its elements are nested more than {DEEPEST} deep, or refer to themselves; ungroup them"
    )
}

/// Refuses what is no line drawing, refers outside, or unfolds to too much.
fn check(document: &Document) -> Result<(), String> {
    let mut names = HashMap::new();
    for node in document.descendants().filter(Node::is_element) {
        if let Some(id) = node.attribute("id") {
            names.entry(id).or_insert(node);
        }
        for attribute in node.attributes() {
            let value = attribute.value().trim_start();
            if attribute.name() == "href" && !value.starts_with('#') && is_svg(node) {
                return Err(outside(node, value));
            }
            let urls = value.match_indices("url(");
            if let Some((at, _)) = urls.into_iter().find(|(at, _)| {
                let target = value[at + 4..].trim_start_matches([' ', '"', '\'']);
                !target.starts_with('#')
            }) {
                return Err(outside(node, &value[at..]));
            }
        }
        if node.has_tag_name((SVG, "style")) {
            let surface: String = node.children().filter_map(|child| child.text()).collect();
            if surface.contains("@import") || surface.contains("url(") {
                return Err(outside(node, "a style surface or resource"));
            }
            if surface.len() > LONGEST_SHEET {
                return Err(format!(
                    "its style surface is longer than {LONGEST_SHEET} bytes"
                ));
            }
        }
    }
    let mut left = MOST_ELEMENTS;
    unfold(document.root_element(), &names, 0, &mut left)
}

fn unfold(
    node: Node,
    names: &HashMap<&str, Node>,
    depth: u32,
    left: &mut u32,
) -> Result<(), String> {
    if depth > DEEPEST {
        return Err(too_deep());
    }
    *left = left
        .checked_sub(1)
        .ok_or_else(|| format!("it unfolds to more than {MOST_ELEMENTS} elements; simplify it"))?;
    let name = node.tag_name().name();
    if !is_svg(node) {
        return Ok(()); // an editor's own notes, which are not drawn
    }
    let inert = [
        "metadata",
        "linearGradient",
        "radialGradient",
        "style",
        "title",
        "desc",
    ];
    if !ELEMENTS.contains(&name) {
        return Err(format!(
            "it holds <{name}>; a doodle is made of lines: convert text, pictures and effects to paths"
        ));
    }
    if inert.contains(&name) {
        return Ok(());
    }
    if name == "use" {
        let target = node
            .attributes()
            .find(|attribute| attribute.name() == "href")
            .and_then(|attribute| names.get(attribute.value().trim().trim_start_matches('#')));
        if let Some(target) = target {
            unfold(*target, names, depth + 1, left)?;
        }
    }
    for child in node.children().filter(Node::is_element) {
        unfold(child, names, depth + 1, left)?;
    }
    Ok(())
}

fn is_svg(node: Node) -> bool {
    node.tag_name().namespace() == Some(SVG)
}

fn outside(node: Node, target: &str) -> String {
    let target: String = target.chars().take(60).collect();
    format!(
        "<{}> refers to {target}; nothing outside the file is read",
        node.tag_name().name()
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(body: &str) -> Result<Vec<Line>, String> {
        let svg = format!(r#"<svg xmlns="{SVG}" viewBox="0 0 200 100">{body}</svg>"#);
        lines(svg.as_bytes(), &Frame::new(400, 200))
    }

    #[test]
    fn lines_lie_over_the_picture() {
        let drawn = read(r#"<path d="M50 0L150 100" fill="none" stroke="black"/>"#).unwrap();
        let bounds = drawn[0].path.bounds();
        assert!(bounds.left().abs() < 1e-3 && (bounds.right() - 512.0).abs() < 1e-3);
        assert_eq!(drawn[0].colour, None);
        let drawn = read(r##"<g transform="scale(2)"><circle cx="50" cy="25" r="10" fill="none" stroke="#0080ff" stroke-width="1"/></g>"##).unwrap();
        assert_eq!(drawn[0].colour, Some(Colour([0, 128, 255])));
        assert!((drawn[0].width.unwrap() - 10.24).abs() < 0.01);
        assert!((drawn[0].path.bounds().width() - 204.8).abs() < 0.1);
    }

    #[test]
    fn nothing_outside_the_file_is_read() {
        for body in [
            r#"<image href="http://example.com/a.png" width="9" height="9"/>"#,
            r#"<use href="other.svg#a"/>"#,
            r#"<path d="M0 0L9 9" stroke="url(http://example.com/#g)"/>"#,
            r#"<style>@import url("http://example.com/a.css");</style><path d="M0 0L9 9"/>"#,
        ] {
            let error = read(body).err().unwrap();
            assert!(error.contains("nothing outside"), "{error}");
        }
    }

    #[test]
    fn bombs_are_refused_at_once() {
        let mut bomb = String::from(r#"<defs><path id="a0" d="M0 0L9 9" stroke="red"/>"#);
        for i in 1..30 {
            let uses = format!(r##"<use href="#a{}"/>"##, i - 1).repeat(10);
            bomb += &format!(r#"<g id="a{i}">{uses}</g>"#);
        }
        bomb += r##"</defs><use href="#a29"/>"##;
        assert!(read(&bomb).err().unwrap().contains("unfolds"));
        let deep = format!("{}{}", "<g>".repeat(100_000), "</g>".repeat(100_000));
        assert!(read(&deep).err().unwrap().contains("nested"));
        let itself = r##"<g id="a"><use href="#a"/></g>"##;
        assert!(read(itself).err().unwrap().contains("themselves"));
        let many = r#"<path d="M0 0L9 9" stroke="red"/>"#.repeat(30_000);
        assert!(read(&many).is_err());
        assert!(read("<filter/>").is_err());
        let entities = r#"<!DOCTYPE svg [<!ENTITY a "aaaa">]><svg/>"#;
        assert!(lines(entities.as_bytes(), &Frame::new(1, 1)).is_err());
        let huge =
            format!(r#"<svg xmlns="{SVG}" width="1e30" height="1e30"><path d="M0 0H9"/></svg>"#);
        let _ = lines(huge.as_bytes(), &Frame::new(1, 1));
    }
}
