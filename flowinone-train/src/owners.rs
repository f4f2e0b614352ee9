//! To which of some things each square of a picture belongs, what it weighs among those of the
//! thing, and the way from there to a point.

use std::collections::BTreeMap;

use flowinone_data::Seen;

/// The share of a square that a box has to cover to own it.
const LEAST_COVERED: f32 = 0.25;

/// For each of `side` x `side` squares, row by row, the number of the last thing, seen in a picture
/// of `pixels` a side, whose box covers a quarter of it or whose middle lies in it.
pub(crate) fn owners(things: &[&Seen], pixels: u32, side: usize) -> Vec<Option<usize>> {
    let mut owners = vec![None; side * side];
    let scale = side as f32 / pixels as f32;
    for (thing, seen) in things.iter().enumerate() {
        let bounds = seen.bounds;
        let [x, y, width, height] =
            [bounds.x, bounds.y, bounds.width, bounds.height].map(|n| n as f32 * scale);
        let own = seen
            .center
            .map(|at| ((at * side as f32) as usize).min(side - 1));
        for (number, owner) in owners.iter_mut().enumerate() {
            let at = [number % side, number / side];
            let [left, top] = at.map(|at| at as f32);
            let covers = |from: f32, size: f32, first: f32| {
                ((from + size).min(first + 1.0) - from.max(first)).max(0.0)
            };
            let covered = covers(x, width, left) * covers(y, height, top);
            if covered >= LEAST_COVERED || at == own {
                *owner = Some(thing);
            }
        }
    }
    owners
}

/// What each square weighs by the number of its thing: one by the root of the number of squares of
/// that thing, so that a small thing counts beside a large one; 0 for none.
pub(crate) fn rooted(owners: &[Option<usize>]) -> Vec<f32> {
    let counts = sums_of_things(owners, &vec![1.0; owners.len()]).into_iter();
    let weight = |count: f32| {
        if count > 0.0 {
            count.sqrt().recip()
        } else {
            0.0
        }
    };
    counts.map(weight).collect()
}

/// For each square the sum of `values` over all squares of the same thing; 0 for none.
pub(crate) fn sums_of_things(owners: &[Option<usize>], values: &[f32]) -> Vec<f32> {
    let mut sums = BTreeMap::<usize, f32>::new();
    for (owner, value) in owners.iter().zip(values) {
        if let Some(thing) = owner {
            *sums.entry(*thing).or_default() += value;
        }
    }
    let of = |owner: &Option<usize>| owner.map_or(0.0, |thing| sums[&thing]);
    owners.iter().map(of).collect()
}

/// The way from the middle of a square of `side` x `side` to a point, which is given in fractions
/// of the side, in squares.
pub(crate) fn way(square: usize, side: usize, point: [f32; 2]) -> [f32; 2] {
    let from = [square % side, square / side].map(|at| at as f32 + 0.5);
    [0, 1].map(|axis| point[axis] * side as f32 - from[axis])
}
