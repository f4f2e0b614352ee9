//! Splits, classes, holdouts and varieties as people write them in one word.

use std::str::FromStr;

use serde::de::DeserializeOwned;

use crate::{Axis, Classes, Error, Holdout, Split, Variety};

impl FromStr for Classes {
    type Err = Error;

    /// Reads `everyday`, `all`, or names with commas between.
    fn from_str(text: &str) -> Result<Self, Error> {
        Ok(match text {
            "everyday" => Self::Everyday,
            "all" => Self::All,
            names => Self::Named(names.split(',').map(|name| name.trim().into()).collect()),
        })
    }
}

impl FromStr for Split {
    type Err = Error;

    /// Reads `train`, `validation`, or the axis of what is held out and tested.
    fn from_str(text: &str) -> Result<Self, Error> {
        match text {
            "train" => Ok(Self::Train),
            "validation" => Ok(Self::Validation),
            axis => named::<Axis>(axis).map(Self::HeldOut).ok_or_else(|| {
                Error::Name(format!(
                    "{text:?} is none of train, validation, templates, lettering, style, positions, pairs, combinations, word-order"
                ))
            }),
        }
    }
}

impl FromStr for Holdout {
    type Err = Error;

    /// Reads `templates`, `word-order`, `positions`, `lettering=NAME`, `style=NAME`, `pairs=SHARE`
    /// and `combinations=SHARE`, with commas between; nothing is held out by an empty text.
    fn from_str(text: &str) -> Result<Self, Error> {
        let mut holdout = Self::default();
        for part in text.split(',').filter(|part| !part.is_empty()) {
            let (name, value) = match part.split_once('=') {
                Some((name, value)) => (name, Some(value)),
                None => (part, None),
            };
            let share = |value: &str| {
                let share = value.parse::<f64>();
                share.map_err(|_| Error::Name(format!("{value:?} is no share such as 0.1")))
            };
            match (name, value) {
                ("templates", None) => holdout.templates = true,
                ("word-order", None) => holdout.word_order = true,
                ("positions", None) => holdout.positions = true,
                ("lettering", Some(name)) => {
                    let unknown =
                        || Error::Name(format!("{name:?} is none of serif, serif-bold, comic"));
                    holdout.lettering = Some(named(name).ok_or_else(unknown)?);
                }
                ("style", Some(style)) => holdout.style = Some(style.into()),
                ("pairs", Some(value)) => holdout.pairs = share(value)?,
                ("combinations", Some(value)) => holdout.combinations = share(value)?,
                _ => {
                    return Err(Error::Name(format!(
                        "{part:?} is none of templates, word-order, positions, lettering=NAME, style=NAME, pairs=SHARE, combinations=SHARE"
                    )));
                }
            }
        }
        Ok(holdout)
    }
}

impl FromStr for Variety {
    type Err = Error;

    /// Reads a JSON object of what differs from the default.
    fn from_str(text: &str) -> Result<Self, Error> {
        serde_json::from_str(text).map_err(|e| Error::Name(e.to_string()))
    }
}

/// The value that is written so in files.
fn named<T: DeserializeOwned>(name: &str) -> Option<T> {
    serde_json::from_value(name.into()).ok()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Lettering;

    #[test]
    fn what_is_held_out_is_read_part_by_part() {
        let read = "templates,word-order,lettering=comic,pairs=0.1"
            .parse::<Holdout>()
            .unwrap();
        let expected = Holdout {
            templates: true,
            word_order: true,
            lettering: Some(Lettering::Comic),
            pairs: 0.1,
            ..Holdout::default()
        };
        assert_eq!(read, expected);
        assert_eq!("".parse::<Holdout>().unwrap(), Holdout::default());
        for (text, part) in [
            ("words", "words"),
            ("pairs", "pairs=SHARE"),
            ("pairs=many", "many"),
            ("lettering=gothic", "serif-bold"),
        ] {
            let error = text.parse::<Holdout>().unwrap_err().to_string();
            assert!(error.contains(part), "{error}");
        }
    }

    #[test]
    fn a_split_is_train_validation_or_an_axis() {
        let split = |text: &str| text.parse::<Split>();
        assert_eq!(split("train").unwrap(), Split::Train);
        assert_eq!(split("positions").unwrap(), Split::HeldOut(Axis::Positions));
        let order = split("word-order").unwrap();
        assert_eq!(order, Split::HeldOut(Axis::WordOrder));
        let error = split("test").unwrap_err().to_string();
        assert!(error.contains("combinations"), "{error}");
    }
}
