//! The hand that draws a prompt: what neither the scene nor the request says, but differs from pair
//! to pair, and is the same whenever the pair is drawn again.

use super::draw::{Draw, scramble};
use super::{Lettering, Rect, Truth, Variety};
use flowinone_prompts::{Align, Colour, Pen, TextStyle, Typeface};

/// Width of a doodle's line and of its ribbon, in pixels of a canvas of 512.
const PEN: [f32; 2] = [4.5, 8.0];
/// Realm of the streams of hands, added to that of a split.
const REALM: u64 = 1 << 32;
/// Turns of a scribble.
const TURNS: usize = 9;
/// How far a hand slips, in fractions of the side.
const SLIP: f32 = 0.02;
/// Colours that people mark with.
const INKS: [[u8; 3]; 8] = [
    [220, 30, 30],
    [0, 0, 0],
    [30, 80, 220],
    [20, 150, 60],
    [255, 140, 0],
    [200, 0, 160],
    [255, 255, 255],
    [110, 40, 160],
];

/// Draws one prompt.
pub(crate) struct Hand {
    /// Exact hands draw nothing by chance but this.
    lot: u64,
    draw: Draw,
    loose: bool,
    text_moves: bool,
    face: Typeface,
    scale: f32,
}

impl Hand {
    /// The hand of a pair.
    pub(crate) fn new(truth: &Truth, variety: &Variety) -> Self {
        let mut draw = Draw::new(truth.seed, REALM + truth.split.realm(), truth.index);
        let scale = match variety.by_hand {
            true => variety.text_scale * draw.between(0.8, 1.25),
            false => variety.text_scale,
        };
        Self {
            lot: scramble(truth.seed, truth.index),
            loose: variety.by_hand,
            text_moves: variety.text_moves,
            face: match truth.lettering {
                Lettering::Serif => Typeface::Serif,
                Lettering::SerifBold => Typeface::SerifBold,
                Lettering::Comic => Typeface::Comic,
            },
            scale,
            draw,
        }
    }

    /// Words low in a picture, now and then somewhere else.
    pub(crate) fn words(&mut self, style: TextStyle) -> TextStyle {
        let style = self.label(style);
        match self.loose && self.draw.chance(0.25) {
            true => TextStyle {
                place: self.draw.unit(),
                align: *self.draw.pick(&[Align::Left, Align::Centre, Align::Right]),
                tallest: 0.9,
                foot: style.margin,
                ..style
            },
            false => style,
        }
    }

    /// Words in their usual place.
    pub(crate) fn label(&mut self, style: TextStyle) -> TextStyle {
        let style = TextStyle {
            face: self.face,
            size: style.size * self.scale,
            ..style
        };
        if !self.loose || !self.draw.chance(0.2) {
            return style;
        }
        let dark = Colour([0, 1, 2].map(|_| self.draw.below(90) as u8));
        let (fill, outline) = match self.draw.chance(0.5) {
            true => (dark, Colour::WHITE),
            false => (Colour::WHITE, dark),
        };
        TextStyle {
            fill,
            outline,
            outline_width: self.draw.between(1.0, 3.0),
            ..style
        }
    }

    /// Words on an empty canvas.
    pub(crate) fn canvas(&mut self, style: TextStyle) -> TextStyle {
        let style = self.label(style);
        if !self.text_moves || (self.loose && self.draw.chance(0.5)) {
            return style;
        }
        TextStyle {
            align: [Align::Left, Align::Centre, Align::Right][(self.lot % 3) as usize],
            place: ((self.lot >> 8) % 101) as f32 / 100.0,
            ..style
        }
    }

    /// A colour to mark with: mostly the usual one.
    pub(crate) fn ink(&mut self, usual: Colour) -> Colour {
        match self.loose && self.draw.chance(0.35) {
            true => Colour(*self.draw.pick(&INKS)),
            false => usual,
        }
    }

    /// A width to mark with, near the usual one.
    pub(crate) fn width(&mut self, usual: f32) -> f32 {
        match self.loose {
            true => usual * self.draw.between(0.7, 2.0),
            false => usual,
        }
    }

    /// The pen of a sketch.
    pub(crate) fn pen(&mut self) -> Pen {
        match self.lot.is_multiple_of(4) {
            true => Pen::Ribbon {
                width: self.width(PEN[1]),
            },
            false => Pen::Line {
                colour: self.ink(Colour::BLACK),
                width: self.width(PEN[0]),
            },
        }
    }

    /// Whether a path is drawn as a thick black curve.
    pub(crate) fn black_path(&self) -> bool {
        self.lot.is_multiple_of(2)
    }

    /// Points of an arrow, moved as a hand slips.
    pub(crate) fn slipped(&mut self, points: [[f32; 2]; 2]) -> [[f32; 2]; 2] {
        if !self.loose {
            return points;
        }
        let slip = [0, 1].map(|_| self.draw.between(-SLIP, SLIP));
        points.map(|point| [0, 1].map(|axis| on_canvas(point[axis] + slip[axis])))
    }

    /// A path that starts where a hand would start it, and ends where it ends.
    pub(crate) fn path(&mut self, points: &[[f32; 2]]) -> Vec<[f32; 2]> {
        if !self.loose {
            return points.to_vec();
        }
        let slip = [0, 1].map(|_| self.draw.between(-1.5 * SLIP, 1.5 * SLIP));
        let last = points.len().saturating_sub(1).max(1) as f32;
        let moved = |(at, point): (usize, &[f32; 2])| {
            let share = 1.0 - at as f32 / last;
            [0, 1].map(|axis| on_canvas(point[axis] + share * slip[axis]))
        };
        points.iter().enumerate().map(moved).collect()
    }

    /// A line to and fro over a rectangle.
    pub(crate) fn zigzag(&mut self, frame: &Rect) -> Vec<[f32; 2]> {
        let lying = self.draw.chance(0.5);
        let point = |turn: usize| {
            let along = turn as f32 / (TURNS - 1) as f32;
            let across = (turn % 2) as f32;
            let [u, v] = if lying {
                [across, along]
            } else {
                [along, across]
            };
            [frame.x + u * frame.width, frame.y + v * frame.height].map(on_canvas)
        };
        (0..TURNS).map(point).collect()
    }
}

fn on_canvas(v: f32) -> f32 {
    v.clamp(0.005, 0.995)
}
