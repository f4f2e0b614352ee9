//! What is in a bundled typeface: shaping, metrics and outlines, all in em (1 em = the size of the
//! text).

use std::sync::LazyLock;

use harfrust::{Buffer, Direction, Font, ShapeOptions, ShaperFont};
use skrifa::outline::{DrawSettings, OutlinePen};
use skrifa::prelude::{LocationRef, Size};
use skrifa::{FontRef, GlyphId, MetadataProvider};
use tiny_skia::{PathBuilder, Transform};

use crate::Typeface;

impl Typeface {
    /// Whether the face has a glyph for `character`.
    pub fn covers(self, character: char) -> bool {
        self.loaded()
            .font
            .charmap()
            .map_unicode(character)
            .is_some()
    }

    /// Its file, TrueType or OpenType.
    pub fn bytes(self) -> &'static [u8] {
        match self {
            Self::Serif => include_bytes!("../../assets/LiberationSerif-Regular.ttf"),
            Self::SerifBold => include_bytes!("../../assets/LiberationSerif-Bold.ttf"),
            Self::Comic => include_bytes!("../../assets/ComicNeue-Bold.otf"),
        }
    }

    /// Height above and depth below the baseline.
    pub fn extents(self) -> [f32; 2] {
        self.loaded().extents
    }

    /// The glyphs of a run of one direction, in visual order.
    pub(crate) fn shape(self, run: &str, right_to_left: bool) -> Vec<Glyph> {
        let loaded = self.loaded();
        let mut buffer = Buffer::new();
        buffer.push_str(run);
        buffer.set_direction(match right_to_left {
            true => Direction::RightToLeft,
            false => Direction::LeftToRight,
        });
        buffer.guess_segment_properties();
        let shaper = ShaperFont::new(&loaded.font);
        // Errors name a buffer that was shaped before or lacks a direction; this one has one.
        if harfrust::shape(&shaper, &mut buffer, ShapeOptions::new()).is_err() {
            return vec![];
        }
        let em = |units: i32| units as f32 / loaded.units;
        buffer
            .glyph_infos()
            .iter()
            .zip(buffer.glyph_positions())
            .map(|(info, position)| Glyph {
                id: info.glyph_id,
                cluster: info.cluster as usize,
                advance: em(position.x_advance),
                offset: [em(position.x_offset), em(position.y_offset)],
            })
            .collect()
    }

    /// Adds the outline of a glyph, `size` pixels large, its origin at `(x, y)`, y downwards.
    pub(crate) fn outline(self, id: u32, size: f32, [x, y]: [f32; 2], to: &mut PathBuilder) {
        let loaded = self.loaded();
        let Some(glyph) = loaded.outlines.outline_glyphs().get(GlyphId::new(id)) else {
            return;
        };
        let mut pen = Pen(PathBuilder::new());
        let settings = DrawSettings::unhinted(Size::unscaled(), LocationRef::default());
        if glyph.draw(settings, &mut pen).is_err() {
            return;
        }
        let scale = size / loaded.units;
        let place = Transform::from_row(scale, 0.0, 0.0, -scale, x, y);
        if let Some(path) = pen.0.finish().and_then(|path| path.transform(place)) {
            to.push_path(&path);
        }
    }

    fn loaded(self) -> &'static Loaded {
        static FACES: LazyLock<[Loaded; 3]> =
            LazyLock::new(|| Typeface::ALL.map(|face| Loaded::new(face.bytes())));
        &FACES[self as usize]
    }
}

/// A placed glyph, in em.
pub(crate) struct Glyph {
    pub(crate) id: u32,
    /// Byte of the run where its characters begin.
    pub(crate) cluster: usize,
    pub(crate) advance: f32,
    /// To the right and upwards.
    pub(crate) offset: [f32; 2],
}

struct Loaded {
    font: Font,
    outlines: FontRef<'static>,
    units: f32,
    extents: [f32; 2],
}

impl Loaded {
    fn new(bytes: &'static [u8]) -> Self {
        let font = Font::new(bytes, 0).expect("a bundled font");
        let outlines = FontRef::new(bytes).expect("a bundled font");
        let units = f32::from(font.units_per_em());
        let metrics = outlines.metrics(Size::unscaled(), LocationRef::default());
        Self {
            extents: [metrics.ascent / units, -metrics.descent / units],
            font,
            outlines,
            units,
        }
    }
}

struct Pen(PathBuilder);

impl OutlinePen for Pen {
    fn move_to(&mut self, x: f32, y: f32) {
        self.0.move_to(x, y);
    }

    fn line_to(&mut self, x: f32, y: f32) {
        self.0.line_to(x, y);
    }

    fn quad_to(&mut self, cx: f32, cy: f32, x: f32, y: f32) {
        self.0.quad_to(cx, cy, x, y);
    }

    fn curve_to(&mut self, cx0: f32, cy0: f32, cx1: f32, cy1: f32, x: f32, y: f32) {
        self.0.cubic_to(cx0, cy0, cx1, cy1, x, y);
    }

    fn close(&mut self) {
        self.0.close();
    }
}
