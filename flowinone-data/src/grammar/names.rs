//! What people call the things and colours of a scene.

use super::pattern::Name;
use super::{Draw, Noun};
use crate::caption::article as indefinite;

/// Other names of a class.
const SYNONYMS: &[(&str, &[&str])] = &[
    ("airplane", &["plane", "aeroplane"]),
    ("bicycle", &["bike"]),
    ("bolt", &["lightning bolt", "thunderbolt"]),
    ("boot", &["hiking boot"]),
    ("bulb", &["light bulb", "lightbulb"]),
    ("car", &["automobile"]),
    ("crown", &["golden crown"]),
    ("doughnut", &["donut"]),
    ("eggplant", &["aubergine"]),
    ("flower", &["blossom"]),
    ("hat", &["top hat"]),
    ("house", &["home"]),
    ("jeans", &["trousers", "pants"]),
    ("moon", &["crescent", "crescent moon"]),
    ("mushroom", &["toadstool"]),
    ("pizza", &["slice of pizza", "pizza slice"]),
    ("rabbit", &["bunny"]),
    ("rocket", &["spaceship"]),
    ("sailboat", &["sailing boat", "boat"]),
    ("shirt", &["T-shirt", "t-shirt", "tee"]),
    ("trophy", &["cup"]),
    ("turtle", &["tortoise"]),
];

/// Names that take no indefinite article, or another one.
const ARTICLES: &[(&str, &str)] = &[
    ("cheese", "some"),
    ("jeans", ""),
    ("trousers", ""),
    ("pants", ""),
];

/// Other words for a colour.
const COLOURS: &[(&str, &[&str])] = &[("gray", &["grey"]), ("purple", &["violet"])];

/// How often a thing with another name goes by it.
const OTHER: f32 = 0.3;

/// The other names of a class.
pub(super) fn synonyms(class: &str) -> &'static [&'static str] {
    let found = SYNONYMS.iter().find(|(name, _)| *name == class);
    found.map_or(&[], |(_, others)| others)
}

/// The other words for a colour.
pub(super) fn shades(colour: &str) -> &'static [&'static str] {
    let found = COLOURS.iter().find(|(name, _)| *name == colour);
    found.map_or(&[], |(_, others)| others)
}

/// A word for the colour.
pub(super) fn colour(word: &'static str, draw: &mut Draw) -> &'static str {
    let others = shades(word);
    if others.is_empty() || !draw.chance(OTHER) {
        return word;
    }
    others[draw.below(others.len())]
}

/// A thing by one of its names, with its colour and article.
pub(crate) fn spoken(noun: &Noun, draw: &mut Draw) -> Name {
    let own = noun.class.replace('-', " ");
    let name = match synonyms(&noun.class) {
        [] => own,
        others if draw.chance(OTHER) => (*draw.pick(others)).to_string(),
        _ => own,
    };
    let article = ARTICLES.iter().find(|(word, _)| *word == name);
    let colour = colour(noun.colour, draw);
    let words = format!("{colour} {name}").trim().to_string();
    let article = match article {
        Some(("cheese", _)) if draw.chance(0.5) => "a piece of",
        Some((_, article)) => article,
        None => indefinite(&words),
    };
    Name { words, article }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn all(class: &str, colour: &'static str) -> Vec<(String, &'static str)> {
        let noun = Noun {
            class: class.into(),
            colour,
        };
        let mut draw = Draw::new(5, 0, 0);
        let mut all: Vec<_> = (0..200)
            .map(|_| spoken(&noun, &mut draw))
            .map(|name| (name.words, name.article))
            .collect();
        all.sort();
        all.dedup();
        all
    }

    #[test]
    fn things_go_by_all_their_names_with_the_article_of_the_first_word() {
        let airplanes = [("aeroplane", "an"), ("airplane", "an"), ("plane", "a")];
        assert_eq!(
            all("airplane", ""),
            airplanes.map(|(w, a)| (w.to_string(), a))
        );
        assert_eq!(all("apple", "green"), [("green apple".to_string(), "a")]);
        assert!(
            all("jeans", "")
                .iter()
                .all(|(_, article)| article.is_empty())
        );
    }

    #[test]
    fn no_name_means_two_things() {
        let mut names: Vec<&str> = vec![];
        for (class, others) in SYNONYMS {
            names.push(class);
            names.extend(*others);
        }
        let count = names.len();
        names.sort_unstable();
        names.dedup();
        assert_eq!(names.len(), count);
    }
}
