//! How prompts for a model are drawn, and what it knows: part of the model's configuration, so that
//! a person's prompt looks like those that the model was trained on.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::{Canvas, Colour, Doodle, Face, Force, Ground, Prompt, TextStyle, Trajectory};
use crate::{PROMPT_SIDE, Task};

/// How prompts for a model are drawn; the default is that of the published prompts.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Convention {
    /// Side of a prompt, in pixels.
    pub side: u32,
    /// Size of words, in units of the published prompts'.
    pub text_scale: f32,
    /// The face of all words; each style's own without.
    pub face: Option<Face>,
    /// The ground of class and text prompts; that of the published caption without.
    pub ground: Option<Ground>,
    /// The sentences of tasks whose marks say everything (doodle, force, trajectory), by task; the
    /// published ones without.
    pub sentences: BTreeMap<Task, String>,
    /// The classes that the model knows, by name; empty if it is not limited to some.
    pub classes: Vec<String>,
}

impl Default for Convention {
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

impl Convention {
    /// That of the small model: a few large words in one face, on a canvas as small as what its
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
            face: Some(Face::SerifBold),
            ground: Some(Ground::Plain(Colour([245, 245, 242]))),
            sentences: sentences.map(|(task, words)| (task, words.into())).into(),
            classes: vec![],
        }
    }

    /// A style as this model likes it, if it is still the one that its kind of prompt starts with.
    fn style(&self, style: TextStyle, default: TextStyle) -> TextStyle {
        if style != default {
            return style;
        }
        TextStyle {
            size: style.size * self.text_scale,
            face: self.face.unwrap_or(style.face),
            ..style
        }
    }

    fn canvas(&self, canvas: Canvas) -> Canvas {
        let default = Canvas::default();
        Canvas {
            ground: match self.ground {
                Some(ground) if canvas.ground == default.ground => ground,
                _ => canvas.ground,
            },
            style: self.style(canvas.style, default.style),
        }
    }

    fn sentence(&self, task: Task, sentence: &mut String, default: &str) {
        if let Some(own) = self.sentences.get(&task)
            && sentence == default
        {
            sentence.clone_from(own);
        }
    }

    /// The prompt in this convention: what was left as it comes is changed, what was chosen stays.
    #[must_use]
    pub fn applied(&self, mut prompt: Prompt) -> Prompt {
        match &mut prompt {
            Prompt::ClassToImage(p) => p.canvas = self.canvas(p.canvas),
            Prompt::TextToImage(p) => p.canvas = self.canvas(p.canvas),
            Prompt::TextInImage(p) => p.style = self.style(p.style, TextStyle::instruction()),
            Prompt::TextBox(p) => p.style = self.style(p.style, TextStyle::label()),
            Prompt::VisualMarker(p) => {
                p.style = self.style(p.style, TextStyle::marker_instruction());
            }
            Prompt::Doodle(p) => {
                p.style = self.style(p.style, TextStyle::small_instruction());
                if let Some(sentence) = &mut p.instruction {
                    self.sentence(Task::Doodle, sentence, Doodle::INSTRUCTION);
                }
            }
            Prompt::Force(p) => {
                p.style = self.style(p.style, TextStyle::instruction());
                self.sentence(Task::Force, &mut p.instruction, Force::INSTRUCTION);
            }
            Prompt::Trajectory(p) => {
                p.style = self.style(p.style, TextStyle::small_instruction());
                self.sentence(
                    Task::Trajectory,
                    &mut p.instruction,
                    Trajectory::INSTRUCTION,
                );
            }
        }
        prompt
    }

    /// What to tell a person whose prompt names something that the model does not know; `None` if
    /// there is nothing to tell.
    pub fn warning(&self, prompt: &Prompt) -> Option<String> {
        let name = match prompt {
            Prompt::ClassToImage(prompt) => &prompt.name,
            Prompt::TextToImage(prompt) => &prompt.text,
            _ => return None,
        };
        let near = self.unknown(name)?.join(", ");
        let name: String = name.chars().take(40).collect();
        let count = self.classes.len();
        Some(format!(
            "the model knows {count} classes, and none is named in {name:?}; the nearest are {near}"
        ))
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
    use crate::TextToImage;

    fn knowing(classes: &[&str]) -> Convention {
        Convention {
            text_scale: 2.0,
            classes: classes.iter().map(ToString::to_string).collect(),
            ..Convention::default()
        }
    }

    #[test]
    fn what_was_chosen_stays_and_the_rest_follows_the_model() {
        let plain = Prompt::from(TextToImage::new("cat"));
        let Prompt::TextToImage(large) = knowing(&[]).applied(plain.clone()) else {
            panic!("another prompt");
        };
        assert_eq!(large.canvas.style.size, 2.0 * TextStyle::caption().size);
        assert_eq!(Convention::default().applied(plain.clone()), plain);
        let mut chosen = TextToImage::new("cat");
        chosen.canvas.style.size = 20.0;
        let chosen = Prompt::from(chosen);
        assert_eq!(knowing(&[]).applied(chosen.clone()), chosen);
    }

    #[test]
    fn an_unknown_word_gets_its_nearest_neighbours() {
        let convention = knowing(&["apple", "car", "cat", "key"]);
        assert_eq!(convention.unknown("Cat"), None);
        assert_eq!(convention.unknown("red apple"), None);
        assert_eq!(convention.unknown("cap"), Some(vec!["car", "cat", "key"]));
        assert_eq!(knowing(&[]).unknown("anything"), None);
    }

    #[test]
    fn distances_count_single_letters() {
        assert_eq!(distance("kitten", "sitting"), 3);
        assert_eq!((distance("", "abc"), distance("abc", "abc")), (3, 0));
    }
}
