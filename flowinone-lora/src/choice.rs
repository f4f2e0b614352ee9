//! An adapter as people name it: `FILE`, or `FILE:0.8`.

use std::path::PathBuf;
use std::str::FromStr;

use crate::Error;

/// Which adapter, and how much of it.
#[derive(Debug, Clone, PartialEq)]
pub struct Choice {
    /// A folder of peft's, or a file of factors.
    pub path: PathBuf,
    /// What the change is multiplied with; 1 is the adapter as it was trained.
    pub weight: f32,
}

impl FromStr for Choice {
    type Err = Error;

    /// Reads a path, and behind its last colon a weight if a number stands there.
    fn from_str(text: &str) -> Result<Self, Error> {
        let numbered = text.rsplit_once(':').and_then(|(path, weight)| {
            let weight = weight.trim().parse::<f32>().ok()?;
            Some((path, weight))
        });
        let (path, weight) = numbered.unwrap_or((text, 1.0));
        if path.is_empty() {
            return Err(Error::Choice(format!(
                "{text:?} names no adapter; say a folder or a file, and a weight behind a colon if it is not 1"
            )));
        }
        if !weight.is_finite() {
            return Err(Error::Choice(format!(
                "the weight of {path} is {weight}; it has to be a finite number such as 0.8"
            )));
        }
        Ok(Self {
            path: path.into(),
            weight,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_number_behind_the_last_colon_is_a_weight() {
        let read = |text: &str| {
            let choice = text.parse::<Choice>().unwrap();
            (choice.path.display().to_string(), choice.weight)
        };
        assert_eq!(read("style"), ("style".into(), 1.0));
        assert_eq!(
            read("a/style.safetensors:0.5"),
            ("a/style.safetensors".into(), 0.5)
        );
        assert_eq!(read("style:-1"), ("style".into(), -1.0));
        assert_eq!(
            read(r"C:\adapters\style"),
            (r"C:\adapters\style".into(), 1.0)
        );
        assert_eq!(read("a:b:2e-1"), ("a:b".into(), 0.2));
        for wrong in ["", ":0.5", "style:inf", "style:NaN"] {
            assert!(wrong.parse::<Choice>().is_err(), "{wrong}");
        }
    }
}
