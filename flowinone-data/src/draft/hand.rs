//! Marks and sketches as hands draw them: of any kind, near enough, with lines left out.

use super::Drafter;
use crate::operation::seen;
use crate::{Error, Mark, Object, Rect};

/// Shortest part of a line that is left when it breaks off, in points.
const SHORTEST: usize = 4;

impl Drafter<'_> {
    /// Some mark at an object whose visible middle is `center`.
    pub(super) fn mark_by_hand(
        &mut self,
        object: &Object,
        center: [f32; 2],
    ) -> Result<Mark, Error> {
        let part = seen(object, self.icons)?;
        let longer = part.width.max(part.height);
        let slip =
            |draw: &mut crate::draw::Draw| center.map(|v| v + draw.between(-0.06, 0.06) * longer);
        Ok(match self.draw.below(8) {
            0 | 1 => Mark::Circle {
                center: slip(self.draw),
                radius: longer * self.draw.between(0.45, 0.75),
            },
            2 => Mark::Cross {
                center: slip(self.draw),
                arm: longer * self.draw.between(0.2, 0.5),
            },
            3 => Mark::Scribble {
                frame: inside(&part, self.draw.between(-0.2, 0.1)),
            },
            4 => Mark::Highlight {
                frame: inside(&part, self.draw.between(-0.05, 0.2)),
            },
            _ => {
                let [dx, dy] = self.direction();
                let near = self.draw.between(0.0, 0.5) * longer;
                let long = near + self.draw.between(0.1, 0.35);
                let at = |way: f32| [center[0] + dx * way, center[1] + dy * way];
                Mark::Arrow {
                    from: at(long),
                    to: at(near),
                }
            }
        })
    }

    /// Leaves small lines out, opens others, and breaks some off.
    pub(super) fn simplify(&mut self, strokes: &mut Vec<Vec<[f32; 2]>>) {
        strokes.sort_by_key(|line| std::cmp::Reverse(line.len()));
        if self.draw.chance(0.4) {
            let kept = 1 + self.draw.below(strokes.len());
            strokes.truncate(kept);
        }
        for line in strokes {
            if line.len() > 2 * SHORTEST && self.draw.chance(0.3) {
                let gap = 1 + self.draw.below(line.len() / 5);
                line.truncate(line.len() - gap);
            }
        }
    }
}

/// The rectangle with a margin of `share` of its sides, within the picture.
fn inside(part: &Rect, share: f32) -> Rect {
    let [x, width] = span(part.x, part.width, share);
    let [y, height] = span(part.y, part.height, share);
    Rect {
        x,
        y,
        width,
        height,
    }
}

fn span(start: f32, length: f32, share: f32) -> [f32; 2] {
    let first = (start - share * length).clamp(0.005, 0.9);
    let last = (start + length * (1.0 + share)).clamp(first + 0.05, 0.995);
    [first, last - first]
}
