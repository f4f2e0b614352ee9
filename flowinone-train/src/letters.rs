//! Letters where they stand: each visual token names the letters of its own square, so that a tower
//! that starts from nothing learns their shapes at once. A decoder has to find a letter before it
//! can learn its shape ([`SpellingHead`](crate::SpellingHead)); here every letter of a sentence
//! teaches from the first step on.
//!
//! ```text
//! a token's square is 4 x 2 cells;   p(cell) = softmax(O rms(token))_cell  over letters and none
//! loss = mean cross entropy of cells with a letter + mean cross entropy of cells without
//! ```
//!
//! A letter belongs to the cell of its middle. It is used in training only.

use burn::module::Module;
use burn::tensor::activation::log_softmax;
use burn::tensor::{DType, Device, Int, Tensor, TensorData};
use flowinone_kernels::{Dense, rms_normalized};
use flowinone_prompts::Letter;

use crate::spelling::{LETTERS, number};
use crate::train_task::Losses;

/// Cells of a token along its width and height: a narrow letter is about a quarter as wide as a
/// token of 16 pixels.
const CELLS: [usize; 2] = [4, 2];
/// The metric of a validation: the share of letters that are seen where they stand.
pub(crate) const SEEN_LETTERS: &str = "seen_letters";
/// A parameter of the head in the checkpoint of a [`TrainableFlow`](crate::TrainableFlow).
pub(crate) const LETTERS_OUTPUT: &str = "letters.output.weight";

/// The letters of a prompt, cell by cell of its tokens.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LetterGrid {
    /// `[tokens, cells]`; one past the last letter for none.
    cells: Vec<i32>,
}

impl LetterGrid {
    /// The letters in the cells of `side` x `side` tokens; of two in a cell the later one.
    pub fn new(letters: &[Letter], side: usize) -> Self {
        let [across, down] = CELLS;
        let mut cells = vec![LETTERS.len() as i32; side * side * across * down];
        for Letter { letter, at } in letters {
            let place = |fraction: f32, cells: usize| {
                let cell = (fraction * (side * cells) as f32).max(0.0) as usize;
                let cell = cell.min(side * cells - 1);
                (cell / cells, cell % cells)
            };
            let ((column, x), (row, y)) = (place(at[0], across), place(at[1], down));
            cells[(row * side + column) * across * down + y * across + x] = number(*letter) as i32;
        }
        Self { cells }
    }
}

/// Names the letters of each token's square.
#[derive(Module, Debug)]
pub struct LetterHead {
    output: Dense,
}

impl LetterHead {
    /// For tokens of `width`.
    pub fn new(width: usize, device: &Device) -> Self {
        let [across, down] = CELLS;
        let outputs = across * down * (LETTERS.len() + 1);
        Self {
            output: Dense::new(width, outputs, device),
        }
    }

    /// The loss of tokens `[batch, tokens, width]` against the letters that stand there, and the
    /// share of letters that are named, `[1]` each.
    ///
    /// # Panics
    /// If there is not one grid for each item, of as many tokens.
    pub fn loss(&self, tokens: Tensor<3>, grids: &[LetterGrid]) -> Losses {
        let device = tokens.device();
        let logits = self.output.forward(rms_normalized(tokens));
        let classes = LETTERS.len() + 1;
        let wanted: Vec<i32> = grids.iter().flat_map(|g| g.cells.iter().copied()).collect();
        let (cells, none) = (wanted.len(), LETTERS.len() as i32);
        let count = wanted.iter().filter(|cell| **cell != none).count();
        let [letters, empty] = [count, cells - count].map(|count| count.max(1) as f32);
        let scores = log_softmax(logits.reshape([cells, classes]), 1);
        let wanted = Tensor::<2, Int>::from_data(TensorData::new(wanted, [cells, 1]), &device);
        let is_letter = wanted.clone().not_equal_elem(none);
        let share = is_letter.clone().float().cast(DType::F32);
        let share = share
            .mul_scalar(1.0 / letters - 1.0 / empty)
            .add_scalar(1.0 / empty);
        let chosen = scores.clone().gather(1, wanted.clone());
        let loss: Tensor<1> = (chosen * share).sum().neg();
        let right = scores.argmax(1).equal(wanted).bool_and(is_letter).float();
        let right: Tensor<1> = right.cast(DType::F32).sum().div_scalar(letters);
        Losses {
            parts: vec![("letters", loss.clone()), (SEEN_LETTERS, right)],
            total: loss,
        }
    }
}

#[cfg(all(test, feature = "cpu"))]
mod tests {
    use super::*;
    use burn::module::Param;

    #[test]
    fn a_letter_lies_in_the_cell_of_its_middle() {
        let letter = |letter, x, y| Letter { letter, at: [x, y] };
        let grid = LetterGrid::new(&[letter('A', 0.0, 0.0), letter('z', 0.99, 1.5)], 3);
        let found: Vec<(usize, i32)> = grid.cells.iter().copied().enumerate().collect();
        let none = LETTERS.len() as i32;
        let there: Vec<_> = found
            .into_iter()
            .filter(|(_, cell)| *cell != none)
            .collect();
        assert_eq!(there, [(0, 0), (9 * 8 - 1, 25)]);
    }

    #[test]
    fn one_letter_of_two_that_is_named_is_half() {
        let device = Device::flex();
        let mut head = LetterHead::new(4, &device);
        // Every cell says "b", whatever it sees.
        let mut says = vec![0.0f32; 8 * (LETTERS.len() + 1)];
        says.chunks_exact_mut(LETTERS.len() + 1)
            .for_each(|cell| cell[1] = 9.0);
        let says = Tensor::<1>::from_floats(says.as_slice(), &device);
        head.output.parameters_mut().unwrap().bias = Some(Param::from_tensor(says));
        let letters = [('b', 0.1), ('c', 0.9)].map(|(letter, x)| Letter {
            letter,
            at: [x, 0.5],
        });
        let grids = [LetterGrid::new(&letters, 1)];
        let found = head.loss(Tensor::zeros([1, 1, 4], &device), &grids);
        let share: f32 = found.parts[1].1.clone().into_scalar();
        assert!((share - 0.5).abs() < 1e-6, "{share}");
    }
}
