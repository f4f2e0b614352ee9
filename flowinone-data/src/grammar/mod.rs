//! Sentences as people write them: for each request many forms, filled with names and colours, in
//! any case and with or without a full stop.
//!
//! A [`Form`] is a pattern such as `(delete|erase) {the x}`. Some forms are never used in training,
//! so that a test can ask for sentences whose form, or whose order of words, is new.

mod forms;
mod intent;
mod manner;
mod names;
mod pattern;
mod vocabulary;

pub(crate) use intent::Intent;
pub(crate) use names::spoken;
pub use vocabulary::Vocabulary;

use super::draw::Draw;
use pattern::Phrases;

/// How a sentence of this form is used.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Wording {
    /// In training and everywhere else.
    Usual,
    /// A form that only the split of templates shows.
    HeldOut,
    /// A form whose order of words only the split of word order shows.
    OtherOrder,
}

/// One way to say something.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Form {
    /// How often it is drawn beside the others.
    weight: u32,
    /// When it is used.
    pub(crate) wording: Wording,
    /// The words; see [`pattern`].
    pattern: &'static str,
}

/// A sentence, and the form that made it.
pub(crate) struct Sentence {
    pub(crate) text: String,
    /// Number of the form among those of its intent.
    pub(crate) form: usize,
    pub(crate) wording: Wording,
}

/// A thing as the sentence is to name it.
#[derive(Debug, Clone, Default)]
pub(crate) struct Noun {
    /// The class, by its own name.
    pub(crate) class: String,
    /// The word of a colour that it has, or nothing.
    pub(crate) colour: &'static str,
}

/// A sentence for `intent`, about `x` and `y`, with the colour `c` of the ground or of the change.
pub(crate) fn sentence(
    intent: Intent,
    [x, y]: [&Noun; 2],
    c: &'static str,
    draw: &mut Draw,
) -> Sentence {
    let forms = intent.forms();
    let all: u32 = forms.iter().map(|form| form.weight).sum();
    let mut lot = draw.below(all as usize) as u32;
    let chosen = forms.iter().position(|form| {
        let here = lot < form.weight;
        lot = lot.wrapping_sub(form.weight);
        here
    });
    let form = chosen.expect("the lot is below the sum of weights");
    let phrases = Phrases {
        x: spoken(x, draw),
        y: spoken(y, draw),
        colour: names::colour(c, draw),
    };
    let plain = pattern::expand(forms[form].pattern, &phrases, draw);
    Sentence {
        text: manner::dressed(&plain, intent, draw),
        form,
        wording: forms[form].wording,
    }
}
