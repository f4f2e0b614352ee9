//! Spelling: a small decoder writes the words of a prompt letter by letter from the visual tokens,
//! so that a tower that starts from nothing learns letters, which all words, cases and orders
//! share.
//!
//! ```text
//! q_i = W [e(l_{i-3}), e(l_{i-2}), e(l_{i-1})] + p_i           three letters back, and the place
//! q = q + P attention(rms(q), K tokens, V tokens),  q = q + mlp(rms(q))        twice
//! loss = mean cross entropy of letter l_i under softmax(O rms(q_i))
//! ```
//!
//! Letters that came before are given in training. All letters of a sentence are then right exactly
//! if they are when the decoder is fed its own. It is used in training only.

use burn::module::{Module, Param};
use burn::nn::{Embedding, EmbeddingConfig, Initializer};
use burn::tensor::activation::log_softmax;
use burn::tensor::{DType, Device, Int, Tensor, TensorData};
use flowinone_kernels::{Dense, Dtype, cross_attention, gelu, rms_normalized};

use crate::train_task::Losses;

/// Letters of a sentence that are written, its end included; what comes later is left out.
const LONGEST: usize = 56;
/// Letters before each that the decoder sees.
const BACK: usize = 3;
/// The letters; any other counts as the last of them.
pub(crate) const LETTERS: &str = "abcdefghijklmnopqrstuvwxyz0123456789 .,!?'-&+:;*";
/// Width of the decoder, and of a letter before it is joined with others.
const WIDTH: usize = 128;
const LETTER_WIDTH: usize = 32;
const HEADS: usize = 4;
const BLOCKS: usize = 2;
/// The metrics of a validation.
pub(crate) const SPELLING_METRICS: [&str; 2] = ["right_letters", "right_sentences"];

/// The number of a letter in either case.
pub(crate) fn number(letter: char) -> usize {
    let small = letter.to_lowercase().next().unwrap_or(letter);
    LETTERS.find(small).unwrap_or(LETTERS.len() - 1)
}

/// The letters of a prompt, by number; the last is the end.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Spelling(Vec<usize>);

impl Spelling {
    /// The letters of `caption` in lower case.
    pub fn new(caption: &str) -> Self {
        let end = LETTERS.len();
        let letters = caption.chars().map(number).take(LONGEST - 1);
        Self(letters.chain([end]).collect())
    }

    /// The numbers of the letters before the one at `place`, the farthest first; before the first
    /// there is a mark of its own.
    fn before(&self, place: usize) -> [i32; BACK] {
        let start = LETTERS.len() + 1;
        std::array::from_fn(|back| {
            let at = (place + back).checked_sub(BACK);
            at.map_or(start, |at| self.0.get(at).copied().unwrap_or(start)) as i32
        })
    }
}

/// Writes the words of prompts from their visual tokens.
#[derive(Module, Debug)]
pub struct SpellingHead {
    letters: Embedding,
    joined: Dense,
    places: Param<Tensor<3>>,
    blocks: Vec<SpellingBlock>,
    output: Dense,
}

/// Looks at the tokens, then thinks about what it saw.
#[derive(Module, Debug)]
struct SpellingBlock {
    query: Dense,
    key_value: Dense,
    proj: Dense,
    fc1: Dense,
    fc2: Dense,
}

impl SpellingHead {
    /// For tokens of `width`.
    pub fn new(width: usize, device: &Device) -> Self {
        let places = Initializer::Normal {
            mean: 0.0,
            std: 0.3,
        };
        let block = || SpellingBlock {
            query: Dense::new(WIDTH, WIDTH, device),
            key_value: Dense::new(width, 2 * WIDTH, device),
            proj: Dense::new(WIDTH, WIDTH, device),
            fc1: Dense::new(WIDTH, 2 * WIDTH, device),
            fc2: Dense::new(2 * WIDTH, WIDTH, device),
        };
        Self {
            letters: EmbeddingConfig::new(LETTERS.len() + 2, LETTER_WIDTH).init(device),
            joined: Dense::new(BACK * LETTER_WIDTH, WIDTH, device),
            places: places.init([1, LONGEST, WIDTH], device),
            blocks: (0..BLOCKS).map(|_| block()).collect(),
            output: Dense::new(WIDTH, LETTERS.len() + 1, device),
        }
    }

    /// The loss of tokens `[batch, tokens, width]` against what is written there, the share of
    /// right letters, and the share of sentences without a wrong one, `[1]` each.
    ///
    /// # Panics
    /// If there is not one spelling for each item.
    pub fn loss(&self, tokens: Tensor<3>, spellings: &[Spelling]) -> Losses {
        let [batch, ..] = tokens.dims();
        let count = spellings.len();
        assert_eq!(batch, count, "{count} spellings for {batch} items");
        let longest = spellings.iter().map(|s| s.0.len()).max().unwrap_or(1);
        let device = tokens.device();
        let before: Vec<i32> = spellings
            .iter()
            .flat_map(|s| (0..longest).flat_map(|place| s.before(place)))
            .collect();
        let before = TensorData::new(before, [batch, longest * BACK]);
        let before = Tensor::<2, Int>::from_data(before, &device);
        let seen = self.letters.forward(before); // [batch, longest * 3, 32]
        let seen = seen.reshape([batch, longest, BACK * LETTER_WIDTH]);
        let places = self.places.val().narrow(1, 0, longest);
        let query = self.joined.forward(seen) + places;
        let query = self
            .blocks
            .iter()
            .fold(query, |x, block| block.forward(x, tokens.clone()));
        let logits = self.output.forward(rms_normalized(query));
        let classes = LETTERS.len() + 1;
        let scores = log_softmax(logits.reshape([batch * longest, classes]), 1);
        measured(scores, spellings, longest)
    }
}

impl SpellingBlock {
    fn forward(&self, x: Tensor<3>, tokens: Tensor<3>) -> Tensor<3> {
        let query = self.query.forward(rms_normalized(x.clone()));
        let key_value = self.key_value.forward(tokens);
        let read = cross_attention(query, key_value, HEADS, Dtype::F32);
        let x = x + self.proj.forward(read);
        let hidden = gelu(self.fc1.forward(rms_normalized(x.clone())));
        x + self.fc2.forward(hidden)
    }
}

/// Mean cross entropy over all letters, and shares of right ones, from log-probabilities
/// `[batch * longest, letters]`.
fn measured(scores: Tensor<2>, spellings: &[Spelling], longest: usize) -> Losses {
    let device = scores.device();
    let all = spellings.len() * longest;
    let each = |value: &dyn Fn(Option<usize>) -> f32| -> Vec<f32> {
        let letters = spellings
            .iter()
            .flat_map(|s| (0..longest).map(|place| s.0.get(place).copied()));
        letters.map(value).collect()
    };
    let wanted: Vec<i32> = each(&|letter| letter.unwrap_or(0) as f32)
        .iter()
        .map(|v| *v as i32)
        .collect();
    let wanted = Tensor::<2, Int>::from_data(TensorData::new(wanted, [all, 1]), &device);
    let there = each(&|letter| f32::from(u8::from(letter.is_some())));
    let count: f32 = there.iter().sum();
    let there = Tensor::<2>::from_data(TensorData::new(there, [all, 1]), (&device, DType::F32));
    let chosen = scores.clone().gather(1, wanted.clone());
    let loss = (chosen * there.clone()).sum().neg().div_scalar(count);
    let wrong = scores.argmax(1).not_equal(wanted).float() * there;
    let right = wrong.clone().sum().div_scalar(count).neg().add_scalar(1.0);
    let per_item: Tensor<2> = wrong.reshape([spellings.len(), longest]).sum_dim(1);
    let whole = per_item.equal_elem(0.0).float().mean();
    Losses {
        parts: vec![
            ("spelling", loss.clone()),
            (SPELLING_METRICS[0], right),
            (SPELLING_METRICS[1], whole),
        ],
        total: loss,
    }
}

#[cfg(all(test, feature = "cpu"))]
mod tests {
    use super::*;

    #[test]
    fn a_letter_sees_the_three_before_it_and_never_itself() {
        let spelling = Spelling::new("Cat");
        let [start, end] = [LETTERS.len() + 1, LETTERS.len()].map(|n| n as i32);
        assert_eq!(spelling.0, [2, 0, 19, end as usize]);
        assert_eq!(spelling.before(0), [start; 3]);
        assert_eq!(spelling.before(2), [start, 2, 0]);
        assert_eq!(spelling.before(3), [2, 0, 19]);
        assert_eq!(Spelling::new("~").0[0], LETTERS.len() - 1);
        assert_eq!(Spelling::new(&"a".repeat(200)).0.len(), LONGEST);
    }

    #[test]
    fn a_certain_right_answer_costs_nothing_and_one_wrong_letter_spoils_its_sentence() {
        let device = Device::flex();
        let spellings = [Spelling::new("ab"), Spelling::new("c")];
        let classes = LETTERS.len() + 1;
        let mut scores = vec![-20.0f32; 2 * 3 * classes];
        let mut set = |item: usize, place: usize, letter: usize| {
            scores[(item * 3 + place) * classes + letter] = 0.0;
        };
        let end = LETTERS.len();
        for (item, place, letter) in [(0, 0, 0), (0, 1, 1), (0, 2, end), (1, 0, 3), (1, 1, end)] {
            set(item, place, letter);
        }
        set(1, 2, 7); // behind the end nothing counts
        let scores = TensorData::new(scores, [6, classes]);
        let found = measured(Tensor::from_data(scores, &device), &spellings, 3);
        let value = |at: usize| found.parts[at].1.clone().into_scalar::<f32>();
        assert!(
            (value(0) - 4.0).abs() < 1e-5,
            "one of five letters costs 20"
        );
        assert!((value(1) - 0.8).abs() < 1e-6);
        assert!((value(2) - 0.5).abs() < 1e-6);
    }
}
