//! The words of prompts: a few templates for each kind of request.
//!
//! `{x}` and `{y}` are things, `{a x}` a thing with its article, `{c}` a colour, `{p}` a place.
//! The last template of each family is the one that a split may hold out.

/// A family of templates that say the same.
pub(crate) struct Family {
    /// Name in the ground truth, before the number of the template.
    pub(crate) name: &'static str,
    /// The templates.
    pub(crate) templates: &'static [&'static str],
}

macro_rules! families {
    ($($constant:ident $name:literal $templates:expr;)*) => {
        $(pub(crate) const $constant: Family = Family { name: $name, templates: &$templates };)*
        #[cfg(test)]
        const ALL: &[Family] = &[$($constant),*];
    };
}

families! {
    CLASS "class" ["{x}"];
    TINTED "tinted" ["{x}", "{a x}", "a picture of {a x}"];
    ONE "one" ["{x} on {c}", "{a x} on a {c} background", "{c} background with {a x}"];
    PLACED "placed" ["{x} at the {p} on {c}", "{a x}, {p}, {c} background", "on {c}, {a x} at the {p}"];
    BESIDE "beside" ["{x} and {y} on {c}", "{a x} next to {a y} on {c}", "on {c}, {a x} with {a y} on its right"];
    ABOVE "above" ["{x} above {y} on {c}", "{a x} over {a y} on {c}", "on {c}, {a y} below {a x}"];
    MANY "many" ["many things", "all kinds of things"];
    ADD "add" ["add {a x} at the {p}", "put {a x} at the {p}", "draw {a x}, {p}"];
    REMOVE "remove" ["remove the {x}", "delete the {x}", "erase the {x}", "take the {x} away"];
    REPLACE "replace" ["{x} to {y}", "replace the {x} with {a y}", "turn the {x} into {a y}"];
    RECOLOUR "recolour" ["make the {x} {c}", "paint the {x} {c}", "{c} for the {x}"];
    MOVE "move" ["move the {x} to the {p}", "put the {x} to the {p}", "the {x} goes to the {p}"];
    ENLARGE "enlarge" ["make the {x} bigger", "enlarge the {x}", "let the {x} grow"];
    SHRINK "shrink" ["make the {x} smaller", "shrink the {x}", "reduce the {x}"];
    GROUND "ground" ["{c} background", "make the background {c}", "change the background to {c}"];
    FILL "fill" ["put {a x}", "add {a x}", "{a x} here"];
    CLEAR "clear" ["remove", "clear this box", "nothing here"];
    MARK_REMOVE "mark-remove" ["remove", "remove this", "take this away"];
    MARK_REPLACE "mark-replace" ["to {y}", "turn this into {a y}", "this becomes {a y}"];
    MARK_RECOLOUR "mark-recolour" ["make this {c}", "paint this {c}", "{c}"];
    DOODLE "doodle" ["make it real", "turn the doodle into a real object", "draw it in colour"];
    FORCE "force" ["push", "apply the force", "move it by the arrow until it stops"];
    TRAJECTORY "trajectory" ["follow", "follow the line", "move along the path to its end"];
}

/// What the placeholders stand for.
#[derive(Default)]
pub(crate) struct Words {
    pub(crate) x: String,
    pub(crate) y: String,
    pub(crate) colour: &'static str,
    pub(crate) place: &'static str,
}

/// The caption of a template.
pub(crate) fn caption(template: &str, words: &Words) -> String {
    let with_article = |thing: &str| format!("{} {thing}", article(thing));
    template
        .replace("{a x}", &with_article(&words.x))
        .replace("{a y}", &with_article(&words.y))
        .replace("{x}", &words.x)
        .replace("{y}", &words.y)
        .replace("{c}", words.colour)
        .replace("{p}", words.place)
}

/// The indefinite article before a thing.
pub(crate) fn article(thing: &str) -> &'static str {
    // Words whose first letter misleads.
    const LIKE_YOU: [&str; 4] = ["uni", "use", "euro", "one"];
    let vowel = thing.starts_with(['a', 'e', 'i', 'o', 'u']);
    match vowel && !LIKE_YOU.iter().any(|start| thing.starts_with(start)) {
        true => "an",
        false => "a",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_template_is_filled_completely() {
        let words = Words {
            x: "apple".into(),
            y: "unicorn".into(),
            colour: "blue",
            place: "top left",
        };
        for family in ALL {
            for template in family.templates {
                let text = caption(template, &words);
                assert!(!text.contains(['{', '}']), "{text}");
                assert!(text.len() < 60, "{text}");
            }
        }
        let text = caption("{a x} next to {a y} on {c}", &words);
        assert_eq!(text, "an apple next to a unicorn on blue");
    }

    #[test]
    fn names_of_families_are_unique() {
        for (at, family) in ALL.iter().enumerate() {
            assert!(ALL[..at].iter().all(|other| other.name != family.name));
        }
    }
}
