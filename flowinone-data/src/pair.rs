//! From ground truth to the prompt picture, drawn by the same types that people's prompts use.

use image::RgbImage;

use super::draw::scramble;
use super::{Error, Icons, Lettering, Mark, Operation, Truth, Variety};
use flowinone_prompts::{
    Align, Coordinate, Doodle, Drawing, Force, Pen, Point, PromptError, Region, Stroke, TextBox,
    TextInImage, TextStyle, Track, Trajectory, Typeface, VisualMarker, VisualPrompt,
};
use flowinone_prompts::{Colour as Ink, Mark as Drawn};

/// Width of a doodle's line and of its ribbon, in pixels of a canvas of 512.
const PEN: [f32; 2] = [4.5, 8.0];

/// The prompt of a pair.
pub(crate) fn prompt(truth: &Truth, icons: &Icons, variety: &Variety) -> Result<RgbImage, Error> {
    let scene = truth.scene.render(icons, truth.side)?;
    draw(truth, scene, variety).map_err(|e| Error::Prompt {
        index: truth.index,
        reason: e.to_string(),
    })
}

fn draw(truth: &Truth, scene: RgbImage, variety: &Variety) -> Result<RgbImage, PromptError> {
    let caption = truth.caption.as_str();
    let face = face(truth.lettering);
    let style = |style: TextStyle| TextStyle {
        face,
        size: style.size * variety.text_scale,
        ..style
    };
    // What neither the scene nor the operation says differs from pair to pair, but is no chance.
    let lot = scramble(truth.seed, truth.index);
    match &truth.operation {
        Operation::Name { .. } | Operation::Depict { .. } => {
            let mut style = style(TextStyle::caption());
            if variety.text_moves {
                style.align = [Align::Left, Align::Centre, Align::Right][(lot % 3) as usize];
                style.place = ((lot >> 8) % 101) as f32 / 100.0;
            }
            TextInImage::new(scene, caption)
                .style(style)
                .render(truth.side)
        }
        Operation::Instruct { .. } => TextInImage::new(scene, caption)
            .style(style(TextStyle::instruction()))
            .render(truth.side),
        Operation::Fill { frame, .. } => {
            let [x, y, width, height] =
                [frame.x, frame.y, frame.width, frame.height].map(f64::from);
            TextBox::new(scene, Region::fraction(x, y, width, height), caption)
                .style(style(TextStyle::label()))
                .render(truth.side)
        }
        Operation::Mark { mark, .. } => {
            let length = |v: f32| Coordinate::Fraction(f64::from(v));
            let mark = match *mark {
                Mark::Arrow { from, to } => Drawn::arrow(point(from), point(to)),
                Mark::Circle { center, radius } => Drawn::circle(point(center), length(radius)),
                Mark::Cross { center, arm } => Drawn::cross(point(center), length(2.0 * arm)),
            };
            VisualMarker::new(scene, caption)
                .mark(mark)
                .style(style(TextStyle::marker_instruction()))
                .render(truth.side)
        }
        Operation::Doodle { strokes, .. } => {
            let strokes = strokes.iter().map(|line| {
                let points = line.iter().copied().map(point);
                Stroke::new(points).smooth()
            });
            let pen = match lot.is_multiple_of(4) {
                true => Pen::Ribbon { width: PEN[1] },
                false => Pen::Line {
                    colour: Ink::BLACK,
                    width: PEN[0],
                },
            };
            Doodle {
                instruction: Some(caption.into()),
                style: style(TextStyle::small_instruction()),
                ..Doodle::new(scene)
            }
            .drawing(Drawing::Strokes(strokes.collect()))
            .pen(pen)
            .render(truth.side)
        }
        Operation::Push { pushes, .. } => {
            let mut prompt = Force::new(scene).instruction(caption);
            prompt.style = style(prompt.style);
            for push in pushes {
                let [x, y] = push.from;
                let tip = [x + push.arrow[0], y + push.arrow[1]];
                prompt = prompt.push(point(push.from), point(tip));
            }
            prompt.render(truth.side)
        }
        Operation::Follow { paths } => {
            let mut prompt = Trajectory::new(scene).instruction(caption);
            prompt.style = style(prompt.style);
            for path in paths {
                let points = path.points.iter().copied().map(point);
                prompt = prompt.path(Track::smooth(points));
            }
            match lot.is_multiple_of(2) {
                true => prompt.black(),
                false => prompt,
            }
            .render(truth.side)
        }
    }
}

fn point([x, y]: [f32; 2]) -> Point {
    Point::fraction(f64::from(x), f64::from(y))
}

fn face(lettering: Lettering) -> Typeface {
    match lettering {
        Lettering::Serif => Typeface::Serif,
        Lettering::SerifBold => Typeface::SerifBold,
        Lettering::Comic => Typeface::Comic,
    }
}
