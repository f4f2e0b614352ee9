//! How a sentence is dressed: polite or not, in which case, with which mark at its end.

use super::{Draw, Intent};

/// The plain sentence as somebody types it.
pub(super) fn dressed(plain: &str, intent: Intent, draw: &mut Draw) -> String {
    if plain.is_empty() {
        return String::new();
    }
    let mut text = plain.to_string();
    if intent.asks() {
        text = match draw.below(14) {
            0 => format!("please {text}"),
            1 => format!("{text}, please"),
            2 => format!("{text} please"),
            _ => text,
        };
    }
    let text = match draw.below(20) {
        0 => text.to_uppercase(),
        1 => text.split(' ').map(capital).collect::<Vec<_>>().join(" "),
        2..=10 => capital(&text),
        _ => text,
    };
    text + match draw.below(20) {
        0..=6 => ".",
        7 => "!",
        _ => "",
    }
}

/// With its first letter in upper case.
fn capital(text: &str) -> String {
    let mut letters = text.chars();
    match letters.next() {
        Some(first) => first.to_uppercase().chain(letters).collect(),
        None => String::new(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cases_marks_and_politeness_all_occur_and_change_no_word() {
        let mut draw = Draw::new(3, 0, 0);
        let all: Vec<String> = (0..400)
            .map(|_| dressed("remove the cat", Intent::Remove, &mut draw))
            .collect();
        for wanted in [
            "remove the cat",
            "Remove the cat.",
            "Remove the cat",
            "remove the cat.",
        ] {
            assert!(all.iter().any(|text| text == wanted), "{wanted} never came");
        }
        assert!(all.iter().any(|text| text.starts_with("REMOVE THE CAT")));
        assert!(all.iter().any(|text| text.starts_with("Remove The Cat")));
        assert!(all.iter().any(|text| text.starts_with("Please ")));
        let told = |text: &String| text.to_lowercase().contains("remove the cat");
        assert!(all.iter().all(told));
        assert_eq!(dressed("", Intent::Push, &mut draw), "");
    }
}
