//! Patterns of sentences: `(a|b|)` is one of several words or nothing, and braces stand for names.
//!
//! `{x}` is the name alone, `{a x}` with its article, `{the x}` as known; `{y}` likewise; `{c}` is
//! a colour, `{a c}` with an article before it.

use crate::caption::article;
use crate::draw::Draw;

/// A name as it is spoken, with the article that goes before it.
#[derive(Debug, Clone, Default)]
pub(crate) struct Name {
    /// Colour and name.
    pub(crate) words: String,
    /// `a`, `an` or `some`; empty for names that take none.
    pub(crate) article: &'static str,
}

/// What the braces of a pattern stand for.
pub(crate) struct Phrases {
    pub(crate) x: Name,
    pub(crate) y: Name,
    pub(crate) colour: &'static str,
}

/// A sentence of the pattern.
pub(super) fn expand(pattern: &str, phrases: &Phrases, draw: &mut Draw) -> String {
    let chosen = choose(pattern, draw);
    let with = |article: &str, words: &str| match article {
        "" => words.to_string(),
        article => format!("{article} {words}"),
    };
    let Phrases { x, y, colour } = phrases;
    let text = chosen
        .replace("{the x}", &with("the", &x.words))
        .replace("{the y}", &with("the", &y.words))
        .replace("{a x}", &with(x.article, &x.words))
        .replace("{a y}", &with(y.article, &y.words))
        .replace("{x}", &x.words)
        .replace("{y}", &y.words)
        .replace("{a c}", &with(article(colour), colour))
        .replace("{c}", colour);
    let words: Vec<&str> = text.split_whitespace().collect();
    words.join(" ").replace(" ,", ",").replace(" :", ":")
}

/// One of the alternatives of every group.
fn choose(pattern: &str, draw: &mut Draw) -> String {
    let mut chosen = String::new();
    let mut rest = pattern;
    while let Some((before, group)) = rest.split_once('(') {
        let (inside, after) = group.split_once(')').expect("every group of a form ends");
        let alternatives: Vec<&str> = inside.split('|').collect();
        chosen += before;
        chosen += *draw.pick(&alternatives);
        rest = after;
    }
    chosen + rest
}

/// Every word that a pattern can bring, without its placeholders.
pub(super) fn words(pattern: &str) -> impl Iterator<Item = &str> {
    let outside = pattern.split('{').flat_map(|part| part.rsplit('}').next());
    outside.flat_map(|part| {
        let breaks = |c: char| c.is_whitespace() || "(|),:;&+".contains(c);
        part.split(breaks).filter(|word| !word.is_empty())
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn braces_and_groups_are_filled() {
        let name = |words: &str, article| Name {
            words: words.into(),
            article,
        };
        let phrases = Phrases {
            x: name("apple", "an"),
            y: name("jeans", ""),
            colour: "orange",
        };
        let mut draw = Draw::new(1, 0, 0);
        let text = expand(
            "{a x} and {a y} , {the x} on {a c} ground",
            &phrases,
            &mut draw,
        );
        assert_eq!(text, "an apple and jeans, the apple on an orange ground");
        let all: std::collections::BTreeSet<String> = (0..40)
            .map(|_| expand("(delete|erase) it (now|)", &phrases, &mut draw))
            .collect();
        let all: Vec<&str> = all.iter().map(String::as_str).collect();
        assert_eq!(
            all,
            ["delete it", "delete it now", "erase it", "erase it now"]
        );
    }

    #[test]
    fn words_of_a_pattern_leave_its_names_out() {
        let all: Vec<&str> = words("(put|add) {a x}, {c} (here|)").collect();
        assert_eq!(all, ["put", "add", "here"]);
    }
}
