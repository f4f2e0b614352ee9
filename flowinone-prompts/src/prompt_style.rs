//! How prompts for a model are drawn, and what it knows: part of the model's configuration, so that
//! a person's prompt looks like those that the model was trained on.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::{Background, Colour, Task, Typeface};

/// Side of the canvas of the published prompts, in pixels.
pub const PROMPT_SIDE: u32 = 512;

/// How prompts for a model are drawn; the default is that of the published prompts.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct PromptStyle {
    /// Side of a prompt, in pixels.
    pub side: u32,
    /// Size of words, in units of the published prompts'.
    pub text_scale: f32,
    /// The typeface of all words. If `None`, each style's own.
    pub face: Option<Typeface>,
    /// The background of class and text prompts. If `None`, that of the published caption.
    pub ground: Option<Background>,
    /// Overrides the sentence drawn for doodle, force and trajectory prompts, by task. Tasks that
    /// are not listed use the published sentence.
    pub sentences: BTreeMap<Task, String>,
    /// The classes that the model knows, by name; empty if it is not limited to some.
    pub classes: Vec<String>,
}

impl Default for PromptStyle {
    fn default() -> Self {
        Self {
            side: PROMPT_SIDE,
            text_scale: 1.0,
            face: None,
            ground: None,
            sentences: BTreeMap::new(),
            classes: vec![],
        }
    }
}

impl PromptStyle {
    /// That of the small model: a few large words in one typeface, on a canvas as small as what its
    /// vision tower sees.
    pub fn mini() -> Self {
        let sentences = [
            (Task::Doodle, "make it real"),
            (Task::Force, "push"),
            (Task::Trajectory, "follow"),
        ];
        Self {
            side: 128,
            text_scale: 2.0,
            face: Some(Typeface::SerifBold),
            ground: Some(Background::Plain(Colour([245, 245, 242]))),
            sentences: sentences.map(|(task, words)| (task, words.into())).into(),
            classes: vec![],
        }
    }

    /// Known class names that are nearest to a word that the model does not know, at most three;
    /// `None` if it knows the word, or all words.
    ///
    /// Words of a name are looked up one by one, so that "red apple" is known where "apple" is.
    pub fn unknown(&self, name: &str) -> Option<Vec<&str>> {
        let name = name.to_lowercase();
        let known = |word: &str| self.classes.iter().any(|class| class == word);
        if self.classes.is_empty() || known(&name) || name.split_whitespace().any(known) {
            return None;
        }
        let mut near: Vec<(usize, &str)> = self
            .classes
            .iter()
            .map(|class| (distance(&name, class), class.as_str()))
            .collect();
        near.sort();
        Some(near.into_iter().take(3).map(|(_, class)| class).collect())
    }
}

/// Fewest letters to insert, remove or exchange that make one word of the other (Levenshtein).
fn distance(a: &str, b: &str) -> usize {
    let b: Vec<char> = b.chars().collect();
    let mut row: Vec<usize> = (0..=b.len()).collect();
    for (i, x) in a.chars().enumerate() {
        let mut diagonal = row[0];
        row[0] = i + 1;
        for (j, y) in b.iter().enumerate() {
            let exchanged = diagonal + usize::from(x != *y);
            diagonal = row[j + 1];
            row[j + 1] = exchanged.min(row[j] + 1).min(diagonal + 1);
        }
    }
    row[b.len()]
}

#[cfg(test)]
mod tests {
    use super::*;

    fn knowing(classes: &[&str]) -> PromptStyle {
        PromptStyle {
            text_scale: 2.0,
            classes: classes.iter().map(ToString::to_string).collect(),
            ..PromptStyle::default()
        }
    }

    #[test]
    fn an_unknown_word_gets_its_nearest_neighbours() {
        let style = knowing(&["apple", "car", "cat", "key"]);
        assert_eq!(style.unknown("Cat"), None);
        assert_eq!(style.unknown("red apple"), None);
        assert_eq!(style.unknown("cap"), Some(vec!["car", "cat", "key"]));
        assert_eq!(knowing(&[]).unknown("anything"), None);
    }

    #[test]
    fn distances_count_single_letters() {
        assert_eq!(distance("kitten", "sitting"), 3);
        assert_eq!((distance("", "abc"), distance("abc", "abc")), (3, 0));
    }
}
