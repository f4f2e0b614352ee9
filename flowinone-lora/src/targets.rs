//! Which layers an adapter is trained for.

use serde::{Deserialize, Serialize};

use crate::layers::published;
use crate::{Error, Layers};

/// Which layers an adapter is trained for: a group by its name, or names as peft's
/// `target_modules` has them.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(
    untagged,
    expecting = "expected \"attention\", \"attention-mlp\", \"all\", or a list of names of layers"
)]
pub enum Targets {
    /// Layers that are often trained together.
    Group(TargetGroup),
    /// Ends of published names, of whole parts between dots: `query_key_value`,
    /// `block2.w0`.
    Names(Vec<String>),
}

/// Layers that are often trained together.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum TargetGroup {
    /// The velocity network's attention to itself and to the structure.
    Attention,
    /// Those and the feed-forward layers of both stages.
    AttentionMlp,
    /// Every linear layer, the source encoder's as well.
    All,
}

impl Default for Targets {
    fn default() -> Self {
        Self::Group(TargetGroup::Attention)
    }
}

impl TargetGroup {
    /// Whether the layer at a module path is one of the group.
    fn has(self, path: &str) -> bool {
        let velocity = path.starts_with("velocity.");
        let attention = [".attention.", ".structure."];
        let attention = attention.iter().any(|part| path.contains(part));
        let attention = velocity && attention && !path.contains(".gate.");
        match self {
            Self::Attention => attention,
            Self::AttentionMlp => attention || (velocity && path.contains(".mlp.")),
            Self::All => true,
        }
    }
}

impl Layers {
    /// The module paths of the layers that are chosen, in order.
    ///
    /// # Errors
    /// A name that no layer has, or a choice without any layer.
    pub fn chosen(&self, targets: &Targets) -> Result<Vec<String>, Error> {
        let names = match targets {
            Targets::Group(group) => {
                let paths = self.paths().filter(|path| group.has(path));
                return Ok(paths.map(str::to_string).collect());
            }
            Targets::Names(names) => names,
        };
        let is = |path: &str, name: &str| {
            let known = published(path);
            known == name || known.ends_with(&format!(".{name}"))
        };
        if let Some(name) = names
            .iter()
            .find(|name| !self.paths().any(|path| is(path, name)))
        {
            return Err(Error::Choice(format!(
                "no layer is called {name:?}; published names end like query_key_value, dense, w0"
            )));
        }
        if names.is_empty() {
            return Err(Error::Choice(
                "no layer is chosen; say \"attention\", \"attention-mlp\", \"all\" or names".into(),
            ));
        }
        let paths = self
            .paths()
            .filter(|path| names.iter().any(|name| is(path, name)));
        Ok(paths.map(str::to_string).collect())
    }
}

#[cfg(all(test, feature = "cpu"))]
mod tests {
    use super::*;
    use burn::tensor::Device;
    use flowinone_flow::FlowConfig;

    fn chosen(text: &str) -> Result<Vec<String>, Error> {
        let layers = Layers::of(&FlowConfig::mini(), &Device::flex());
        layers.chosen(&serde_json::from_str(text).unwrap())
    }

    #[test]
    fn groups_and_ends_of_names_choose_layers() {
        let attention = chosen(r#""attention""#).unwrap();
        assert_eq!(attention.len(), 5 * 5, "{attention:?}");
        let more = chosen(r#""attention-mlp""#).unwrap();
        assert_eq!(more.len(), 5 * 5 + (5 + 5) * 3, "{more:?}");
        assert!(chosen(r#""all""#).unwrap().len() > more.len());
        let named = chosen(r#"["block1.query_key_value", "block2.w0"]"#).unwrap();
        assert_eq!(named.len(), 5 + 5 + 5, "{named:?}");
        let wrong = chosen(r#"["query_key_value", "to_q"]"#).unwrap_err();
        assert!(wrong.to_string().contains("\"to_q\""), "{wrong}");
        assert!(chosen("[]").is_err());
    }
}
