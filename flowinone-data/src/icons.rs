//! Named pictures of things: icon sets, each in one style, drawn at any size.

use std::collections::{BTreeMap, HashMap};
use std::path::Path;
use std::sync::{Arc, Mutex, OnceLock};

use resvg::tiny_skia::{Pixmap, Transform};
use resvg::usvg::{self, Tree};

use super::outline::{Stroke, outline};
use super::sprite::trimmed;
use super::{Error, Object, Rect, Sprite, iconify};

/// Largest icon file, in bytes.
const MAX_FILE: u64 = 64 << 20;
/// Longest side at which an icon is drawn, in pixels.
const MAX_SIDE: u32 = 4096;
/// Bytes of drawn icons that are kept for the next use.
const CACHE: usize = 128 << 20;
/// Side at which an icon is measured, in pixels.
const MEASURE: u32 = 128;

/// Icon sets by style; shared by threads, and remembering what was drawn.
#[derive(Default)]
pub struct Icons {
    sets: Vec<Set>,
    drawn: Mutex<Drawn>,
}

struct Set {
    style: String,
    icons: BTreeMap<String, Icon>,
}

struct Icon {
    document: String,
    tree: OnceLock<Result<Arc<Tree>, String>>,
    art: OnceLock<Rect>,
    strokes: OnceLock<Vec<Stroke>>,
}

impl Icon {
    fn new(document: String) -> Self {
        Self {
            document,
            tree: OnceLock::new(),
            art: OnceLock::new(),
            strokes: OnceLock::new(),
        }
    }
}

#[derive(Default)]
struct Drawn {
    sprites: HashMap<Key, Arc<Sprite>>,
    bytes: usize,
}

/// What tells one drawn icon from another: set, name, size, rotation, tint.
type Key = (usize, String, u32, u32, Option<[u8; 3]>);

impl Icons {
    /// No icons yet.
    pub fn new() -> Self {
        Self::default()
    }

    /// Twenty everyday things of our own drawing, in two styles: `flat`, and `contour` with dark
    /// outlines.
    pub fn builtin() -> Self {
        let json = include_bytes!("builtin.json");
        let mut icons = Self::new();
        for (style, outline) in [("flat", false), ("contour", true)] {
            let documents = iconify::parse(json, "built-in", outline);
            let (_, documents) = documents.expect("the built-in icons are sound");
            icons.add(style.into(), documents);
        }
        icons
    }

    /// Adds the icons of an iconify JSON file; the file's prefix becomes their style.
    ///
    /// # Errors
    /// Names the file and what is wrong: not readable, no such format, an icon that refers to
    /// something outside of itself or is absurdly big, or a style that is there already.
    pub fn open(&mut self, path: impl AsRef<Path>) -> Result<&str, Error> {
        let path = path.as_ref();
        let (style, documents) = read(path)?;
        self.add_new(path, style, documents)
    }

    /// As [`open`](Self::open), with a style of this name.
    ///
    /// # Errors
    /// As [`open`](Self::open).
    pub fn open_as(&mut self, style: &str, path: impl AsRef<Path>) -> Result<&str, Error> {
        let path = path.as_ref();
        let (_, documents) = read(path)?;
        self.add_new(path, style.into(), documents)
    }

    fn add_new(
        &mut self,
        path: &Path,
        style: String,
        documents: BTreeMap<String, String>,
    ) -> Result<&str, Error> {
        if self.styles().any(|known| known == style) {
            let reason = format!("icons of style {style:?} are loaded already");
            return Err(Error::icons(&path.display().to_string(), reason));
        }
        self.add(style, documents);
        Ok(&self.sets.last().expect("just added").style)
    }

    /// Gives an icon another name besides its own, in every style that has it.
    ///
    /// # Errors
    /// No style has such an icon, or one has the name already.
    pub fn name(&mut self, name: &str, icon: &str) -> Result<(), Error> {
        let has = |set: &Set, name: &str| set.icons.contains_key(name);
        if !self.sets.iter().any(|set| has(set, icon)) {
            let reason = format!("no style has an icon {icon:?} that could be called {name:?}");
            return Err(Error::Config(reason));
        }
        if let Some(set) = self.sets.iter().find(|set| has(set, name)) {
            let reason = format!("style {:?} has an icon {name:?} already", set.style);
            return Err(Error::Config(reason));
        }
        for set in &mut self.sets {
            if let Some(document) = set.icons.get(icon).map(|icon| icon.document.clone()) {
                set.icons.insert(name.into(), Icon::new(document));
            }
        }
        Ok(())
    }

    fn add(&mut self, style: String, documents: BTreeMap<String, String>) {
        let icons = documents.into_iter().map(|(n, d)| (n, Icon::new(d)));
        let icons = icons.collect();
        self.sets.push(Set { style, icons });
    }

    /// The styles, in the order in which they were added.
    pub fn styles(&self) -> impl Iterator<Item = &str> {
        self.sets.iter().map(|set| set.style.as_str())
    }

    /// The classes of a style, in alphabetical order; none for a style that was not loaded.
    pub fn classes(&self, style: &str) -> impl Iterator<Item = &str> {
        let set = self.sets.iter().find(|set| set.style == style);
        set.into_iter()
            .flat_map(|set| set.icons.keys().map(String::as_str))
    }

    /// The part of the icon's square that is visible, in fractions of the square.
    ///
    /// # Errors
    /// An unknown style or class, or an icon that cannot be drawn.
    pub fn art(&self, style: &str, class: &str) -> Result<Rect, Error> {
        let (set, icon) = self.find(style, class)?;
        if let Some(art) = icon.art.get() {
            return Ok(*art);
        }
        let sprite = self.draw(set, class, icon, MEASURE, 0.0, None)?;
        let part = |at: usize| sprite.offset[at] / MEASURE as f32 + 0.5;
        let art = Rect {
            x: part(0),
            y: part(1),
            width: sprite.size[0] as f32 / MEASURE as f32,
            height: sprite.size[1] as f32 / MEASURE as f32,
        };
        Ok(*icon.art.get_or_init(|| art))
    }

    /// The lines of the icon as a person would trace them, in fractions of its square.
    pub(crate) fn strokes(&self, style: &str, class: &str) -> Result<&[Stroke], Error> {
        let (set, icon) = self.find(style, class)?;
        if icon.strokes.get().is_none() {
            let sprite = self.draw(set, class, icon, MEASURE, 0.0, None)?;
            let _ = icon.strokes.set(outline(&sprite, MEASURE));
        }
        Ok(icon.strokes.get().expect("just set"))
    }

    /// The icon of `object` on a canvas of `side` pixels, from memory or drawn now.
    ///
    /// # Errors
    /// An icon that was not loaded, or a size or rotation that cannot be drawn.
    pub fn sprite(&self, object: &Object, side: u32) -> Result<Arc<Sprite>, Error> {
        let (set, icon) = self.find(&object.style, &object.class)?;
        let pixels = (object.size * side as f32).round();
        if !(1.0..=MAX_SIDE as f32).contains(&pixels) || !object.rotation.is_finite() {
            return Err(Error::Scene(format!(
                "{:?} has size {} and rotation {} on a canvas of {side} pixels; sizes of 1 to {MAX_SIDE} pixels can be drawn",
                object.class, object.size, object.rotation
            )));
        }
        let (size, tint) = (pixels as u32, object.tint.map(|tint| tint.rgb));
        let rotation = object.rotation.rem_euclid(360.0);
        let class = object.class.clone();
        let key = (set, class, size, rotation.to_bits(), tint);
        let lock = || {
            self.drawn
                .lock()
                .expect("no thread panics while it holds it")
        };
        if let Some(sprite) = lock().sprites.get(&key) {
            return Ok(sprite.clone());
        }
        let sprite = Arc::new(self.draw(set, &object.class, icon, size, rotation, tint)?);
        let mut drawn = lock();
        let bytes = sprite.pixels.len() * 4;
        if drawn.bytes + bytes > CACHE {
            *drawn = Drawn::default();
        }
        drawn.bytes += bytes;
        drawn.sprites.insert(key, sprite.clone());
        Ok(sprite)
    }

    fn find(&self, style: &str, class: &str) -> Result<(usize, &Icon), Error> {
        let set = self.sets.iter().position(|set| set.style == style);
        let set = set.ok_or_else(|| {
            let known: Vec<&str> = self.styles().collect();
            Error::Scene(format!(
                "no icons of style {style:?} are loaded, only {known:?}"
            ))
        })?;
        let icon = self.sets[set].icons.get(class);
        let icon = icon.ok_or_else(|| {
            Error::Scene(format!("the icons of style {style:?} have no {class:?}"))
        })?;
        Ok((set, icon))
    }

    fn draw(
        &self,
        set: usize,
        class: &str,
        icon: &Icon,
        size: u32,
        rotation: f32,
        tint: Option<[u8; 3]>,
    ) -> Result<Sprite, Error> {
        let bad =
            |reason: &str| Error::icons(&self.sets[set].style, format!("{class:?}: {reason}"));
        let tree = icon.tree.get_or_init(|| tree(&icon.document));
        let tree = tree.as_ref().map_err(|reason| bad(reason))?;
        let view = tree.size();
        let longest = view.width().max(view.height());
        let (sin, cos) = rotation.to_radians().sin_cos();
        let side = (size as f32 * (sin.abs() + cos.abs())).ceil() as u32;
        let mut canvas = Pixmap::new(side, side).ok_or_else(|| bad("too large"))?;
        let scale = size as f32 / longest;
        let half = side as f32 / 2.0;
        let transform = Transform::from_translate(-view.width() / 2.0, -view.height() / 2.0)
            .post_scale(scale, scale)
            .post_rotate(rotation)
            .post_translate(half, half);
        resvg::render(tree, transform, &mut canvas.as_mut());
        trimmed(&canvas, half, tint).ok_or_else(|| bad("nothing of it is visible"))
    }
}

/// The prefix and the drawings of an iconify JSON file.
fn read(path: &Path) -> Result<(String, BTreeMap<String, String>), Error> {
    let from = path.display().to_string();
    let size = std::fs::metadata(path)
        .map_err(Error::io("read", path))?
        .len();
    if size > MAX_FILE {
        let reason = format!("it has {size} bytes, more than the {MAX_FILE} allowed");
        return Err(Error::icons(&from, reason));
    }
    let json = std::fs::read(path).map_err(Error::io("read", path))?;
    iconify::parse(&json, &from, false)
}

/// Parses a document; pictures and fonts from outside are never asked for.
fn tree(document: &str) -> Result<Arc<Tree>, String> {
    let mut options = usvg::Options::default();
    options.image_href_resolver.resolve_string = Box::new(|_, _| None);
    options.image_href_resolver.resolve_data = Box::new(|_, _, _| None);
    let tree = Tree::from_str(document, &options).map_err(|e| e.to_string())?;
    Ok(Arc::new(tree))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_built_in_icon_is_drawn_and_fills_most_of_its_square() {
        let icons = Icons::builtin();
        assert!(icons.styles().eq(["flat", "contour"]));
        for style in ["flat", "contour"] {
            assert_eq!(icons.classes(style).count(), 20);
            for class in icons.classes(style) {
                let art = icons.art(style, class).unwrap();
                let longest = art.width.max(art.height);
                assert!((0.7..=1.0).contains(&longest), "{style} {class} {art:?}");
                assert!(!icons.strokes(style, class).unwrap().is_empty(), "{class}");
            }
        }
    }

    #[test]
    fn unknown_names_are_named_and_broken_icons_are_errors() {
        let mut icons = Icons::builtin();
        let text = icons.art("flat", "unicorn").unwrap_err().to_string();
        assert!(text.contains("unicorn") && text.contains("flat"), "{text}");
        let text = icons.art("noto", "cat").unwrap_err().to_string();
        assert!(text.contains("noto") && text.contains("contour"), "{text}");
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("icons.json");
        let json = r#"{"prefix": "odd", "icons": {"a": {"body": "<g>"}, "b": {"body": "<g/>"}}}"#;
        std::fs::write(&path, json).unwrap();
        assert_eq!(icons.open(&path).unwrap(), "odd");
        assert_eq!(icons.open_as("other", &path).unwrap(), "other");
        assert!(icons.art("odd", "a").is_err());
        let text = icons.art("odd", "b").unwrap_err().to_string();
        assert!(text.contains("nothing"), "{text}");
        assert!(
            icons
                .open(&path)
                .unwrap_err()
                .to_string()
                .contains("already")
        );
    }

    #[test]
    fn nested_uses_end_quickly() {
        let mut body = String::from("<g id='a0'><path d='M0 0h9v9z'/></g>");
        for level in 1..=8 {
            let uses = format!("<use href='#a{}'/>", level - 1).repeat(4);
            body += &format!("<g id='a{level}'>{uses}</g>");
        }
        let begin = std::time::Instant::now();
        let document =
            format!("<svg xmlns='http://www.w3.org/2000/svg' width='9' height='9'>{body}</svg>");
        let _ = tree(&document);
        assert!(begin.elapsed().as_secs() < 20);
    }
}
