//! How prompts for a model are drawn, and what it knows: part of the model's configuration, so that
//! a person's prompt looks like those that the model was trained on.

use std::collections::{BTreeMap, BTreeSet};

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
    /// Other names of these classes, by class.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub synonyms: BTreeMap<String, Vec<String>>,
    /// The words that the model reads besides those names, in lower case; empty if it is not
    /// limited to some.
    #[serde(skip_serializing_if = "BTreeSet::is_empty")]
    pub words: BTreeSet<String>,
}

/// A word that a model does not read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct UnknownWord<'a> {
    /// The word, in lower case.
    pub word: String,
    /// Up to three words that the model reads and that are spelled most like it.
    pub near: Vec<&'a str>,
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
            synonyms: BTreeMap::new(),
            words: BTreeSet::new(),
        }
    }
}

impl PromptStyle {
    /// That of the small model: a few large words in one typeface.
    pub fn mini() -> Self {
        let sentences = [
            (Task::Doodle, "make it real"),
            (Task::Force, "push"),
            (Task::Trajectory, "follow"),
        ];
        Self {
            side: 256,
            text_scale: 1.7,
            face: Some(Typeface::SerifBold),
            ground: Some(Background::Plain(Colour([245, 245, 242]))),
            sentences: sentences.map(|(task, words)| (task, words.into())).into(),
            ..Self::default()
        }
    }

    /// The words of a sentence that the model does not read, each once, with those nearest to it;
    /// none if it is not limited to some words.
    pub fn unknown_words(&self, sentence: &str) -> Vec<UnknownWord<'_>> {
        if self.words.is_empty() {
            return vec![];
        }
        let names = self.names().flat_map(|name| name.split(' '));
        let known: BTreeSet<&str> = self.words.iter().map(String::as_str).chain(names).collect();
        let known_as = |word: &str| known.iter().any(|known| known.to_lowercase() == word);
        let mut unknown: Vec<UnknownWord<'_>> = vec![];
        for word in words(sentence) {
            if !known_as(&word) && unknown.iter().all(|found| found.word != word) {
                let near = nearest(&word, known.iter().copied());
                unknown.push(UnknownWord { word, near });
            }
        }
        unknown
    }

    /// Known class names that are nearest to a name in which the model knows none, at most three;
    /// `None` if it knows one, or all.
    ///
    /// "red apple" names one where "apple" is known, and "light bulb" where that is another name.
    pub fn unknown(&self, name: &str) -> Option<Vec<&str>> {
        let said: Vec<String> = words(name).collect();
        let named = |known: &str| {
            let parts: Vec<String> = words(known).collect();
            said.windows(parts.len().max(1)).any(|part| part == parts)
        };
        if self.classes.is_empty() || self.names().any(named) {
            return None;
        }
        let classes = self.classes.iter().map(String::as_str);
        Some(nearest(&name.to_lowercase(), classes))
    }

    /// What the model knows, in two lines for people: its classes with their other names, and the
    /// words beside them. A line is left out where the model is not limited.
    pub fn vocabulary(&self) -> String {
        let mut text = String::new();
        if !self.classes.is_empty() {
            let named = |class: &String| match self.synonyms.get(class) {
                Some(others) => format!("{class} ({})", others.join(", ")),
                None => class.clone(),
            };
            let names: Vec<String> = self.classes.iter().map(named).collect();
            text += &format!("{} things: {}\n", names.len(), names.join(", "));
        }
        if !self.words.is_empty() {
            let words: Vec<&str> = self.words.iter().map(String::as_str).collect();
            text += &format!("{} other words: {}\n", words.len(), words.join(", "));
        }
        text
    }

    /// All names of things that the model knows.
    fn names(&self) -> impl Iterator<Item = &str> {
        let others = self.synonyms.values().flatten();
        self.classes.iter().chain(others).map(String::as_str)
    }
}

/// The words of a sentence in lower case, without what stands between them.
fn words(sentence: &str) -> impl Iterator<Item = String> {
    let between = |c: char| !(c.is_alphanumeric() || c == '-' || c == '\'');
    let words = sentence.split(between).filter(|word| !word.is_empty());
    words.map(str::to_lowercase)
}

/// Those spelled most like `word`, at most three.
fn nearest<'a>(word: &str, known: impl Iterator<Item = &'a str>) -> Vec<&'a str> {
    let mut near: Vec<(usize, &str)> = known.map(|other| (distance(word, other), other)).collect();
    near.sort_unstable();
    near.into_iter().take(3).map(|(_, other)| other).collect()
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
    fn one_known_name_does_not_silence_the_words_beside_it() {
        let mut style = knowing(&["car", "giant"]);
        assert_eq!(style.unknown_words("a giraffe next to my car"), []);
        style.words = ["a", "next", "to"].map(String::from).into();
        let unknown = style.unknown_words("A giraffe, next to my car. My!");
        let words: Vec<&str> = unknown.iter().map(|found| &*found.word).collect();
        assert_eq!(words, ["giraffe", "my"]);
        assert_eq!(unknown[0].near[0], "giant");
    }

    #[test]
    fn other_names_of_a_class_are_known() {
        let mut style = knowing(&["bulb"]);
        assert!(style.unknown("a light switch").is_some());
        style.synonyms = [("bulb".into(), vec!["light bulb".into()])].into();
        assert_eq!(style.unknown("a light bulb!"), None);
        assert!(style.unknown("a bulb-light").is_some());
    }

    #[test]
    fn distances_count_single_letters() {
        assert_eq!(distance("kitten", "sitting"), 3);
        assert_eq!((distance("", "abc"), distance("abc", "abc")), (3, 0));
    }
}
