//! A prompt in the style of a model: what was left at its default follows the model's style.

use crate::{Canvas, Doodle, Force, Prompt, PromptStyle, Task, TextStyle, Trajectory};

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
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::TextToImage;

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
}
