//! From ground truth to the prompt picture, drawn by the same types that people's prompts use.

use image::RgbImage;

use super::hand::Hand;
use super::{Error, Icons, Mark, Operation, Rect, Truth, Variety};
use flowinone_prompts::Mark as Drawn;
use flowinone_prompts::{
    Coordinate, Doodle, Drawing, Force, Point, PromptError, Region, Stroke, TextBox, TextInImage,
    TextStyle, Track, Trajectory, VisualMarker, VisualPrompt,
};

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
    let mut hand = Hand::new(truth, variety);
    match &truth.operation {
        Operation::Name { .. } | Operation::Depict { .. } => {
            let style = hand.canvas(TextStyle::caption());
            TextInImage::new(scene, caption)
                .style(style)
                .render(truth.side)
        }
        Operation::Instruct { .. } => TextInImage::new(scene, caption)
            .style(hand.words(TextStyle::instruction()))
            .render(truth.side),
        Operation::Fill { frame, .. } => TextBox::new(scene, region(frame), caption)
            .style(hand.label(TextStyle::label()))
            .render(truth.side),
        Operation::Mark { mark, .. } => {
            let length = |v: f32| Coordinate::Fraction(f64::from(v));
            let mark = match mark {
                Mark::Arrow { from, to } => Drawn::arrow(point(*from), point(*to)),
                Mark::Circle { center, radius } => Drawn::circle(point(*center), length(*radius)),
                Mark::Cross { center, arm } => Drawn::cross(point(*center), length(2.0 * arm)),
                Mark::Scribble { frame } => Drawn::Scribble {
                    points: hand.zigzag(frame).into_iter().map(point).collect(),
                },
                Mark::Highlight { frame } => Drawn::highlight(region(frame)),
            };
            let plain = VisualMarker::new(scene, caption).mark(mark);
            VisualMarker {
                style: hand.words(plain.style),
                colour: hand.ink(plain.colour),
                width: hand.width(plain.width),
                ..plain
            }
            .render(truth.side)
        }
        Operation::Doodle { strokes, .. } => {
            let strokes = strokes.iter().map(|line| {
                let points = line.iter().copied().map(point);
                Stroke::new(points).smooth()
            });
            let drawing = Drawing::Strokes(strokes.collect());
            let pen = hand.pen();
            Doodle {
                instruction: (!caption.is_empty()).then(|| caption.into()),
                style: hand.words(TextStyle::small_instruction()),
                ..Doodle::new(scene)
            }
            .drawing(drawing)
            .pen(pen)
            .render(truth.side)
        }
        Operation::Push { pushes, .. } => {
            let mut prompt = Force::new(scene).instruction(caption);
            prompt.style = hand.words(prompt.style);
            prompt.colour = hand.ink(prompt.colour);
            prompt.width = hand.width(prompt.width);
            for push in pushes {
                let tip = [0, 1].map(|axis| push.from[axis] + push.arrow[axis]);
                let [from, tip] = hand.slipped([push.from, tip]);
                prompt = prompt.push(point(from), point(tip));
            }
            prompt.render(truth.side)
        }
        Operation::Follow { paths } => {
            let mut prompt = Trajectory::new(scene).instruction(caption);
            prompt.style = hand.words(prompt.style);
            for path in paths {
                let points = hand.path(&path.points);
                prompt = prompt.path(Track::smooth(points.into_iter().map(point)));
            }
            if hand.black_path() {
                prompt = prompt.black();
            }
            prompt.colour = hand.ink(prompt.colour);
            prompt.width = hand.width(prompt.width);
            prompt.render(truth.side)
        }
    }
}

fn region(frame: &Rect) -> Region {
    let [x, y, width, height] = [frame.x, frame.y, frame.width, frame.height].map(f64::from);
    Region::fraction(x, y, width, height)
}

fn point([x, y]: [f32; 2]) -> Point {
    Point::fraction(f64::from(x), f64::from(y))
}
