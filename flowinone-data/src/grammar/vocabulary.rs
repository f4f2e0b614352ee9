//! Which words a model that was trained on these sentences has seen, and which things it knows by
//! which names.

use std::collections::{BTreeMap, BTreeSet};

use super::{Intent, names, pattern};
use crate::ColourName;

/// The words of all sentences about some classes.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Vocabulary {
    /// Every word, in lower case and alphabetical order.
    pub words: BTreeSet<String>,
    /// The names of every class, its own first.
    pub names: BTreeMap<String, Vec<String>>,
}

impl Vocabulary {
    /// Of all forms with the names of these classes.
    pub fn new<'a>(classes: impl IntoIterator<Item = &'a str>) -> Self {
        let mut vocabulary = Self::default();
        for intent in Intent::ALL {
            for form in intent.forms() {
                vocabulary.extend(pattern::words(form.pattern));
            }
        }
        vocabulary.extend(["please", "a", "an", "the", "some", "piece", "of"]);
        for colour in ColourName::ALL {
            vocabulary.extend([colour.word()]);
            vocabulary.extend(names::shades(colour.word()).iter().copied());
        }
        for class in classes {
            let own = class.replace('-', " ");
            let others = names::synonyms(class).iter().map(ToString::to_string);
            let all: Vec<String> = std::iter::once(own).chain(others).collect();
            vocabulary.extend(all.iter().flat_map(|name| name.split(' ')));
            vocabulary.names.insert(class.into(), all);
        }
        vocabulary
    }

    fn extend<'a>(&mut self, words: impl IntoIterator<Item = &'a str>) {
        let lower = words.into_iter().map(str::to_lowercase);
        self.words.extend(lower);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::draw::Draw;
    use crate::grammar::{Noun, sentence};

    #[test]
    fn every_word_of_every_sentence_is_in_it() {
        let classes = ["apple", "jeans", "cheese", "shirt", "trophy"];
        let vocabulary = Vocabulary::new(classes);
        let mut draw = Draw::new(2, 0, 0);
        for _ in 0..5000 {
            let intent = *draw.pick(&Intent::ALL);
            let mut noun = |colour| Noun {
                class: draw.pick(&classes).to_string(),
                colour,
            };
            let (x, y) = (noun("violet"), noun(""));
            let said = sentence(intent, [&x, &y], "gray", &mut draw).text;
            for word in said.split(|c: char| !c.is_alphanumeric() && !"-'".contains(c)) {
                let known = word.is_empty() || vocabulary.words.contains(&word.to_lowercase());
                assert!(known, "{word:?} of {said:?}");
            }
        }
        assert_eq!(vocabulary.names["shirt"][0], "shirt");
    }
}
