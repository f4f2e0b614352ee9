//! The layout of a target, or of a prompt: what is to be seen in each of its squares.
//!
//! A box is the way from the square's middle to the object's, then width and height, in squares; to
//! which object a square [belongs](crate::owners).
//!
//! That a thing is to go is told by few squares, which would count little among all that are empty;
//! and so would a small thing among large ones: all squares of a thing together weigh the root of
//! their number.

use flowinone_data::{Colour, Seen, Truth};

use crate::Vocabulary;
use crate::labels::{COLOURS, colour_number};
use crate::owners::{owners, rooted, way};

/// Side of a start's square in values.
pub(crate) const SQUARE: usize = 2;
/// Numbers of a box.
pub(crate) const BOX: usize = 4;

/// What is to be seen in each square of a target.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct LayoutGrid {
    /// `[squares]`, row by row.
    pub(crate) squares: Vec<Option<Square>>,
    /// The object that an empty square showed before, likewise.
    pub(crate) left: Vec<Option<usize>>,
    /// The colour of the ground, each part from -1 to 1.
    pub(crate) ground: [f32; 3],
}

/// What is to be seen in one square.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Square {
    /// The number of the object among those of the picture.
    pub(crate) thing: usize,
    pub(crate) class: i32,
    pub(crate) tint: i32,
    /// The tint's colour, each part from -1 to 1; zeros for none.
    pub(crate) shade: [f32; 3],
    pub(crate) bounds: [f32; BOX],
}

/// A colour with each part from -1 to 1.
fn shade(colour: Colour) -> [f32; 3] {
    colour.rgb.map(|part| f32::from(part) / 127.5 - 1.0)
}

impl LayoutGrid {
    /// The layout of a pair's target in `side` x `side` squares; `None` for a class that is not in
    /// the vocabulary.
    pub(crate) fn new(truth: &Truth, vocabulary: &Vocabulary, side: usize) -> Option<Self> {
        let ground = truth.target.ground.colour();
        let of = |seen: &[Seen]| Self::of_things(seen, truth.side, ground, vocabulary, side);
        let (after, before) = (of(&truth.objects)?, of(&truth.gone)?);
        let both = before.squares.iter().zip(&after.squares);
        let left = both.map(|(before, after)| match after {
            Some(_) => None,
            None => before.map(|before| before.thing),
        });
        Some(Self {
            left: left.collect(),
            ..after
        })
    }

    /// The layout of things on a ground, which are `seen` in a picture of `pixels` a side, in
    /// `side` x `side` squares; `None` for a class that is not in the vocabulary.
    pub(crate) fn of_things<'a>(
        seen: impl IntoIterator<Item = &'a Seen>,
        pixels: u32,
        ground: Colour,
        vocabulary: &Vocabulary,
        side: usize,
    ) -> Option<Self> {
        let seen: Vec<&Seen> = seen.into_iter().collect();
        let owners = owners(&seen, pixels, side);
        let square = |(number, owner): (usize, &Option<usize>)| -> Option<Option<Square>> {
            let Some(thing) = *owner else {
                return Some(None);
            };
            let seen = seen[thing];
            let scale = side as f32 / pixels as f32;
            let [width, height] = [seen.bounds.width, seen.bounds.height].map(|n| n as f32 * scale);
            let [x, y] = way(number, side, seen.center);
            Some(Some(Square {
                thing,
                class: vocabulary.number(&seen.class)? as i32,
                tint: colour_number(seen.tint.map(|tint| tint.name)) as i32,
                shade: seen.tint.map(shade).unwrap_or_default(),
                bounds: [x, y, width, height],
            }))
        };
        let squares: Option<Vec<_>> = owners.iter().enumerate().map(square).collect();
        let squares = squares?;
        Some(Self {
            left: vec![None; squares.len()],
            squares,
            ground: shade(ground),
        })
    }

    /// For each square, what it weighs: of a thing that is seen there or has left it, one by the
    /// root of the number of such squares; 0 where nothing is and was.
    pub(crate) fn weights(&self) -> impl Iterator<Item = f32> {
        let left = rooted(&self.left);
        self.seen_weights()
            .zip(left)
            .map(|(seen, left)| seen + left)
    }

    /// The same of what is seen alone.
    pub(crate) fn seen_weights(&self) -> impl Iterator<Item = f32> {
        rooted(&self.things()).into_iter()
    }

    /// The object that each square shows.
    pub(crate) fn things(&self) -> Vec<Option<usize>> {
        let thing = |square: &Option<Square>| square.map(|s| s.thing);
        self.squares.iter().map(thing).collect()
    }

    /// For each square, 1 if an object is seen there, else 0.
    pub(crate) fn seen(&self) -> impl Iterator<Item = f32> {
        self.squares
            .iter()
            .map(|s| f32::from(u8::from(s.is_some())))
    }

    /// Appends what each square shows: its class of `classes`, or none, as numbers of which one is
    /// 1; way to the middle and size of the object in units of four squares, the way in sizes,
    /// whether it is tinted, the tint's colour, and the ground's.
    pub(crate) fn tell(&self, classes: usize, told: &mut Vec<f32>) {
        for square in &self.squares {
            let class = square.map_or(classes, |s| s.class as usize);
            told.extend((0..=classes).map(|number| f32::from(u8::from(number == class))));
            let [x, y, width, height] = square.map_or([0.0; BOX], |s| s.bounds);
            told.extend([x, y, width, height].map(|n| n / 4.0));
            told.extend([x / width.max(0.5), y / height.max(0.5)]);
            let tinted = square.is_some_and(|s| (s.tint as usize) < COLOURS - 1);
            told.push(f32::from(u8::from(tinted)));
            told.extend(square.map_or([0.0; 3], |s| s.shade));
            told.extend(self.ground);
        }
    }
}

/// The layouts of a batch, in the squares of tokens and in those of starts.
#[derive(Debug, Clone, Default)]
pub(crate) struct Layouts {
    pub(crate) tokens: Vec<LayoutGrid>,
    pub(crate) starts: Vec<LayoutGrid>,
}

/// Weights of all squares: of those with an object or that one has left they sum up to 1, and so do
/// those of the others.
pub(crate) fn balanced(layouts: &[LayoutGrid]) -> Vec<f32> {
    let weights: Vec<f32> = layouts.iter().flat_map(LayoutGrid::weights).collect();
    let sum = weights.iter().sum::<f32>();
    let others = weights.iter().filter(|weight| **weight == 0.0).count();
    let share = |weight| match weight > 0.0 {
        true => weight / sum,
        false => 1.0 / others as f32,
    };
    weights.into_iter().map(share).collect()
}

#[cfg(all(test, feature = "cpu"))]
mod tests {
    use std::iter::zip;

    use super::*;

    #[test]
    fn the_square_of_an_object_in_front_says_which_and_where() {
        use flowinone_data::{Icons, PairConfig, PairSampler};
        let icons = std::sync::Arc::new(Icons::builtin());
        let sampler = PairSampler::new(icons, PairConfig::new(3)).unwrap();
        let classes: Vec<String> = sampler.classes().map(String::from).collect();
        let vocabulary = Vocabulary::new(classes.clone());
        let (side, mut shown, mut left) = (12, 0, 0);
        for index in 0..40 {
            let truth = sampler.truth(index).unwrap();
            let layout = LayoutGrid::new(&truth, &vocabulary, side).unwrap();
            let weights: Vec<f32> = layout.weights().collect();
            for gone in &truth.gone {
                let [column, row] = gone.center.map(|at| (at * side as f32) as usize);
                let square = row.min(side - 1) * side + column.min(side - 1);
                assert!(weights[square] > 0.0, "what is gone matters where it was");
                left += usize::from(layout.squares[square].is_none());
            }
            let Some(front) = truth.objects.last() else {
                assert!(layout.squares.iter().all(Option::is_none));
                continue;
            };
            shown += 1;
            let of_front =
                |s: &Option<Square>| s.is_some_and(|s| s.thing + 1 == truth.objects.len());
            let weight: f32 = zip(&layout.squares, &weights)
                .filter_map(|(square, weight)| of_front(square).then_some(weight))
                .sum();
            let number = layout.squares.iter().filter(|s| of_front(s)).count();
            assert!((weight - (number as f32).sqrt()).abs() < 1e-3);
            let at = front.center.map(|at| at * side as f32);
            let [column, row] = at.map(|at| at as usize);
            let square = layout.squares[row * side + column].unwrap();
            assert_eq!(classes[square.class as usize], front.class);
            assert_eq!(square.tint as usize == COLOURS - 1, front.tint.is_none());
            let middle = [column, row].map(|at| at as f32 + 0.5);
            for axis in 0..2 {
                assert!((square.bounds[axis] - (at[axis] - middle[axis])).abs() < 1e-4);
            }
            let pixels = front.bounds.width as f32 / truth.side as f32;
            assert!((square.bounds[2] - pixels * side as f32).abs() < 1e-4);
            // Far from every box there is nothing.
            let corner = layout.squares[0];
            let near = truth.side / 12;
            let covers = |b: flowinone_data::PixelBox| b.x < near && b.y < near;
            assert!(corner.is_none() || truth.objects.iter().any(|seen| covers(seen.bounds)));
            let mut told = vec![];
            layout.tell(classes.len(), &mut told);
            assert_eq!(told.len(), side * side * (classes.len() + 14));
        }
        assert!(shown > 20 && left > 3, "{shown}, {left}");
        assert!(
            LayoutGrid::new(&sampler.truth(0).unwrap(), &Vocabulary::default(), side).is_none()
        );
    }
}
