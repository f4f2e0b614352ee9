//! The known thing that explains a place of the picture best, by least squares:
//! `E(k, s, d) = sum |R - T_k(s, d)|^2 = E_0 - sum (2 R T - T^2)`.
//!
//! `R` is how the picture differs from its ground, `T` how thing `k` at size `s` and shift `d`
//! would, both after a mean of 3 x 3. `E_0` is the same for all, so that only what a thing covers
//! need be visited. Sizes and shifts are tried on a grid of half the side, the best again on the
//! grid itself, and the best of those at half steps.

use std::sync::Arc;

use super::areas::SIDE;
use super::ground::Picture;
use super::known::{Known, Stamp};
use super::mask::Mask;
use super::surface::{COARSE_MEAN, MEAN, Surface, Template, mean, weighted};
use flowinone_image::{lab, lab_distance};

/// Sizes that are tried first, in units of the expected one: all from 0.7 to 1.4.
const SIZES: [f32; 5] = [0.7, 0.84, 1.0, 1.19, 1.4];
/// Between those, and then between these.
const FINER: [f32; 3] = [0.92, 1.0, 1.09];
const FINEST: [f32; 3] = [0.97, 1.0, 1.03];
/// Furthest way from the place, in areas.
const REACH: i32 = 7;
/// Pairs of thing and size that are compared on the grid itself.
const SHORTLIST: usize = 12;
/// Things that are compared at half steps.
const LAST: usize = 4;
/// The outline's weight beside the lightness, which runs from 0 to 100.
const OUTLINE: f32 = 60.0;
/// Difference in Lab at which something is there.
const FOREGROUND: f32 = 15.0;

/// By what things are compared.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Look {
    /// By their colours.
    Natural,
    /// By outline and lightness: those in the shades of one colour.
    Coloured,
}

/// Where a thing is looked for.
pub(super) struct Spot {
    /// Where its middle should be, in areas.
    pub(super) middle: [f32; 2],
    /// How large it should be.
    pub(super) size: Size,
    /// What does not belong to other things.
    pub(super) own: Mask,
    /// What is near: where what is seen should be explained.
    pub(super) near: Mask,
}

/// How large a thing should be, in areas.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) enum Size {
    /// Side of its icon's square.
    Square(f32),
    /// Longest side of what is seen of it.
    Longest(f32),
}

impl Size {
    /// Side of the icon's square of a thing that is so large.
    fn square(self, known: &Known) -> f32 {
        match self {
            Self::Square(side) => side,
            Self::Longest(side) => side / known.extent[0].max(known.extent[1]),
        }
    }
}

/// A known thing where it fits best.
#[derive(Clone)]
pub(super) struct Found {
    pub(super) known: Arc<Known>,
    /// Way from the middle of the spot, in areas.
    pub(super) shift: [f32; 2],
    /// Size in units of the expected one.
    pub(super) size: f32,
    /// By how much the squared error falls.
    gain: f32,
}

impl Found {
    /// The thing as it lies there.
    pub(super) fn stamp(&self, spot: &Spot) -> Stamp {
        let middle = [0, 1].map(|axis| spot.middle[axis] + self.shift[axis]);
        let square = self.size * spot.size.square(&self.known);
        self.known.drawn(middle, square)
    }
}

/// The search at one spot.
pub(super) struct Search<'a> {
    spot: &'a Spot,
    look: Look,
    /// The ground as one colour.
    ground: [f32; 3],
    fine: Surface,
    coarse: Surface,
}

impl<'a> Search<'a> {
    pub(super) fn new(picture: &Picture, spot: &'a Spot, look: Look) -> Self {
        let ground = behind(picture, &spot.near);
        let values: Vec<[f32; 4]> = (0..SIDE * SIDE)
            .map(|at| {
                // Templates lie before one colour; so does what is surely there, but not what is
                // seen of a pattern around it.
                let there = (picture.departure[at] / FOREGROUND).min(1.0);
                let behind = picture.behind[at];
                let behind: [f32; 3] =
                    std::array::from_fn(|c| behind[c] + there * (ground[c] - behind[c]));
                look.before(behind)(picture.areas[at])
            })
            .collect();
        let fine = Surface {
            side: SIDE,
            values: mean(&values, SIDE),
            weights: spot.own.iter().copied().map(weight).collect(),
        };
        Self {
            spot,
            look,
            ground,
            coarse: fine.halved(),
            fine,
        }
    }

    /// The best place of every thing that may be the nearest, nearest first, and of the first of
    /// `known`, the right one, which wins a tie.
    pub(super) fn nearest(&self, known: &[Arc<Known>]) -> (Found, Found) {
        let mut rough: Vec<(usize, Found)> = vec![];
        for (number, known) in known.iter().enumerate() {
            let of_size = |size: &f32| (number, self.coarse_best(known, *size));
            rough.extend(SIZES.iter().map(of_size));
        }
        by_gain(&mut rough);
        let shortlist =
            |(place, (number, _)): &(usize, &(usize, Found))| *place < SHORTLIST || *number == 0;
        let chosen: Vec<(usize, Found)> = rough
            .iter()
            .enumerate()
            .filter(shortlist)
            .map(|(_, (number, found))| (*number, self.fine_best(found)))
            .collect();
        let mut best = best_of_each(chosen);
        let last = |(place, (number, _)): &(usize, &(usize, Found))| *place < LAST || *number == 0;
        let ends = best.iter().enumerate().filter(last);
        best = ends
            .map(|(_, (number, f))| (*number, self.finest(f)))
            .collect();
        by_gain(&mut best);
        let right = best.iter().find(|(number, _)| *number == 0);
        let right = right.expect("the first thing is always kept").1.clone();
        let nearest = best.swap_remove(0).1;
        (nearest, right)
    }

    /// The share of what is seen near the spot that a thing explains.
    pub(super) fn explained(&self, found: &Found) -> f32 {
        let template = self.template(&found.stamp(self.spot), MEAN);
        let near = Surface {
            weights: self.spot.near.iter().copied().map(weight).collect(),
            values: self.fine.values.clone(),
            ..self.fine
        };
        let seen = near.values.iter().zip(&near.weights);
        let seen: f32 = seen
            .map(|(v, w)| w * v.iter().map(|v| v * v).sum::<f32>())
            .sum();
        match seen > 0.0 {
            true => near.gain(&template, template.corner) / seen,
            false => 0.0,
        }
    }

    /// The best shift of a thing of one size on the coarse grid.
    fn coarse_best(&self, known: &Arc<Known>, size: f32) -> Found {
        let square = size * self.spot.size.square(known) / 2.0;
        let stamp = known.drawn(self.spot.middle.map(|v| v / 2.0), square);
        let template = self.template(&stamp, COARSE_MEAN);
        let reach = (REACH + 1) / 2;
        let (gain, shift) = self.coarse.best(&template, [0, 0], reach, reach);
        Found {
            known: known.clone(),
            shift: shift.map(|way| 2.0 * way as f32),
            size,
            gain,
        }
    }

    /// The best size and shift near one that was found on the coarse grid.
    fn fine_best(&self, rough: &Found) -> Found {
        let found = FINER.iter().map(|finer| {
            let size = (rough.size * finer).clamp(SIZES[0], SIZES[SIZES.len() - 1]);
            let square = size * self.spot.size.square(&rough.known);
            let stamp = rough.known.drawn(self.spot.middle, square);
            let template = self.template(&stamp, MEAN);
            let center = rough.shift.map(|way| way as i32);
            let (gain, shift) = self.fine.best(&template, center, 2, REACH);
            Found {
                known: rough.known.clone(),
                shift: shift.map(|way| way as f32),
                size,
                gain,
            }
        });
        best(found)
    }

    /// The best of half a step in each direction, and of sizes in between.
    fn finest(&self, found: &Found) -> Found {
        let steps = [-0.5, 0.0, 0.5];
        let ways = steps
            .iter()
            .flat_map(|y| steps.iter().map(move |x| [*x, *y]));
        let tries = ways.flat_map(|way| FINEST.iter().map(move |finer| (way, finer)));
        let tried = tries.map(|(way, finer)| {
            let mut next = Found {
                shift: [0, 1].map(|axis| found.shift[axis] + way[axis]),
                size: (found.size * finer).clamp(SIZES[0], SIZES[SIZES.len() - 1]),
                ..found.clone()
            };
            let template = self.template(&next.stamp(self.spot), MEAN);
            next.gain = self.fine.gain(&template, template.corner);
            next
        });
        best(tried)
    }

    fn template(&self, stamp: &Stamp, side_weight: f32) -> Template {
        let width = stamp.width + 2;
        let rows = stamp.pixels.len() / stamp.width;
        let differing = self.look.before(self.ground);
        let mut values = vec![[0.0; 4]; width * (rows + 2)];
        for (number, pixel) in stamp.pixels.iter().enumerate() {
            let rest = 1.0 - pixel[3] / 255.0;
            let shown = std::array::from_fn(|c| pixel[c] + rest * self.ground[c]);
            let at = (number / stamp.width + 1) * width + number % stamp.width + 1;
            if pixel[3] > 0.0 {
                values[at] = differing(shown);
            }
        }
        Template {
            corner: stamp.corner.map(|v| v - 1),
            width,
            values: weighted(&values, width, side_weight),
        }
    }
}

impl Look {
    /// How colours differ from one that lies behind them.
    fn before(self, behind: [f32; 3]) -> impl Fn([f32; 3]) -> [f32; 4] {
        let shade = match self {
            Self::Natural => [0.0; 3],
            Self::Coloured => lab(behind),
        };
        move |seen| match self {
            Self::Natural => {
                let [r, g, b] = std::array::from_fn(|c| seen[c] - behind[c]);
                [r, g, b, 0.0]
            }
            Self::Coloured => {
                let seen = lab(seen);
                let there = (lab_distance(seen, shade) / (2.0 * FOREGROUND)).min(1.0);
                [seen[0] - shade[0], OUTLINE * there, 0.0, 0.0]
            }
        }
    }
}

fn weight(counts: bool) -> f32 {
    f32::from(u8::from(counts))
}

/// What lies behind a part of a picture, as one colour.
fn behind(picture: &Picture, near: &[bool]) -> [f32; 3] {
    let mut sum = [0.0; 3];
    let mut count = 0.0f32;
    for (behind, _) in picture.behind.iter().zip(near).filter(|(_, near)| **near) {
        (0..3).for_each(|c| sum[c] += behind[c]);
        count += 1.0;
    }
    match count > 0.0 {
        true => sum.map(|sum| sum / count),
        false => picture.ground,
    }
}

/// The best, the first of equals.
fn best(all: impl Iterator<Item = Found>) -> Found {
    let best = all.reduce(|best, next| match next.gain > best.gain {
        true => next,
        false => best,
    });
    best.expect("something was tried")
}

/// Sorts by gain, the largest first; of equals, the thing that comes first.
fn by_gain(all: &mut [(usize, Found)]) {
    all.sort_by(|(i, a), (k, b)| b.gain.total_cmp(&a.gain).then(i.cmp(k)));
}

/// The best of every thing, the largest gain first.
fn best_of_each(mut all: Vec<(usize, Found)>) -> Vec<(usize, Found)> {
    by_gain(&mut all);
    let mut seen = vec![];
    all.retain(|(number, _)| {
        let new = !seen.contains(number);
        seen.push(*number);
        new
    });
    all
}
