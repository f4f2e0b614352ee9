//! To which of some things each square of a picture belongs, and the way from there to a point.

use flowinone_data::PixelBox;

/// The share of a square that a box has to cover to own it.
const LEAST_COVERED: f32 = 0.25;

/// For each of `side` x `side` squares, row by row, the number of the last box, in a picture of
/// `pixels` a side, that covers a quarter of it or whose middle lies in it.
pub(crate) fn owners(
    boxes: impl IntoIterator<Item = PixelBox>,
    pixels: u32,
    side: usize,
) -> Vec<Option<usize>> {
    let mut owners = vec![None; side * side];
    let scale = side as f32 / pixels as f32;
    for (thing, bounds) in boxes.into_iter().enumerate() {
        let [x, y, width, height] =
            [bounds.x, bounds.y, bounds.width, bounds.height].map(|n| n as f32 * scale);
        let own = middle(bounds, pixels).map(|at| ((at * side as f32) as usize).min(side - 1));
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

/// The middle of a box in a picture of `pixels` a side, in fractions of the side.
pub(crate) fn middle(bounds: PixelBox, pixels: u32) -> [f32; 2] {
    let at = |from: u32, size: u32| (from as f32 + size as f32 / 2.0) / pixels as f32;
    [at(bounds.x, bounds.width), at(bounds.y, bounds.height)]
}

/// The way from the middle of a square of `side` x `side` to a point, which is given in fractions
/// of the side, in squares.
pub(crate) fn way(square: usize, side: usize, point: [f32; 2]) -> [f32; 2] {
    let from = [square % side, square / side].map(|at| at as f32 + 0.5);
    [0, 1].map(|axis| point[axis] * side as f32 - from[axis])
}
