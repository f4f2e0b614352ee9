//! A prompt in the style of a model: what was left at its default follows the model's style.

use crate::{Canvas, Doodle, Force, Prompt, PromptStyle, Task, TextStyle, Trajectory, UnknownWord};

impl PromptStyle {
    /// A text style in this prompt style, if it is still the default of its kind of prompt.
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

    /// The prompt in this style: what was left at its default is changed, what was chosen stays.
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

    /// What to tell a person whose prompt has words or names that the model does not know, one
    /// sentence each; none if there is nothing to tell.
    pub fn warnings(&self, prompt: &Prompt) -> Vec<String> {
        let Some(sentence) = said(prompt) else {
            return vec![];
        };
        let told = |found: UnknownWord<'_>| {
            let near = found.near.join(", ");
            format!(
                "the model does not read {:?}; the nearest words are {near}",
                found.word
            )
        };
        let words = self.unknown_words(sentence).into_iter().map(told);
        let mut warnings: Vec<String> = words.take(MOST_WARNINGS).collect();
        let pictures = matches!(prompt, Prompt::ClassToImage(_) | Prompt::TextToImage(_));
        if pictures && let Some(near) = self.unknown(sentence) {
            let (name, count) = (
                sentence.chars().take(40).collect::<String>(),
                self.classes.len(),
            );
            let near = near.join(", ");
            warnings.push(format!(
                "the model knows {count} classes, and none is named in {name:?}; the nearest are {near}"
            ));
        }
        warnings
    }
}

/// Most unknown words of one prompt that are told.
const MOST_WARNINGS: usize = 5;

/// The sentence of a prompt, if it has one.
fn said(prompt: &Prompt) -> Option<&str> {
    Some(match prompt {
        Prompt::ClassToImage(prompt) => &prompt.name,
        Prompt::TextToImage(prompt) => &prompt.text,
        Prompt::TextInImage(prompt) => &prompt.instruction,
        Prompt::TextBox(prompt) => &prompt.text,
        Prompt::VisualMarker(prompt) => &prompt.instruction,
        Prompt::Doodle(prompt) => prompt.instruction.as_ref()?,
        Prompt::Force(prompt) => &prompt.instruction,
        Prompt::Trajectory(prompt) => &prompt.instruction,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{TextInImage, TextToImage};

    fn large() -> PromptStyle {
        PromptStyle {
            text_scale: 2.0,
            ..PromptStyle::default()
        }
    }

    #[test]
    fn what_was_chosen_stays_and_the_rest_follows_the_model() {
        let plain = Prompt::from(TextToImage::new("cat"));
        let Prompt::TextToImage(scaled) = large().applied(plain.clone()) else {
            panic!("another prompt");
        };
        assert_eq!(scaled.canvas.style.size, 2.0 * TextStyle::caption().size);
        assert_eq!(PromptStyle::default().applied(plain.clone()), plain);
        let mut chosen = TextToImage::new("cat");
        chosen.canvas.style.size = 20.0;
        let chosen = Prompt::from(chosen);
        assert_eq!(large().applied(chosen.clone()), chosen);
    }

    #[test]
    fn every_task_warns_of_words_that_the_model_does_not_read() {
        let style = PromptStyle {
            classes: vec!["cat".into()],
            words: ["remove", "the", "push"].map(String::from).into(),
            ..PromptStyle::default()
        };
        let photo = image::RgbImage::new(8, 8);
        let force = Force::new(photo.clone()).instruction("shove");
        let edit = TextInImage::new(photo, "remove the dog");
        let warnings = |prompt: &Prompt| style.warnings(prompt).join("; ");
        assert!(warnings(&edit.into()).contains("does not read \"dog\""));
        assert!(warnings(&force.into()).contains("\"shove\""));
        assert_eq!(warnings(&TextToImage::new("the cat").into()), "");
        let nothing = warnings(&TextToImage::new("remove").into());
        assert!(nothing.contains("none is named"), "{nothing}");
    }
}
