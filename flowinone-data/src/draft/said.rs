//! The words of a draft: from a template, or in one of the many forms that people use.

use super::{Draft, Drafter};
use crate::caption::{Family, Words, caption};
use crate::grammar::{Intent, Noun, Wording, sentence};
use crate::object::words;
use crate::{Language, Object, Operation, Scene};

/// What the words are about.
#[derive(Default)]
pub(super) struct Said {
    pub(super) x: Noun,
    pub(super) y: Noun,
    /// The colour of the ground, or the one that is asked for.
    pub(super) colour: &'static str,
    pub(super) place: &'static str,
}

impl Said {
    /// About one thing, by its name.
    pub(super) fn of(object: &Object) -> Self {
        Self {
            x: Self::plain(&object.class),
            ..Self::default()
        }
    }

    /// A thing by its name.
    pub(super) fn plain(class: &str) -> Noun {
        Noun {
            class: class.into(),
            colour: "",
        }
    }

    /// A thing by its colour, if it has one, and its name.
    pub(super) fn coloured(object: &Object) -> Noun {
        Noun {
            class: object.class.clone(),
            colour: object.tint.map_or("", |tint| tint.name.word()),
        }
    }
}

impl Drafter<'_> {
    /// Whether sentences are written as people write them.
    pub(super) fn natural(&self) -> bool {
        self.variety.language == Language::Natural
    }

    /// About a thing that is there already: its colour need not be told.
    pub(super) fn said(&mut self, object: &Object) -> Said {
        let told = object.tint.is_some() && self.draw.chance(0.5);
        Said {
            x: match told {
                true => Said::coloured(object),
                false => Said::plain(&object.class),
            },
            ..Said::default()
        }
    }

    /// The draft with its words: in a form of `intent`, or by a template where there are none.
    pub(super) fn finish(
        &mut self,
        scene: Scene,
        operation: Operation,
        family: Family,
        intent: Option<Intent>,
        said: &Said,
    ) -> Draft {
        if let (true, Some(intent)) = (self.natural(), intent) {
            let found = sentence(intent, [&said.x, &said.y], said.colour, self.draw);
            return Draft {
                scene,
                operation,
                caption: found.text,
                template: format!("{}/{}", intent.name(), found.form),
                wording: found.wording,
            };
        }
        let all = family.templates.len();
        let most = self.variety.templates.map_or(all, |most| most.min(all));
        let template = self.draw.below(most);
        let named = |noun: &Noun| format!("{} {}", noun.colour, words(&noun.class));
        let filled = Words {
            x: named(&said.x).trim().into(),
            y: named(&said.y).trim().into(),
            colour: said.colour,
            place: said.place,
        };
        let last = all > 1 && template + 1 == all;
        Draft {
            scene,
            operation,
            caption: caption(family.templates[template], &filled),
            template: format!("{}/{template}", family.name),
            wording: match last {
                true => Wording::HeldOut,
                false => Wording::Usual,
            },
        }
    }
}
