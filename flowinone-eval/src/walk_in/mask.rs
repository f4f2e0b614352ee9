//! Sets of areas of a picture: how far everything is from one, and its connected parts.

use super::areas::SIDE;

/// One truth value for each of 64 x 64 areas, row by row.
pub(super) type Mask = Vec<bool>;

/// No areas.
pub(super) fn none() -> Mask {
    vec![false; SIDE * SIDE]
}

/// How many areas belong to it.
pub(super) fn count(mask: &[bool]) -> usize {
    mask.iter().filter(|inside| **inside).count()
}

/// The areas at most `reach` from the mask.
pub(super) fn grown(mask: &[bool], reach: f32) -> Mask {
    distance(mask).into_iter().map(|far| far <= reach).collect()
}

/// The distance of every area from the mask, in areas (3/4 chamfer: at most 8 % off); infinite from
/// an empty one.
pub(super) fn distance(mask: &[bool]) -> Vec<f32> {
    let start = |inside: &bool| if *inside { 0.0 } else { f32::INFINITY };
    let mut far: Vec<f32> = mask.iter().map(start).collect();
    // Neighbours that come earlier in reading order; backwards, those that come later.
    let before = [
        (-1, 0, 1.0),
        (-1, -1, 4.0 / 3.0),
        (0, -1, 1.0),
        (1, -1, 4.0 / 3.0),
    ];
    let side = SIDE as i32;
    let mut relax = |at: usize, sign: i32| {
        let (x, y) = ((at % SIDE) as i32, (at / SIDE) as i32);
        for (dx, dy, way) in before {
            let (nx, ny) = (x + sign * dx, y + sign * dy);
            if (0..side).contains(&nx) && (0..side).contains(&ny) {
                far[at] = far[at].min(far[(ny * side + nx) as usize] + way);
            }
        }
    };
    (0..SIDE * SIDE).for_each(|at| relax(at, 1));
    (0..SIDE * SIDE).rev().for_each(|at| relax(at, -1));
    far
}

/// The connected parts, corners included, the largest first.
pub(super) fn parts(mask: &[bool]) -> Vec<Mask> {
    let mut left = mask.to_vec();
    let mut parts: Vec<(usize, Mask)> = vec![];
    for start in 0..left.len() {
        if !std::mem::take(&mut left[start]) {
            continue;
        }
        let (mut part, mut size, mut open) = (none(), 0, vec![start]);
        while let Some(at) = open.pop() {
            part[at] = true;
            size += 1;
            let (x, y) = (at % SIDE, at / SIDE);
            for ny in y.saturating_sub(1)..(y + 2).min(SIDE) {
                for nx in x.saturating_sub(1)..(x + 2).min(SIDE) {
                    let next = ny * SIDE + nx;
                    if std::mem::take(&mut left[next]) {
                        open.push(next);
                    }
                }
            }
        }
        parts.push((size, part));
    }
    parts.sort_by_key(|(size, _)| std::cmp::Reverse(*size));
    parts.into_iter().map(|(_, part)| part).collect()
}

/// The least box around a mask: its left upper corner, and the corner beyond its last area.
pub(super) fn bounds(mask: &[bool]) -> Option<[[usize; 2]; 2]> {
    let inside = || mask.iter().enumerate().filter(|(_, inside)| **inside);
    let columns = || inside().map(|(at, _)| at % SIDE);
    let rows = || inside().map(|(at, _)| at / SIDE);
    let from = [columns().min()?, rows().min()?];
    Some([from, [columns().max()? + 1, rows().max()? + 1]])
}

#[cfg(test)]
mod tests {
    use super::*;

    fn square(x: usize, y: usize, side: usize) -> Mask {
        let inside = |at: usize| {
            (x..x + side).contains(&(at % SIDE)) && (y..y + side).contains(&(at / SIDE))
        };
        (0..SIDE * SIDE).map(inside).collect()
    }

    #[test]
    fn distances_grow_in_all_directions() {
        let far = distance(&square(30, 30, 2));
        assert_eq!((far[30 * SIDE + 31], far[30 * SIDE + 41]), (0.0, 10.0));
        assert_eq!((far[20 * SIDE + 30], far[35 * SIDE + 31]), (10.0, 4.0));
        // A diagonal of 10: 14.14 in truth.
        assert!((far[20 * SIDE + 20] - 13.333).abs() < 0.01);
        assert!(distance(&none())[0].is_infinite());
        assert_eq!(count(&grown(&square(10, 10, 2), 1.0)), 4 + 8);
    }

    #[test]
    fn parts_are_told_apart_and_corners_join() {
        let all: Mask = square(3, 3, 4)
            .into_iter()
            .zip(square(7, 7, 2))
            .zip(square(40, 40, 9))
            .map(|((a, b), c)| a || b || c)
            .collect();
        let found = parts(&all);
        assert_eq!(
            found.iter().map(|part| count(part)).collect::<Vec<_>>(),
            [81, 20]
        );
        assert_eq!(bounds(&found[1]), Some([[3, 3], [9, 9]]));
        assert_eq!(bounds(&none()), None);
    }
}
