//! Where things are looked for: at their places, or, where the prompt names none, wherever
//! something is seen.
//!
//! An area belongs to the thing whose footprint is nearest, so that neighbours do not disturb one
//! another.

use super::areas::SIDE;
use super::find::{Size, Spot};
use super::mask::{Mask, bounds, count, distance, none, parts};

/// How far around a footprint what is seen should be explained, in areas: a thing that is 8 % of
/// the side off and 15 % larger lies within.
const NEAR: f32 = 10.0;
/// Least share of the largest part that a piece of the same thing has; smaller ones lie elsewhere.
const PIECE: f32 = 0.1;
/// Fewest areas of a thing.
const LEAST: usize = 12;

/// A thing's footprint, with its middle and the side of its icon's square in areas.
pub(super) struct Footprint {
    pub(super) mask: Mask,
    pub(super) middle: [f32; 2],
    pub(super) square: f32,
}

/// One spot for every footprint, those in front last.
pub(super) fn placed(footprints: &[Footprint]) -> Vec<Spot> {
    let visible: Vec<Mask> = (0..footprints.len())
        .map(|number| {
            let front = &footprints[number + 1..];
            let hidden = |at: usize| front.iter().any(|other| other.mask[at]);
            let mask = footprints[number].mask.iter().enumerate();
            mask.map(|(at, inside)| *inside && !hidden(at)).collect()
        })
        .collect();
    let sized = footprints.iter().map(|footprint| {
        let size = Size::Square(footprint.square);
        (footprint.middle, size)
    });
    divided(&visible, sized)
}

/// Ways to see `things` things in a foreground, the most likely first.
pub(super) fn seen(foreground: &[bool], things: usize) -> Vec<Vec<Spot>> {
    let parts = parts(foreground);
    let large = large(&parts);
    if large.len() < things || things == 0 {
        return vec![];
    }
    let mut ways: Vec<Vec<Mask>> = match things {
        // Everything that is seen; or without what is small beside the largest part; or that alone.
        1 => {
            let least = PIECE * count(large[0]) as f32;
            let pieces = large.iter().copied();
            let pieces = pieces.filter(|part| count(part) as f32 >= least);
            vec![
                vec![joined(parts.iter())],
                vec![joined(pieces)],
                vec![large[0].clone()],
            ]
        }
        // The largest parts, each with the pieces that are nearest to it; or the last is a piece,
        // and the next part a thing.
        _ => {
            let lasts = things - 1..large.len().min(things + 1);
            let way = |last: usize| {
                let seeds = large[..things - 1].iter().chain([&large[last]]);
                let far: Vec<Vec<f32>> = seeds.map(|seed| distance(seed)).collect();
                let mut members: Vec<Vec<&Mask>> = vec![vec![]; things];
                for part in &parts {
                    let way = |number: &usize| least(part, &far[*number]);
                    let nearest = (0..things).min_by(|a, b| way(a).total_cmp(&way(b)));
                    members[nearest.unwrap_or(0)].push(part);
                }
                let masks = members.into_iter().map(|all| joined(all.into_iter()));
                masks.collect()
            };
            lasts.map(way).collect()
        }
    };
    ways.dedup();
    let spots = ways.into_iter().map(|masks| {
        let sized: Vec<([f32; 2], Size)> = masks.iter().filter_map(|mask| boxed(mask)).collect();
        divided(&masks, sized.into_iter())
    });
    spots.collect()
}

/// How many connected parts could be things.
pub(super) fn parts_of(foreground: &[bool]) -> usize {
    large(&parts(foreground)).len()
}

fn large(parts: &[Mask]) -> Vec<&Mask> {
    parts.iter().filter(|part| count(part) >= LEAST).collect()
}

/// Middle and longest side of the box around a mask.
fn boxed(mask: &[bool]) -> Option<([f32; 2], Size)> {
    let [from, end] = bounds(mask)?;
    let middle = [0, 1].map(|axis| (from[axis] + end[axis]) as f32 / 2.0);
    let longest = (0..2).map(|axis| end[axis] - from[axis]).max()?;
    Some((middle, Size::Longest(longest as f32)))
}

/// The least value under a mask.
fn least(mask: &[bool], values: &[f32]) -> f32 {
    let inside = mask.iter().zip(values).filter(|(inside, _)| **inside);
    inside
        .map(|(_, value)| *value)
        .fold(f32::INFINITY, f32::min)
}

fn joined<'a>(masks: impl Iterator<Item = &'a Mask>) -> Mask {
    let mut all = none();
    for mask in masks {
        all.iter_mut()
            .zip(mask)
            .for_each(|(all, inside)| *all |= inside);
    }
    all
}

/// Gives every area to the nearest mask.
fn divided(masks: &[Mask], sized: impl Iterator<Item = ([f32; 2], Size)>) -> Vec<Spot> {
    let far: Vec<Vec<f32>> = masks.iter().map(|mask| distance(mask)).collect();
    let spot = |(number, (middle, size)): (usize, ([f32; 2], Size))| {
        let mine = |at: &usize| {
            let first = far[..number]
                .iter()
                .all(|other| other[*at] > far[number][*at]);
            first
                && far[number + 1..]
                    .iter()
                    .all(|other| other[*at] >= far[number][*at])
        };
        let own: Mask = (0..SIDE * SIDE).map(|at| mine(&at)).collect();
        let near = own.iter().zip(&far[number]);
        let near = near.map(|(own, far)| *own && *far <= NEAR).collect();
        Spot {
            middle,
            size,
            own,
            near,
        }
    };
    sized.enumerate().map(spot).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn block(x: usize, y: usize, width: usize, height: usize) -> Mask {
        let inside = |at: usize| {
            (x..x + width).contains(&(at % SIDE)) && (y..y + height).contains(&(at / SIDE))
        };
        (0..SIDE * SIDE).map(inside).collect()
    }

    fn together(masks: &[Mask]) -> Mask {
        joined(masks.iter())
    }

    #[test]
    fn one_thing_may_be_of_several_pieces() {
        let shown = together(&[
            block(10, 10, 20, 20),
            block(10, 34, 20, 6),
            block(60, 60, 3, 3),
        ]);
        let ways = seen(&shown, 1);
        assert_eq!(ways[0][0].middle, [36.5, 36.5]);
        assert_eq!(ways[1][0].middle, [20.0, 25.0], "without the speck");
        assert_eq!(ways[1][0].size, Size::Longest(30.0));
        assert_eq!(ways[2][0].middle, [20.0, 20.0]);
        assert!(seen(&none(), 1).is_empty());
    }

    #[test]
    fn two_things_are_two_parts_and_pieces_go_to_the_nearer() {
        let pieces = [
            block(4, 20, 18, 20),
            block(40, 20, 18, 20),
            block(45, 43, 6, 6),
        ];
        let ways = seen(&together(&pieces), 2);
        assert_eq!(ways[0][0].middle, [13.0, 30.0]);
        assert_eq!(ways[0][1].middle, [49.0, 34.5]);
        assert!(ways[0][0].own[30 * SIDE + 30] && !ways[0][0].own[30 * SIDE + 32]);
        assert!(ways[0][0].own[0] && !ways[0][0].near[63 * SIDE]);
        assert!(seen(&pieces[0], 2).is_empty(), "one part is not two things");
    }

    #[test]
    fn what_is_hidden_belongs_to_what_lies_in_front() {
        let footprint = |mask: Mask| Footprint {
            mask,
            middle: [20.0, 20.0],
            square: 20.0,
        };
        let behind = footprint(block(10, 10, 20, 20));
        let front = footprint(block(25, 10, 20, 20));
        let spots = placed(&[behind, front]);
        let at = 15 * SIDE + 27;
        assert!(spots[1].own[at] && !spots[0].own[at]);
        assert!(spots[0].near[15 * SIDE + 2] && !spots[0].near[15 * SIDE + 63]);
    }
}
